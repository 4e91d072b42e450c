"""The analysis package on small invented files, against plain loops over sets."""

import csv
import json
import math
import subprocess
from itertools import combinations

import h5py
import numpy as np
import pytest
from results_file import STATES, write_results
from seedbed_analysis import ResultsError, consistency, intervals, open_results

TRIALS, SAMPLES = 12, 400


@pytest.fixture
def axes():
    return {
        "seed": np.tile(np.arange(3), 4),
        "train.learning_rate": np.repeat([0.1, 0.01], 6),
        "train.loss": np.tile(np.repeat(["mse", "cross_entropy"], 3), 2),
    }


@pytest.fixture
def margins():
    """A part that all trials share and a part of their own; many equal values, so that ties happen."""
    generator = np.random.default_rng(3)
    values = generator.normal(size=(1, 2, SAMPLES)) + generator.normal(size=(TRIALS, 2, SAMPLES))
    return np.round(values, 1).astype(np.float32)


@pytest.fixture
def path(tmp_path, margins, axes):
    return str(write_results(tmp_path / "results.h5", margins, axes))


def top_set(values, k, end):
    """The naive twin of members(): sorted pairs of margin and position."""
    sign = -1 if end == "highest" else 1
    return {position for _, position in sorted((sign * value, position) for position, value in enumerate(values))[:k]}


def naive_overlap(a, b):
    return len(a & b) / len(a | b)


def change(path, dataset, position, value):
    with h5py.File(path, "r+") as file:
        file[dataset][position] = value


@pytest.mark.parametrize("end", ["highest", "lowest"])
@pytest.mark.parametrize("k", [1, 7, 100, 399, 400])
def test_overlaps_equal_those_of_plain_sets(path, margins, k, end):
    with open_results(path) as results:
        found = consistency.compare(results, lambda n: [k], [end]).sets[0].overlaps[end, k]
    sets = [top_set(row, k, end) for row in margins[:, 1]]
    for a, b in combinations(range(TRIALS), 2):
        assert found[a, b] == pytest.approx(naive_overlap(sets[a], sets[b]), rel=1e-6)
    assert np.all(np.diag(found) == 1)


def test_overlaps_do_not_depend_on_block_sizes(path, monkeypatch):
    with open_results(path) as results:
        whole = consistency.compare(results, lambda n: [40], ["highest"]).sets[0]
        monkeypatch.setattr(consistency, "BLOCK_BYTES", 3000)
        parts = consistency.compare(results, lambda n: [40], ["highest"]).sets[0]
    assert np.array_equal(whole.overlaps["highest", 40], parts.overlaps["highest", 40])
    assert np.allclose(whole.correlation, parts.correlation, atol=1e-6)


def test_chance_is_what_random_subsets_share():
    n, k = 50, 10
    generator = np.random.default_rng(1)
    drawn = [(set(generator.permutation(n)[:k]), set(generator.permutation(n)[:k])) for _ in range(20000)]
    overlaps = [naive_overlap(a, b) for a, b in drawn]
    assert consistency.expected_overlap(n, k) == pytest.approx(np.mean(overlaps), abs=4 * np.std(overlaps) / math.sqrt(20000))
    assert consistency.chance_overlap(n, k) == 10 / 90


def test_expected_overlap_equals_the_sum_over_all_subsets():
    n, k = 7, 3
    fixed = set(range(k))
    overlaps = [naive_overlap(fixed, set(other)) for other in combinations(range(n), k)]
    assert consistency.expected_overlap(n, k) == pytest.approx(np.mean(overlaps), rel=1e-12)


def test_rank_correlation_is_spearmans():
    values = np.random.default_rng(2).normal(size=(4, 90))
    ranked = np.argsort(np.argsort(values, axis=1), axis=1)
    found = consistency.ranks(values)
    assert np.allclose(found @ found.T, np.corrcoef(ranked), atol=1e-5)


def test_a_group_holds_pairs_that_agree_in_its_axes(path, margins, axes):
    with open_results(path) as results:
        compared = consistency.compare(results, lambda n: [20], ["highest"])
        records = consistency.overlap_table(results, compared, ["train.loss"], by_streams=False).to_dict("records")
    assert [record["train.loss"] for record in records] == ["mse", "cross_entropy"]
    for record, loss in zip(records, ["mse", "cross_entropy"]):
        rows = np.flatnonzero(axes["train.loss"] == loss)
        sets = {row: top_set(margins[row, 1], 20, "highest") for row in rows}
        overlaps = [naive_overlap(sets[a], sets[b]) for a, b in combinations(rows, 2)]
        assert record["pairs"] == 15
        assert record["overlap"] == pytest.approx(np.mean(overlaps), rel=1e-6)
        assert record["ratio"] == pytest.approx(np.mean(overlaps) / (20 / 780), rel=1e-6)
        assert record["overlap_low"] <= record["overlap"] <= record["overlap_high"]


