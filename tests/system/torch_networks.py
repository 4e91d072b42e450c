"""The engine's mlp, cnn and resnet in PyTorch, in double and evaluation mode, from a results file alone: no code is
shared with the engine. Images are [n, height, width, channels], as the engine has them."""

import numpy as np
import torch
from network import inputs, recorded_data, recorded_tensors

EPSILON = 1e-5


def batch_norm(x, tensors, name):
    mean, variance = tensors[f"{name}.running_mean"], tensors[f"{name}.running_variance"]
    return (x - mean) / torch.sqrt(variance + EPSILON) * tensors[f"{name}.scale"] + tensors[f"{name}.shift"]


def convolution(x, tensors, name, stride=1, padding=1):
    weight = tensors[f"{name}.weight"].permute(0, 3, 1, 2)
    y = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), weight, tensors.get(f"{name}.bias"), stride, padding)
    return y.permute(0, 2, 3, 1)


def dense(x, tensors, name):
    y = x.reshape(len(x), -1) @ tensors[f"{name}.weight"].T
    return y + tensors[f"{name}.bias"] if f"{name}.bias" in tensors else y


def mlp(tensors, x):
    names = [name[: -len(".weight")] for name in tensors if name.endswith(".weight")]
    for name in names[:-1]:
        x = torch.relu(dense(x, tensors, name))
    return dense(x, tensors, names[-1])


def cnn(tensors, x):
    """Padded 3 x 3 convolutions, each with batch normalisation and 2 x 2 max pooling; then one dense layer."""
    for number in range(1, sum(name.startswith("convolution") for name in tensors) // 2 + 1):
        x = convolution(x, tensors, f"convolution{number}")
        x = torch.relu(batch_norm(x, tensors, f"batch_norm{number}"))
        x = torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    return dense(x, tensors, "dense1")


def resnet(tensors, x):
    """Depth 8: a stem and three blocks; shortcuts thin out pixels and lack channels."""

    def normed(x, number, stride=1):
        return batch_norm(convolution(x, tensors, f"convolution{number}", stride), tensors, f"batch_norm{number}")

    x = torch.relu(normed(x, 1))
    for block in range(3):
        stride = 1 if block == 0 else 2
        y = normed(torch.relu(normed(x, 2 + 2 * block, stride)), 3 + 2 * block)
        shortcut = x[:, ::stride, ::stride]
        x = torch.relu(y + torch.nn.functional.pad(shortcut, (0, y.shape[3] - shortcut.shape[3])))
    return dense(x.mean(dim=(1, 2)), tensors, "dense1")


MODELS = {"mlp": mlp, "cnn": cnn, "resnet": resnet}
SETTINGS = {
    "mlp": "{kind: mlp, hidden: [20, 12]}",
    "cnn": "{kind: cnn, channels: [6, 8], batch_norm: true}",
    "resnet": "{kind: resnet, depth: 8, batch_norm: true}",
}


def tensors_of(file, trial, point):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in recorded_tensors(file, trial, point).items()}


def data_of(file, trial, part, raw):
    """(x, labels) of a part as the trial sees it. raw: uint8 [n, height, width]"""
    index, labels, mean, deviation = recorded_data(file, trial, part)
    x = inputs(raw, index, mean, deviation).reshape(len(index), *raw.shape[1:], 1)
    return torch.tensor(x), torch.tensor(labels.astype(np.int64))


def weight_stages(model, tensors, shape):
    """(name, folded weight, stride or None for a dense layer, shape of the layer's input) of each weight tensor."""
    stages, (height, width, channels) = [], shape
    for name in [name[: -len(".weight")] for name in tensors if name.endswith(".weight")]:
        weight = tensors[f"{name}.weight"]
        number = int(name.removeprefix("convolution")) if name.startswith("convolution") else 0
        norm = f"batch_norm{number}"
        if number and f"{norm}.scale" in tensors:
            factor = tensors[f"{norm}.scale"] / torch.sqrt(tensors[f"{norm}.running_variance"] + EPSILON)
            weight = weight * factor[:, None, None, None]
        if not number:
            stages.append((name, weight, None, None))
            continue
        stride = 2 if model == "resnet" and number in (4, 6) else 1
        stages.append((name, weight, stride, (height, width, channels)))
        height, width, channels = (height + stride - 1) // stride, (width + stride - 1) // stride, len(weight)
        if model == "cnn":
            height, width = height // 2, width // 2
    return stages


def largest_singular_value(weight, stride, shape):
    """By the singular values of the whole map as a matrix."""
    if stride is None:
        return float(torch.linalg.matrix_norm(weight, 2))
    basis = torch.eye(int(np.prod(shape)), dtype=torch.float64).reshape(-1, *shape)
    images = convolution(basis, {"c.weight": weight}, "c", stride)
    return float(torch.linalg.matrix_norm(images.reshape(len(basis), -1), 2))
