"""Eigenvalues and trace of the Hessian, against PyTorch's automatic differentiation twice over, in double: the whole matrix of small
networks, products with it of a residual one. The probes of the trace are drawn again by the documented random streams."""

import h5py
import numpy as np
import pytest
from contents import messages, outcomes
from idx_files import write_idx_set
from network import axis_text, inputs, recorded_data, recorded_tensors
from streams import blocks
from test_stiffness import loss_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed: curvature is not compared with it")

from torch_gradients import Cnn, Mlp, Resnet8  # noqa: E402

SAMPLES, TOP, PROBES, TOLERANCE = 40, 3, 30, 1e-4
METRIC, PROBE_SUBSTREAM = 6, 1 << 18
PRECISION = 1e-5  # of the largest absolute value: float32 products against double ones
MATRIX_MOST = 1000  # parameters of which the whole Hessian is made

SWEEP = f"""
name: curvature
data: {{source: mnist, path: set, label_noise: {{kind: symmetric, rate: 0.2}}}}
train: {{epochs: 4, batch_size: 16, learning_rate: 0.01}}
metrics:
  weights: {{at: [init, end]}}
  curvature: {{at: [init, end], samples: {SAMPLES}, top: {TOP}, probes: {PROBES}, tolerance: {TOLERANCE}, iterations: 200}}
grid:
  - model: [{{kind: mlp, hidden: [10, 8]}}, {{kind: mlp, hidden: [10, 8], activation: tanh}}]
    train.loss: [cross_entropy, mse, rll]
  - model:
      - {{kind: cnn, channels: [4, 6], batch_norm: true}}
      - {{kind: cnn, channels: [5], hidden: [8]}}
      - {{kind: resnet, depth: 8}}
    train.loss: [cross_entropy]
"""


class TanhMlp(Mlp):
    def relu(self, x):
        return torch.tanh(x)


def network_of(file, trial, point):
    model = axis_text(file, "model", trial)
    make = TanhMlp if "tanh" in model else Mlp if "mlp" in model else Cnn if "cnn" in model else Resnet8
    return make(recorded_tensors(file, trial, point))


class Hessian:
    """Of the mean loss over the recorded choice of samples."""

    def __init__(self, file, images, trial, point):
        network = network_of(file, trial, point)
        index, labels, mean, deviation = recorded_data(file, trial, "train")
        chosen = file["curvature/sample_position"][trial]
        x = torch.tensor(inputs(images, index[chosen], mean, deviation).reshape(-1, *images.shape[1:], 1))
        y, loss = torch.tensor(labels[chosen].astype(np.int64)), loss_of(axis_text(file, "train.loss", trial))
        self.parameters = list(network.parameters.values())
        self.size = sum(parameter.numel() for parameter in self.parameters)
        logits = network(x)
        value = torch.stack([loss(logits[i : i + 1], y[i : i + 1]) for i in range(len(y))]).mean()
        self.gradient = self.flat(torch.autograd.grad(value, self.parameters, create_graph=True))

    def flat(self, parts):
        return torch.cat([part.flatten() for part in parts])

    def times(self, v):
        parts = torch.autograd.grad(self.gradient @ v, self.parameters, retain_graph=True)
        return self.flat(parts)

    def matrix(self):
        return torch.stack([self.times(row) for row in torch.eye(self.size, dtype=torch.float64)]).numpy()


def largest_absolute(times, size):
    """The eigenvalue of largest absolute value, by power iteration."""
    v = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value = 0
    for _ in range(200):
        v = v / v.norm()
        image = times(v)
        before, value = value, float(v @ image)
        if abs(value - before) < 1e-6 * abs(value):
            break
        v = image
    return value


