"""How many samples does training still need: what becomes of the test accuracy when it goes on with a part of them?

before: test accuracy when samples were first chosen; after: at the end; change = after - before, in each trial. kept: samples that
training went on with after the last choice; epoch: when the first was made. Trials that chose nothing have `after` alone: those are what the
others are compared with. Every mean is over trials that differ in their seeds only.
"""

import numpy as np
import pandas

from . import intervals, style
from .groups import chosen_axes, groups, labels, left_out_note, measured, need_group
from .output import Findings
from .quantities import absent_as_nan, done, last_there
from .storage import ResultsError

NAME = "reduction"
READ = {  # how to read each figure, by the beginning of its name
    "reduction": "Each line goes from the test accuracy when samples were first left out (ring) to that at the end (dot, with the interval over "
                 "seeds): one that goes left lost accuracy for want of samples; a dot alone kept all.",
}
MOST_LINES = 40


def trial_columns(results):
    """Of each trial -> {column: float64 [trials]}; NaN where nothing was chosen, `after` where the trial did not end"""
    data = need_group(results, NAME)
    after = np.where(done(results), results.trials["test_accuracy"].to_numpy(), np.nan)
    before = data["test_accuracy_before"].values[:, 0]
    return {"after": after, "before": before, "change": after - before, "kept": last_there(data["kept_count"].values),
            "epoch": absent_as_nan(data["chosen_epoch"].values)[:, 0], "choices": (data["chosen_epoch"].values >= 0).sum(axis=1).astype(float)}


def reduction_table(results, axes):
    """Test accuracy before and after -> DataFrame, a row a group.

    trials: those that ended; reduced: those of them that chose; after, change [with intervals], before, kept, epoch, choices: means
    """
    columns, records = trial_columns(results), []
    for group in groups(results, axes):
        rows = group.rows[np.isfinite(columns["after"][group.rows])]
        if len(rows):
            record = {**group.settings, "trials": len(rows), "reduced": int(np.isfinite(columns["before"][rows]).sum())}
            for name, values in columns.items():
                spread = name in ("after", "change")
                record.update(intervals.columns(name, values[rows]) if spread else {name: float(intervals.mean(values[rows]))})
            records.append(record)
    return pandas.DataFrame(records)


@style.drawn
def figure(table, axes):
    """Test accuracy from the first choice to the end, a line a group -> Figure.   table: reduction_table's"""
    rows = table.to_dict("records")[:MOST_LINES]
    names = labels(rows, axes)
    figure, panels = style.panels(1, 1, 4.2 + 0.07 * max(map(len, names)), 1.1 + 0.3 * len(rows))
    panel = panels[0, 0]
    for place, row in enumerate(rows):
        panel.plot([row["after_low"], row["after_high"]], [place, place], color=style.PALETTE[0], linewidth=5, alpha=0.25)
        panel.plot([row["before"], row["after"]], [place, place], color=style.PALETTE[0])
        panel.plot([row["before"]], [place], marker="o", markerfacecolor="none", color=style.PALETTE[0])
        panel.plot([row["after"]], [place], marker="o", color=style.PALETTE[0])
    panel.set_yticks(range(len(rows)), names, fontsize=8)
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xlabel("test accuracy")
    return figure


def add_options(parser):
    """It has no options of its own."""


def run(results, arguments):
    """The subcommand -> Findings."""
    axes, data = chosen_axes(results, arguments.group), need_group(results, NAME)
    if "test_accuracy_before" not in data:
        raise ResultsError(f"{results.path}: no trial of the sweep leaves samples out (train.reduction)")
    kept, table = measured(data["test_accuracy_before"].values), reduction_table(results, axes)
    if not len(table):
        raise ResultsError(f"{results.path}: no trial came to its end ({left_out_note(results, done(results), 'end')})")
    notes = [note for note in [left_out_note(results, done(results), "end"), left_out_note(results, kept, "choice of samples")] if note]
    if len(table) > MOST_LINES:
        notes.append(f"the first {MOST_LINES} of {len(table)} groups are drawn; choose others by --where")
    return Findings({NAME: table}, {NAME: lambda: figure(table, axes)}, notes, {"group_by": axes},
                    [*axes, "trials", "reduced", "before", "after", "change", "kept", "epoch"])
