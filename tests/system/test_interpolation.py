"""Curves along every way of interpolating, done again in PyTorch from the recorded weights: MLP, CNN and ResNet, with
running statistics interpolated and estimated; what follows from them, in NumPy."""

import h5py
import numpy as np
import pytest
from idx_files import write_idx_set

torch = pytest.importorskip("torch", reason="PyTorch is not installed: interpolation is not compared with it")
from torch_networks import MODELS, SETTINGS, data_of, tensors_of  # noqa: E402

POINTS, CLASSES, TAU = 6, 4, 0.1
RELATIVE = 1e-5
MODES = ["linear", "homogeneous", "weights_only", "biases_only", "last_bias_fixed"]

SWEEP = f"""
name: interpolation
data: {{source: mnist, path: set, train_size: 120, test_size: 60, label_noise: {{kind: symmetric, rate: 0.1}}}}
model: %s
train: {{epochs: 4, batch_size: 32, learning_rate: 0.05, optimizer: {{kind: sgd, momentum: 0.5}}}}
metrics:
  weights: {{at: [init, end], every: 1}}
  interpolation:
    {{at: [end], epochs: [2], points: {POINTS}, modes: [{", ".join(MODES)}, layers], parts: [train, test], tau: {TAU},
      running_statistics: %s}}
grid: {{seed: 0..1}}
"""

