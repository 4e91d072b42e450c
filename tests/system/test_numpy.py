"""From the recorded weights, indices and normalisation NumPy gets the logits, losses and margins that were recorded."""

import h5py
import numpy as np
import pytest
from idx_files import read_idx, write_idx_set
from network import axis_text, inputs, logits, losses, margins, norms, recorded_data, recorded_tensors

RELATIVE = 1e-5
QUANTILES = {"01": 0.01, "10": 0.1, "50": 0.5, "90": 0.9}

SWEEP = """
name: numpy
data:
  {source: mnist, path: set, train_size: 150, test_size: 60, label_noise: {kind: symmetric, rate: 0.2}}
model: {kind: mlp, hidden: [20, 12]}
train: {epochs: 3, batch_size: 32, learning_rate: 0.05, optimizer: {kind: sgd, momentum: 0.5}}
metrics:
  weights: {at: [init, separated, end], every: 1}
  margins: {at: [init, separated, end], every: 1}
grid:
  - model.activation: [relu, tanh, softplus, linear]
    model.bias: [all, last, none]
    train.loss: [cross_entropy, mse, mse_logits]
    model.init: [{kind: uniform, scale: 1.5}]
    data.normalisation: [standard]
  - data.normalisation: [unit, none, sphere]
    model.activation: [relu]
    model.bias: [all]
    train.loss: [cross_entropy]
    model.init: [he, glorot, lecun]
  - data.normalisation: [sphere]
    model.activation: [relu]
    model.bias: [all]
    train.loss: [cross_entropy]
    model.init: [he]
    data.augment.shift: [2]
    data.augment.flip: [true]
    data.augment.cutout: [3]
exclude: [{data.normalisation: none, model.init: glorot}]
"""

REAL = """
name: numpy-mnist
data: {source: mnist, path: %s, train_size: 2000, test_size: 1000, label_noise: {kind: symmetric, rate: 0.3}}
model: {kind: mlp, hidden: [64], activation: relu, bias: all}
train: {epochs: 2, learning_rate: 0.05}
metrics: {weights: {at: [init, end], every: 1}, margins: {at: [init, end], every: 1}}
grid: {train.loss: [cross_entropy, mse], model.activation: [relu], data.normalisation: [standard, unit]}
"""