def test_the_interval_covers_the_truth_for_most_draws():
    """Overlaps of random subsets: the expected overlap lies in the 95 % interval for most of 60 repetitions."""
    generator, covered = np.random.default_rng(7), 0
    for _ in range(60):
        margins = generator.normal(size=(20, 200))
        packed = np.packbits(consistency.members(margins, 20, "highest"), axis=1)
        overlaps = consistency.jaccard(consistency.shared_counts(packed, 200), 20)
        low, high = intervals.pair_interval(overlaps, ~np.eye(20, dtype=bool))
        covered += low <= consistency.expected_overlap(200, 20) <= high
    assert covered >= 48


def test_only_trials_on_the_same_samples_are_compared(tmp_path, margins, axes):
    index = np.stack([np.arange(SAMPLES), np.arange(SAMPLES), np.arange(SAMPLES) + 1000])
    path = write_results(tmp_path / "variants.h5", margins, axes, index)
    change(path, "trials/variant", slice(4, 8), 1)
    change(path, "trials/variant", slice(8, 12), 2)
    with open_results(path) as results:
        compared = consistency.compare(results, lambda n: [20])
    assert [list(one.rows) for one in compared.sets] == [list(range(8)), list(range(8, 12))]
    assert any("2 different sets" in line for line in compared.left_out)


def test_samples_that_a_variant_lacks_are_not_counted(tmp_path, margins, axes):
    index = np.arange(SAMPLES)[None].copy()
    index[0, 300:] = -1
    margins[:, :, 300:] = np.nan
    path = write_results(tmp_path / "short.h5", margins, axes, index)
    with open_results(path) as results:
        one = consistency.compare(results, lambda n: [30], ["lowest"]).sets[0]
        assert len(results.dataset(0)["train_label"]) == 300
    assert one.n == 300
    first, second = (top_set(margins[row, 1, :300], 30, "lowest") for row in (0, 1))
    assert one.overlaps["lowest", 30][0, 1] == pytest.approx(naive_overlap(first, second))


def test_a_trial_without_margins_is_left_out_with_a_line(path):
    change(path, "margins/train", (3, 1), np.nan)
    with open_results(path) as results:
        compared = consistency.compare(results, lambda n: [20])
    assert 3 not in compared.sets[0].rows
    assert compared.left_out == ["1 of 12 trials have no margins at 'end'"]


def test_only_committed_trials_are_seen(path, margins):
    change(path, "trials/state", 2, STATES["running"])
    change(path, "trials/state", 5, STATES["waiting"])
    kept = [row for row in range(TRIALS) if row not in (2, 5)]
    with open_results(path) as results:
        assert list(results.trials["trial"]) == kept
        assert results.trials["outcome"].tolist() == ["done"] * 10
        assert np.array_equal(results["margins/train"][...], margins[kept])
        assert np.array_equal(results["margins/train"][2:7, 1, ::3], margins[kept][2:7, 1, ::3])
        assert np.array_equal(results["margins/train"][[9, 0, 4], 0], margins[kept][[9, 0, 4], 0])
        assert np.array_equal(results["margins/train"][-1, 1], margins[11, 1])
        assert results["margins/train"].dimensions == ("trial", "margins_point", "train_sample")
        assert results["margins/train"].shape == (10, 2, SAMPLES)
        with pytest.raises(ResultsError, match="trial 5 is not committed"):
            results.weights(5)


def test_trials_committed_later_appear_after_refresh(path):
    change(path, "trials/state", 0, STATES["running"])
    with open_results(path) as results:
        assert len(results) == 11
    change(path, "trials/state", 0, STATES["committed"])
    with open_results(path) as results:
        results.refresh()
        assert len(results) == 12


def test_weights_come_by_name_and_shape(path):
    with open_results(path) as results:
        tensors = results.weights(3)
    assert tensors["a.weight"].tolist() == [[24, 25, 26], [27, 28, 29]]
    assert tensors["a.bias"].tolist() == [30, 31]


def test_selection_takes_values_lists_and_functions(path):
    with open_results(path) as results:
        assert results.axes == ["seed", "train.learning_rate", "train.loss"]
        assert results.select({"train.loss": "mse"}, seed=[0, 2]).tolist() == [0, 2, 6, 8]
        assert results.select({"learning_rate": lambda rate: rate < 0.05}).tolist() == list(range(6, 12))
        with pytest.raises(ResultsError, match="no axis 'depth'"):
            results.select(depth=3)


