"""What the analyses say of a file of the engine, found again with h5py and NumPy alone, from what was recorded of each sample."""

import csv
import json
from itertools import combinations

import h5py
import numpy as np
import pytest
from command_line import TINY
from seedbed_analysis import command, intervals, open_results, pairs, sample_loss, variance


@pytest.fixture(scope="module")
def file(population):
    with h5py.File(population, "r") as opened:
        yield opened


@pytest.fixture(scope="module")
def tables(population, tmp_path_factory):
    """tables("margins", "--point", "end") -> {name: rows} of the JSON that the command writes"""
    kept = {}

    def run(name, *options):
        if (name, *options) not in kept:
            folder = tmp_path_factory.mktemp("out")
            assert command.main([name, str(population), "-o", str(folder), "--no-figures", *options]) == 0
            kept[name, *options] = json.loads((folder / f"{name}.json").read_text())["tables"]
        return kept[name, *options]

    return run


def column(file, name):
    values = file[f"trials/{name}"][()]
    return np.array([one.decode() for one in values]) if values.dtype.kind == "O" else values


def trials_of(file, row):
    """Numbers of the trials that agree with a row of a table in every axis that it names."""
    chosen = np.ones(len(file["trial"]), bool)
    for axis in ("train.loss", "data.label_noise.rate", "model.hidden", "train.learning_rate"):
        if axis in row:
            chosen &= column(file, axis) == row[axis]
    return np.flatnonzero(chosen)


def label(file, scale, name):
    return [one.decode() for one in file[scale][()]].index(name)


def ranks(values):
    """Ranks from 1, equal values sharing their mean."""
    return np.array([np.mean([i + 1 for i, other in enumerate(sorted(values)) if other == value]) for value in values])


def spearman(a, b):
    return np.corrcoef(ranks(a), ranks(b))[0, 1]


def near(found, expected, tolerance=1e-6):
    assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_overlaps_are_those_of_sets_of_sorted_samples(file, tables):
    margins, end = file["margins/train"], label(file, "margins_point", "end")
    wrong = file["dataset/train_label"][()] != file["dataset/observed_label"][()]
    rows = tables("consistency", "--k", "12,36")["consistency"]
    assert len(rows) == 8 * 4
    for row in rows:
        sets = {}
        for trial in trials_of(file, row):
            order = np.argsort(margins[trial, end], kind="stable")
            sets[trial] = set(order[: row["k"]] if row["end"] == "lowest" else order[::-1][: row["k"]])
        near(row["overlap"], np.mean([len(a & b) / len(a | b) for a, b in combinations(sets.values(), 2)]))
        near(row["chance"], row["k"] / (240 - row["k"]))
        near(row["rank_correlation"], np.mean([spearman(margins[a, end], margins[b, end]) for a, b in combinations(sets, 2)]), 1e-3)  # ties
        near(row["flipped"], np.mean([[wrong[file["trials/variant"][trial]][one] for one in own] for trial, own in sets.items()]))


def test_pairs_that_share_a_stream_are_told_apart(file, tables):
    """Pairs of trials at two rates of noise with one seed share initial weights and order; at two seeds nothing."""
    rows = tables("consistency", "--k", "12", "--highest", "--group", "loss", "--group", "hidden")["consistency"]
    assert {(row["shares"], row["pairs"]) for row in rows} == {("nothing", 12), ("init and order", 3)}


def test_areas_and_their_rank_correlations(file, tables):
    found = tables("margins", "--point", "epoch 6")
    point = label(file, "margins_point", "epoch 6")
    trials = [trial for trial in range(25) if file["margins/epoch"][trial, point] == 6]
    accuracy = [file["curves/test_accuracy"][trial, 6] for trial in trials]
    assert [row["trial"] for row in found["margins-areas"]] == trials and len(trials) == 24
    for kind in ("none", "frobenius", "last_layer", "spectral", "input_gradient"):
        values = np.array([file["margins/train"][trial, point] for trial in trials], float)
        if kind == "input_gradient":
            values = np.array([file["margins/train_input_gradient"][trial, point] for trial in trials], float)
        elif kind != "none":
            values /= np.array([[file[f"margins/rho_{kind}"][trial, point]] for trial in trials])
        areas, positive = np.nanmean(values, axis=1), np.nanmean(np.maximum(values, 0), axis=1)
        for row, area, both in zip(found["margins-areas"], areas, positive):
            near(row[f"area_{kind}"], area, 1e-5)
            near(row[f"positive_area_{kind}"], both, 1e-5)
        rows = {row["area"]: row for row in found["margins-correlation"] if row["normalise"] == kind}
        near(rows["area"]["spearman"], spearman(areas, accuracy))
        near(rows["positive area"]["spearman"], spearman(positive, accuracy))
        assert rows["area"]["spearman_low"] <= rows["area"]["spearman"] <= rows["area"]["spearman_high"]


