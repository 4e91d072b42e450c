"""The validation part: what is recorded of it is what NumPy gets from the recorded indices, labels and weights."""

import h5py
import numpy as np
import pytest
from idx_files import read_idx, write_idx_set
from network import axis_text, inputs, logits, losses, margins, recorded_data, recorded_tensors
from seedbed_analysis import open_results

SWEEP = """
name: validation
data: {source: mnist, path: set, train_size: 150, test_size: 60, label_noise: {kind: symmetric, rate: 0.3}}
model: {kind: mlp, hidden: [12], activation: relu}
train: {epochs: 3, batch_size: 32, loss: cross_entropy}
metrics:
  weights: {at: [init], every: 1}
  margins: {at: [init], every: 1}
grid:
  - data.validation_size: [0, 40, 70]
    data.label_noise: [{kind: symmetric, rate: 0.3}, {kind: permute, rate: 1}]
  - data.validation_size: [40]
    data.validation_labels: [true]
"""
VALIDATION = ["dataset/validation_index", "dataset/validation_label", "dataset/validation_observed_label",
              "dataset/validation_count", "curves/validation_loss", "curves/validation_accuracy",
              "trials/validation_loss", "trials/validation_accuracy", "margins/validation", "validation_sample"]


def run(seedbed, folder, text, name, **options):
    (folder / f"{name}.yaml").write_text(text)
    ended = seedbed("run", folder / f"{name}.yaml", "-o", folder / f"{name}.h5", **options)
    assert ended.returncode == 0, ended.stderr
    return folder / f"{name}.h5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("validation")


@pytest.fixture(scope="module")
def raw(folder):
    """(images, labels) of the set's training part."""
    images, _ = write_idx_set(folder / "set", 220, 90)
    return images, read_idx(folder / "set" / "train-labels-idx1-ubyte")


@pytest.fixture(scope="module")
def file(seedbed, folder, raw):
    with h5py.File(run(seedbed, folder, SWEEP, "with"), "r") as file:
        yield file


def parts(file, trial):
    """{part: (index, true label, observed label)} of a trial's variant."""
    data, variant = file["dataset"], file["trials/variant"][trial]
    names = {"train": "observed_label", "validation": "validation_observed_label"}
    counts = {part: data[f"{part}_count"][variant] for part in names}
    return {part: [data[name][variant][: counts[part]] for name in (f"{part}_index", f"{part}_label", observed)]
            for part, observed in names.items()}


def trials(file, size=None):
    sizes = file["trials/data.validation_size"][()]
    return [trial for trial in range(len(sizes)) if size is None or sizes[trial] == size]


def test_parts_are_disjoint_and_their_labels_are_those_of_the_set(file, raw):
    for trial in trials(file):
        found = parts(file, trial)
        index = np.concatenate([found[part][0] for part in found])
        assert len(np.unique(index)) == len(index) == 150 + file["trials/data.validation_size"][trial]
        for part in found:
            assert np.array_equal(found[part][1], raw[1][found[part][0]])


def test_the_training_part_does_not_depend_on_the_validation_part(file):
    first = parts(file, 0)["train"][0]
    for trial in trials(file):
        assert np.array_equal(parts(file, trial)["train"][0], first)
    small, large = parts(file, trials(file, 40)[0]), parts(file, trials(file, 70)[0])
    assert set(small["validation"][0]) < set(large["validation"][0])


def test_validation_labels_are_as_noisy_as_asked(file):
    for trial in trials(file, 40) + trials(file, 70):
        _, label, observed = parts(file, trial)["validation"]
        wrong = np.mean(label != observed)
        if axis_text(file, "data.validation_labels", trial) == "true":
            assert wrong == 0
        elif "permute" in axis_text(file, "data.label_noise", trial):
            assert wrong > 0.5 and np.array_equal(np.sort(label), np.sort(observed))
        else:
            assert 0.1 < wrong < 0.5


