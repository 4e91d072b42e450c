"""Label noise by a matrix of 40 classes, and the loss that corrects for it, against NumPy."""

import h5py
import numpy as np
import pytest
from network import recorded_tensors, softmax

CLASSES, FEATURES, TRAIN, TEST = 40, 5, 40000, 80

SWEEP = """
data: {{source: hdf5, path: set.h5, label_noise: {{kind: class_conditional, matrix: {matrix}}}}}
model: {{kind: mlp, hidden: []}}
train:
  epochs: 1
  stop: {{steps: 1}}
  loss: {{kind: forward_correction, noise: class_conditional, matrix: {matrix}}}
metrics: {{weights: {{at: [init]}}}}
"""


def draw_matrix(random):
    """Rows that sum to 1: half on the diagonal, nothing on every fourth label."""
    matrix = random.random((CLASSES, CLASSES)) * (np.arange(CLASSES) % 4 > 0)
    return 0.5 * np.eye(CLASSES) + 0.5 * matrix / matrix.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def recorded(seedbed, tmp_path_factory):
    """(results file, inputs, matrix)"""
    folder = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    matrix, x = draw_matrix(random), random.standard_normal((TRAIN, FEATURES), dtype=np.float32)
    with h5py.File(folder / "set.h5", "w") as file:
        for part, count in (("train", TRAIN), ("test", TEST)):
            file[f"x_{part}"] = x[:count]
            file[f"y_{part}"] = np.arange(count) % CLASSES
    (folder / "noise.yaml").write_text(SWEEP.format(matrix=matrix.tolist()))
    ended = seedbed("run", folder / "noise.yaml", "-o", folder / "noise.h5")
    assert ended.returncode == 0, ended.stderr
    with h5py.File(folder / "noise.h5", "r") as file:
        yield file, x, matrix


def test_labels_come_in_the_shares_of_the_matrix(recorded):
    file, _, matrix = recorded
    counts = np.zeros((CLASSES, CLASSES))
    np.add.at(counts, (file["dataset/train_label"][0], file["dataset/observed_label"][0]), 1)
    expected = matrix * TRAIN / CLASSES
    possible = expected > 0
    assert counts[~possible].sum() == 0
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    freedom = possible.sum() - CLASSES
    assert abs(chi_square - freedom) < 5 * np.sqrt(2 * freedom)


def test_the_corrected_loss_is_that_of_numpy(recorded):
    file, x, matrix = recorded
    weight, bias = [tensor.astype(np.float64) for tensor in recorded_tensors(file, 0, 0).values()]
    inputs = (x.astype(np.float64) - file["dataset/mean"][0, 0]) / file["dataset/deviation"][0, 0]
    g = softmax(inputs @ weight.T + bias)
    labels = file["dataset/observed_label"][0]
    loss = -np.log((g @ matrix)[np.arange(TRAIN), labels]).mean()
    assert file["curves/train_loss"][0, 0] == pytest.approx(loss, rel=1e-6)