CASES = [("mlp", "interpolated"), ("cnn", "interpolated"), ("resnet", "interpolated"), ("cnn", "estimated")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def recorded(request, seedbed, tmp_path_factory):
    """(results file, raw images by part, name of the model, treatment of running statistics)"""
    folder = tmp_path_factory.mktemp("interpolation")
    images = dict(zip(("train", "test"), write_idx_set(folder / "set", 160, 70)))
    (folder / "sweep.yaml").write_text(SWEEP % (SETTINGS[request.param[0]], request.param[1]))
    ended = seedbed("run", folder / "sweep.yaml", "-o", folder / "out.h5", ranks=2)
    assert ended.returncode == 0, ended.stderr
    with h5py.File(folder / "out.h5", "r") as file:
        yield file, images, *request.param


def places(file):
    """(trial, point of the interpolation, point of the weights there, at epoch 0)"""
    names = [name.decode() for name in file["weights_point"][()]]
    for trial in range(len(file["trial"])):
        for point, epoch in enumerate(file["interpolation/epoch"][trial]):
            yield trial, point, names.index(f"epoch {epoch}"), names.index("init")


def depths(names):
    """Number of layers with weights up to each tensor's, on the longest path: all these networks are chains of them."""
    found, depth = {}, 0
    for name in names:
        depth += name.endswith(".weight")
        found[name] = depth
    for name in names:
        if ".running" in name:
            found[name] = found[name.split(".")[0] + ".scale"]
    return found


def is_bias(name):
    return name.endswith((".bias", ".shift"))


def share(mode, name, depth, deepest, alpha):
    """Of the way that the tensor has gone."""
    if isinstance(mode, int):
        return alpha if depth == mode else 1.0
    if mode == "homogeneous" and is_bias(name):
        return alpha**depth
    stays = {"weights_only": is_bias(name), "biases_only": not is_bias(name)}
    stays["last_bias_fixed"] = is_bias(name) and depth == deepest
    return 1.0 if stays.get(mode, False) else alpha


def mixed(start, end, mode, alpha):
    depth = depths(list(start))
    deepest = max(depth.values())
    at = {name: share(mode, name, depth[name], deepest, alpha) for name in start}
    return {name: (1 - at[name]) * start[name] + at[name] * end[name] for name in start}


def estimate(tensors, x):
    """Running statistics of a cnn over all samples at once, layer by layer; the variance's estimate divides by n - 1."""
    from torch_networks import batch_norm, convolution

    for number in range(1, sum(name.startswith("convolution") for name in tensors) // 2 + 1):
        x = convolution(x, tensors, f"convolution{number}")
        flat, norm = x.reshape(-1, x.shape[3]), f"batch_norm{number}"
        mean, variance = flat.mean(dim=0), flat.var(dim=0, unbiased=False)
        passing = {**tensors, f"{norm}.running_mean": mean, f"{norm}.running_variance": variance}
        tensors[f"{norm}.running_mean"] = mean
        tensors[f"{norm}.running_variance"] = flat.var(dim=0, unbiased=True)
        x = torch.relu(batch_norm(x, passing, norm))
        x = torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def assert_point(group, prefix, part, place, z, labels):
    loss = float(torch.nn.functional.cross_entropy(z, labels))
    scale = max(loss, float(z.abs().max()))
    assert abs(group[f"{prefix}{part}_loss"][place] - loss) <= RELATIVE * scale, (prefix, part, place)
    top = z.topk(2).values
    close = int((top[:, 0] - top[:, 1] < 1e-4 * scale).sum())
    predicted = np.bincount(z.argmax(dim=1), minlength=CLASSES)
    assert np.abs(group[f"{prefix}{part}_predicted"][place] - predicted).sum() <= 2 * close
    error = float((z.argmax(dim=1) != labels).double().mean())
    assert abs(group[f"{prefix}{part}_error"][place] - error) <= close / len(labels) + 1e-12


def test_curves_of_every_mode(recorded):
    file, images, model, statistics = recorded
    group = file["interpolation"]
    for trial, point, there, init in places(file):
        start, end = tensors_of(file, trial, init), tensors_of(file, trial, there)
        layers = len(file["interpolation_layer"]) if "interpolation_layer" in file else 0
        assert layers == sum(name.endswith(".weight") for name in start)
        ways = [("mode_", number, mode) for number, mode in enumerate(MODES)]
        ways += [("layer_", number, number + 1) for number in range(layers)]
        data = {part: data_of(file, trial, part, images[part]) for part in ("train", "test")}
        for prefix, number, mode in ways:
            for i, alpha in enumerate(file["interpolation_alpha"][()]):
                tensors = mixed(start, end, mode, alpha)
                if statistics == "estimated":
                    estimate(tensors, data["train"][0])
                for part, (x, labels) in data.items():
                    assert_point(group, prefix, part, (trial, point, number, i), MODELS[model](tensors, x), labels)


def test_the_ends_of_the_line_are_the_curves_bit_for_bit(recorded):
    file, _, _, statistics = recorded
    if statistics == "estimated":
        pytest.skip("other running statistics, other values")
    for trial, point, _, _ in places(file):
        epoch = file["interpolation/epoch"][trial, point]
        for part in ("train", "test"):
            loss, error = (file[f"interpolation/mode_{part}_{name}"][trial, point] for name in ("loss", "error"))
            curve = file[f"curves/{part}_loss"][trial], file[f"curves/{part}_accuracy"][trial]
            assert loss[0, 0] == curve[0][0] and error[0, 0] == 1 - curve[1][0]
            assert np.all(loss[:, -1] == curve[0][epoch]) and np.all(error[:, -1] == 1 - curve[1][epoch])


def bump(y):
    """(height, width) of the highest rise above where the curve began to rise, until it is below that again."""
    best = (0.0, 0.0)
    for opens in range(len(y) - 1):
        if y[opens + 1] > y[opens]:
            below = [i for i in range(opens + 1, len(y)) if y[i] < y[opens]]
            last = below[0] if below else len(y) - 1
            best = max(best, (max(y[opens : last + 1]) - y[opens], (last - opens) / (len(y) - 1)), key=lambda b: b[0])
    return best


def test_what_follows_from_the_curves(recorded):
    file, _, _, _ = recorded
    group, alphas = file["interpolation"], file["interpolation_alpha"][()]
    for trial, point, _, _ in places(file):
        final = group["last_bias"][trial, group["epoch"][trial, point]].argmax()
        for prefix in ("mode_", "layer_"):
            for way in range(group[f"{prefix}train_loss"].shape[2]):
                loss, error, predicted = (
                    group[f"{prefix}train_{name}"][trial, point, way] for name in ("loss", "error", "predicted")
                )

                def found(name):
                    return group[f"{prefix}{name}"][trial, point, way]

                height, width = bump(loss)
                assert found("bump_height") == height and found("bump_width") == width
                assert found("loss_monotone") == np.all(np.diff(loss) <= 0)
                assert found("error_monotone") == np.all(np.diff(error) <= 0)
                plateau = alphas[error >= (1 - TAU) * error[0]].max()
                assert found("error_plateau") == plateau
                assert found("loss_plateau") == alphas[loss >= (1 - TAU) * loss[0]].max()
                shares = predicted / predicted.sum(axis=1, keepdims=True)
                assert found("largest_share") == shares.max()
                assert shares[:, found("largest_class")].max() == shares.max()
                on = (alphas > 0) & (alphas <= plateau)
                expected = shares[on, final].mean() if on.any() else np.nan
                np.testing.assert_allclose(found("bias_class_share"), expected, rtol=1e-12)


def ranks(values):
    order = np.sort(values)
    return np.array([(np.searchsorted(order, v, "left") + np.searchsorted(order, v, "right") - 1) / 2 for v in values])


def test_class_errors_biases_and_the_order_of_learning(recorded):
    file, images, model, _ = recorded
    group = file["interpolation"]
    names = [name.decode() for name in file["weights_point"][()]]
    for trial in range(len(file["trial"])):
        for epoch in range(5):
            tensors = tensors_of(file, trial, names.index("init" if epoch == 0 else f"epoch {epoch}"))
            x, labels = data_of(file, trial, "train", images["train"])
            wrong = (MODELS[model](tensors, x).argmax(dim=1) != labels).double()
            errors = [float(wrong[labels == c].mean()) for c in range(CLASSES)]
            np.testing.assert_allclose(group["class_error"][trial, epoch], errors, atol=1e-12)
            last = [value for name, value in tensors.items() if name.endswith(".bias")][-1].numpy()
            assert np.all(group["last_bias"][trial, epoch] == last)
            assert group["last_bias_spread"][trial, epoch] == last.max() - last.min()
        learned = [np.argmax(e < 0.5) if np.any(e < 0.5) else -1 for e in group["class_error"][trial].T]
        assert list(group["learned_epoch"][trial]) == learned
        order = ranks([np.inf if epoch < 0 else epoch for epoch in learned])
        biases = ranks(group["last_bias"][trial, 4])
        if len(set(order)) > 1:
            assert group["bias_order_correlation"][trial] == pytest.approx(np.corrcoef(order, biases)[0, 1], rel=1e-12)


def test_interpolating_changes_nothing_that_follows(recorded, seedbed, tmp_path):
    """The same sweep without the metric ends in the same weights."""
    file, _, model, statistics = recorded
    write_idx_set(tmp_path / "set", 160, 70)
    lines = (SWEEP % (SETTINGS[model], statistics)).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("  interpolation"))
    (tmp_path / "sweep.yaml").write_text("\n".join(lines[:first] + lines[first + 3 :]))
    ended = seedbed("run", tmp_path / "sweep.yaml", "-o", tmp_path / "out.h5")
    assert ended.returncode == 0, ended.stderr
    with h5py.File(tmp_path / "out.h5", "r") as other:
        assert "interpolation" not in other
        assert other["weights/parameters"][()].tobytes() == file["weights/parameters"][()].tobytes()