def test_curves_and_margins_are_those_of_the_recorded_weights(file, raw):
    for trial in trials(file, 40) + trials(file, 70):
        index, _, observed = parts(file, trial)["validation"]
        _, _, mean, deviation = recorded_data(file, trial, "train")
        x = inputs(raw[0], index, mean, deviation)
        for epoch in range(4):
            z = logits(recorded_tensors(file, trial, epoch), "relu", x)
            loss = losses("cross_entropy", z, observed).mean()
            assert abs(file["curves/validation_loss"][trial, epoch] - loss) <= 1e-5 * loss
            assert file["curves/validation_accuracy"][trial, epoch] == np.mean(z.argmax(axis=1) == observed)
            found = file["margins/validation"][trial, epoch][: len(index)]
            assert np.allclose(found, margins(z, observed), rtol=1e-5, atol=1e-5)
            assert np.isclose(file["margins/validation_area"][trial, epoch], margins(z, observed).mean(), atol=1e-5)
        for name in ("validation_loss", "validation_accuracy"):
            assert file[f"trials/{name}"][trial] == file[f"curves/{name}"][trial, 3]


def test_normalisation_is_of_the_training_part_alone(file, raw):
    for trial in trials(file):
        index, _, mean, deviation = recorded_data(file, trial, "train")
        pixels = raw[0][index].astype(np.float64)
        assert np.allclose([mean[0], deviation[0]], [pixels.mean(), pixels.std()], rtol=1e-5)


def test_a_trial_without_the_part_has_absent_values_and_the_same_bits_else(file):
    none, some = trials(file, 0)[0], trials(file, 40)[0]
    assert file["trials/data.label_noise"][none] == file["trials/data.label_noise"][some]
    assert np.all(np.isnan(file["curves/validation_loss"][none])) and np.isnan(file["trials/validation_loss"][none])
    assert np.all(file["dataset/validation_index"][file["trials/variant"][none]] == -1)
    for name in ("curves/train_loss", "curves/test_loss", "weights/parameters"):
        assert np.array_equal(file[name][none], file[name][some])


def test_a_sweep_without_the_part_has_none_of_its_columns(seedbed, folder, raw, file):
    path = run(seedbed, folder, SWEEP.replace("[0, 40, 70]", "[0]").partition("  - data.validation_size: [40]")[0], "none")
    with h5py.File(path, "r") as none:
        assert all(name in file and name not in none for name in VALIDATION)
        assert not [name for name in none["margins"] if name.startswith("validation")]
        assert none["trials/identity"][0] == file["trials/identity"][trials(file, 0)[0]]


def test_a_sweep_that_gets_the_part_takes_over_the_trials_without_it(seedbed, folder, raw, file):
    path = folder / "grown.h5"
    ended = seedbed("run", folder / "with.yaml", "-o", path, "--reuse", folder / "none.h5")
    assert ended.returncode == 0 and "2 trials taken over" in ended.stdout + ended.stderr, ended.stderr
    with h5py.File(path, "r") as grown:
        assert np.array_equal(grown["trials/checksum"][()], file["trials/checksum"][()])
        assert np.all(grown["trials/attempt"][()][trials(file, 0)] == 0)


def test_patience_watches_the_validation_loss(seedbed, folder, raw):
    text = ("data: {source: mnist, path: set, train_size: 60, validation_size: 60, label_noise: {kind: permute}}\n"
            "model: {hidden: [64]}\ntrain: {epochs: 200, batch_size: 8, stop: {patience: 4}}\n")
    with h5py.File(run(seedbed, folder, text, "patience"), "r") as file:
        loss, ran = file["curves/validation_loss"][0], file["trials/epochs_run"][0]
        assert ran < 200 and np.argmin(loss[: ran + 1]) == ran - 4
        assert np.argmin(file["curves/test_loss"][0][: ran + 1]) != ran - 4


def test_the_python_package_gives_the_part_cut_to_its_samples(file):
    with open_results(file.filename) as results:
        for trial in trials(file):
            data = results.dataset(int(file["trials/variant"][trial]))
            size = file["trials/data.validation_size"][trial]
            assert len(data["validation_index"]) == len(data["validation_observed_label"]) == size
            assert np.array_equal(data["validation_label"], parts(file, trial)["validation"][1])


def test_the_same_bits_at_any_number_of_ranks(seedbed, folder, raw, file):
    with h5py.File(run(seedbed, folder, SWEEP, "ranks", ranks=2), "r") as other:
        assert np.array_equal(other["trials/checksum"][()], file["trials/checksum"][()])
