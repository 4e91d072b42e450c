"""The test loss rises though the accuracy holds: which samples' losses rise, and how few?

With L(t) the mean loss, t* the measure point of its minimum and T the last before every training sample is right (or the
last): rise = L(T) - L(t*); fraction_rising: share of samples with l(T) > l(t*) + 0.001; top_q: the increases of the q % of
samples that rise most over the sum of all positive increases. Every mean is over trials that differ in their seeds only.
"""

import numpy as np
import pandas

from . import intervals, style
from .groups import chosen_axes, groups, labels, left_out_note, measured, need_group, short, sorted_values
from .output import Findings
from .quantities import absent_as_nan
from .storage import ResultsError

NAME = "sample-loss"
READ = {  # how to read each figure, by the beginning of its name
    "sample-loss-quantiles": "Where the upper lines rise while the lower ones fall, the mean is driven by few samples of very "
                             "large loss.",
    "sample-loss-split": "Bars to the right add to the rise of the loss, those to the left take away from it; they say what "
                         "became of these samples.",
    "sample-loss-concentration": "The further left a line comes to 1, the fewer samples carry the whole rise.",
}
GROUP = "sample_loss"
SHARES = np.geomspace(1e-3, 0.3, 51)  # of samples, of the concentration's curve
AT_POINTS = ("mean", "accuracy", "gini", "best_scale", "best_scale_loss", "trimmed_mean")


def at(values, points):
    """The value of each trial at its own point -> [trials]; NaN where the point is absent.   values [trials, points]"""
    found = values[np.arange(len(values)), np.maximum(points, 0)].astype(float)
    return np.where(points >= 0, found, np.nan)


def rise_columns(data, part):
    """Everything about the rise of each trial -> {column: float64 [trials]}"""
    best, last = (data[f"{part}_{name}_point"].values for name in ("best", "last"))
    columns = {f"{name}_epoch": at(absent_as_nan(data["epoch"].values), points) for name, points in (("best", best), ("last", last))}
    columns.update({name: data[f"{part}_{name}"].values for name in ("rise", "fraction_rising")})
    for share, values in zip(data["sample_loss_top"].values, data[f"{part}_top_share"].values.T):
        columns[f"top_{share:g}"] = values
    for name in AT_POINTS:
        if f"{part}_{name}" in data:
            values = data[f"{part}_{name}"].values
            columns.update({f"{name}_best": at(values, best), f"{name}_last": at(values, last)})
    median = data[f"{part}_quantile"].isel(sample_loss_quantile=0).values
    return {**columns, "median_best": at(median, best), "median_last": at(median, last)}


def rise_table(results, axes, part="test"):
    """The rise of the loss -> DataFrame, a row a group.

    rise, fraction_rising, top_5 with intervals over seeds; else means: epochs of t* and T (best, last), top_<q>, and at both
    mean loss, accuracy, gini of the losses, median, and the best scale s of the logits with the loss there
    """
    columns, records = rise_columns(need_part(results, part), part), []
    for group in groups(results, axes):
        rows = group.rows[np.isfinite(columns["rise"][group.rows])]
        if len(rows):
            record = {**group.settings, "trials": len(rows)}
            for name, values in columns.items():
                spread = name in ("rise", "fraction_rising", "top_5")
                with np.errstate(invalid="ignore"):
                    record.update(intervals.columns(name, values[rows]) if spread else {name: float(np.mean(values[rows]))})
            records.append(record)
    return pandas.DataFrame(records)


def split_table(results, axes, part="test"):
    """What rises -> DataFrame, a row for each group, change and clarity.

    change: right or wrong at t* and at T; clarity: borderline (margin below 0.5 at t*) or clear
    share: of the samples; rise: their sum of increases over all samples, so that a group's eight rows add up to its rise
    """
    data, records = need_part(results, part), []
    rise, share = data[f"{part}_rise_split"].values, data[f"{part}_split_share"].values
    for group in groups(results, axes):
        rows = group.rows[measured(rise[group.rows])]
        for i, change in enumerate(data["sample_loss_change"].values if len(rows) else []):
            for j, clarity in enumerate(data["sample_loss_clarity"].values):
                records.append({**group.settings, "change": str(change), "clarity": str(clarity), "trials": len(rows),
                                "share": float(share[rows, i, j].mean()), **intervals.columns("rise", rise[rows, i, j])})
    return pandas.DataFrame(records)


def concentration(results, part="test"):
    """Share of all positive increases that the samples that rise most carry -> float64 [trials, SHARES], from the losses recorded.

    Of n samples the share s means the ceil(s n) that rise most. NaN where nothing was derived, or nothing rises.
    """
    data = need_part(results, part)
    losses, best, last = results[f"{GROUP}/{part}"], data[f"{part}_best_point"].values, data[f"{part}_last_point"].values
    found = np.full((len(results), len(SHARES)), np.nan)
    for row in np.flatnonzero((best >= 0) & (last >= 0)):
        increase = losses[row, int(last[row])].astype(float) - losses[row, int(best[row])]
        increase = np.sort(increase[np.isfinite(increase)])[::-1]
        positive = increase[increase > 0].sum()
        if positive > 0:
            counts = np.maximum(1, np.ceil(SHARES * len(increase) - 1e-9).astype(int))
            found[row] = np.cumsum(increase)[counts - 1] / positive
    return found


def need_part(results, part):
    """The group, if that part's losses were recorded."""
    data = need_group(results, GROUP)
    if f"{part}_rise" not in data:
        parts = [name[: -len("_rise")] for name in map(str, data) if name.endswith("_rise")]
        raise ResultsError(f"{results.path}: sample_loss has no part '{part}'; it has {', '.join(parts)}")
    return data


