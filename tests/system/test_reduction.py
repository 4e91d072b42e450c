"""Training with a part of its samples: which ones are kept, that only they are trained on, and the same bits on any number of ranks."""

import h5py
import numpy as np
import pytest
from contents import assert_same_content, reproducible_content
from idx_files import write_idx_set
from network import inputs, layers, logits, recorded_data, recorded_tensors, softmax

COUNT, EPOCHS, EVERY, CLASSES = 120, 12, 2, 4

SWEEP = f"""
name: reduction
data: {{source: mnist, path: set, train_size: {COUNT}, test_size: 60}}
model: {{kind: mlp, hidden: [40]}}
train: {{epochs: {EPOCHS}, batch_size: 24, learning_rate: 0.1, reduction: {{every: {EVERY}}}}}
metrics: {{weights: {{at: [init, separated, end]}}, margins: {{every: 1, epochs: [0]}}, reduction: {{at: [separated, end]}}}}
grid:
  train.reduction.by: [smallest_margin, largest_margin, random, balanced_random]
  train.reduction.nested: [false, true]
zip:
  - {{train.reduction.keep: [0.1, 30, 20], train.reduction.shrink: [0, 0, 0.5], train.reduction.when: [separated, start, separated]}}
"""

CONTROLS = f"""
name: controls
data: {{source: mnist, path: set, train_size: {COUNT}, test_size: 60}}
model: {{kind: mlp, hidden: [40]}}
train: {{epochs: {EPOCHS}, batch_size: 24, learning_rate: 0.1, reduction: {{every: 3, keep: 8}}}}
metrics: {{weights: {{at: [], every: 1, epochs: [0]}}, reduction: {{at: [end]}}}}
grid:
  - train.reduction.by: [none]
    train.reduction.freeze: [false]
  - train.reduction.by: [random]
    train.reduction.freeze: [false, true]
"""

FULL_BATCH = f"""
name: full-batch
data: {{source: mnist, path: set, train_size: {COUNT}, test_size: 60}}
model: {{kind: mlp, hidden: []}}
train: {{epochs: 1, batch_size: 4096, learning_rate: 0.1, reduction: {{when: start, keep: 30}}}}
metrics: {{weights: {{at: [init, end]}}, reduction: {{}}}}
grid: {{train.reduction.by: [smallest_margin, random]}}
"""


@pytest.fixture(scope="module")
def run(seedbed, tmp_path_factory):
    """run(text, name, ranks) -> (path of the results, raw training images)"""
    folder = tmp_path_factory.mktemp("reduction")
    images, _ = write_idx_set(folder / "set", 160, 70)

    def run_sweep(text, name, ranks=None):
        (folder / "sweep.yaml").write_text(text)
        ended = seedbed("run", folder / "sweep.yaml", "-o", folder / name, ranks=ranks)
        assert ended.returncode == 0, ended.stderr
        return folder / name, images

    return run_sweep


@pytest.fixture(scope="module")
def recorded(run):
    path, _ = run(SWEEP, "out.h5")
    with h5py.File(path, "r") as file:
        yield file


def axis(file, trial, name):
    value = file[f"trials/train.reduction.{name}"][trial]
    return value.decode() if isinstance(value, bytes) else value


def choices(file, trial):
    """[(epoch, positions kept)]"""
    group = file["reduction"]
    epochs, counts = group["chosen_epoch"][trial], group["kept_count"][trial]
    found = [(e, group["kept"][trial, c, : counts[c]]) for c, e in enumerate(epochs) if e >= 0]
    assert all(np.all(group["kept"][trial, c, n:] == -1) for c, n in enumerate(counts) if n >= 0)
    return found


def is_nested(file, trial):
    return axis(file, trial, "nested") in (True, "true")


def test_samples_are_chosen_when_and_as_many_as_the_sweep_says(recorded):
    for trial in range(len(recorded["trial"])):
        keep, shrink = axis(recorded, trial, "keep"), axis(recorded, trial, "shrink")
        first = 0 if axis(recorded, trial, "when") == "start" else recorded["trials/separated_epoch"][trial]
        found = choices(recorded, trial)
        assert 0 <= first < EPOCHS - EVERY
        assert [epoch for epoch, _ in found] == list(range(first, EPOCHS + 1, EVERY))
        for number, (_, kept) in enumerate(found):
            least = keep if keep > 1 else round(keep * COUNT)
            assert len(kept) == (max(least, round(COUNT * shrink ** (number + 1))) if shrink else least)
            assert np.all(np.diff(kept) > 0) and kept[0] >= 0 and kept[-1] < COUNT


