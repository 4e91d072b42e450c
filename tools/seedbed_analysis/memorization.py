"""Are wrong labels learned by heart, and does the loss decide it?

J1: accuracy on the labels trained on, J2: on the true labels, of the same training samples, at each epoch's end. eta: the share of
wrong labels. M = (J1 - (1 - eta)) / eta: 1 where every label is fitted, 0 where only the right ones are.
A flip: J2 > J1 in some epoch, J1 > J2 in a later one. Every mean is over trials that differ in their seeds only.
"""

import numpy as np
import pandas

from . import intervals, style
from .groups import chosen_axes, groups, left_out_note, measured, need_group, short, sorted_values
from .output import Findings
from .quantities import last_there

NAME = "memorization"
READ = {  # how to read each figure, by the beginning of its name
    "memorization-curves": "Where the dashed line falls while the full one goes on rising, the network learns wrong labels by "
                           "heart.",
    "memorization-index": "At 1 every wrong label is fitted, at 0 none is, beyond what the right ones give.",
}
FAILED = 0.3  # J1 below it is a failed optimisation, not resistance


def noise_rates(results):
    """The realised share of wrong labels of each trial's data -> float64 [trials]"""
    return results["dataset/noise_rate"][...][results.trials["variant"].to_numpy()]


def memorization_table(results, axes, running=False):
    """What each group ends with -> DataFrame, a row a group.

    J1, J2, M [each with its interval]: at the last epoch; loss_of_accuracy: J2 of the same settings without noise, minus J2;
    best_J2: mean over trials of its highest value; flipped: share of trials with a flip; flip_epoch: median of its epoch;
    failed: share of trials with J1 < FAILED.
    running: as measured during the epoch, in training mode (the flip is always that of the epochs' ends)
    """
    data = need_group(results, NAME)
    prefix = "running_" if running else ""
    j1, j2 = (last_there(data[f"{prefix}{name}_accuracy"].values) for name in ("observed", "true"))
    highest = np.where(np.isfinite(j2), np.nanmax(np.nan_to_num(data[f"{prefix}true_accuracy"].values, nan=-1), axis=1), np.nan)
    eta, crossing = noise_rates(results), data["crossing_epoch"].values
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(eta > 0, (j1 - (1 - eta)) / eta, np.nan)
    records = []
    for group in groups(results, axes):
        rows = group.rows[np.isfinite(j1[group.rows])]
        if not len(rows):
            continue
        crossed = crossing[rows][crossing[rows] >= 0]
        records.append({
            **group.settings, "trials": len(rows), "eta": float(eta[rows].mean()), **intervals.columns("J1", j1[rows]),
            **intervals.columns("J2", j2[rows]), **intervals.columns("M", index[rows]),
            "best_J2": float(highest[rows].mean()), "flipped": len(crossed) / len(rows),
            "flip_epoch": float(np.median(crossed)) if len(crossed) else np.nan, "failed": float((j1[rows] < FAILED).mean())})
    return with_clean(pandas.DataFrame(records), axes)


def with_clean(table, axes):
    """The table with `loss_of_accuracy`: how far J2 is below that of the same settings without label noise."""
    others = [axis for axis in axes if not axis.startswith("data.label_noise")]
    clean = {tuple(str(row[axis]) for axis in others): row["J2"] for row in table.to_dict("records") if row["eta"] == 0}
    lost = [clean.get(tuple(str(row[axis]) for axis in others), np.nan) - row["J2"] for row in table.to_dict("records")]
    table.insert(table.columns.get_loc("best_J2"), "loss_of_accuracy", lost)
    return table


def curves(results, axes, names=("observed_accuracy", "true_accuracy")):
    """Means over trials of what is recorded at every epoch -> [(settings, {name: (mean, low, high) each [epoch]})]"""
    data = need_group(results, NAME)
    values = {name: data[name].values for name in names}
    return [(group.settings, {name: (intervals.mean(own[group.rows]), *intervals.interval(own[group.rows]))
                              for name, own in values.items()}) for group in groups(results, axes)]


