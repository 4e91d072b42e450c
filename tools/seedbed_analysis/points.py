"""What a metric measured at each of its points: means over the trials of a group as a table, and against the epoch as a figure."""

import numpy as np
import pandas

from . import intervals, style
from .groups import groups, short
from .quantities import absent_as_nan

MOST_ROWS = 4  # of panels in a figure
WIDE = 100  # a scale whose values span more than this factor is logarithmic


def means(results, data, axes, values, spread):
    """Means over each group at each measure point -> DataFrame, a row for each group and point that a trial came to.

    data: the metric's Dataset; values {column: float64 [trials, points]}; spread: the columns that get an interval.
    Columns: the axes, `point`, `trials` (those that have the first of `values`), `epoch`, those of values
    """
    scale = next(name for name in data.coords if str(name).endswith("_point"))
    first, epoch, records = next(iter(values.values())), absent_as_nan(data["epoch"].values), []
    for group in groups(results, axes):
        for place, point in enumerate(data[scale].values):
            rows = group.rows[np.isfinite(first[group.rows, place])]
            if len(rows):
                record = {**group.settings, "point": str(point), "trials": len(rows), "epoch": float(epoch[rows, place].mean())}
                for name, own in values.items():
                    record.update(intervals.columns(name, own[rows, place]) if name in spread
                                  else {name: float(intervals.mean(own[rows, place]))})
                records.append(record)
    return pandas.DataFrame(records)


@style.drawn
def figure(table, axes, shown, levels=None):
    """Columns of the table against the epoch: a column of panels each, rows and colours for the groups -> Figure.

    table: means()'s; shown {column: words}; levels {column: another column, drawn as a dashed line in the same panel}
    """
    rows = table.to_dict("records")
    hue, parts = style.facets(rows, axes)
    parts, looks = dict(list(parts.items())[:MOST_ROWS]), style.hue_looks(rows, hue)
    figure, panels = style.panels(len(parts), len(shown), 3.3, 2.7, sharex=True)
    for line, (title, members) in zip(panels, parts.items()):
        for panel, (name, words) in zip(line, shown.items()):
            for value, look in looks.items():
                own = pandas.DataFrame([rows[place] for place, one in members if one == value], columns=table.columns).sort_values("epoch")
                edges = [own[f"{name}_{edge}"] if f"{name}_{edge}" in own else own[name] for edge in ("low", "high")]
                style.band(panel, own["epoch"], own[name], *edges, **look)
                if levels and name in levels:
                    panel.plot(own["epoch"], own[levels[name]], color=look["color"], linestyle="--", linewidth=1)
            scale(panel, table[name])
            panel.set_ylabel(words)
            style.title(panel, title if panel is line[0] else "")
    for panel in panels[-1]:
        panel.set_xlabel("epoch")
        style.integer_axis(panel.xaxis)
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


def scale(panel, values):
    """A logarithmic scale where all values are positive and span more than a factor WIDE."""
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() / values.min() > WIDE:
        panel.set_yscale("log")
