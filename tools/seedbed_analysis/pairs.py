"""What pairs of trials have in common: the barrier between their weights, what they predict differently, their margins.

Barrier: max over alpha of L(alpha) - ((1 - alpha) L(0) + alpha L(1)), L the loss (or error) on the line between two trials' weights.
Disagreement: share of samples that the two predict differently. Pairs are grouped by the axes in which their trials differ and by
the values of those that they share. Intervals: trials drawn again, since pairs that share a trial are not independent.
"""

import math

import numpy as np
import pandas

from . import intervals, style
from .groups import brief, chosen_axes, is_seed, need_trials, short
from .output import Findings
from .storage import ResultsError

NAME = "pairs"
READ = {  # how to read each figure, by the beginning of its name
    "pairs-paths": "A hump between 0 and 1 is a barrier: the two networks are not joined by a straight line of equally good "
                   "ones.",
    "pairs-barriers": "A dot is a pair, a diamond the mean with its interval: at 0 there is no barrier, or nothing that the "
                      "two predict differently.",
}
BARRIERS = ("barrier_train_loss", "barrier_train_error", "barrier_test_loss", "barrier_test_error")
OTHERS = ("disagreement_train", "disagreement_test", "margin_rank_correlation", "distance", "cosine")


def need_pairs(results):
    """The committed pairs that were compared -> DataFrame. ResultsError where there are none."""
    need_trials(results)
    if "pairs" not in results.groups():
        raise ResultsError(f"{results.path}: the sweep compared no pairs; say `pairs: {{across: seed}}` in the sweep")
    if not len(results.pairs):
        raise ResultsError(f"{results.path}: no committed pairs yet")
    done = results.pairs[results.pairs["outcome"] == "done"]
    if not len(done):
        reasons = ", ".join(sorted({str(text) for text in results.pairs["message"]}))
        raise ResultsError(f"{results.path}: none of {len(results.pairs)} pairs could be compared: {reasons}")
    return done


def described(results, axes):
    """The compared pairs with what their trials share -> DataFrame: the axes (the value, or "a | b"), `differ`, `group`, all numbers.

    differ: the axes in which the two trials differ, seeds too
    """
    done = need_pairs(results).copy()
    first, second = (results.trials.loc[done[name]] for name in ("first", "second"))
    differ = [[] for _ in range(len(done))]
    for axis in dict.fromkeys([*axes, *(one for one in results.axes if is_seed(one))]):
        a, b = first[axis].to_numpy(), second[axis].to_numpy()
        for place in np.flatnonzero(a != b):
            differ[place].append(axis)
        if axis in axes:
            texts = brief([*a, *b])
            done[axis] = [texts[x] if x == y else f"{texts[x]} | {texts[y]}" for x, y in zip(a, b)]
    done["differ"] = [", ".join(names) or "-" for names in differ]
    done["group"] = [", ".join([f"{short(axis)} {row[axis]}" for axis in axes] + [f"across {row['differ']}"])
                     for row in done.to_dict("records")]
    return done