def test_the_margins_table_has_means_over_seeds_of_figures_of_the_margins(file, tables):
    rows = tables("margins", "--point", "epoch 6")["margins"]
    assert {row["point"] for row in rows} >= {"init", "epoch 6", "end"}
    for row in rows:
        point = label(file, "margins_point", row["point"])
        values = [file["margins/train"][trial, point].astype(float) for trial in trials_of(file, row)]
        values = [one for one in values if np.isfinite(one).all()]
        assert row["trials"] == len(values)
        near(row["area"], np.mean([one.mean() for one in values]), 1e-5)
        near(row["minimum"], np.mean([one.min() for one in values]), 1e-5)
        near(row["quantile_10"], np.mean([np.quantile(one, 0.1) for one in values]), 1e-5)
        near(row["variation"], np.mean([one.std() / one.mean() for one in values]), 1e-4)


def gram_signs(file, trial, point, part):
    """(signs of all products of one part's gradients, labels), from the recorded Gram matrix"""
    chosen = file["stiffness/sample_part"][trial] == part
    gram = file["stiffness/gram"][trial, point][np.ix_(chosen, chosen)].astype(float)
    return np.sign(gram), file["stiffness/sample_label"][trial][chosen]


def class_matrix(signs, labels):
    """C(a, b): mean over pairs i != j."""
    classes = np.unique(labels)
    off = ~np.eye(len(labels), dtype=bool)
    return np.array([[signs[np.outer(labels == a, labels == b) & off].mean() for b in classes] for a in classes])


def test_stiffness_within_and_between_classes(file, tables):
    rows = tables("stiffness")["stiffness"]
    assert {row["point"] for row in rows} >= {"init", "loss 1", "end"}
    for row in rows:
        point = label(file, "stiffness_point", row["point"])
        part = {"train": 0, "held_out": 1}[row["pair"]]
        trials = [trial for trial in trials_of(file, row) if np.isfinite(file["stiffness/between_sign"][trial, point]).any()]
        assert row["trials"] == len(trials)
        matrices = [class_matrix(*gram_signs(file, trial, point, part)) for trial in trials]
        off = ~np.eye(10, dtype=bool)
        near(row["within"], np.mean([np.diag(one).mean() for one in matrices]), 1e-5)
        near(row["between"], np.mean([one[off].mean() for one in matrices]), 1e-5)
        near(row["train_loss"], np.mean([file["stiffness/train_loss"][trial, point] for trial in trials]))


def first_crossing(distance, curve):
    """Where the curve first falls through zero, linear between the centres of bins."""
    there = np.flatnonzero(np.isfinite(curve))
    for a, b in zip(there, there[1:]):
        if curve[a] > 0 >= curve[b]:
            return distance[a] + (distance[b] - distance[a]) * curve[a] / (curve[a] - curve[b])
    return np.nan


def test_the_critical_length_is_the_crossing_of_the_binned_curve(file, tables):
    distance, compared = file["stiffness_bin"][()], 0
    for row in tables("stiffness")["stiffness"]:
        point, pair = label(file, "stiffness_point", row["point"]), label(file, "stiffness_pair", row["pair"])
        curves = [file["stiffness/distance_sign"][trial, point, pair, 0] for trial in trials_of(file, row)]
        pairs = [file["stiffness/distance_pairs"][trial, point, pair, 0] for trial in trials_of(file, row)]
        found = [first_crossing(distance, np.where(count > 0, curve, np.nan)) for curve, count in zip(curves, pairs)]
        found = [one for one in found if np.isfinite(one)]
        fits = [file["stiffness/fit_length"][trial, point, pair, 0] for trial in trials_of(file, row)]
        if np.isfinite(fits).any():
            near(row["fit_length"], np.nanmean(fits))
        if found:
            near(row["crossing"], np.mean(found))
            compared += 1
        else:
            assert row["crossing"] is None
    assert compared > 5


