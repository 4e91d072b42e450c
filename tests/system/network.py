"""The engine's networks in NumPy, from a results file alone and the raw images: no code is shared with the engine."""

import numpy as np

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0, x),
    "linear": lambda x: x,
}


def inputs(raw, index, mean, deviation, unit_length=False):
    """raw [n, height, width] uint8 -> float64 [len(index), height * width], normalised with the recorded constants."""
    pixels = raw[index].reshape(len(index), -1).astype(np.float64)
    x = (pixels - np.float64(mean[0])) / np.float64(deviation[0])
    return x / np.sqrt((x**2).sum(axis=1, keepdims=True)) if unit_length else x


def layers(tensors):
    """[(weight [out, in], bias [out] or None)] in the order of the recorded tensors."""
    found = []
    for name, tensor in tensors.items():
        tensor = tensor.astype(np.float64)
        if name.endswith(".weight"):
            found.append([tensor, None])
        else:
            found[-1][1] = tensor
    return found


def logits(tensors, activation, x):
    stack = layers(tensors)
    for number, (weight, bias) in enumerate(stack):
        x = x @ weight.T + (0 if bias is None else bias)
        if number + 1 < len(stack):
            x = ACTIVATIONS[activation](x)
    return x


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def losses(name, z, labels):
    """Per sample, as the methods define them."""
    one_hot = np.eye(z.shape[1])[labels]
    if name == "cross_entropy":
        top = z.max(axis=1)
        return top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(z)), labels]
    outputs = softmax(z) if name == "mse" else z
    return ((outputs - one_hot) ** 2).sum(axis=1)


def margins(z, labels):
    """m = z_y - max over j != y of z_j"""
    own = z[np.arange(len(z)), labels]
    others = z.copy()
    others[np.arange(len(z)), labels] = -np.inf
    return own - others.max(axis=1)


def norms(tensors):
    """(product of the Frobenius norms of the weight tensors, norm of the last one, norm of all parameters)"""
    weights = [np.sqrt((weight**2).sum()) for weight, _ in layers(tensors)]
    everything = np.concatenate([tensor.astype(np.float64).ravel() for tensor in tensors.values()])
    return np.prod(weights), weights[-1], np.sqrt((everything**2).sum())


def recorded_tensors(file, trial, point):
    """{name: float32 array of its shape} from /weights of an open h5py file, by the documented layout."""
    weights = file["weights"]
    flat = weights["parameters"][trial, point]
    tensors = {}
    for row in np.flatnonzero(weights["layout_model"][()] == file["trials/model_index"][trial]):
        shape = tuple(weights["layout_dimensions"][row][: weights["layout_rank"][row]])
        start = weights["layout_offset"][row]
        name = weights["layout_name"][row].decode()
        tensors[name] = flat[start : start + int(np.prod(shape))].reshape(shape)
    return tensors


def recorded_data(file, trial, part):
    """(indices, labels trained or tested on, mean, deviation) of the trial's variant. part: "train", "test", "validation" """
    data, variant = file["dataset"], file["trials/variant"][trial]
    count = data[f"{part}_count"][variant]
    names = {"train": "observed_label", "test": "test_label", "validation": "validation_observed_label"}
    label = data[names[part]][variant, :count]
    return data[f"{part}_index"][variant, :count], label, data["mean"][variant], data["deviation"][variant]


def axis_text(file, name, trial):
    """The value of an axis as text."""
    value = file["trials"][name][trial]
    return value.decode() if isinstance(value, bytes) else str(value)
