"""Stages before the training: NumPy, with the documented streams, gets from the same initial weights to the same weights."""

import h5py
import numpy as np
import pytest
from idx_files import CLASSES, read_idx, write_idx_set
from network import inputs, logits, losses, recorded_data, recorded_tensors, softmax
from seedbed_analysis import open_results
from streams import ORDER, noisy_labels, permutation

SWEEP = """
name: stages
seed: 3
data: {source: mnist, path: set, train_size: 90, test_size: 60, label_noise: {kind: symmetric, rate: 0.2}}
model: {kind: mlp, hidden: [12], activation: relu}
train:
  epochs: 2
  batch_size: 32
  learning_rate: 0.05
  optimizer: {kind: sgd, momentum: 0.5}
"""
STAGES = """
  stages:
    - {epochs: 3, learning_rate: 0.1, label_noise: {kind: symmetric, rate: 0.7}}
    - {batch_size: 20, optimizer: sgd, label_noise: {kind: uniform, rate: 1}}
grid:
  train.stages.0.epochs: [0, 3]
  train.stages.1.epochs: [0, 2]
"""
METRICS = "metrics: {weights: {at: [init, end]}}\n"
MOMENTUM = (0.5, 0.9)  # of the first stage as of train; of the second the default


def run(seedbed, folder, text, name, **options):
    (folder / f"{name}.yaml").write_text(text)
    ended = seedbed("run", folder / f"{name}.yaml", "-o", folder / f"{name}.h5", **options)
    assert ended.returncode == 0, ended.stderr
    return folder / f"{name}.h5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stages")


@pytest.fixture(scope="module")
def data(folder):
    """(images, labels) of the set's training part."""
    images, _ = write_idx_set(folder / "set", 130, 90)
    return images, read_idx(folder / "set" / "train-labels-idx1-ubyte").astype(int)


@pytest.fixture(scope="module")
def file(seedbed, folder, data):
    with h5py.File(run(seedbed, folder, SWEEP + STAGES + METRICS, "stages"), "r") as file:
        assert np.all(file["trials/outcome"][()] == 1)
        yield file


def trial_of(file, first, second):
    epochs = np.stack([file[f"trials/train.stages.{stage}.epochs"][()] for stage in (0, 1)])
    return int(np.flatnonzero((epochs[0] == first) & (epochs[1] == second))[0])


def stage_labels(file, data, stage):
    kind, rate = (("symmetric", 0.7), ("uniform", 1))[stage]
    index = recorded_data(file, 0, "train")[0]
    return noisy_labels(kind, rate, CLASSES, 0, stage + 1, index, data[1][index])


def training_inputs(file, data):
    index, labels, mean, deviation = recorded_data(file, 0, "train")
    return inputs(data[0], index, mean, deviation), labels


def gradients(tensors, x, labels):
    """Of the mean cross-entropy of a network of one hidden layer of relu."""
    one, first, two, second = tensors
    hidden = np.maximum(x @ one.T + first, 0)
    d_logits = (softmax(hidden @ two.T + second) - np.eye(CLASSES)[labels]) / len(x)
    d_hidden = d_logits @ two * (hidden > 0)
    return [d_hidden.T @ x, d_hidden.sum(axis=0), d_logits.T @ hidden, d_logits.sum(axis=0)]


def train(tensors, x, labels, epochs, batch, rate, momentum, stage):
    """SGD whose epochs take the batches of their own permutation. tensors: [weight, bias, weight, bias]"""
    tensors, velocity = [tensor.astype(float) for tensor in tensors], [0.0] * 4
    for epoch in range(epochs):
        order = permutation(ORDER, 3, (stage << 20) + epoch, len(x))
        for start in range(0, len(x), batch):
            which = order[start : start + batch]
            velocity = [momentum * v + g for v, g in zip(velocity, gradients(tensors, x[which], labels[which]))]
            tensors = [tensor - rate * v for tensor, v in zip(tensors, velocity)]
    return tensors


