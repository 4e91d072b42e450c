"""The judged sweep on MNIST, smaller: it finishes, learns, and notices label noise."""

import h5py
import numpy as np
import pytest
from contents import assert_same_content, reproducible_content

SWEEP = """
name: mnist
data: {source: mnist, path: %s, train_size: 6000, test_size: 2000, label_noise: {kind: symmetric, rate: 0}}
model: {kind: mlp, hidden: [256, 256], activation: relu}
train: {epochs: 2, batch_size: 64, loss: cross_entropy, optimizer: {kind: sgd, momentum: 0.9}}
grid: {seed: 0..1, train.learning_rate: [0.02, 0.05], data.label_noise.rate: [0, 0.4]}
metrics: {margins: {at: [end]}}
"""


@pytest.fixture(scope="module")
def run(seedbed, tmp_path_factory, data_folder):
    if not (data_folder / "mnist").is_dir():
        pytest.skip(f"no MNIST in {data_folder}: the judged sweep is left out")
    folder = tmp_path_factory.mktemp("mnist")
    (folder / "mnist.yaml").write_text(SWEEP % (data_folder / "mnist"))

    def run_sweep(name):
        ended = seedbed("run", folder / "mnist.yaml", "-o", folder / name, ranks=2)
        assert ended.returncode == 0, ended.stderr
        return folder / name

    return run_sweep


@pytest.fixture(scope="module")
def results(run):
    return run("first.h5")


def test_two_clean_runs_agree_bit_for_bit(run, results):
    assert_same_content(reproducible_content(run("second.h5")), reproducible_content(results), "second run")


def test_noise_free_trials_learn(results):
    with h5py.File(results, "r") as file:
        clean = file["trials/data.label_noise.rate"][()] == 0
        accuracy = file["trials/test_accuracy"][()]
        assert len(clean) == 8 and np.sum(clean) == 4
        assert np.all(accuracy[clean] >= 0.9), accuracy
        assert np.all(accuracy[~clean] < accuracy[clean].min()) and np.all(accuracy[~clean] > 0.5)


def test_noisy_labels_are_as_many_as_asked_for(results):
    with h5py.File(results, "r") as file:
        data, variants = file["dataset"], file["trials/variant"][()]
        for trial, rate in enumerate(file["trials/data.label_noise.rate"][()]):
            assert abs(data["noise_rate"][variants[trial]] - rate) < 0.03
        assert np.array_equal(data["train_index"][0], data["train_index"][1])


def test_margins_separate_right_from_wrong(results):
    with h5py.File(results, "r") as file:
        share = np.mean(file["margins/test"][:, -1] > 0, axis=1)
        np.testing.assert_allclose(share, file["trials/test_accuracy"][()], atol=1e-3)
