"""Does a step that helps one sample help another: of its class, of other classes, near and far?

Sign stiffness of two samples: sign(g_i . g_j), cosine stiffness cos(g_i, g_j), g their gradients. `within` is the mean of the
diagonal of the class matrix C(a, b) (mean over pairs i != j of classes a, b), `between` that of its other entries. Critical
length xi: the distance 1 - cos(x_i, x_j) of inputs at which stiffness crosses zero, by the binned curve over all pairs
(`crossing`) or by a line through the pairs of one class (`fit_length`). Equal training loss: measure points such as "loss 0.056".
"""

import re

import numpy as np
import pandas

from . import intervals, style
from .groups import chosen_axes, groups, labels, left_out_note, measured, need_group, parts, short, sorted_values
from .output import Findings
from .quantities import absent_as_nan
from .storage import ResultsError

NAME = "stiffness"
READ = {  # how to read each figure, by the beginning of its name
    "stiffness-classes": "Red: a step on a sample of one class helps those of the other, blue: it harms them; a red diagonal "
                         "alone means that classes help only themselves.",
    "stiffness-epochs": "Near 1 a step helps the other samples too, near 0 it does nothing for them; the critical length is "
                        "the distance of inputs up to which it helps.",
    "stiffness-distance": "Stiffness falls with the distance of the inputs; where a line crosses zero is the critical length.",
    "stiffness-rates": "At equal training loss, a rising line means that a larger learning rate finds stiffer functions, a "
                       "falling one less stiff ones.",
}
LENGTHS = ("crossing", "within_crossing", "fit_length")
MOST_ROWS, MOST_POINTS = 4, 7


def pair_kinds(data):
    """The kinds of pairs recorded -> list of text: "train", "mixed", "held_out"."""
    return [str(kind) for kind in data["stiffness_pair"].values]


def stiffness_table(results, axes, kind="sign"):
    """What was measured at each point -> DataFrame, a row for each group, point and kind of pairs.

    within, between [each with its interval]; same_super, other_super where the sweep had super-classes; crossing,
    within_crossing, fit_length of inputs: means over the trials that have one; zero_share: products that are exactly zero in float32
    """
    data = need_group(results, NAME)
    names = [name for name in ("within", "between", "same_super", "other_super") if f"{name}_{kind}" in data]
    values = {name: data[f"{name}_{kind}"].values for name in names}
    lengths = {name: data[name].isel(stiffness_space=0).values for name in LENGTHS}
    zero, epoch, loss = data["zero_share"].values, absent_as_nan(data["epoch"].values), data["train_loss"].values
    records = []
    for group in groups(results, axes):
        for place, point in enumerate(data["stiffness_point"].values):
            rows = group.rows[np.isfinite(values["between"][group.rows, place]).any(axis=1)]
            for column, pair in enumerate(pair_kinds(data) if len(rows) else []):
                here = (rows, place, column)
                record = {**group.settings, "point": str(point), "pair": pair, "trials": len(rows),
                          "epoch": float(epoch[rows, place].mean()), "train_loss": float(intervals.mean(loss[rows, place]))}
                for name in names:
                    record.update(intervals.columns(name, values[name][here]))
                record.update({name: float(intervals.mean(own[here])) for name, own in lengths.items()})
                records.append({**record, "zero_share": float(intervals.mean(zero[here]))})
    return pandas.DataFrame(records)


def class_matrices(results, rows, kind="sign", pair="held_out"):
    """Mean over trials of the class matrices -> xarray DataArray [stiffness_point, class, stiffness_other_class].   rows [trials]"""
    matrices = results[NAME][f"class_{kind}"].sel(stiffness_pair=pair).isel(trial=rows)
    return matrices.mean("trial", skipna=True)


