"""How far training samples are from being classified otherwise, and whether that says how well a network generalises.

Margin m = z_y - max over j != y of z_j, y the label trained on; m / rho for each rho that the sweep recorded. The area under the sorted
margins is their mean; the positive area that of max(m, 0). Area against test accuracy: Spearman's rank correlation over trials,
with both as they were at one measure point, and an interval by drawing trials again.
"""

import re

import numpy as np
import pandas

from . import intervals, style
from .consistency import blocks, measured_rows
from .groups import chosen_axes, groups, left_out_note, measured, need_group, setting_axes, short, sorted_values
from .output import Findings
from .storage import ResultsError

NAME = "margins"
READ = {  # how to read each figure, by the beginning of its name
    "margins-distribution": "Samples sorted by margin: below zero they are misclassified, and a flatter line means that "
                            "margins are more alike.",
    "margins-area": "A mark is a trial: where the area tells the test accuracy the marks rise to the right, and the rank "
                    "correlation is near 1.",
    "margins-variation": "The lower the line, the more alike the margins are, relative to their mean; 0 would be one margin "
                         "for all.",
}
CURVE_POINTS = 201
FIGURES_OF = ("area", "minimum", "quantile_10", "quantile_50", "quantile_90", "variation")


def normaliser(results, kind, point):
    """The number that margins are divided by, for each trial -> float64 [committed trials].

    kind: "none" (ones), "frobenius", "last_layer" or "spectral". Within a trial it changes no order, and so no overlap.
    """
    if kind == "none":
        return np.ones(len(results))
    names = results.group("margins")
    name = f"rho_{kind}"
    if name not in names:
        raise ResultsError(f"{results.path}: /margins has no {name}; it has {', '.join(names)}")
    return np.asarray(names[name][:, point], dtype=float)


def sorted_curves(results, kind="none", point="end"):
    """Each trial's margins in ascending order, at CURVE_POINTS evenly spaced shares of the training set.

    Returns (rows [trials], share [points] in 0..1, curves [trials, points]).
    """
    array, position = results["margins/train"], results.point("margins", point)
    rows = measured_rows(results, array, position)
    scale = normaliser(results, kind, position)
    counts, variants = results["dataset/train_count"][...], results.trials["variant"].to_numpy()
    share = np.linspace(0, 1, CURVE_POINTS)
    curves = np.empty((len(rows), CURVE_POINTS))
    done = 0
    for block in blocks(rows, max(1, array.shape[2])):
        for row, values in zip(block, array[block, position]):
            values = np.sort(values[: int(counts[variants[row]])]).astype(float) / scale[row]
            curves[done] = np.interp(share, np.linspace(0, 1, len(values)), values)
            done += 1
    return rows, share, curves


def came(data, name="train_area"):
    """At how many trials each measure point came -> {label: trials}"""
    there = np.isfinite(data[name].values)
    return dict(zip((str(label) for label in data[f"{NAME}_point"].values), there.sum(axis=0)))


def default_point(data):
    """`separated` where half of the trials came to it, else the last point that came at all."""
    counts = came(data)
    return max((label for label, count in counts.items() if count),
               key=lambda label: (label == "separated" and 2 * counts[label] >= data.sizes["trial"], list(counts).index(label)))


def kinds(data, part="train"):
    """The normalisations recorded -> list: "none", "frobenius", ..."""
    found = [re.fullmatch(rf"{part}_area(?:_(\w+))?", str(name)) for name in data]
    return [match[1] or "none" for match in found if match]


def test_accuracy_at(results, data, point):
    """Test accuracy at the end of the epoch in which a measure point came -> float64 [trials], NaN where it did not."""
    epochs = data["epoch"].sel({f"{NAME}_point": point}).values
    curve = results["curves/test_accuracy"][...]
    found = curve[np.arange(len(curve)), np.maximum(epochs, 0)]
    return np.where(epochs >= 0, found, np.nan)


