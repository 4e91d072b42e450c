"""Margins under every normalisation, done again in PyTorch from the recorded weights: MLP, CNN, ResNet, with and without
batch normalisation."""

import h5py
import numpy as np
import pytest
from idx_files import write_idx_set

torch = pytest.importorskip("torch", reason="PyTorch is not installed: normalised margins are not compared with it")
from torch_networks import MODELS, SETTINGS, data_of, largest_singular_value, tensors_of, weight_stages  # noqa: E402

RELATIVE = {"": 1e-5, "_frobenius": 1e-5, "_last_layer": 1e-5, "_input_gradient": 1e-5, "_spectral": 1e-4}

SWEEP = """
name: normalised
data: {source: mnist, path: set, train_size: 120, test_size: 60, label_noise: {kind: symmetric, rate: 0.1}}
model: %s
train: {epochs: 3, batch_size: 32, learning_rate: 0.05, optimizer: {kind: sgd, momentum: 0.5}}
metrics:
  weights: {at: [init, end]}
  margins: {at: [init, end], normalise: [all]}
grid: {seed: 0..1}
"""


@pytest.fixture(scope="module", params=sorted(MODELS))
def recorded(request, seedbed, tmp_path_factory):
    """(results file, raw images by part, name of the model)"""
    folder = tmp_path_factory.mktemp(request.param)
    images = dict(zip(("train", "test"), write_idx_set(folder / "set", 160, 70)))
    (folder / "sweep.yaml").write_text(SWEEP % SETTINGS[request.param])
    ended = seedbed("run", folder / "sweep.yaml", "-o", folder / "out.h5")
    assert ended.returncode == 0, ended.stderr
    with h5py.File(folder / "out.h5", "r") as file:
        yield file, images, request.param


def places(file):
    return [(trial, point) for trial in range(len(file["trial"])) for point in range(2)]


def margins_and_gradients(model, tensors, x, labels):
    """-> margins, lengths of their gradients over x, largest |logit| of each sample"""
    x = x.clone().requires_grad_(True)
    z = MODELS[model](tensors, x)
    others = z.clone()
    others[torch.arange(len(z)), labels] = -torch.inf
    m = z[torch.arange(len(z)), labels] - others.max(dim=1).values
    (gradient,) = torch.autograd.grad(m.sum(), x)
    return m.detach().numpy(), gradient.flatten(1).norm(dim=1).numpy(), z.detach().abs().max(dim=1).values.numpy()


def rho_of(model, tensors, shape):
    stages = weight_stages(model, tensors, shape)
    norms = [float(weight.norm()) for _, weight, _, _ in stages]
    spectral = [largest_singular_value(weight, stride, image) for _, weight, stride, image in stages]
    return {"": 1.0, "_frobenius": np.prod(norms), "_last_layer": norms[-1], "_spectral": np.prod(spectral)}


def test_rho_is_that_of_the_folded_weights(recorded):
    file, images, model = recorded
    for trial, point in places(file):
        rho = rho_of(model, tensors_of(file, trial, point), (*images["train"].shape[1:], 1))
        for kind in ("_frobenius", "_last_layer", "_spectral"):
            assert file[f"margins/rho{kind}"][trial, point] == pytest.approx(rho[kind], rel=RELATIVE[kind]), kind


def test_margins_areas_and_their_normalisations(recorded):
    file, images, model = recorded
    for trial, point in places(file):
        tensors = tensors_of(file, trial, point)
        rho = rho_of(model, tensors, (*images["train"].shape[1:], 1))
        for part in ("train", "test"):
            m, gradients, scale = margins_and_gradients(model, tensors, *data_of(file, trial, part, images[part]))
            for kind, relative in RELATIVE.items():
                by = gradients if kind == "_input_gradient" else np.full(len(m), rho[kind])
                found = file[f"margins/{part}{kind}"][trial, point][: len(m)]
                what = f"{model} {part}{kind}, trial {trial}, point {point}"
                assert np.all(by > 0) and np.all(np.abs(found - m / by) <= relative * scale / by), what
                area, positive = (file[f"margins/{part}_{name}{kind}"][trial, point] for name in ("area", "positive_area"))
                allowed = relative * np.mean(scale / by)
                assert abs(area - np.mean(m / by)) <= allowed, what
                assert abs(positive - np.mean(np.maximum(m, 0) / by)) <= allowed, what


def test_only_what_is_asked_for_is_recorded(seedbed, tmp_path):
    write_idx_set(tmp_path / "set", 160, 70)
    (tmp_path / "sweep.yaml").write_text((SWEEP % SETTINGS["mlp"]).replace("[all]", "[spectral]"))
    assert seedbed("run", tmp_path / "sweep.yaml", "-o", tmp_path / "out.h5").returncode == 0
    with h5py.File(tmp_path / "out.h5", "r") as file:
        group = set(file["margins"])
    assert {"train", "train_spectral", "test_area_spectral", "rho_spectral", "train_quantile_50"} <= group
    assert not [name for name in group for kind in ("frobenius", "last_layer", "input_gradient") if kind in name]
