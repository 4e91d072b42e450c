"""How far do the weights go: the length of each tensor, and its distance from where it was first measured?

norm = |w_t|, distance = |w_t - w_0| of each parameter tensor, w_0 at the first measure point that a trial came to (init, where it was
measured); relative = distance / |w_0|. Every mean is over trials that differ in their seeds only.
"""

import numpy as np
import pandas

from . import intervals, style
from .groups import chosen_axes, groups, left_out_note, need_group, short
from .output import Findings
from .quantities import absent_as_nan
from .storage import ResultsError

NAME = "weights"
READ = {  # how to read each figure, by the beginning of its name
    "weights": "Points near 0 on the right are layers that stayed where they began, points above 1 went further than they were long; "
               "lengths that differ by depth say where the scale of the network sits.",
}
MOST_ROWS = 4


def lengths(results):
    """Norm and distance of every tensor of every trial -> DataFrame: row, point, tensor, place, norm, distance, relative

    row: of the trial; place: 1 for the first weight tensor of its network, and so on; 0 for biases and all else
    """
    came, labels, records = absent_as_nan(results["weights/epoch"][...]), results.points(NAME), []
    for row, trial in enumerate(results.trials.index):
        first = None
        for position in np.flatnonzero(np.isfinite(came[row])):
            tensors = {name: tensor.astype(float) for name, tensor in results.weights(trial, labels[position]).items()}
            first, place = first or tensors, 0
            for name, tensor in tensors.items():
                place += name.endswith(".weight")
                start, distance = float(np.linalg.norm(first[name])), float(np.linalg.norm(tensor - first[name]))
                moved = distance if first is not tensors else np.nan
                records.append({"row": row, "point": labels[position], "tensor": name, "place": place if name.endswith(".weight") else 0,
                                "norm": float(np.linalg.norm(tensor)), "distance": moved, "relative": moved / start if start > 0 else np.nan})
    return pandas.DataFrame(records)


def weights_table(results, axes):
    """Means over each group -> DataFrame, a row for each group, point and tensor: trials, norm, distance, relative [with intervals]"""
    found, records = lengths(results), []
    for group in groups(results, axes) if len(found) else []:
        own = found[found["row"].isin(group.rows)]
        for (point, tensor, place), rows in own.groupby(["point", "tensor", "place"], sort=False):
            record = {**group.settings, "point": point, "tensor": tensor, "place": int(place), "trials": len(rows)}
            for name in ("norm", "distance", "relative"):
                record.update(intervals.columns(name, rows[name].to_numpy()))
            records.append(record)
    return pandas.DataFrame(records)


@style.drawn
def figure(table, axes):
    """Norm and relative distance of the weight tensors at the last point, by their place in the network -> Figure.   weights_table's"""
    last = table.groupby(axes, sort=False, dropna=False)["point"].transform("last") if axes else table["point"].iloc[-1]
    rows = table[(table["place"] > 0) & (table["point"] == last)].to_dict("records")
    shown = {"norm": "length", "relative": "distance / first length"}
    shown = {name: words for name, words in shown.items() if any(np.isfinite(row[name]) for row in rows)}
    hue, parts = style.facets(rows, axes)
    parts, looks = dict(list(parts.items())[:MOST_ROWS]), style.hue_looks(rows, hue)
    figure, panels = style.panels(len(parts), len(shown), 3.6, 2.7, sharex=True)
    for line, (title, members) in zip(panels, parts.items()):
        for panel, (name, words) in zip(line, shown.items()):
            for value, look in looks.items():
                own = pandas.DataFrame([rows[place] for place, one in members if one == value], columns=table.columns)
                style.band(panel, own["place"], own[name], own[f"{name}_low"], own[f"{name}_high"], **look)
            panel.set_ylabel(words)
            panel.set_ylim(bottom=0)
            style.title(panel, title if panel is line[0] else "")
    for panel in panels[-1]:
        panel.set_xlabel("weight tensor, 1 at the input")
        style.integer_axis(panel.xaxis)
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


def add_options(parser):
    """It has no options of its own."""


def run(results, arguments):
    """The subcommand -> Findings."""
    axes, data = chosen_axes(results, arguments.group), need_group(results, NAME)
    kept, table = (data["epoch"].values >= 0).any(axis=1), None
    if "parameters" in data:
        table = weights_table(results, axes)
    if table is None or not len(table):
        raise ResultsError(f"{results.path}: no weights were recorded ({left_out_note(results, kept, 'weights')})")
    notes = [note for note in [left_out_note(results, kept, "weights")] if note]
    return Findings({NAME: table}, {NAME: lambda: figure(table, axes)}, notes, {"group_by": axes})
