"""What lies between a network's initial and final parameters: curves, plateaus, and biases against the order of learning.

theta(a) = (1 - a) theta(0) + a theta(T), and the other modes of docs/metrics.md. P_err = max {a: error(a) >= (1 - tau) error(0)}, the
end of the error's plateau, P_loss alike; a bump is where the loss rises on the way. Every mean is over trials that
differ in their seeds only.
"""

import numpy as np
import pandas

from . import intervals, style
from .groups import (chosen_axes, groups, labels, left_out_note, list_length, measured, need_group, short, sorted_values)
from .output import Findings
from .quantities import absent_as_nan, last_there
from .storage import ResultsError

NAME = "interpolation"
READ = {  # how to read each figure, by the beginning of its name
    "interpolation-plateaus": "The higher, the longer the way from the initial weights on which the error stays as it was.",
    "interpolation-order": "A mark is a class: marks that fall or rise together mean that the order of learning is left in the"
                           " final biases.",
    "interpolation-": "From the initial (0) to the trained weights (1): a flat stretch is a plateau, a rise on the way a "
                      "barrier.",
}
SPREAD = ("error_plateau", "loss_plateau")  # with intervals
PLAIN = ("bump_height", "bump_width", "loss_monotone", "error_monotone", "largest_share", "bias_class_share")


def last_point(data):
    """The last measure point that any trial came to -> its label."""
    there = (data["epoch"].values >= 0).any(axis=0)
    return str(data[f"{NAME}_point"].values[np.flatnonzero(there)[-1]])


def ways(data):
    """How parameters were interpolated -> [(prefix of the datasets, dimension)]: modes, and single layers."""
    return [(prefix, f"{NAME}_{prefix}") for prefix in ("mode", "layer") if f"{prefix}_error_plateau" in data]


def plateau_table(results, axes, point, prefix="mode"):
    """Figures of the curves -> DataFrame, a row for each group and mode (or layer).

    error_plateau, loss_plateau [intervals over seeds]; loss_monotone, error_monotone: share of trials that never rise;
    bias_class_share: on the error's plateau, share of predictions of the class with the largest final bias;
    order_correlation: rank correlation over classes of final bias and order of learning; bias_spread: of the last biases at the end
    """
    data = need_group(results, NAME)
    at_point = data.sel({f"{NAME}_point": point})
    values = {name: absent_as_nan(at_point[f"{prefix}_{name}"].values) for name in (*SPREAD, *PLAIN)}
    order, spread = data["bias_order_correlation"].values, last_there(data["last_bias_spread"].values)
    records = []
    for group in groups(results, axes):
        for place, way in enumerate(data[f"{NAME}_{prefix}"].values):
            rows = group.rows[np.isfinite(values["error_plateau"][group.rows, place])]
            if not len(rows):
                continue
            record = {**group.settings, prefix: str(way) if prefix == "mode" else int(way), "trials": len(rows)}
            for name in SPREAD:
                record.update(intervals.columns(name, values[name][rows, place]))
            record.update({name: float(intervals.mean(values[name][rows, place])) for name in PLAIN})
            record.update(intervals.columns("order_correlation", order[rows]))
            records.append({**record, "bias_spread": float(intervals.mean(spread[rows]))})
    return pandas.DataFrame(records)


def curves(results, axes, point, prefix="mode", part="train"):
    """Loss and error along each way -> [(settings, {way: {"loss" or "error": (mean, low, high) each [alpha]}})]"""
    data = need_group(results, NAME).sel({f"{NAME}_point": point})
    values = {what: data[f"{prefix}_{part}_{what}"].values for what in ("loss", "error")}
    found = []
    for group in groups(results, axes):
        lines = {}
        for place, way in enumerate(data[f"{NAME}_{prefix}"].values):
            own = {what: one[group.rows, place] for what, one in values.items()}
            if np.isfinite(own["error"]).any():
                name = str(way) if prefix == "mode" else str(int(way))
                lines[name] = {what: (intervals.mean(one), *intervals.interval(one)) for what, one in own.items()}
        if lines:
            found.append((group.settings, lines))
    return found


@style.drawn
def curves_figure(found, alpha, axes, what, prefix="mode"):
    """Loss or error against alpha, a panel a group, a line a mode or layer -> Figure.   found: curves()'s"""
    found = found[: style.MOST_PANELS]
    names = labels([settings for settings, _ in found], axes)
    looks = style.looks(dict.fromkeys(way for _, lines in found for way in lines))
    figure, panels = style.panels(*style.shape(len(found)), 3.1, 2.6, sharex=True, sharey=what == "error")
    for panel, name, (_, lines) in zip(panels.flat, names, found):
        for way, line in lines.items():
            style.band(panel, alpha, *line[what], way.replace("_", " "), **{**looks[way], "marker": ""})
        style.title(panel, name)
        panel.set_xlabel("alpha")
    style.hide_rest(panels, len(found))
    for panel in panels[:, 0]:
        panel.set_ylabel(f"training {what}")
    style.below(figure, style.handles_of(panels), None if prefix == "mode" else prefix)
    return figure


def depth_axis(table, axes):
    """The axis that plateaus are shown against: a list of widths, else the first with several values; None without one."""
    varied = [axis for axis in axes if table[axis].astype(str).nunique() > 1]
    lists = [axis for axis in varied if all(list_length(value) is not None for value in table[axis])]
    named = [axis for axis in varied if axis.endswith("depth")]
    return (named or lists or varied or [None])[0]


