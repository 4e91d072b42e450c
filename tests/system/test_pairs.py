"""Pairs of trials: what NumPy gets from the recorded weights, and commits, resumes and bits as those of trials."""

import json

import h5py
import numpy as np
import pytest
from background import Job, wait_until
from command_line import ONE_DIVERGES, assert_says
from contents import assert_same_content, reproducible_content, texts
from idx_files import write_idx_set
from network import inputs, logits, losses, margins, recorded_data, recorded_tensors
from seedbed_analysis import open_results

SWEEP = """
name: pairs
data: {source: mnist, path: set, train_size: 150, test_size: 60, label_noise: {kind: symmetric, rate: 0.2}}
model: {kind: mlp, hidden: [20, 12]}
train: {epochs: 3, batch_size: 32, optimizer: {kind: sgd, momentum: 0.5}}
metrics: {weights: {at: [init, end], every: 2}}
grid: {seed: 0..2, train.learning_rate: [0.02, 0.05]}
comparison: {points: 7, shares: [0.02, 0.1, 1]}
pairs:
  - {across: seed}
  - {across: train.learning_rate}
  - {within: train.learning_rate}
"""

OTHER_NETWORKS = """
data: {source: glyphs, train_count: 100, test_count: 50}
train: {epochs: 1, learning_rate: 0.05}
metrics: {weights: {at: [end]}}
grid: {model.hidden: [[8], [12]]}
pairs: {across: model.hidden}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def images(folder):
    return dict(zip(("train", "test"), write_idx_set(folder / "set", 220, 90)))


@pytest.fixture(scope="module")
def made(seedbed, folder, images):
    (folder / "pairs.yaml").write_text(SWEEP)
    assert_says(seedbed("run", folder / "pairs.yaml", "-o", folder / "pairs.h5", ranks=2), 0, "9 of 9 pairs compared")
    return folder / "pairs.h5"


def end_point(file):
    return [name.decode() for name in file["weights_point"][()]].index("end")


def mixed(first, second, alpha):
    return {
        name: ((1 - alpha) * first[name].astype(np.float64) + alpha * second[name].astype(np.float64)).astype(np.float32)
        for name in first
    }


def ranks(values):
    """Equal values share their mean rank."""
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    found[order] = np.arange(len(values))
    for value in np.unique(values):
        found[values == value] = found[values == value].mean()
    return found


def subset(values, count, largest):
    order = np.argsort(values, kind="stable")
    return set(order[-count:] if largest else order[:count])


def each_pair(file):
    """(pair, its trials, their tensors, inputs and labels by part)"""
    for pair in range(len(file["pair"])):
        trials = [int(file["pairs/first"][pair]), int(file["pairs/second"][pair])]
        yield pair, trials, [recorded_tensors(file, trial, end_point(file)) for trial in trials]


def seen(file, images, trial, part):
    index, labels, mean, deviation = recorded_data(file, trial, part)
    return inputs(images[part], index, mean, deviation), labels


def test_the_pairs_are_those_that_were_asked_for(made):
    with h5py.File(made) as file:
        seeds, rates = file["trials/seed"][()], file["trials/train.learning_rate"][()]
        found = list(zip(file["pairs/first"][()], file["pairs/second"][()]))
    assert len(found) == len(set(found)) == 9
    for first, second in found:
        assert first < second and ((seeds[first] == seeds[second]) != (rates[first] == rates[second]))


def test_paths_and_barriers_are_those_of_the_recorded_weights(made, images):
    with h5py.File(made) as file:
        alphas = file["pair_alpha"][()]
        np.testing.assert_allclose(alphas, np.linspace(0, 1, 7), rtol=1e-15)
        for pair, trials, ends in each_pair(file):
            for part in ("train", "test"):
                x, labels = seen(file, images, trials[0], part)
                outputs = [logits(mixed(*ends, alpha), "relu", x) for alpha in alphas]
                loss = np.array([losses("cross_entropy", z, labels).mean() for z in outputs])
                error = np.array([np.mean(z.argmax(axis=1) != labels) for z in outputs])
                np.testing.assert_allclose(file[f"pairs/path_{part}_loss"][pair], loss, rtol=1e-5)
                np.testing.assert_allclose(file[f"pairs/path_{part}_error"][pair], error, atol=1e-12)
                for name, path in (("loss", loss), ("error", error)):
                    barrier = np.max(path - ((1 - alphas) * path[0] + alphas * path[-1]))
                    np.testing.assert_allclose(file[f"pairs/barrier_{part}_{name}"][pair], barrier, rtol=1e-4, atol=1e-6)


def test_the_ends_of_a_path_are_what_the_trials_ended_with(made):
    with h5py.File(made) as file:
        for pair, trials, _ in each_pair(file):
            for place, trial in ((0, trials[0]), (-1, trials[1])):
                for part in ("train", "test"):
                    assert file[f"pairs/path_{part}_loss"][pair, place] == file[f"trials/{part}_loss"][trial]
                    assert file[f"pairs/path_{part}_error"][pair, place] == 1 - file[f"trials/{part}_accuracy"][trial]


def test_predictions_and_margins_are_compared_as_numpy_compares_them(made, images):
    with h5py.File(made) as file:
        for pair, trials, ends in each_pair(file):
            for part in ("train", "test"):
                x, labels = seen(file, images, trials[0], part)
                outputs = [logits(tensors, "relu", x) for tensors in ends]
                different = np.mean(outputs[0].argmax(axis=1) != outputs[1].argmax(axis=1))
                assert file[f"pairs/disagreement_{part}"][pair] == pytest.approx(different, abs=1e-12)
            x, labels = seen(file, images, trials[0], "train")
            both = [margins(logits(tensors, "relu", x), labels) for tensors in ends]
            correlation = np.corrcoef(*(ranks(values) for values in both))[0, 1]
            assert file["pairs/margin_rank_correlation"][pair] == pytest.approx(correlation, abs=1e-6)
            for place, share in enumerate((0.02, 0.1, 1)):
                count = round(share * 150)
                for name, largest in (("lowest", False), ("highest", True)):
                    first, second = (subset(values, count, largest) for values in both)
                    overlap = len(first & second) / len(first | second)
                    assert file[f"pairs/overlap_{name}"][pair, place] == pytest.approx(overlap, abs=1e-12)
                assert file["pairs/overlap_chance"][pair, place] == pytest.approx(count / (300 - count))


def test_distances_are_those_of_the_parameter_vectors(made):
    with h5py.File(made) as file:
        for pair, _, ends in each_pair(file):
            a, b = (np.concatenate([tensor.ravel() for tensor in tensors.values()]).astype(np.float64) for tensors in ends)
            assert file["pairs/distance"][pair] == pytest.approx(np.linalg.norm(a - b), rel=1e-9)
            assert file["pairs/cosine"][pair] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-9)


@pytest.mark.parametrize("ranks, order", [(1, "fifo"), (3, "random"), (5, "lpt")])
def test_any_number_of_ranks_gives_the_same_bits(seedbed, made, folder, ranks, order):
    path = folder / f"ranks-{ranks}.h5"
    assert seedbed("run", folder / "pairs.yaml", "-o", path, "--order", order, ranks=ranks).returncode == 0
    assert_same_content(reproducible_content(path), reproducible_content(made), path.name)


def test_a_killed_run_resumes_to_the_same_bits(seedbed, binary, made, folder):
    path = folder / "killed.h5"
    with Job([binary, "run", folder / "pairs.yaml", "-o", path]) as job:
        assert wait_until(path.exists)
        job.kill(job.processes())
    assert seedbed("run", folder / "pairs.yaml", "-o", path, "--resume", ranks=2).returncode == 0
    assert_same_content(reproducible_content(path), reproducible_content(made), path.name)


def test_only_what_was_lost_is_compared_again(seedbed, made, folder):
    path = folder / "lost.h5"
    path.write_bytes(made.read_bytes())
    with h5py.File(path, "r+") as file:
        file["pairs/state"][4] = 1
        file["pairs/barrier_test_loss"][4] = 7
    assert_says(seedbed("status", path), 0, "8 of 9 compared", "ETA")
    assert json.loads(seedbed("status", path, "--json").stdout)["eta_seconds"] > 0
    assert_says(seedbed("run", folder / "pairs.yaml", "-o", path, "--resume"), 0, "0 to do, 9 pairs, 1 to do")
    with h5py.File(path) as file:
        assert list(file["pairs/attempt"][()]) == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert_same_content(reproducible_content(path), reproducible_content(made), path.name)


def test_a_damaged_trial_takes_its_pairs_with_it(seedbed, made, folder):
    path = folder / "damaged.h5"
    path.write_bytes(made.read_bytes())
    with h5py.File(path, "r+") as file:
        file["weights/parameters"][3, -1, 5] += 1
        file["pairs/cosine"][0] += 1
        touched = set(np.flatnonzero((file["pairs/first"][()] == 3) | (file["pairs/second"][()] == 3))) | {0}
    assert_says(seedbed("verify", path), 1, "2 damaged", "trial 3, pair 0")
    said = f"1 to do, 9 pairs, {len(touched)} to do"
    assert_says(seedbed("run", folder / "pairs.yaml", "-o", path, "--resume", "--retry", "damaged"), 0, said)
    assert_same_content(reproducible_content(path), reproducible_content(made), path.name)


def test_other_pairs_or_settings_make_another_sweep(seedbed, made, folder):
    for number, (old, new) in enumerate((("across: seed", "within: seed"), ("[0.02, 0.1, 1]", "[0.02, 0.1, 0.5]"))):
        other = folder / f"other-{number}.yaml"
        other.write_text(SWEEP.replace(old, new, 1))
        assert_says(seedbed("run", other, "-o", made, "--resume"), 1, "was made from another sweep")


def test_the_analysis_package_reads_committed_pairs(made, folder):
    path = folder / "analysed.h5"
    path.write_bytes(made.read_bytes())
    with h5py.File(path, "r+") as file:
        file["pairs/state"][2] = 1
    with open_results(path) as results:
        assert list(results.pairs["pair"]) == [0, 1, 3, 4, 5, 6, 7, 8]
        assert results["pairs/path_test_loss"].shape == (8, 7) and len(results["pairs/first"]) == 8
        np.testing.assert_array_equal(results["pairs/path_test_loss"][:, 0], results["pairs/path_test_loss"][...][:, 0])
        assert results["trials/seed"].shape == (6,)


def test_networks_of_other_shapes_have_predictions_to_compare_but_no_path(seedbed, tmp_path):
    (tmp_path / "shapes.yaml").write_text(OTHER_NETWORKS)
    assert_says(seedbed("run", tmp_path / "shapes.yaml", "-o", tmp_path / "shapes.h5"), 0, "1 of 1 pairs compared")
    with h5py.File(tmp_path / "shapes.h5") as file:
        assert 0 <= file["pairs/disagreement_test"][0] <= 1 and np.isfinite(file["pairs/margin_rank_correlation"][0])
        assert np.all(np.isnan(file["pairs/path_train_loss"][0])) and np.isnan(file["pairs/distance"][0])


def test_a_trial_without_an_end_has_nothing_to_compare(seedbed, tmp_path):
    (tmp_path / "diverging.yaml").write_text(ONE_DIVERGES)
    assert_says(seedbed("run", tmp_path / "diverging.yaml", "-o", tmp_path / "diverging.h5", ranks=2), 0, "1 diverged", "3 of 3 pairs")
    with h5py.File(tmp_path / "diverging.h5") as file:
        assert list(file["pairs/outcome"][()]) == [1, 2, 2]
        messages = texts(file["pairs/message"][()])
        assert b"trial 2" in messages[1] and b"diverged" in messages[2]
        assert np.isnan(file["pairs/barrier_train_loss"][1])