def recorded(file, trial, point):
    return list(recorded_tensors(file, trial, point).values())


def assert_near(found, expected):
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("first, second", [(3, 0), (0, 2), (3, 2)])
def test_weights_after_the_stages_are_those_of_numpy(file, data, first, second):
    x, _ = training_inputs(file, data)
    tensors = recorded(file, trial_of(file, 0, 0), 0)
    tensors = train(tensors, x, stage_labels(file, data, 0), first, 32, 0.1, MOMENTUM[0], 1)
    tensors = train(tensors, x, stage_labels(file, data, 1), second, 20, 0.05, MOMENTUM[1], 2)
    start = recorded(file, trial_of(file, 0, 0), 0)
    trial = trial_of(file, first, second)
    assert np.abs(tensors[0] - start[0]).max() > 0.01
    assert_near(recorded(file, trial, 0), tensors)


def test_the_main_training_has_its_own_draws_and_a_new_optimizer(file, data):
    x, labels = training_inputs(file, data)
    for first, second in ((0, 0), (3, 2)):
        trial = trial_of(file, first, second)
        assert_near(recorded(file, trial, 1), train(recorded(file, trial, 0), x, labels, 2, 32, 0.05, 0.5, 0))
        assert list(file["weights/epoch"][trial]) == [0, 2] and list(file["weights/step"][trial]) == [0, 6]


def test_what_is_recorded_of_a_stage_is_on_its_own_labels(file, data):
    x, _ = training_inputs(file, data)
    truth = data[1][recorded_data(file, 0, "train")[0]]
    for trial in range(4):
        for stage in (0, 1):
            labels = stage_labels(file, data, stage)
            assert file["stages/noise_rate"][trial, stage] == np.mean(labels != truth)
            epochs = file[f"trials/train.stages.{stage}.epochs"][trial]
            assert file["stages/epochs_run"][trial, stage] == epochs
            assert file["stages/steps"][trial, stage] == epochs * (3, 5)[stage]
        z = logits(recorded_tensors(file, trial, 0), "relu", x)
        labels = stage_labels(file, data, 1)
        np.testing.assert_allclose(file["stages/train_loss"][trial, 1], losses("cross_entropy", z, labels).mean(), rtol=1e-5)
        assert file["stages/train_accuracy"][trial, 1] == np.mean(z.argmax(axis=1) == labels)


def test_stages_without_epochs_change_no_bit(seedbed, folder, data, file):
    trial = trial_of(file, 0, 0)
    with h5py.File(run(seedbed, folder, SWEEP + METRICS, "plain"), "r") as plain:
        assert "stages" not in plain and "stage" not in plain
        for name in ("curves/train_loss", "curves/test_loss", "weights/parameters"):
            assert np.array_equal(plain[name][0], file[name][trial])


def test_rows_of_trials_without_stages_are_taken_over(seedbed, folder, data, file):
    path = run(seedbed, folder, SWEEP + METRICS, "old")
    text = SWEEP + METRICS + "grid: {train.stages: [[], [{epochs: 1, label_noise: none}]]}\n"
    (folder / "new.yaml").write_text(text)
    ended = seedbed("run", folder / "new.yaml", "-o", folder / "new.h5", "--reuse", path)
    assert ended.returncode == 0 and "1 trials taken over" in ended.stdout + ended.stderr
    with open_results(folder / "new.h5") as results:
        assert np.isnan(results["stages/train_loss"][0, 0]) and results["stages/epochs_run"][0, 0] == -1
        assert results["stages/epochs_run"][1, 0] == 1 and results["stages/noise_rate"][1, 0] == 0


def test_the_same_bits_at_any_number_of_ranks(seedbed, folder, data, file):
    with h5py.File(run(seedbed, folder, SWEEP + STAGES + METRICS, "ranks", ranks=3), "r") as other:
        assert np.array_equal(other["trials/checksum"][()], file["trials/checksum"][()])