@pytest.fixture(scope="module")
def small(seedbed, tmp_path_factory):
    """(results file, raw images by part) of a small set written here."""
    folder = tmp_path_factory.mktemp("numpy")
    images = dict(zip(("train", "test"), write_idx_set(folder / "set", 220, 90)))
    (folder / "numpy.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "numpy.yaml", "-o", folder / "numpy.h5")
    assert ended.returncode == 0, ended.stderr
    with h5py.File(folder / "numpy.h5", "r") as file:
        yield file, images


@pytest.fixture(scope="module")
def real(seedbed, tmp_path_factory, data_folder):
    """The same of MNIST itself."""
    folder = tmp_path_factory.mktemp("numpy-mnist")
    (folder / "numpy.yaml").write_text(REAL % (data_folder / "mnist"))
    ended = seedbed("run", folder / "numpy.yaml", "-o", folder / "numpy.h5", ranks=2)
    assert ended.returncode == 0, ended.stderr
    stems = {"train": "train-images-idx3-ubyte.gz", "test": "t10k-images-idx3-ubyte.gz"}
    with h5py.File(folder / "numpy.h5", "r") as file:
        yield file, {part: read_idx(data_folder / "mnist" / stem) for part, stem in stems.items()}


@pytest.fixture(params=["small", "real"])
def recorded(request):
    return request.getfixturevalue(request.param)


def assert_close(found, expected, what, scale=0.0):
    """Within RELATIVE of the expected value, or of the scale that it was computed from."""
    found, expected = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    error = np.abs(found - expected)
    allowed = RELATIVE * np.maximum(np.abs(expected), scale)
    worst = np.argmax(error - allowed)
    assert np.all(error <= allowed), f"{what}: {found.ravel()[worst]} instead of {expected.ravel()[worst]}"


def visited_points(file, trial):
    """(point, epoch) of each measure point of `weights` that came."""
    epochs = file["weights/epoch"][trial]
    return [(point, int(epoch)) for point, epoch in enumerate(epochs) if epoch >= 0]


def measured(file, images, trial, point, part):
    """(logits in double, labels) of a part at a measure point."""
    index, labels, mean, deviation = recorded_data(file, trial, part)
    activation = axis_text(file, "model.activation", trial)
    unit_length = file["dataset/unit_length"][file["trials/variant"][trial]]
    x = inputs(images[part], index, mean, deviation, unit_length)
    return logits(recorded_tensors(file, trial, point), activation, x), labels


def every_point(file):
    for trial in range(len(file["trial"])):
        for point, epoch in visited_points(file, trial):
            yield trial, point, epoch


def test_every_combination_is_there(small):
    file, _ = small
    assert len(file["trial"]) == 4 * 3 * 3 + 9
    assert np.all(file["trials/outcome"][()] == 1)
    assert set(file["trials/model_index"][()]) >= set(range(12))
    assert all(len(visited_points(file, trial)) >= 5 for trial in range(len(file["trial"])))


def test_losses_and_accuracies_are_those_of_the_recorded_weights(recorded):
    file, images = recorded
    for trial, point, epoch in every_point(file):
        for part in ("train", "test"):
            z, labels = measured(file, images, trial, point, part)
            loss = losses(axis_text(file, "train.loss", trial), z, labels)
            what = f"trial {trial}, epoch {epoch}, {part}"
            assert_close(file[f"curves/{part}_loss"][trial, epoch], loss.mean(), f"loss of {what}")
            assert file[f"curves/{part}_accuracy"][trial, epoch] == np.mean(z.argmax(axis=1) == labels), what


def test_parameter_norms_are_those_of_the_recorded_weights(recorded):
    file, _ = recorded
    for trial, point, epoch in every_point(file):
        frobenius, last, everything = norms(recorded_tensors(file, trial, point))
        assert_close(file["curves/parameter_norm"][trial, epoch], everything, "parameter norm")
        assert_close(file["margins/rho_frobenius"][trial, point], frobenius, "rho_frobenius")
        assert_close(file["margins/rho_last_layer"][trial, point], last, "rho_last_layer")


def test_margins_and_normalised_margins_are_those_of_the_recorded_weights(recorded):
    file, images = recorded
    for trial, point, epoch in every_point(file):
        frobenius, last, _ = norms(recorded_tensors(file, trial, point))
        for part in ("train", "test"):
            z, labels = measured(file, images, trial, point, part)
            m, scale = margins(z, labels), np.abs(z).max(axis=1)
            for suffix, rho in (("", 1.0), ("_frobenius", frobenius), ("_last_layer", last)):
                found = file[f"margins/{part}{suffix}"][trial, point][: len(m)]
                assert_close(found, m / rho, f"margins {part}{suffix} of trial {trial}, epoch {epoch}", scale / rho)


def test_areas_and_quantiles_are_those_of_the_margins(recorded):
    file, images = recorded
    for trial, point, epoch in every_point(file):
        frobenius, last, _ = norms(recorded_tensors(file, trial, point))
        for part in ("train", "test"):
            z, labels = measured(file, images, trial, point, part)
            m, scale = margins(z, labels), np.abs(z).max()
            numbers = {name: file[f"margins/{part}_{name}"][trial, point] for name in summary_names()}
            what = f"{part} of trial {trial}, epoch {epoch}"
            for suffix, rho in (("", 1.0), ("_frobenius", frobenius), ("_last_layer", last)):
                assert_close(numbers["area" + suffix], m.mean() / rho, f"area{suffix}, {what}", scale / rho)
                assert_close(numbers["positive_area" + suffix], np.maximum(m, 0).mean() / rho, what, scale / rho)
            for name, share in QUANTILES.items():
                assert_close(numbers[f"quantile_{name}"], np.quantile(m, share), f"quantile {share}, {what}", scale)
            assert_close(numbers["minimum"], m.min(), f"minimum, {what}", scale)
            assert_close(1 / numbers["variation"], m.mean() / m.std(), f"variation, {what}", scale / m.std())


def summary_names():
    areas = [f"{kind}{suffix}" for kind in ("area", "positive_area") for suffix in ("", "_frobenius", "_last_layer")]
    return areas + [f"quantile_{name}" for name in QUANTILES] + ["minimum", "variation"]


def test_points_and_epochs_agree(recorded):
    file, _ = recorded
    for trial, point, epoch in every_point(file):
        for name in ("epoch", "step", "samples_seen", "train_loss"):
            assert file[f"weights/{name}"][trial, point] == file[f"margins/{name}"][trial, point]
        assert file["weights/train_loss"][trial, point] == file["curves/train_loss"][trial, epoch]
        count = file["dataset/train_count"][file["trials/variant"][trial]]
        assert file["weights/samples_seen"][trial, point] == epoch * count


def test_separated_points_are_the_first_epoch_with_every_sample_right(recorded):
    file, _ = recorded
    names = [name.decode() for name in file["weights_point"][()]]
    for trial in range(len(file["trial"])):
        accuracy = file["curves/train_accuracy"][trial][1:]
        first = int(np.argmax(accuracy == 1)) + 1 if np.any(accuracy == 1) else -1
        assert file["trials/separated_epoch"][trial] == first
        if "separated" in names:
            assert file["weights/epoch"][trial, names.index("separated")] == first


def test_normalisation_constants_are_those_of_the_training_subset(recorded):
    file, images = recorded
    for trial in range(len(file["trial"])):
        index, _, mean, deviation = recorded_data(file, trial, "train")
        pixels = images["train"][index].astype(np.float64)
        kind = axis_text(file, "data.normalisation", trial)
        wanted = {"none": (0, 1), "unit": (0, 255)}.get(kind, (pixels.mean(), pixels.std()))
        assert_close([mean[0], deviation[0]], wanted, f"normalisation {kind}")


def test_label_noise_is_what_the_labels_say(recorded):
    file, _ = recorded
    data = file["dataset"]
    for variant in range(len(file["variant"])):
        count = data["train_count"][variant]
        wrong = data["observed_label"][variant, :count] != data["train_label"][variant, :count]
        assert data["noise_rate"][variant] == wrong.mean()
        assert 0.05 < wrong.mean() < 0.45