@style.drawn
def curves_figure(found, axes):
    """J1 (full) and J2 (dashed) against the epoch; colours for the last axis, panels for the others -> Figure."""
    settings = [one for one, _ in found]
    rates = [axis for axis in axes if axis.endswith("label_noise.rate")]
    hue, parts = style.facets(settings, axes, rates[0] if rates else None)
    looks = style.hue_looks(settings, hue)
    figure, panels = style.panels(*style.shape(len(parts)), sharey=True, sharex=True)
    for panel, (title, members) in zip(panels.flat, parts.items()):
        for place, value in members:
            for name, dash in (("observed_accuracy", "-"), ("true_accuracy", "--")):
                line = found[place][1][name]
                look = {"color": looks[value]["color"], "linestyle": dash, "marker": ""}
                word = "J1, labels trained on" if dash == "-" else "J2, true labels"
                style.band(panel, np.arange(len(line[0])), *line, f"{looks[value]['label'] or ''}: {word}".lstrip(": "), **look)
        style.title(panel, title)
        panel.set_xlabel("epoch")
        style.integer_axis(panel.xaxis)
    style.hide_rest(panels, len(parts))
    for panel in panels[:, 0]:
        panel.set_ylabel("accuracy on training samples")
    style.below(figure, style.handles_of(panels), short(hue) if hue else None, columns=4)
    return figure


@style.drawn
def index_figure(table, axes):
    """M against the share of wrong labels, a line for each value of the other axes -> Figure.   table: memorization_table's"""
    noisy = table[table["eta"] > 0]
    others = [axis for axis in axes if not axis.startswith("data.label_noise") and noisy[axis].astype(str).nunique() > 1]
    hue, parts = style.facets(noisy.to_dict("records"), others)
    looks = style.hue_looks(noisy.to_dict("records"), hue)
    rows = noisy.to_dict("records")
    figure, panels = style.panels(*style.shape(len(parts)), sharey=True, sharex=True)
    for panel, (title, members) in zip(panels.flat, parts.items()):
        for value in sorted_values(own for _, own in members):
            own = pandas.DataFrame([rows[place] for place, one in members if one == value]).sort_values("eta")
            style.band(panel, own["eta"], own["M"], own["M_low"], own["M_high"], **looks[value])
        for level in (0, 1):
            panel.axhline(level, color=style.NEUTRAL, linewidth=0.8, linestyle=":")
        style.title(panel, title)
        panel.set_xlabel("share of wrong labels")
    style.hide_rest(panels, len(parts))
    for panel in panels[:, 0]:
        panel.set_ylabel("M (1 memorizes, 0 resists)")
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


def add_options(parser):
    parser.add_argument("--running", action="store_true", help="J1 and J2 during the epoch, in training mode, as the paper's program")


def run(results, arguments):
    """The subcommand -> Findings."""
    axes = chosen_axes(results, arguments.group)
    data = need_group(results, NAME)
    prefix = "running_" if arguments.running else ""
    kept = measured(data[f"{prefix}observed_accuracy"].values)
    notes = [note for note in [left_out_note(results, kept, "memorization")] if note]
    table = memorization_table(results, axes, arguments.running)
    names = (f"{prefix}observed_accuracy", f"{prefix}true_accuracy")
    found = [(one, {name.replace("running_", ""): line for name, line in lines.items()}) for one, lines in curves(results, axes, names)]
    figures = {"memorization-curves": lambda: curves_figure(found, axes)}
    if len(table) and (table["eta"] > 0).any():
        figures["memorization-index"] = lambda: index_figure(table, axes)
    else:
        notes.append("no trial has wrong labels: J1 and J2 are the same, M is absent")
    return Findings({NAME: table}, figures, notes, {"group_by": axes, "running": arguments.running})