@pytest.fixture(scope="module")
def recorded(seedbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("curvature")
    images, _ = write_idx_set(folder / "set", 96, 40)
    (folder / "sweep.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "sweep.yaml", "-o", folder / "results.h5", ranks=2)
    assert ended.returncode == 0, ended.stderr
    torch.set_num_threads(1)
    with h5py.File(folder / "results.h5", "r") as file:
        assert set(file["trials/outcome"][()]) == {1}
        yield file, images


@pytest.fixture(scope="module")
def hessians(recorded):
    """{(trial, point): Hessian}"""
    file, images = recorded
    return {(trial, point): Hessian(file, images, trial, point) for trial in range(len(file["trial"])) for point in range(2)}


@pytest.fixture(scope="module")
def matrices(hessians):
    return {case: hessian.matrix() for case, hessian in hessians.items() if hessian.size <= MATRIX_MOST}


def test_there_are_networks_of_every_kind(hessians, matrices):
    assert len(hessians) == 18 and len(matrices) == 16


def test_outermost_eigenvalues_are_those_of_the_matrix(recorded, matrices):
    group = recorded[0]["curvature"]
    for (trial, point), matrix in matrices.items():
        values = np.linalg.eigvalsh(matrix)
        size = np.abs(values).max()
        np.testing.assert_allclose(group["eigenvalue"][trial, point], values[::-1][:TOP], atol=PRECISION * size)
        assert group["smallest"][trial, point] == pytest.approx(values[0], abs=PRECISION * size)


def test_an_eigenvalue_lies_within_each_error(recorded, matrices):
    group = recorded[0]["curvature"]
    for case, matrix in matrices.items():
        values = np.linalg.eigvalsh(matrix)
        size = np.abs(values).max()
        for name in ("eigenvalue", "smallest"):
            for value, error in zip(np.atleast_1d(group[name][case]), np.atleast_1d(group[f"{name}_error"][case])):
                assert error <= 1.02 * TOLERANCE * size
                assert np.abs(values - value).min() <= error, (case, name)


def test_the_largest_eigenvalue_of_a_residual_network(recorded, hessians):
    group = recorded[0]["curvature"]
    for case, hessian in hessians.items():
        if hessian.size <= MATRIX_MOST or case[1] == 0:
            continue
        most = largest_absolute(hessian.times, hessian.size)
        shift = abs(most)
        largest = largest_absolute(lambda v: hessian.times(v) + shift * v, hessian.size) - shift
        assert group["eigenvalue"][case][0] == pytest.approx(largest, rel=1e-3)


def probes(size):
    """Rows of signs, by bits of the stream `metric` with seed 0."""
    for probe in range(PROBES):
        words = blocks(METRIC, 0, PROBE_SUBSTREAM + probe, np.arange((size + 127) // 128)).ravel()
        bits = (words[:, None] >> np.arange(32, dtype=np.uint64)) & np.uint64(1)
        yield torch.tensor(np.where(bits.ravel()[:size] == 1, 1.0, -1.0))


def test_the_trace_is_the_mean_over_the_probes(recorded, hessians):
    group = recorded[0]["curvature"]
    for case, hessian in hessians.items():
        along = np.array([float(z @ hessian.times(z)) for z in probes(hessian.size)])
        size = np.abs(along).max()
        assert group["trace"][case] == pytest.approx(along.mean(), abs=1e-4 * size)
        assert group["trace_error"][case] == pytest.approx(along.std(ddof=1) / np.sqrt(PROBES), rel=1e-3)


def test_the_trace_is_that_of_the_matrix_within_its_error(recorded, matrices):
    group = recorded[0]["curvature"]
    away = [(group["trace"][case] - np.trace(matrix)) / group["trace_error"][case] for case, matrix in matrices.items()]
    assert np.abs(away).max() < 4 and np.std(away) < 2
    for case, matrix in matrices.items():
        expected = np.sqrt(2 * ((matrix**2).sum() - (np.diag(matrix) ** 2).sum()) / PROBES)
        assert 0.5 < group["trace_error"][case] / expected < 2


def test_every_class_is_chosen_as_often_and_the_choice_is_that_of_gradients(recorded):
    file, _ = recorded
    labels = file["dataset/observed_label"][0][file["curvature/sample_position"][0]]
    counts = np.bincount(labels)
    assert len(labels) == SAMPLES and counts.max() <= counts.min() + 1
