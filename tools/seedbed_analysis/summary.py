"""One line for each combination of axes (seeds together), and the figures that show a sweep at a glance."""

import argparse
import math
import os
import sys
import warnings

import numpy as np

from .consistency import compare, group_labels, within_groups
from .figures import curves_figure, heat_map, margins_figure, varied_axes
from .results import ResultsError, open_results

OVERLAP_SHARE = 0.1


def largest_tenth(n):
    """The one subset size of the summary, for n samples."""
    return [max(1, round(OVERLAP_SHARE * n))]


def overlaps(results, axes):
    """Mean overlap of the 10 % of highest margin, and chance -> {group: (overlap, chance)}; {} without margins."""
    try:
        compared = compare(results, largest_tenth, ["highest"])
    except ResultsError:
        return {}
    return {one["group"]: (one["overlap"], one["chance"]) for one in within_groups(results, compared, axes)}


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
    names, counts = np.unique(outcomes, return_counts=True)
    return ", ".join(f"{count} {name}" for name, count in sorted(zip(names, counts), key=lambda item: -item[1]))


def rows_of_table(results):
    """The table's cells, header first -> list of lists of text."""
    axes = [axis for axis in results.axes if axis != "seed"]
    labels = np.array(group_labels(results, np.arange(len(results)), axes))
    overlap, margins = overlaps(results, axes), mean_margins(results)
    table = [["trials", "test accuracy %", "train accuracy %", "mean margin", "overlap (chance)", "axes"]]
    for label in dict.fromkeys(labels):
        rows = np.flatnonzero(labels == label)
        mean, chance = overlap.get(label, (math.nan, math.nan))
        table.append([outcome_counts(results.trials["outcome"][rows]), spread(100 * results.trials["test_accuracy"][rows]),
                      spread(100 * results.trials["train_accuracy"][rows]), spread(margins[rows]),
                      "-" if math.isnan(mean) else f"{mean:.2f} ({chance:.2f})", str(label)])
    return table


def print_table(table):
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def write_figures(results, directory):
    """Curves by each axis, margins, and one heat map where there are margins -> [(path, what to look at)]."""
    shown = []
    for axis in varied_axes(results):
        paths = curves_figure(results, axis, directory)
        shown.append((paths[0], f"loss and accuracy against epoch, by {axis}"))
    if "margins" not in results.groups():
        return shown
    paths = margins_figure(results, directory)
    shown.append((paths[0], "how far each training sample is from the decision boundary, sorted"))
    try:
        compared = compare(results, largest_tenth, ["highest"])
    except ResultsError:
        return shown  # no two trials to compare
    one, axes = compared.sets[0], [axis for axis in results.axes if axis != "seed"]
    (end, k), = one.overlaps
    paths = heat_map(results, one, axes, end, k, directory, f"overlap-{end}-{k}")
    shown.append((paths[0], "do different runs find the same samples easy? 1 is chance; blocks are groups of equal settings"))
    return shown


def run(arguments):
    with open_results(arguments.file) as results:
        if not len(results):
            raise ResultsError(f"{arguments.file}: no committed trials yet ({results.trial_count} in the sweep)")
        print_table(rows_of_table(results))
        print("+- is the standard deviation over seeds; overlap: do runs that differ in the seed share the "
              f"{100 * OVERLAP_SHARE:g} % of training samples with the largest margins?")
        if arguments.figures:
            os.makedirs(arguments.figures, exist_ok=True)
            for path, what in write_figures(results, arguments.figures):
                print(f"  {path}: {what}")


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
