"""What a claim of a paper is, and how one is judged on results files."""

import re
from dataclasses import dataclass
from typing import Callable

import numpy as np

from .groups import need_group
from .intervals import interval, mean
from .storage import ResultsError

HOLDS, FAILS, REPORTED, NOT_MEASURED = "holds", "does not hold", "reported", "not measured"
NO_BAR = "none"


@dataclass
class Claim:
    """measure(results) -> Measured; ResultsError where the file does not have what it needs. bar: in words, or NO_BAR."""

    name: str
    says: str
    bar: str
    measure: Callable


@dataclass
class Measured:
    """What was found.

    values   one number a seed (or matched pair of trials); their mean is judged
    test     mean -> whether the bar holds; None: the paper sets none, the value is reported
    edges    an interval of the mean where the values are not what to draw again from
    """

    values: np.ndarray
    test: Callable = None
    remark: str = ""
    edges: tuple = None


def judged(claim, metric, files):
    """The claim on the first of the files that has the metric and what else it needs -> one row of the table."""
    row = {"claim": claim.name, "says": claim.says, "bar": claim.bar, "value": np.nan, "value_low": np.nan, "value_high": np.nan,
           "n": 0, "verdict": NOT_MEASURED, "remark": "", "file": ""}
    reasons = []
    for results in files:
        try:
            need_group(results, metric)
            found = claim.measure(results)
        except ResultsError as error:
            reasons.append(str(error))
            continue
        values = np.asarray(found.values, dtype=float)
        values = values[np.isfinite(values)]
        if not len(values):
            reasons.append(found.remark or f"{results.path}: no trial came as far")
            continue
        low, high = found.edges if found.edges else interval(values)
        value = float(mean(values))
        verdict = REPORTED if found.test is None else HOLDS if found.test(value) else FAILS
        row.update(value=value, value_low=float(low), value_high=float(high), n=len(values), verdict=verdict,
                   remark=found.remark, file=results.path)
        return row
    row["remark"] = "; ".join(dict.fromkeys(reasons))
    return row


def column(results, key, default=None):
    """A setting of each trial -> array [trials]: its axis, or `default` for all where the sweep does not vary it."""
    for axis in results.axes:
        if axis == key or axis.endswith("." + key):
            return results.trials[axis].to_numpy()
    if default is None:
        raise ResultsError(f"{results.path}: the sweep does not vary {key}")
    return np.full(len(results), default, dtype=object)


def widths(results):
    """Widths of the hidden layers of each trial's MLP -> list of tuples. ResultsError where the sweep does not vary them."""
    return [tuple(int(one) for one in re.findall(r"\d+", str(text))) for text in column(results, "model.hidden")]


def ratio(first, second):
    """first / second, NaN where second is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(second != 0, np.divide(first, second), np.nan)


def matched(results, rows, other, ignoring):
    """Pairs of rows, one of each set, that agree in every axis but those ignored -> [(row, row)]."""
    axes = [axis for axis in results.axes if axis not in ignoring]
    table = results.trials[axes].to_numpy() if axes else np.zeros((len(results), 0))
    places = {tuple(table[row]): row for row in other}
    return [(row, places[tuple(table[row])]) for row in rows if tuple(table[row]) in places]


def need(rows, results, what):
    """rows, unless there are none: then ResultsError says what is missing."""
    if not len(rows):
        raise ResultsError(f"{results.path}: {what}")
    return rows