def plateau(alpha, curve, tau=0.05):
    return alpha[np.flatnonzero(curve >= (1 - tau) * curve[0])[-1]]


@pytest.mark.parametrize("way", ["mode", "layer"])
def test_plateaus_of_loss_and_error(file, tables, way):
    alpha = file["interpolation_alpha"][()]
    rows = tables("interpolation")["interpolation" if way == "mode" else "interpolation-layers"]
    names = [one.decode() if way == "mode" else int(one) for one in file[f"interpolation_{way}"][()]]
    assert len(rows) == (16 if way == "mode" else 4 * 2 + 4 * 3)
    for row in rows:
        place = names.index(row[way])
        for what in ("error", "loss"):
            curves = [file[f"interpolation/{way}_train_{what}"][trial, 0, place] for trial in trials_of(file, row)]
            near(row[f"{what}_plateau"], np.mean([plateau(alpha, curve) for curve in curves]))
            monotone = np.mean([np.all(np.diff(curve) <= 0) for curve in curves])
            near(row[f"{what}_monotone"], monotone)


def test_biases_and_the_order_of_learning(file, tables):
    for row in tables("interpolation")["interpolation"]:
        expected = []
        for trial in trials_of(file, row):
            error = file["interpolation/class_error"][trial]
            learned = [next((epoch for epoch in range(13) if error[epoch, one] < 0.5), 99) for one in range(10)]
            expected.append(spearman(learned, file["interpolation/last_bias"][trial, 12]))
        near(row["order_correlation"], np.nanmean(expected))


def rises(file, trial, part="test"):
    """(losses at t*, losses at T, number of t*, number of T), from the recorded losses and training accuracy."""
    losses = file[f"sample_loss/{part}"][trial].astype(float)
    epochs = file["sample_loss/epoch"][trial]
    separated = [place for place, epoch in enumerate(epochs) if epoch >= 0 and file["curves/train_accuracy"][trial, epoch] == 1]
    last = (separated[0] - 1) if separated else np.flatnonzero(epochs >= 0)[-1]
    best = int(np.argmin(losses[: last + 1].mean(axis=1)))
    return losses[best], losses[last], best, last


def test_the_rise_and_how_few_samples_carry_it(file, tables, population):
    compared = 0
    for row in tables("sample-loss")["sample-loss"]:
        found = [rises(file, trial) for trial in trials_of(file, row)]
        near(row["rise"], np.mean([last.mean() - best.mean() for best, last, _, _ in found]), 1e-5)
        near(row["fraction_rising"], np.mean([(last > best + 1e-3).mean() for best, last, _, _ in found]))
        near(row["median_last"], np.mean([np.median(last) for _, last, _, _ in found]), 1e-5)
        shares = []
        for best, last, _, _ in found:
            increase = np.sort(last - best)[::-1]
            if (increase > 0).any():
                shares.append(increase[: int(np.ceil(0.05 * 80))].sum() / increase[increase > 0].sum())
        if shares:
            near(row["top_5"], np.mean(shares), 1e-5)
            compared += 1
    assert compared >= 4
    with open_results(population) as results:
        curves = sample_loss.concentration(results)
    for trial in range(24):
        best, last, _, _ = rises(file, trial)
        increase = np.sort(last - best)[::-1]
        if (increase > 0).any():
            count = int(np.ceil(0.3 * 80))
            near(curves[trial, -1], increase[:count].sum() / increase[increase > 0].sum(), 1e-5)
        else:
            assert np.isnan(curves[trial]).all()


def test_what_rises_adds_up_to_the_rise(file, tables):
    for row in tables("sample-loss")["sample-loss"]:
        parts = [one for one in tables("sample-loss")["sample-loss-split"] if trials_of(file, one).tolist() == trials_of(file, row).tolist()]
        assert len(parts) == 8
        near(sum(one["rise"] for one in parts), row["rise"])
        near(sum(one["share"] for one in parts), 1)