def depth_values(column):
    """A list of widths as its number of layers with weights, where these differ; other values as they are."""
    values = sorted_values(column)
    lengths = [list_length(value) for value in values]
    return {value: length + 1 if None not in lengths and len(set(lengths)) == len(values) else value
            for value, length in zip(values, lengths)}


@style.drawn
def plateaus_figure(table, axes, axis):
    """Where the error's plateau ends, against depth (or another axis); lines: one more axis, columns: modes -> Figure."""
    rows = table.to_dict("records")
    others = [one for one in axes if one != axis]
    hue, parts = style.facets(rows, others)
    parts, looks = dict(list(parts.items())[:4]), style.hue_looks(rows, hue)
    modes = list(dict.fromkeys(table["mode"]))
    shown = depth_values(table[axis])
    places, ticks, scale = style.numeric(shown.values())
    where = dict(zip(shown, places))
    figure, panels = style.panels(len(parts), len(modes), 3.0, 2.6, sharex=True, sharey=True)
    for row, (title, members) in zip(panels, parts.items()):
        for panel, mode in zip(row, modes):
            for value, look in looks.items():
                own = [rows[place] for place, one in members if one == value and rows[place]["mode"] == mode]
                own = pandas.DataFrame(sorted(own, key=lambda one: where[one[axis]]), columns=table.columns)
                style.band(panel, [where[one] for one in own[axis]], own["error_plateau"], own["error_plateau_low"],
                           own["error_plateau_high"], **look)
            style.scale_x(panel, axis, places, ticks, scale)
            panel.set_xlabel("layers with weights" if list_length(next(iter(shown))) is not None and not ticks else short(axis))
            style.title(panel, f"{mode.replace('_', ' ')}, {title}".rstrip(", "))
        row[0].set_ylabel("end of the error's plateau")
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


def final_biases(results, rows):
    """Last-layer bias at the end, and the epoch at which each class was learned -> (float64 [trials, classes], same).

    Classes that were never learned have the epoch behind the last.
    """
    data = results[NAME]
    bias, learned = data["last_bias"].isel(trial=rows).values, data["learned_epoch"].isel(trial=rows).values.astype(float)
    final = np.stack([last_there(bias[:, :, one]) for one in range(bias.shape[2])], axis=1)
    return final, np.where(learned < 0, bias.shape[1], learned)


@style.drawn
def order_figure(results, axes):
    """Final bias of each class against the epoch at which it was learned, a panel a group, a mark a class of a trial -> Figure."""
    found = [group for group in groups(results, axes) if np.isfinite(final_biases(results, group.rows)[0]).any()]
    found = found[: style.MOST_PANELS]
    names = labels([group.settings for group in found], axes)
    figure, panels = style.panels(*style.shape(len(found)), 3.0, 2.6)
    for panel, group, name in zip(panels.flat, found, names):
        bias, learned = final_biases(results, group.rows)
        for place, colour in enumerate(style.colours(len(group.rows))):
            panel.plot(learned[place], bias[place], linestyle="", marker=style.MARKERS[place % 7], color=colour, alpha=0.8)
        mean = float(intervals.mean(results[f"{NAME}/bias_order_correlation"][group.rows]))
        words = f"rank correlation {mean:.2f}" if np.isfinite(mean) else "all at once"
        style.title(panel, f"{name}, {words}")
        panel.set_xlabel("epoch learned")
        style.integer_axis(panel.xaxis)
    style.hide_rest(panels, len(found))
    for panel in panels[:, 0]:
        panel.set_ylabel("final last-layer bias")
    return figure


def add_options(parser):
    parser.add_argument("--point", help="measure point: where the way ends (the last that came)")
    parser.add_argument("--part", choices=["train", "test"], default="train", help="whose curves are drawn (train)")


def run(results, arguments):
    """The subcommand -> Findings."""
    data, axes = need_group(results, NAME), chosen_axes(results, arguments.group)
    kept = measured(data["mode_error_plateau" if "mode_error_plateau" in data else "layer_error_plateau"].values)
    if not kept.any():
        raise ResultsError(f"{results.path}: nothing was interpolated ({left_out_note(results, kept, 'interpolation')})")
    point = arguments.point or last_point(data)
    results.point(NAME, point)
    notes, tables, figures = [note for note in [left_out_note(results, kept, NAME)] if note], {}, {}
    for prefix, _ in ways(data):
        if f"{prefix}_{arguments.part}_loss" not in data:
            raise ResultsError(f"{results.path}: the {arguments.part} part was not evaluated along the way")
        name = NAME if prefix == "mode" else f"{NAME}-layers"
        tables[name] = plateau_table(results, axes, point, prefix)
        found = curves(results, axes, point, prefix, arguments.part)
        for what in ("loss", "error"):
            figures[f"{name}-{what}"] = lambda found=found, what=what, prefix=prefix: curves_figure(
                found, data[f"{NAME}_alpha"].values, axes, what, prefix)
        if len(found) > style.MOST_PANELS:
            notes.append(f"{name}: the first {style.MOST_PANELS} of {len(found)} groups are drawn; choose others by --where")
    first = next(iter(tables.values()))
    axis = depth_axis(first, axes)
    if axis and NAME in tables:
        figures[f"{NAME}-plateaus"] = lambda: plateaus_figure(tables[NAME], axes, axis)
    if np.isfinite(first["order_correlation"]).any():
        figures[f"{NAME}-order"] = lambda: order_figure(results, axes)
    return Findings(tables, figures, list(dict.fromkeys(notes)), {"point": point, "group_by": axes},
                    [*axes, "mode", "layer", "trials", "error_plateau", "loss_plateau", "bias_class_share", "order_correlation"])
