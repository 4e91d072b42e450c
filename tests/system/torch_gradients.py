"""The engine's networks in PyTorch, in double and evaluation mode, from recorded tensors: no code is shared with the engine."""

import torch
import torch.nn.functional as F

EPSILON = 1e-5  # batch normalisation's


class Network:
    """network(x [n, height, width, channels]) -> logits; network.parameters: {name: tensor} in the engine's order, without running
    statistics."""

    def __init__(self, recorded):
        tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in recorded.items()}
        self.states = {name: value for name, value in tensors.items() if ".running_" in name}
        self.parameters = {name: value.requires_grad_() for name, value in tensors.items() if ".running_" not in name}
        self.nearest = float("inf")  # least distance of any relu's input from zero, as a share of the largest input beside it

    def relu(self, x):
        self.nearest = min(self.nearest, float(x.detach().abs().min() / x.detach().abs().max()))
        return F.relu(x)

    def dense(self, x, number):
        return F.linear(x, self.parameters[f"dense{number}.weight"], self.parameters[f"dense{number}.bias"])

    def convolution(self, x, number, stride=1):
        """And batch normalisation, where the network has it. The engine keeps [out, kernel, kernel, in]."""
        weight = self.parameters[f"convolution{number}.weight"].permute(0, 3, 1, 2)
        x = F.conv2d(x, weight, self.parameters.get(f"convolution{number}.bias"), stride, weight.shape[2] // 2)
        name = f"batch_norm{number}"
        if f"{name}.scale" not in self.parameters:
            return x
        mean, variance = self.states[f"{name}.running_mean"], self.states[f"{name}.running_variance"]
        return F.batch_norm(x, mean, variance, self.parameters[f"{name}.scale"], self.parameters[f"{name}.shift"], False, 0, EPSILON)

    def count(self, kind):
        return sum(name.startswith(kind) and name.endswith(".weight") for name in self.parameters)

    def classify(self, x):
        """Dense layers with relu between them."""
        last = self.count("dense")
        for number in range(1, last + 1):
            x = self.dense(x, number)
            x = self.relu(x) if number < last else x
        return x


class Mlp(Network):
    def __call__(self, x):
        return self.classify(x.flatten(1))


class Cnn(Network):
    """Convolution, relu, max pooling; then dense layers on pixels in reading order."""

    def __call__(self, x):
        x = x.permute(0, 3, 1, 2)
        for number in range(1, self.count("convolution") + 1):
            x = F.max_pool2d(self.relu(self.convolution(x, number)), 2)
        return self.classify(x.permute(0, 2, 3, 1).flatten(1))


class Resnet8(Network):
    """Three stages of one block; the shortcut thins out pixels and adds channels of zeros, or is a projection."""

    def __call__(self, x):
        x = self.relu(self.convolution(x.permute(0, 3, 1, 2), 1))
        number = 2
        for stride in (1, 2, 2):
            shortcut = x[:, :, ::stride, ::stride]
            if stride > 1 and self.count("convolution") > 7:
                shortcut = self.convolution(x, number, stride)
                number += 1
            y = self.convolution(self.relu(self.convolution(x, number, stride)), number + 1)
            shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, y.shape[1] - shortcut.shape[1]))
            x = self.relu(y + shortcut)
            number += 2
        return self.classify(x.mean(dim=(2, 3)))


def sample_gradients(network, x, labels, loss):
    """([n, parameters] by one backward pass a sample, [n] how near each comes to the kink of a relu);
    loss(logits [1, classes], label [1]) -> number"""
    rows, nearest = [], []
    for i in range(len(x)):
        network.nearest = float("inf")
        value = loss(network(x[i : i + 1]), labels[i : i + 1])
        slopes = torch.autograd.grad(value, list(network.parameters.values()))
        rows.append(torch.cat([slope.flatten() for slope in slopes]))
        nearest.append(network.nearest)
    return torch.stack(rows), torch.tensor(nearest)