def test_memorization_index_and_flips(file, tables):
    rows, clean = tables("memorization")["memorization"], {}
    end = label(file, "memorization_point", "end")
    for row in sorted(rows, key=lambda one: one["data.label_noise.rate"]):
        j1, j2, index, flips = [], [], [], []
        for trial in trials_of(file, row):
            variant = file["trials/variant"][trial]
            observed, true = file["dataset/observed_label"][variant], file["dataset/train_label"][variant]
            predicted = file["memorization/predicted"][trial, end]
            if row["train.loss"] == "mse_logits":
                continue
            eta = (observed != true).mean()
            j1.append((predicted == observed).mean())
            j2.append((predicted == true).mean())
            index.append((j1[-1] - (1 - eta)) / eta if eta else np.nan)
            first, second = file["memorization/observed_accuracy"][trial], file["memorization/true_accuracy"][trial]
            flips.append(any((second[:epoch] > first[:epoch]).any() and first[epoch] > second[epoch] for epoch in range(13)))
        if j1:
            near(row["J1"], np.mean(j1))
            near(row["J2"], np.mean(j2))
            near(row["flipped"], np.mean(flips))
            key = row["train.loss"], row["model.hidden"]
            if row["data.label_noise.rate"] == 0:
                clean[key] = np.mean(j2)
                assert row["M"] is None
            else:
                near(row["M"], np.mean(index))
                near(row["loss_of_accuracy"], clean[key] - np.mean(j2))


def test_variance_shares_are_those_of_group_means(file, tables):
    rows = tables("variance")["variance"]
    for metric in ("test_accuracy", "train_loss", "margins/train_area_spectral"):
        if "/" in metric:
            values = file[metric][:, label(file, "margins_point", "end")]
        else:
            values = file[f"trials/{metric}"][()]
        keep = file["trials/outcome"][()] == 1
        total, expected = ((values[keep] - values[keep].mean()) ** 2).sum(), {}
        for axis in ("train.loss", "data.label_noise.rate", "model.hidden", "seed"):
            levels = column(file, axis)
            expected[axis] = sum((keep & (levels == level)).sum() * (values[keep & (levels == level)].mean() - values[keep].mean()) ** 2
                                 for level in np.unique(levels[keep])) / total
        found = {row["factor"]: row["share"] for row in rows if row["metric"] == metric}
        near(found["init + order"], expected["seed"])
        for axis in ("data.label_noise.rate", "model.hidden"):
            near(found[axis], expected[axis])
        near(found.get("train.loss", found.get("train.loss + train.learning_rate")), expected["train.loss"])


def test_shares_of_a_full_grid_with_known_effects():
    """y = 2 a + b for a in -1, 1 and b in -1, 1 on a full grid: 4/5 and 1/5, and nothing is left."""
    a, b = (one.ravel() for one in np.meshgrid([0, 1], [0, 1, 0, 1]))
    records = variance.explained(2.0 * (2 * a - 1) + (2 * b - 1), {"a": a, "b": b}, np.arange(8))
    assert [record["factor"] for record in records] == ["a", "b", "rest"]
    near([record["share"] for record in records], [0.8, 0.2, 0], 1e-9)
    near(records[0]["by_chance"], 1 / 7)


def test_streams_that_draw_nothing_are_no_factors(seedbed, tmp_path):
    """With initial weights and order freed on their own the seed as such is left to streams that draw nothing: no factor is it."""
    sweep, path = tmp_path / "parted.yaml", tmp_path / "parted.h5"
    sweep.write_text(TINY.replace("0..3", "1..3, seeds.init: [0, seed], seeds.order: [0, seed]"))
    assert seedbed("run", sweep, "-o", path).returncode == 0
    assert {"init", "order"} <= set(variance.factors(open_results(path))) <= {"init", "order", "seeds.init", "seeds.order"}


