"""Any number against any axis: its mean over seeds, with an interval.

The mean of m trials that differ in nothing but their seeds, and where it would lie with other seeds (95 %, bootstrap over
the m trials). A number is a column of /trials, or of a metric as in margins/train_area@end.
"""

import pandas

from . import intervals, style
from .groups import chosen_axes, groups, left_out_note, measured, setting_axes, short, sorted_values
from .output import Findings
from .quantities import quantity

NAME = "compare"
READ = {  # how to read each figure, by the beginning of its name
    "compare-": "A mark is the mean over seeds, the band where that mean would lie with other seeds (95 %): bands that part "
                "are differences that the seeds do not explain.",
}


def means(results, quantities, axes):
    """Mean and interval of each number over the trials that agree in the axes -> DataFrame, a row for each group and number.

    Columns: the axes, `metric`, `trials` (those that have it), mean, mean_low, mean_high, minimum, maximum.
    """
    values = {name: quantity(results, name) for name in quantities}
    records = []
    for group in groups(results, axes):
        for name in quantities:
            own = values[name][group.rows]
            own = own[measured(own)]
            records.append({**group.settings, "metric": name, "trials": len(own), **intervals.columns("mean", own),
                            "minimum": own.min(initial=float("inf")) if len(own) else float("nan"),
                            "maximum": own.max(initial=float("-inf")) if len(own) else float("nan")})
    return pandas.DataFrame(records)


@style.drawn
def figure(table, axes, axis, metric):
    """The means of one number against one axis; colours and panels stand for the others -> Figure.   table: means()'s"""
    rows = table[table["metric"] == metric].to_dict("records")
    others = [one for one in axes if one != axis]
    hue, found = style.facets(rows, others)
    looks = style.hue_looks(rows, hue)
    figure, panels = style.panels(*style.shape(len(found), 3), sharey=True)
    places, ticks, scale = style.numeric(sorted_values(row[axis] for row in rows) if axis else ["all trials"])
    where = dict(zip(sorted_values(row[axis] for row in rows) if axis else [""], places))
    for panel, (title, members) in zip(panels.flat, found.items()):
        for value in looks:
            own = sorted((rows[place] for place, own in members if own == value), key=lambda row: where[row[axis] if axis else ""])
            own = pandas.DataFrame(own, columns=list(rows[0]))
            x = [where[one] for one in own[axis]] if axis else [where[""]] * len(own)
            style.band(panel, x, own["mean"], own["mean_low"], own["mean_high"], **looks[value])
        style.scale_x(panel, axis, places, ticks, scale)
        style.title(panel, title)
    style.hide_rest(panels, len(found))
    for panel in panels[:, 0]:
        panel.set_ylabel(metric)
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


def add_options(parser):
    parser.add_argument("--metric", action="append", metavar="NAME", help="a column of /trials, or "
                        "group/dataset[dimension=label]@point; may be repeated (test_accuracy and test_loss)")
    parser.add_argument("--axis", metavar="AXIS", help="what the figure shows it against (the first axis with more than one value)")


def run(results, arguments):
    """The subcommand -> Findings."""
    quantities = arguments.metric or ["test_accuracy", "test_loss"]
    axis = results.axis(arguments.axis) if arguments.axis else None
    axes = chosen_axes(results, arguments.group, list(dict.fromkeys([*setting_axes(results), *([axis] if axis else [])])))
    table = means(results, quantities, axes)
    notes = [left_out_note(results, measured(quantity(results, name)), name) for name in quantities]
    varied = [one for one in axes if table[one].astype(str).nunique() > 1]
    shown = axis if axis in axes else (varied or axes or [None])[0]
    figures = {f"{NAME}-{name.replace('/', '-')}": lambda name=name: figure(table, axes, shown, name) for name in quantities}
    return Findings({NAME: table}, figures, [note for note in notes if note], {"metrics": quantities, "group_by": axes})