def test_margins_say_which_ones_and_nested_choices_lie_in_each_other(recorded):
    for trial in range(len(recorded["trial"])):
        by, allowed = axis(recorded, trial, "by"), np.arange(COUNT)
        sign = {"smallest_margin": 1, "largest_margin": -1}.get(by)
        for epoch, kept in choices(recorded, trial):
            if is_nested(recorded, trial):
                assert np.isin(kept, allowed).all()
            if sign is not None:
                margins = sign * recorded["margins/train"][trial, epoch]
                dropped = np.setdiff1d(allowed, kept)
                assert len(dropped) == 0 or margins[kept].max() <= margins[dropped].min()
            allowed = kept if is_nested(recorded, trial) else allowed


def test_balanced_choices_have_as_many_of_each_class(recorded):
    for trial in range(len(recorded["trial"])):
        if axis(recorded, trial, "by") != "balanced_random" or is_nested(recorded, trial):
            continue
        labels = recorded["dataset/observed_label"][recorded["trials/variant"][trial]]
        available = np.bincount(labels[labels >= 0], minlength=CLASSES)
        for _, kept in choices(recorded, trial):
            counts = np.bincount(labels[kept], minlength=CLASSES)
            full = counts == available
            assert counts[~full].max(initial=0) - counts[~full].min(initial=COUNT) <= 1
            assert np.all(counts[full] <= counts.max())


def test_random_choices_differ_from_each_other_unless_nested(recorded):
    for trial in range(len(recorded["trial"])):
        if axis(recorded, trial, "by") != "random" or axis(recorded, trial, "keep") != 30:
            continue
        first, second = (set(kept) for _, kept in choices(recorded, trial)[:2])
        assert (first == second) == is_nested(recorded, trial)


def test_accuracies_before_and_after_are_those_of_the_curves(recorded):
    group = recorded["reduction"]
    for trial in range(len(recorded["trial"])):
        epochs = [epoch for epoch, _ in choices(recorded, trial)]
        curve = recorded["curves/test_accuracy"][trial]
        for number, (epoch, following) in enumerate(zip(epochs, [*epochs[1:], EPOCHS])):
            assert group["test_accuracy_before"][trial, number] == curve[epoch]
            if following > epoch:
                assert group["test_accuracy_after"][trial, number] == curve[following]
        assert group["samples"][trial, -1] == len(choices(recorded, trial)[-1][1])


def test_nothing_changes_before_the_first_choice_and_a_frozen_network_stays(run):
    path, _ = run(CONTROLS, "controls.h5")
    with h5py.File(path, "r") as file:
        weights, epochs = file["weights/parameters"][()], file["weights/epoch"][()]
        separated = file["trials/separated_epoch"][0]
        assert np.all(file["trials/separated_epoch"][()] == separated) and 0 < separated < EPOCHS - 1
        assert np.all(epochs == np.arange(EPOCHS + 1))
        assert np.all(file["reduction/chosen_epoch"][0] == -1)
        everything, reduced, frozen = weights
        assert np.all(everything[: separated + 1] == reduced[: separated + 1])
        assert np.all(everything[: separated + 1] == frozen[: separated + 1])
        assert np.any(reduced[separated + 1] != everything[separated + 1])
        assert np.all(frozen[separated:] == frozen[separated])
        steps = file["trials/steps"][()]
        assert steps[0] == steps[1] == EPOCHS * 5 and steps[2] == separated * 5
        assert np.all(np.isnan(file["curves/gradient_norm"][2, separated + 1 :]))


def test_one_step_of_all_kept_samples_is_the_gradient_over_them_alone(run):
    path, images = run(FULL_BATCH, "full.h5")
    with h5py.File(path, "r") as file:
        for trial in range(2):
            index, labels, mean, deviation = recorded_data(file, trial, "train")
            [(epoch, kept)] = choices(file, trial)
            start, end = recorded_tensors(file, trial, 0), recorded_tensors(file, trial, 1)
            x, y = inputs(images, index, mean, deviation)[kept], np.eye(CLASSES)[labels[kept]]
            difference = softmax(logits(start, "linear", x)) - y
            [(weight, bias)] = layers(start)
            assert epoch == 0 and len(kept) == 30
            np.testing.assert_allclose(end["dense1.weight"], weight - 0.1 * difference.T @ x / 30, atol=1e-5)
            np.testing.assert_allclose(end["dense1.bias"], bias - 0.1 * difference.mean(axis=0), atol=1e-5)


def test_the_same_bits_on_any_number_of_ranks(run):
    alone, _ = run(SWEEP, "alone.h5")
    many, _ = run(SWEEP, "many.h5", ranks=3)
    assert_same_content(reproducible_content(many), reproducible_content(alone), "3 ranks")