def pair_list_interval(first, second, values):
    """95 % interval of the mean over pairs, drawing trials again.

    first, second: numbers of trials [pairs]; values [pairs, ...] -> (low [...], high [...]), NaN for fewer than three trials
    """
    trials, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    values = np.asarray(values, dtype=float)
    there, drawn = np.isfinite(values), intervals.draws(len(trials))
    means = np.full((len(drawn), *values.shape[1:]), np.nan)
    step = max(1, intervals.BLOCK // len(values))
    for start in range(0, len(drawn) if len(trials) > 2 else 0, step):
        block = drawn[start : start + step]
        weight = block[:, places[: len(first)]] * block[:, places[len(first):]]
        with np.errstate(invalid="ignore", divide="ignore"):
            means[start : start + step] = (weight @ np.where(there, values, 0)) / (weight @ there.astype(float))
    return intervals.quantiles(means, [0.025, 0.975])


def pairs_table(results, axes):
    """Means over each group of pairs -> DataFrame, a row a group.

    barriers and disagreement with intervals; overlap_<end>_<share>: Jaccard overlap of the training samples of extreme margin,
    overlap_chance_<share>; margin_rank_correlation, distance, cosine
    """
    pairs, records = described(results, axes), []
    shares = results["pair_share"][...] if "pair_share" in results else []
    overlaps = {f"overlap_{what}_{share:g}": results[f"pairs/overlap_{what}"][:, place] for what in ("lowest", "highest", "chance")
                for place, share in enumerate(shares) if f"pairs/overlap_{what}" in results}
    overlaps = pandas.DataFrame(overlaps, index=results.pairs.index)
    for _, own in pairs.groupby("group", sort=False):
        record = {**{axis: own[axis].iloc[0] for axis in axes}, "differ": own["differ"].iloc[0], "pairs": len(own),
                  "trials": len(set(own["first"]) | set(own["second"]))}
        for name in (*BARRIERS, *OTHERS):
            values = own[name].to_numpy(dtype=float)
            record[name] = float(intervals.mean(values))
            if name in BARRIERS or name.startswith("disagreement"):
                low, high = pair_list_interval(own["first"], own["second"], values)
                record.update({f"{name}_low": float(low), f"{name}_high": float(high)})
        record.update({name: float(intervals.mean(overlaps[name].loc[own.index].to_numpy())) for name in overlaps})
        records.append(record)
    return pandas.DataFrame(records)


@style.drawn
def paths_figure(results, axes, what="loss"):
    """Loss or error on the line between two trials, a panel a group: mean over pairs, with an interval -> Figure."""
    pairs = described(results, axes)
    place = {number: row for row, number in enumerate(results.pairs.index)}
    names = list(dict.fromkeys(pairs["group"]))[: style.MOST_PANELS]
    alpha, looks = results["pair_alpha"][...], style.looks(["training", "test"])
    figure, panels = style.panels(*style.shape(len(names), 3), 3.6, 2.7, sharex=True)
    for panel, name in zip(panels.flat, names):
        own = pairs[pairs["group"] == name]
        for part, word in (("train", "training"), ("test", "test")):
            lines = results[f"pairs/path_{part}_{what}"][[place[number] for number in own.index]]
            edges = pair_list_interval(own["first"], own["second"], lines)
            style.band(panel, alpha, intervals.mean(lines), *edges, word, **{**looks[word], "marker": ""})
        panel.set_title(name.replace(", across", "\nacross"), fontsize=8)
        panel.set_xlabel("alpha")
    style.hide_rest(panels, len(names))
    for panel in panels[:, 0]:
        panel.set_ylabel(what)
    style.below(figure, style.handles_of(panels))
    return figure


@style.drawn
def barriers_figure(table, pairs, axes, shown=("barrier_test_loss", "barrier_test_error", "disagreement_test")):
    """Barriers and disagreement: a line a group, a dot a pair, the mean with its interval -> Figure.   table: pairs_table's"""
    names = [", ".join([f"{short(axis)} {row[axis]}" for axis in axes] + [f"across {row['differ']}"]) for row in table.to_dict("records")]
    figure, panels = style.panels(1, len(shown), 3.2, 1.2 + 0.4 * len(names), sharey=True)
    for panel, quantity in zip(panels[0], shown):
        for place, (name, row) in enumerate(zip(names, table.to_dict("records"))):
            values = pairs[pairs["group"] == name][quantity].to_numpy(dtype=float)
            panel.plot(values, np.full(len(values), place), linestyle="", marker="o", markersize=3, color=style.PALETTE[5], alpha=0.5)
            edges = [row[f"{quantity}_{edge}"] for edge in ("low", "high")]
            if not any(math.isnan(edge) for edge in edges):
                panel.plot(edges, [place, place], color=style.PALETTE[1], linewidth=2)
            panel.plot([row[quantity]], [place], marker="D", color=style.PALETTE[1])
        panel.set_yticks(range(len(names)), names, fontsize=8)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_xlabel(quantity.replace("_", " "))
    return figure


def add_options(parser):
    parser.add_argument("--what", choices=["loss", "error"], default="loss", help="on the line between the weights, in the figure (loss)")


def run(results, arguments):
    """The subcommand -> Findings."""
    need_pairs(results)
    axes = chosen_axes(results, arguments.group, [axis for axis in results.axes if axis != "seed"])
    table, pairs = pairs_table(results, axes), described(results, axes)
    left = len(results.pairs) - len(pairs)
    notes = [f"{left} of {len(results.pairs)} pairs could not be compared: one of their trials is not done"] if left else []
    figures = {"pairs-barriers": lambda: barriers_figure(table, pairs, axes)}
    if np.isfinite(table["barrier_test_loss"]).any():
        figures["pairs-paths"] = lambda: paths_figure(results, axes, arguments.what)
    return Findings({NAME: table}, figures, notes, {"group_by": axes},
                    [*axes, "differ", "pairs", "trials", "barrier_test_loss", "barrier_test_error", "disagreement_test",
                     "margin_rank_correlation"])
