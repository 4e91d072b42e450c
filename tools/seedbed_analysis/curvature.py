"""How sharp is the loss around the parameters, and does training come to the edge of stability?

largest, smallest: eigenvalues of the Hessian of the training loss; trace: its estimate, where probes were drawn. edge = 2 / learning rate:
where the largest eigenvalue is above it, gradient descent moves away from the minimum of a quadratic loss; given for sgd without
momentum alone. ratio = largest / edge. Every mean is over trials that differ in their seeds only.
"""

import re

import numpy as np

from . import points
from .groups import chosen_axes, left_out_note, measured, need_group, resolved
from .output import Findings
from .storage import ResultsError

NAME = "curvature"
READ = {  # how to read each figure, by the beginning of its name
    "curvature": "A largest eigenvalue that rises to the dashed line (2 / learning rate) and stays there is at the edge of stability; below it "
                 "gradient descent has room for a larger rate.",
}
SHOWN = {"largest": "largest eigenvalue", "smallest": "smallest eigenvalue", "trace": "trace"}


def edges(results):
    """2 / learning rate of each trial of plain gradient descent -> float64 [trials]; NaN where the optimizer is another, or varies"""
    if any(axis == "train" or axis.startswith("train.optimizer") for axis in results.axes):
        return np.full(len(results), np.nan)
    optimizer = resolved(results, "optimizer", "train")
    if not re.search(r"kind: sgd\b", optimizer) or not re.search(r"momentum: 0[,}]", optimizer):
        return np.full(len(results), np.nan)
    varied = "train.learning_rate" in results.axes
    rate = results.trials["train.learning_rate"].to_numpy() if varied else float(resolved(results, "learning_rate", "train"))
    with np.errstate(divide="ignore"):
        return 2 / np.broadcast_to(rate, len(results)).astype(float)


def curvature_table(results, axes):
    """Eigenvalues and trace at each measure point -> DataFrame, a row for each group and point: points.means()'s columns.

    largest, smallest, trace [each with its interval], edge, ratio
    """
    data = need_group(results, NAME)
    values = {"largest": data["eigenvalue"].isel(curvature_rank=0).values, "smallest": data["smallest"].values}
    if "trace" in data:
        values["trace"] = data["trace"].values
    values["edge"] = np.repeat(edges(results)[:, None], values["largest"].shape[1], axis=1)
    values["ratio"] = values["largest"] / values["edge"]
    return points.means(results, data, axes, values, SHOWN)


def add_options(parser):
    """It has no options of its own."""


def run(results, arguments):
    """The subcommand -> Findings."""
    axes, data = chosen_axes(results, arguments.group), need_group(results, NAME)
    kept, table = measured(data["eigenvalue"].values), curvature_table(results, axes)
    if not len(table):
        raise ResultsError(f"{results.path}: no curvature was measured ({left_out_note(results, kept, 'curvature')})")
    shown = {name: words for name, words in SHOWN.items() if name in table}
    notes = [note for note in [left_out_note(results, kept, "curvature")] if note]
    if not np.isfinite(table["edge"]).any():
        notes.append("no edge of stability: it is 2 / learning rate for sgd without momentum alone")
    return Findings({NAME: table}, {NAME: lambda: points.figure(table, axes, shown, {"largest": "edge"})}, notes, {"group_by": axes})