@pytest.mark.parametrize(
    "question, message",
    [
        (lambda results: results["margin/train"], "there is no 'margin/train'; there is .*margins"),
        (lambda results: results["margins/test"], "there is no 'margins/test' in /margins; there is .*train"),
        (lambda results: results.point("margins", "separated"), "not measured at 'separated'; at init, end"),
        (lambda results: results.dataset(4), "no data variant 4"),
    ],
)
def test_a_wrong_question_gets_one_line(path, question, message):
    with open_results(path) as results:
        with pytest.raises(ResultsError, match=message) as caught:
            question(results)
    assert "\n" not in str(caught.value)


def consistency_command(tools, *arguments):
    command = [tools / "seedbed-analysis", "consistency", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_writes_a_table_json_csv_and_figures(tools, path, tmp_path):
    ended = consistency_command(tools, path, "--k", "10,100", "--group", "loss", "--output", tmp_path / "out", "--json")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document == json.loads((tmp_path / "out/consistency.json").read_text())
    assert document["group_by"] == ["train.loss"]
    with open(tmp_path / "out/consistency.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["overlap"]) for row in rows] == [one["overlap"] for one in document["tables"]["consistency"]]
    assert len(rows) == 16
    for name in ("overlap-highest-10.png", "overlap-lowest-10.svg", "overlap-by-size.png"):
        assert (tmp_path / "out" / name).stat().st_size > 1000


def test_the_table_names_each_group(tools, path, tmp_path):
    ended = consistency_command(tools, path, "--share", "0.05", "--lowest", "--no-figures", "--output", tmp_path)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 5
    assert lines[1].split()[:7] == ["0.1", "mse", "nothing", "3", "3", "lowest", "20"]


def not_hdf5(path):
    path.write_text("a sweep\n")


def another_hdf5(path):
    h5py.File(path, "w").close()


def newer(path):
    write_results(path, np.zeros((2, 2, 5)), {"seed": [0, 1]})
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99


def nothing_committed(path):
    write_results(path, np.zeros((2, 2, 5)), {"seed": [0, 1]})
    change(path, "trials/state", slice(None), STATES["waiting"])


def one_trial(path):
    write_results(path, np.zeros((1, 2, 5)), {"seed": [0]})


def no_margins(path):
    write_results(path, np.zeros((2, 2, 5)), {"seed": [0, 1]})
    with h5py.File(path, "r+") as file:
        del file["margins"]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: None, "no such file"),
        (not_hdf5, "not a results file"),
        (another_hdf5, "not a seedbed results file"),
        (newer, "format version 99"),
        (nothing_committed, "no committed trials yet (2 in the sweep)"),
        (one_trial, "needs two trials"),
        (no_margins, "the sweep has no 'margins' among its metrics"),
    ],
)
def test_the_command_refuses_in_one_line(tools, tmp_path, make, message):
    make(tmp_path / "file.h5")
    ended = consistency_command(tools, tmp_path / "file.h5", "--k", "2")
    assert ended.returncode == 1
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_every_k_too_large_is_refused_in_one_line(tools, path):
    ended = consistency_command(tools, path, "--k", "401")
    assert ended.returncode == 1
    assert "every k is larger than the 400 training samples" in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_find_python_says_what_to_install(tools):
    ended = subprocess.run([tools / "find-python", "no_such_module"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "apt-get install python3 python3-no_such_module" in ended.stderr


def test_a_file_of_the_engine_reads_as_documented(small_results):
    with open_results(small_results) as results:
        assert results.axes == ["seed", "train.loss", "data.label_noise.rate"]
        assert set(results.trials["outcome"]) == {"done"}
        tensors = results.weights(5, "end")
        data = results.dataset(int(results.trials["variant"][results.row(5)]))
        assert [value.ndim for value in tensors.values()] == [2, 1, 2, 1]
        assert sum(value.size for value in tensors.values()) == results["weights/parameters"].shape[2]
        assert data["source"] == "glyphs"
        assert len(data["observed_label"]) == 200 and len(data["test_label"]) == 100
        assert results["curves/train_loss"].dimensions == ("trial", "epoch")
        clean = results.select({"data.label_noise.rate": 0})
        assert np.isfinite(results["margins/train"][clean, results.point("margins", "end")]).all()


def test_the_command_reads_a_file_of_the_engine(tools, small_results, tmp_path):
    ended = consistency_command(tools, small_results, "--k", "20", "--output", tmp_path, "--json")
    assert ended.returncode == 0, ended.stderr
    groups = json.loads(ended.stdout)["tables"]["consistency"]
    assert len(groups) == 8 and all(one["pairs"] == 3 and one["shares"] == "nothing" for one in groups)
    assert all(one["overlap"] > one["chance"] for one in groups if one["data.label_noise.rate"] == 0)