def test_barriers_and_disagreement(file, tables):
    alpha, predicted = file["pair_alpha"][()], {}
    rows = tables("pairs")["pairs"]
    assert len(rows) == 8 and all(row["differ"] == "seed" and row["pairs"] == 3 for row in rows)
    weights_end = label(file, "memorization_point", "end")
    for row in rows:
        trials = set(trials_of(file, {**row, "data.label_noise.rate": float(row["data.label_noise.rate"]),
                                      "train.learning_rate": float(row["train.learning_rate"])}))
        places = [place for place in range(24) if file["pairs/first"][place] in trials]
        for name in ("train_loss", "test_error"):
            paths = file[f"pairs/path_{name}"][places]
            expected = [np.max(one - ((1 - alpha) * one[0] + alpha * one[-1])) for one in paths]
            near(row[f"barrier_{name}"], np.mean(expected))
        predicted = {trial: file["memorization/predicted"][trial, weights_end] for trial in trials}
        near(row["disagreement_train"], np.mean([(predicted[a] != predicted[b]).mean() for a, b in combinations(trials, 2)]))


def test_the_interval_over_pairs_draws_trials(monkeypatch):
    """The same as that of a matrix of all pairs, whatever the size of blocks; the last column has absent values."""
    generator = np.random.default_rng(3)
    first, second = np.triu_indices(6, 1)
    matrix = generator.normal(size=(6, 6))
    values = np.stack([matrix[first, second], np.where(first == 0, np.nan, 1.0)], axis=1)
    whole = pairs.pair_list_interval(first + 10, second + 10, values)
    monkeypatch.setattr(intervals, "BLOCK", 40)
    np.testing.assert_allclose(pairs.pair_list_interval(first + 10, second + 10, values), whole)
    matrix[second, first] = matrix[first, second]
    expected = intervals.pair_interval(matrix, ~np.eye(6, dtype=bool))
    near([edge[0] for edge in whole], expected, 1e-9)
    near([edge[1] for edge in whole], [1, 1], 1e-9)
    assert np.isnan(pairs.pair_list_interval([0], [1], [3.0])).all()


def test_means_of_any_number(file, tables):
    rows = tables("compare", "--metric", "test_accuracy", "--metric", "margins/train_area_frobenius@init", "--metric",
                  "interpolation/mode_error_plateau[mode=linear]", "--group", "loss")["compare"]
    for row in rows:
        trials = trials_of(file, row)
        values = {"test_accuracy": file["trials/test_accuracy"][()],
                  "margins/train_area_frobenius@init": file["margins/train_area_frobenius"][:, 0],
                  "interpolation/mode_error_plateau[mode=linear]": file["interpolation/mode_error_plateau"][:, 0, 0]}[row["metric"]][trials]
        values = values[np.isfinite(values)]
        assert row["trials"] == len(values)
        if len(values):
            near([row["mean"], row["minimum"], row["maximum"]], [values.mean(), values.min(), values.max()])


def test_the_csv_has_the_rows_of_the_json(population, tmp_path):
    assert command.main(["memorization", str(population), "-o", str(tmp_path), "--no-figures", "--where", "loss == 'mse'"]) == 0
    rows = json.loads((tmp_path / "memorization.json").read_text())["tables"]["memorization"]
    with open(tmp_path / "memorization.csv", newline="") as table:
        read = list(csv.DictReader(table))
    assert len(read) == len(rows) == 4 and [float(row["J1"]) for row in read] == [row["J1"] for row in rows]


def test_the_interval_of_a_mean_is_the_normal_one_for_many_values():
    values = np.random.default_rng(8).normal(3, 2, size=(400, 2))
    low, high = intervals.interval(values)
    half = 1.96 * values.std(axis=0, ddof=1) / 20
    np.testing.assert_allclose(low, values.mean(axis=0) - half, atol=0.05)
    np.testing.assert_allclose(high, values.mean(axis=0) + half, atol=0.05)


def test_absent_values_take_no_part_in_means_and_intervals():
    values = np.array([[1.0, np.nan, 5], [3, np.nan, np.nan], [np.nan, np.nan, np.nan]])
    low, high = intervals.interval(values)
    assert intervals.mean(values)[0] == 2 and np.isnan(intervals.mean(values)[1]) and intervals.mean(values)[2] == 5
    assert (low[0], high[0]) == (1, 3) and np.isnan(low[1:]).all() and np.isnan(high[1:]).all()


def test_equal_values_share_their_rank():
    first, second = np.array([1.0, 2, 2, 5, 7]), np.array([3.0, 1, 4, 4, 9])
    near(intervals.spearman(first, second), spearman(first, second), 1e-12)
    assert np.isnan(intervals.spearman(first, np.ones(5)))