def distance_curves(results, rows, kind="sign", pair="held_out", within=False):
    """Mean over trials of stiffness against distance of inputs -> (distance [bins], values [points, bins])"""
    data = results[NAME]
    curves = data[f"distance_{'within_' if within else ''}{kind}"].sel(stiffness_pair=pair).isel(stiffness_space=0, trial=rows)
    return data["stiffness_bin"].values, intervals.mean(curves.values)


def loss_points(table):
    """Measure points at equal training loss, highest loss first -> list of text."""
    found = [point for point in dict.fromkeys(table["point"]) if re.fullmatch(r"loss \S+", point)]
    return sorted(found, key=lambda point: -float(point.split()[1]))


@style.drawn
def classes_figure(results, axes, kind, pair):
    """Class matrices: a row a group, a column a measure point -> Figure."""
    found = groups(results, axes)
    names = labels([group.settings for group in found], axes)
    found = [(name, class_matrices(results, group.rows, kind, pair)) for name, group in zip(names, found)][:MOST_ROWS]
    points = [place for place in range(found[0][1].shape[0]) if any(np.isfinite(one[place]).any() for _, one in found)]
    points = points if len(points) <= MOST_POINTS else [points[i] for i in np.linspace(0, len(points) - 1, MOST_POINTS).astype(int)]
    figure, panels = style.panels(len(found), len(points), 1.9, 2.1, sharex=True, sharey=True)
    for row, (name, matrices) in enumerate(found):
        for column, place in enumerate(points):
            panel = panels[row, column]
            panel.grid(False)
            if not np.isfinite(matrices[place]).any():
                panel.text(0.5, 0.5, "never", ha="center", va="center", transform=panel.transAxes)
            image = panel.imshow(matrices[place], cmap=style.DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
            if row == 0:
                panel.set_title(str(matrices["stiffness_point"].values[place]))
        panels[row, 0].set_ylabel("\n".join([*parts(name), "class"]), fontsize=8)
    for panel in panels[-1]:
        panel.set_xlabel("class")
        style.integer_axis(panel.xaxis)
        style.integer_axis(panel.yaxis)
    figure.colorbar(image, ax=panels, fraction=0.04, pad=0.02).set_label(f"{kind} stiffness, {pair.replace('_', ' ')} pairs")
    return figure


@style.drawn
def epochs_figure(table, axes, kind, pair):
    """Within, between and critical length against the epoch: a row of panels for each part of the grid -> Figure."""
    rows = table[table["pair"] == pair].to_dict("records")
    hue, parts = style.facets(rows, axes)
    parts, looks = dict(list(parts.items())[:MOST_ROWS]), style.hue_looks(rows, hue)
    shown = [("within", f"within classes ({kind})"), ("between", f"between classes ({kind})"), ("crossing", "critical length")]
    figure, panels = style.panels(len(parts), len(shown), 3.4, 2.7, sharex=True)
    for row, (title, members) in zip(panels, parts.items()):
        for panel, (name, words) in zip(row, shown):
            for value, look in looks.items():
                own = pandas.DataFrame([rows[place] for place, one in members if one == value], columns=table.columns)
                own = own.sort_values("epoch")
                edges = [own[f"{name}_{edge}"] if f"{name}_{edge}" in own else own[name] for edge in ("low", "high")]
                style.band(panel, own["epoch"], own[name], *edges, **look)
            panel.set_ylabel(words)
            style.title(panel, title if panel is row[0] else "")
            style.widen(panel, 0.2)
            if name == "between":
                panel.axhline(0, color=style.NEUTRAL, linewidth=0.8)
    for panel in panels[-1]:
        panel.set_xlabel("epoch")
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


@style.drawn
def rates_figure(table, axes, axis, kind, pair):
    """Within and between against the learning rate, a line for each equal training loss; rows: the other axes -> Figure."""
    chosen = table[(table["pair"] == pair) & table["point"].isin(loss_points(table))]
    rows = chosen.to_dict("records")
    _, parts = style.facets(rows, [*(one for one in axes if one != axis), "point"], "point")
    parts, looks = dict(list(parts.items())[:MOST_ROWS]), style.looks(loss_points(table))
    figure, panels = style.panels(len(parts), 2, 3.8, 2.9, sharex=True)
    for row, (title, members) in zip(panels, parts.items()):
        for panel, name in zip(row, ("between", "within")):
            for point, look in looks.items():
                own = pandas.DataFrame([rows[place] for place, one in members if one == point], columns=table.columns)
                own = own.sort_values(axis)
                style.band(panel, own[axis], own[name], own[f"{name}_low"], own[f"{name}_high"], f"training {point}", **look)
            style.scale_x(panel, axis, *style.numeric(sorted_values(chosen[axis])))
            panel.set_ylabel(f"{name} classes ({kind})")
            style.title(panel, title if panel is row[0] else "")
            style.widen(panel, 0.1)
    style.below(figure, style.handles_of(panels))
    return figure


@style.drawn
def distance_figure(results, axes, kind, pair):
    """Stiffness against the distance of inputs, a panel a group, a line a measure point -> Figure."""
    found = groups(results, axes)
    names, found = labels([group.settings for group in found], axes), found[: style.MOST_PANELS]
    points = [str(point) for point in results[NAME]["stiffness_point"].values]
    looks = style.looks(points)
    figure, panels = style.panels(*style.shape(len(found), 3), sharey=True, sharex=True)
    for panel, group, name in zip(panels.flat, found, names):
        distance, curves = distance_curves(results, group.rows, kind, pair)
        for point, curve in zip(points, curves):
            style.band(panel, distance, curve, curve, curve, point, **looks[point])
        panel.axhline(0, color=style.NEUTRAL, linewidth=0.8)
        style.title(panel, name)
        panel.set_xlabel("distance of inputs, 1 - cos")
    style.hide_rest(panels, len(found))
    for panel in panels[:, 0]:
        panel.set_ylabel(f"{kind} stiffness")
    style.below(figure, style.handles_of(panels))
    return figure


def add_options(parser):
    parser.add_argument("--kind", choices=["sign", "cosine"], default="sign", help="of stiffness (sign)")
    parser.add_argument("--pair", choices=["train", "mixed", "held_out"], help="pairs in the figures (held_out, or the last recorded)")


def run(results, arguments):
    """The subcommand -> Findings."""
    data, axes, kind = need_group(results, NAME), chosen_axes(results, arguments.group), arguments.kind
    pair = arguments.pair or pair_kinds(data)[-1]
    if pair not in pair_kinds(data):
        raise ResultsError(f"{results.path}: no pairs of kind '{pair}'; the sweep measured {', '.join(pair_kinds(data))}")
    table = stiffness_table(results, axes, kind)
    kept = measured(data[f"between_{kind}"].values)
    if not len(table):
        raise ResultsError(f"{results.path}: no trial came to a measure point of stiffness ({left_out_note(results, kept, 'stiffness')})")
    notes = [note for note in [left_out_note(results, kept, "stiffness")] if note]
    if len(groups(results, axes)) > MOST_ROWS:
        notes.append(f"class matrices of the first {MOST_ROWS} of {len(groups(results, axes))} groups are drawn; choose others by --where")
    figures = {"stiffness-classes": lambda: classes_figure(results, axes, kind, pair),
               "stiffness-epochs": lambda: epochs_figure(table, axes, kind, pair),
               "stiffness-distance": lambda: distance_figure(results, axes, kind, pair)}
    rates = [axis for axis in axes if axis.endswith("learning_rate") and table[axis].nunique() > 1]
    if rates and loss_points(table):
        figures["stiffness-rates"] = lambda: rates_figure(table, axes, rates[0], kind, pair)
    return Findings({NAME: table}, figures, notes, {"kind": kind, "pair_in_figures": pair, "group_by": axes},
                    [*axes, "point", "pair", "trials", "epoch", "train_loss", "within", "between", "crossing", "fit_length"])