def areas(results, point, part="train"):
    """Areas of each trial at a point -> DataFrame [trials]: trial, axes, test_accuracy, area_<kind>, positive_area_<kind>."""
    data = need_group(results, NAME)
    results.point(NAME, point)
    table = pandas.DataFrame({name: results.trials[name] for name in ["trial", *results.axes]})
    table["test_accuracy"] = test_accuracy_at(results, data, point)
    for kind in kinds(data, part):
        ending = "" if kind == "none" else f"_{kind}"
        for area in ("area", "positive_area"):
            table[f"{area}_{kind}"] = data[f"{part}_{area}{ending}"].sel({f"{NAME}_point": point}).values
    return table[np.isfinite(table["area_none"])].reset_index(drop=True)


def area_table(found):
    """How well each area tells the trials' test accuracy -> DataFrame, a row a normalisation and area.   found: areas()"""
    records, accuracy = [], found["test_accuracy"].to_numpy()
    for column in [name for name in found if re.match("(positive_)?area_", name)]:
        values = found[column].to_numpy()
        low, high = intervals.bootstrap(lambda rows, values=values: intervals.spearman(values[rows], accuracy[rows]), len(found), 500)
        area, _, kind = column.rpartition("area_")
        records.append({"normalise": kind, "area": f"{area}area".replace("_", " "), "trials": len(found),
                        "spearman": intervals.spearman(values, accuracy), "spearman_low": low, "spearman_high": high})
    return pandas.DataFrame(records)


def margins_table(results, axes, part="train"):
    """Figures of the margins' distribution at every measure point -> DataFrame, a row for each group and point."""
    data = need_group(results, NAME)
    values = {name: data[f"{part}_{name}"].values for name in FIGURES_OF}
    epoch, records = data["epoch"].values, []
    for group in groups(results, axes):
        for place, label in enumerate(data[f"{NAME}_point"].values):
            rows = group.rows[np.isfinite(values["area"][group.rows, place])]
            if len(rows):
                record = {**group.settings, "point": str(label), "trials": len(rows), "epoch": float(epoch[rows, place].mean())}
                for name in FIGURES_OF:
                    spread = name in ("area", "variation")
                    own = values[name][rows, place]
                    record.update(intervals.columns(name, own) if spread else {name: float(own.mean())})
                records.append(record)
    return pandas.DataFrame(records)


@style.drawn
def distribution_figure(results, point, kind="none"):
    """Sorted margins of the training set, a panel an axis, a line a value: median over trials, band between quartiles -> Figure."""
    rows, share, curves = sorted_curves(results, kind, point)
    axes = [axis for axis in setting_axes(results) if results.trials[axis].nunique() > 1] or [None]
    figure, panels = style.panels(1, len(axes), 4.2, 3.3, sharey=True)
    for panel, axis in zip(panels[0], axes):
        column = results.trials[axis].to_numpy()[rows] if axis else np.zeros(len(rows))
        for value, look in style.labelled(sorted_values(column)).items():
            low, middle, high = intervals.quantiles(curves[column == value])
            style.band(panel, 100 * share, middle, low, high, **(look if axis else {**look, "label": "all trials"}))
        panel.axhline(0, color=style.NEUTRAL, linewidth=0.8)
        panel.set_xlabel("share of training samples (%), by margin")
        panel.legend(title=short(axis) if axis else None, loc="upper left")
    panels[0, 0].set_ylabel(f"margin at {point} ({'logits' if kind == 'none' else f'logits / {kind} norm'})")
    return figure


