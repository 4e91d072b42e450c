"""The same sweep gives the same bits on any number of ranks, in any order, run after run."""

import re

import h5py
import numpy as np
import pytest
from contents import all_datasets, assert_same_content, is_reproducible, reproducible_content

SWEEP = """
name: bits
data:
  {source: glyphs, train_count: 400, test_count: 150, label_noise: {kind: symmetric, rate: 0}}
train: {epochs: 3, batch_size: 32, learning_rate: 0.05}
metrics:
  margins: {at: [init, separated, end]}
  weights: {at: [init, end], epochs: [2]}
  sample_loss: {every: 1, steps: [3, 20], loss: [2, 1], loss_every: 4, parts: [train, test]}
  memorization: {at: [init, end]}
  curvature: {samples: 70, iterations: 12, probes: 3}
grid:
  - seed: [0, 1]
    train.loss: [cross_entropy, mse]
    data.label_noise.rate: [0, 0.4]
  - model.hidden: [[24], [40, 16]]
    train.optimizer:
      - {kind: sgd, momentum: 0}
      - {kind: sgd, momentum: 0.9, nesterov: true}
      - {kind: sgd, momentum: 0.5, weight_decay: 1e-3}
      - {kind: adamw, decay: weights}
      - {kind: rmsprop, momentum: 0.5, centered: true}
    data.label_noise.rate: [0.2]
    train.clip_norm: [1]
    train.stop.train_loss: [1]
    train.stop.every: [2]
    data.augment.shift: [2]
    data.augment.flip: [true]
    data.augment.cutout: [6]
    data.normalisation: [sphere]
zip:
  - {data.train_size: [100, 300], train.epochs: [5, 2], train.schedule: [cosine, {kind: step, every: 1}], train.warmup: [0, 0.5]}
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    path = tmp_path_factory.mktemp("bits") / "bits.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def run(seedbed, sweep):
    def run_sweep(name, ranks, order):
        path = sweep.parent / f"{name}.h5"
        ended = seedbed("run", sweep, "-o", path, "--order", order, ranks=ranks)
        assert ended.returncode == 0, ended.stderr
        return path

    return run_sweep


@pytest.fixture(scope="module")
def reference(run):
    """The sweep in one process without mpirun."""
    return run("reference", None, "lpt")


@pytest.fixture(scope="module")
def expected(reference):
    return reproducible_content(reference)


def test_the_sweep_has_trials_of_many_kinds(reference):
    with h5py.File(reference, "r") as file:
        assert set(file["trials/state"][()]) == {2} and set(file["trials/outcome"][()]) == {1}
        assert len(np.unique(file["trials/identity"][()])) == len(file["trial"]) == 36
        assert len(np.unique(file["trials/predicted_flops"][()])) >= 4
        assert len(np.unique(file["trials/checksum"][()])) == 36
        assert len(file["variant"]) == 6 and len(file["model"]) == 3


def test_a_second_run_in_one_process_gives_the_same_bits(run, expected):
    assert_same_content(reproducible_content(run("again", None, "lpt")), expected, "second run")


@pytest.mark.parametrize("order", ["lpt", "fifo", "random"])
@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_any_number_of_ranks_and_any_order_give_the_same_bits(run, expected, ranks, order):
    path = run(f"{order}-{ranks}", ranks, order)
    assert_same_content(reproducible_content(path), expected, f"{ranks} ranks, {order}")


def documentation(root):
    return (root / "docs" / "results-format.md").read_text()


def test_what_may_differ_is_what_the_documentation_lists(reference, root):
    section = documentation(root).partition("\n## What is reproducible\n")[2].partition("\n## ")[0]
    columns = re.search(r"^- `/trials`:(.*)$", section, re.MULTILINE).group(1)
    groups = re.search(r"^- (.*), whole$", section, re.MULTILINE).group(1)
    with h5py.File(reference, "r") as file:
        every = all_datasets(file)
        free = {name for name, dataset in every.items() if not is_reproducible(dataset)}
    listed = {f"trials/{name}" for name in re.findall(r"`(\w+)`", columns)}
    for group in re.findall(r"`/(\w+)`", groups):
        listed |= {name for name in every if name.startswith(group + "/")}
    assert free == listed


@pytest.mark.parametrize("group", ["trials", "curves", "dataset", "sessions", "weights", "sweep", "provenance"])
def test_every_dataset_is_in_the_documentation(reference, root, group):
    named = set(re.findall(r"[a-z0-9_]{2,}", documentation(root)))
    with h5py.File(reference, "r") as file:
        names = set(file[group]) - set(file.attrs["axes"].split())
    assert names <= named, f"docs/results-format.md does not name {sorted(names - named)}"