@style.drawn
def quantiles_figure(results, axes, part):
    """Quantiles and mean of the losses against the epoch, a panel a group -> Figure.   Medians over trials."""
    data, found = need_part(results, part), groups(results, axes)[: style.MOST_PANELS]
    epoch = absent_as_nan(data["epoch"].values)
    lines = {f"{100 * share:g} % of the samples are below": data[f"{part}_quantile"].values[:, :, place]
             for place, share in enumerate(data["sample_loss_quantile"].values)}
    lines = {"mean": data[f"{part}_mean"].values, **lines}
    looks = style.looks(lines)
    figure, panels = style.panels(*style.shape(len(found)), 3.2, 2.7, sharey=True)
    for panel, group, name in zip(panels.flat, found, labels([group.settings for group in found], axes)):
        x = intervals.mean(epoch[group.rows])
        for what, values in lines.items():
            low, middle, high = intervals.quantiles(values[group.rows])
            order = np.argsort(x)
            style.band(panel, x[order], middle[order], low[order], high[order], what, **{**looks[what], "marker": ""})
        panel.set_yscale("log")
        style.title(panel, name)
        panel.set_xlabel("epoch")
        style.integer_axis(panel.xaxis)
    style.hide_rest(panels, len(found))
    for panel in panels[:, 0]:
        panel.set_ylabel(f"{part} loss of a sample")
    style.below(figure, style.handles_of(panels), columns=3)
    return figure


@style.drawn
def concentration_figure(results, axes, curves):
    """Share of the rise that the samples that rise most carry -> Figure.   curves: concentration()'s [trials, SHARES]"""
    found = [group for group in groups(results, axes) if np.isfinite(curves[group.rows]).any()]
    settings = [group.settings for group in found]
    hue, parts = style.facets(settings, axes)
    looks = style.hue_looks(settings, hue)
    figure, panels = style.panels(*style.shape(len(parts)), 3.6, 2.9, sharey=True)
    for panel, (title, members) in zip(panels.flat, parts.items()):
        for value in sorted_values(own for _, own in members):
            rows = np.concatenate([found[place].rows for place, own in members if own == value])
            line = intervals.mean(curves[rows])
            look = {**looks[value], "marker": ""}
            style.band(panel, 100 * SHARES, line, *intervals.interval(curves[rows]), **look)
        panel.set_xscale("log")
        panel.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
        panel.axhline(1, color=style.NEUTRAL, linewidth=0.8, linestyle=":")
        style.title(panel, title)
        panel.set_xlabel("samples that rise most (%)")
    style.hide_rest(panels, len(parts))
    for panel in panels[:, 0]:
        panel.set_ylabel("their rise / all positive rises")
    style.below(figure, style.handles_of(panels) if hue else {}, short(hue) if hue else None)
    return figure


@style.drawn
def split_figure(table, axes):
    """What the rise is made of: bars by change and clarity, a panel a group -> Figure.   table: split_table's"""
    table = table.assign(group=labels(table.to_dict("records"), axes))
    names = list(dict.fromkeys(table["group"]))[: style.MOST_PANELS]
    changes = list(dict.fromkeys(table["change"]))
    looks = style.looks(dict.fromkeys(table["clarity"]))
    figure, panels = style.panels(*style.shape(len(names)), 3.2, 2.4, sharey=True, sharex=True)
    for panel, name in zip(panels.flat, names):
        for shift, (clarity, look) in zip((-0.2, 0.2), looks.items()):
            own = table[(table["group"] == name) & (table["clarity"] == clarity)]
            where = np.array([changes.index(change) for change in own["change"]]) + shift
            panel.barh(where, own["rise"], height=0.38, color=look["color"], label=clarity)
        panel.set_yticks(range(len(changes)), [change.replace("_", " then ") for change in changes])
        panel.axvline(0, color=style.NEUTRAL, linewidth=0.8)
        style.title(panel, name)
        panel.set_xlabel("part of the rise")
    style.hide_rest(panels, len(names))
    style.below(figure, style.handles_of(panels))
    return figure


def add_options(parser):
    parser.add_argument("--part", choices=["train", "test", "validation"], default="test", help="whose losses (test)")


def run(results, arguments):
    """The subcommand -> Findings."""
    axes, part = chosen_axes(results, arguments.group), arguments.part
    kept = measured(need_part(results, part)[f"{part}_rise"].values)
    if not kept.any():
        raise ResultsError(f"{results.path}: no trial has a rise to look at ({left_out_note(results, kept, 'sample_loss')})")
    table, split, found = rise_table(results, axes, part), split_table(results, axes, part), concentration(results, part)
    lines = pandas.DataFrame([{**group.settings, "share": share, "of_rise": value} for group in groups(results, axes)
                              for share, value in zip(SHARES, intervals.mean(found[group.rows]))])
    figures = {"sample-loss-quantiles": lambda: quantiles_figure(results, axes, part),
               "sample-loss-split": lambda: split_figure(split, axes)}
    notes = [note for note in [left_out_note(results, kept, "rise: they separate at once, or did not train")] if note]
    if np.isfinite(found).any():
        figures["sample-loss-concentration"] = lambda: concentration_figure(results, axes, found)
    else:
        notes.append("no sample's loss rises: its concentration is absent")
    return Findings({NAME: table, "sample-loss-split": split, "sample-loss-concentration": lines}, figures, notes,
                    {"part": part, "group_by": axes},
                    [*axes, "trials", "best_epoch", "last_epoch", "rise", "fraction_rising", "top_5", "accuracy_best", "accuracy_last"])
