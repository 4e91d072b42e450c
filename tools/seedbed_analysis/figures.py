"""Figures in one style: legible in print, colours that the colour-blind can tell apart, units on every axis.

matplotlib is imported when the first figure is drawn, so that everything else works without it.
"""

import os
from contextlib import contextmanager

import numpy as np

from .consistency import between_groups, chance_overlap, group_labels, value_text
from .margins import sorted_curves
from .results import ResultsError

# Okabe and Ito's palette, without its yellow, which is too pale for lines.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "seedbed",
}
MOST_TRIALS_SHOWN = 400  # larger heat maps show means of groups
CURVES = [("train_loss", "training loss"), ("test_loss", "test loss"), ("train_accuracy", "training accuracy (%)"),
          ("test_accuracy", "test accuracy (%)")]


@contextmanager
def drawing():
    """Lends matplotlib.pyplot in the house style, without a display. ResultsError when it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise ResultsError("figures need matplotlib: apt-get install python3-matplotlib, or pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(STYLE):
        yield pyplot


def save(figure, pyplot, directory, name):
    """Writes name.png and name.svg into directory -> their paths."""
    paths = [os.path.join(directory, f"{name}.{kind}") for kind in ("png", "svg")]
    for path in paths:
        figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)
    return paths


def colours(pyplot, count):
    """One colour a value: the palette, or a perceptual scale when there are more values than it has."""
    if count <= len(PALETTE):
        return PALETTE[:count]
    return [pyplot.cm.viridis(position) for position in np.linspace(0, 0.92, count)]


def varied_axes(results):
    """The axes worth a figure: more than one value, and not the seed."""
    return [axis for axis in results.axes if axis != "seed" and len(np.unique(results.trials[axis])) > 1]


def draw_band(axes, x, lines, colour, label):
    """Median of lines [trials, x] with the band between its quartiles; absent values are skipped."""
    seen = np.any(np.isfinite(lines), axis=0)
    if not seen.any():
        return
    low, middle, high = np.nanquantile(lines[:, seen], [0.25, 0.5, 0.75], axis=0)
    axes.plot(x[seen], middle, color=colour, label=label)
    axes.fill_between(x[seen], low, high, color=colour, alpha=0.18, linewidth=0)


def curves_figure(results, axis, directory):
    """Loss and accuracy against epoch, by the values of one axis: median and quartile band over trials -> paths."""
    values = np.unique(results.trials[axis])
    with drawing() as pyplot:
        figure, panels = pyplot.subplots(2, 2, figsize=(8.4, 6), sharex=True)
        for panel, (name, label) in zip(panels.flat, CURVES):
            lines = results[f"curves/{name}"][...] * (100 if "accuracy" in name else 1)
            for value, colour in zip(values, colours(pyplot, len(values))):
                chosen = lines[results.trials[axis] == value]
                draw_band(panel, np.arange(lines.shape[1]), chosen, colour, value_text(value))
            panel.set_ylabel(label)
        for panel in panels[1]:
            panel.set_xlabel("epoch")
            panel.xaxis.get_major_locator().set_params(integer=True)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, title=axis, loc="center left", bbox_to_anchor=(0.99, 0.5))
        figure.suptitle("Median over trials, band from the lower to the upper quartile", fontsize=10)
        figure.tight_layout()
        return save(figure, pyplot, directory, f"curves-by-{axis}")


def margins_figure(results, directory, kind="none", point="end"):
    """Sorted margins of the training set, one panel an axis, one line a value -> paths."""
    rows, share, curves = sorted_curves(results, kind, point)
    if not len(rows):
        raise ResultsError(f"{results.path}: no trial has margins at '{point}'")
    axes = varied_axes(results) or [None]
    with drawing() as pyplot:
        figure, panels = pyplot.subplots(1, len(axes), figsize=(4.4 * len(axes), 3.6), sharey=True, squeeze=False)
        for panel, axis in zip(panels[0], axes):
            column = results.trials[axis][rows] if axis else np.zeros(len(rows))
            values = np.unique(column)
            for value, colour in zip(values, colours(pyplot, len(values))):
                draw_band(panel, 100 * share, curves[column == value], colour, value_text(value) if axis else "all trials")
            panel.axhline(0, color="#666666", linewidth=0.8)
            panel.set_xlabel("share of training samples (%), by margin")
            panel.legend(title=axis, fontsize=9)
        unit = "logits" if kind == "none" else f"logits / {kind} norm"
        panels[0, 0].set_ylabel(f"margin at {point} ({unit})")
        figure.suptitle("Sorted margins: median over trials, band between quartiles; below 0 is misclassified", fontsize=10)
        figure.tight_layout()
        return save(figure, pyplot, directory, "margins-by-axis")


def overlap_matrix(results, one, axes, end, k):
    """What the heat map shows -> (matrix, labels, positions of the labels, borders, "trial" or "group")."""
    labels = np.array(group_labels(results, one.rows, axes))
    names = list(dict.fromkeys(labels))
    if len(labels) > MOST_TRIALS_SHOWN and len(names) > 1:
        names, matrix = between_groups(results, one, axes, end, k)
        return matrix, names, np.arange(len(names)), [], "group"
    order = np.concatenate([np.flatnonzero(labels == name) for name in names])
    matrix = one.overlaps[end, k][np.ix_(order, order)].astype(float)
    np.fill_diagonal(matrix, np.nan)
    ends = np.cumsum([np.count_nonzero(labels == name) for name in names])
    starts = np.concatenate([[0], ends[:-1]])
    return matrix, names, (starts + ends - 1) / 2, list(ends[:-1] - 0.5), "trial"


def heat_map(results, one, axes, end, k, directory, name):
    """Overlap of every pair of trials, ordered by group, as a multiple of chance -> paths."""
    matrix, names, places, borders, unit = overlap_matrix(results, one, axes, end, k)
    side = min(9.0, max(3.8, 0.12 * len(matrix) + 2.2))
    with drawing() as pyplot:
        figure, panel = pyplot.subplots(figsize=(side, side))
        panel.grid(False)
        image = panel.imshow(matrix / chance_overlap(one.n, k), cmap="viridis", vmin=0, interpolation="nearest")
        for border in borders:
            panel.axhline(border, color="white", linewidth=0.8)
            panel.axvline(border, color="white", linewidth=0.8)
        if len(names) <= 40:
            panel.set_yticks(places, [name.replace(", ", "\n") for name in names], fontsize=8)
        panel.set_xticks(places if len(names) <= 40 else [], [""] * (len(names) if len(names) <= 40 else 0))
        panel.set_xlabel(f"{unit}, in the order of the rows")
        bar = figure.colorbar(image, ax=panel, fraction=0.046, pad=0.03)
        bar.set_label("overlap / overlap by chance")
        panel.set_title(f"{k} samples of {end} margin, of {one.n} (chance {chance_overlap(one.n, k):.3g})", fontsize=10)
        return save(figure, pyplot, directory, name)
