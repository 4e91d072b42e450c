"""One line for each combination of axes (seeds together), and the figures that show a sweep at a glance."""

import argparse
import math
import os
import sys
import warnings

import numpy as np

from . import intervals, style
from .consistency import compare, heat_map, overlap_table
from .groups import chosen_axes, groups, need_trials, setting_axes, sorted_values, value_text
from .margins import distribution_figure
from .results import open_results
from .storage import ResultsError

OVERLAP_SHARE = 0.1
CURVES = [("train_loss", "training loss"), ("test_loss", "test loss"), ("train_accuracy", "training accuracy (%)"),
          ("test_accuracy", "test accuracy (%)")]


def largest_tenth(n):
    """The one subset size of the summary, for n samples."""
    return [max(1, round(OVERLAP_SHARE * n))]


def overlaps(results, axes):
    """Mean overlap of the 10 % of highest margin, and chance -> {group's settings: (overlap, chance)}; {} without margins."""
    try:
        compared = compare(results, largest_tenth, ["highest"])
    except ResultsError:
        return {}
    table = overlap_table(results, compared, axes, by_streams=False).to_dict("records")
    return {tuple(row[axis] for axis in axes): (row["overlap"], row["chance"]) for row in table}


def mean_margins(results):
    """Mean margin of the training set at the end -> float64 [committed trials], NaN where absent."""
    try:
        array, point = results["margins/train"], results.point("margins", "end")
    except ResultsError:
        return np.full(len(results), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a trial without margins has the mean NaN
        return np.array([np.nanmean(array[row, point], dtype=float) for row in range(len(results))])


def spread(values):
    """Mean and sample standard deviation of what is not absent -> text."""
    values = values[np.isfinite(values)]
    if not len(values):
        return "-"
    deviation = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"


def outcome_counts(outcomes):
    """"4 done" or "3 done, 1 diverged"."""
    names, counts = np.unique(outcomes.astype(str), return_counts=True)
    return ", ".join(f"{count} {name}" for name, count in sorted(zip(names, counts), key=lambda item: -item[1]))


def rows_of_table(results):
    """The table's cells, header first -> list of lists of text."""
    axes = chosen_axes(results, None, [axis for axis in results.axes if axis != "seed"])
    overlap, margins = overlaps(results, axes), mean_margins(results)
    columns = {name: results.trials[name].to_numpy() for name in ("outcome", "test_accuracy", "train_accuracy")}
    table = [["trials", "test accuracy %", "train accuracy %", "mean margin", "overlap (chance)", "axes"]]
    for group in groups(results, axes):
        rows = group.rows
        mean, chance = overlap.get(tuple(group.settings.values()), (math.nan, math.nan))
        table.append([outcome_counts(columns["outcome"][rows]), spread(100 * columns["test_accuracy"][rows]),
                      spread(100 * columns["train_accuracy"][rows]), spread(margins[rows]),
                      "-" if math.isnan(mean) else f"{mean:.2f} ({chance:.2f})",
                      ", ".join(f"{axis}={value_text(value)}" for axis, value in group.settings.items()) or "all"])
    return table


def print_table(table):
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


@style.drawn
def curves_figure(results, axis):
    """Loss and accuracy against epoch, by the values of one axis: median and quartile band over trials -> Figure."""
    looks = style.labelled(sorted_values(results.trials[axis]))
    figure, panels = style.panels(2, 2, sharex=True)
    for panel, (name, words) in zip(panels.flat, CURVES):
        lines = results[f"curves/{name}"][...] * (100 if "accuracy" in name else 1)
        for value, look in looks.items():
            own = lines[(results.trials[axis] == value).to_numpy()]
            low, middle, high = intervals.quantiles(own)
            style.band(panel, np.arange(own.shape[1]), middle, low, high, **{**look, "marker": ""})
        panel.set_ylabel(words)
    for panel in panels[1]:
        panel.set_xlabel("epoch")
        style.integer_axis(panel.xaxis)
    style.below(figure, style.handles_of(panels), axis)
    return figure


def figures(results):
    """What shows a sweep at a glance -> [(name, function -> Figure, what to look at)]"""
    axes = [axis for axis in setting_axes(results) if results.trials[axis].nunique() > 1]
    found = [(f"curves-by-{axis}", lambda axis=axis: curves_figure(results, axis), f"loss and accuracy against epoch, by {axis}")
             for axis in axes]
    if "margins" not in results.groups():
        return found
    if "end" in results.points("margins") and np.isfinite(mean_margins(results)).any():
        found.append(("margins-by-axis", lambda: distribution_figure(results, "end"),
                      "how far each training sample is from the decision boundary, sorted"))
    try:
        one = compare(results, largest_tenth, ["highest"]).sets[0]
    except ResultsError:
        return found  # no two trials to compare
    (end, k), = one.overlaps
    found.append((f"overlap-{end}-{k}", lambda: heat_map(results, one, axes, end, k),
                  "do different runs find the same samples easy? 1 is chance; blocks are groups of equal settings"))
    return found


def run(arguments):
    with open_results(arguments.file) as results:
        need_trials(results)
        print_table(rows_of_table(results))
        print("+- is the standard deviation over seeds; overlap: do runs that differ in the seed share the "
              f"{100 * OVERLAP_SHARE:g} % of training samples with the largest margins?")
        if arguments.figures:
            os.makedirs(arguments.figures, exist_ok=True)
            for name, draw, what in figures(results):
                print(f"  {style.save(draw(), arguments.figures, name)[0]}: {what}")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="seedbed-summary", description=__doc__)
    parser.add_argument("file", help="a results file")
    parser.add_argument("--figures", metavar="DIR", help="also write figures, PNG and SVG, into this folder")
    try:
        run(parser.parse_args(arguments))
    except (ResultsError, OSError) as error:
        print(f"seedbed-summary: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