@style.drawn
def area_figure(found, axes, correlations):
    """Test accuracy against area, a point a trial, a panel a normalisation -> Figure.   found: areas(); correlations: area_table()"""
    normalised = [name[len("area_"):] for name in found if name.startswith("area_")]
    hue = style.hue_axis(found.to_dict("records"), axes)
    looks = style.hue_looks(found.to_dict("records"), hue)
    figure, panels = style.panels(*style.shape(len(normalised), 3), sharey=True)
    for panel, kind in zip(panels.flat, normalised):
        for value, look in looks.items():
            rows = found[found[hue] == value] if hue else found
            panel.plot(rows[f"area_{kind}"], 100 * rows["test_accuracy"], linestyle="", color=look["color"], marker=look["marker"],
                       label=look["label"], alpha=0.8)
        row = correlations[(correlations["normalise"] == kind) & (correlations["area"] == "area")].iloc[0]
        panel.set_title(f"rank correlation {row['spearman']:.2f}")
        panel.set_xlabel("area" if kind == "none" else f"area, margins / {kind}")
    style.hide_rest(panels, len(normalised))
    for panel in panels[:, 0]:
        panel.set_ylabel("test accuracy (%)")
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


@style.drawn
def variation_figure(table, axes):
    """Coefficient of variation of the margins (standard deviation / mean) at every measure point -> Figure.   margins_table's"""
    rows = table.to_dict("records")
    hue, parts = style.facets(rows, axes)
    looks = style.hue_looks(rows, hue)
    figure, panels = style.panels(*style.shape(len(parts)), sharey=True)
    for panel, (title, members) in zip(panels.flat, parts.items()):
        for value in looks:
            own = pandas.DataFrame([rows[place] for place, one in members if one == value], columns=table.columns).sort_values("epoch")
            own = own[own["area"] > 0]  # where the mean is not above 0 the ratio says nothing
            style.band(panel, own["epoch"], own["variation"], own["variation_low"], own["variation_high"], **looks[value])
        style.title(panel, title)
        panel.set_xlabel("epoch")
        panel.set_ylim(bottom=0)
    style.hide_rest(panels, len(parts))
    for panel in panels[:, 0]:
        panel.set_ylabel("deviation / mean of margins")
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


def add_options(parser):
    parser.add_argument("--point", help="measure point of the distribution and the areas (separated where half of the trials "
                        "came to it, or the last)")
    parser.add_argument("--part", choices=["train", "test", "validation"], default="train", help="whose margins (train)")
    parser.add_argument("--normalise", choices=["none", "frobenius", "last_layer", "spectral"], default="none",
                        help="of the margins in the figure of the distribution (none)")


def run(results, arguments):
    """The subcommand -> Findings."""
    data = need_group(results, NAME)
    kept = measured(data["train_area"].values)
    if not kept.any():
        raise ResultsError(f"{results.path}: no trial has margins ({left_out_note(results, kept, 'margins')})")
    if f"{arguments.part}_area" not in data:
        raise ResultsError(f"{results.path}: /margins has no part '{arguments.part}'")
    point, axes = arguments.point or default_point(data), chosen_axes(results, arguments.group)
    found = areas(results, point, arguments.part)
    if not len(found):
        raise ResultsError(f"{results.path}: no trial has margins at '{point}'; trials at each point: {came(data)}")
    correlations, table = area_table(found), margins_table(results, axes, arguments.part)
    at_point = np.isfinite(data["train_area"].sel({f"{NAME}_point": point}).values)
    notes = [note for note in [left_out_note(results, at_point, f"margins at '{point}'")] if note]
    figures = {"margins-distribution": lambda: distribution_figure(results, point, arguments.normalise)}
    if len(found) > 2:
        figures["margins-area"] = lambda: area_figure(found, setting_axes(results), correlations)
    else:
        notes.append(f"{len(found)} trials: too few for a rank correlation of area and test accuracy")
    if table["point"].nunique() > 2:
        figures["margins-variation"] = lambda: variation_figure(table, axes)
    about = {"point": point, "part": arguments.part, "group_by": axes}
    return Findings({NAME: table, "margins-correlation": correlations, "margins-areas": found}, figures, notes, about)
