"""Distributions of margins over the training set: sorted curves and their areas."""

import numpy as np

from .consistency import blocks, measured_rows
from .results import ResultsError

CURVE_POINTS = 201


def normaliser(results, kind, point):
    """The number that margins are divided by, for each trial -> float64 [committed trials].

    kind: "none" (ones), "frobenius" or "last_layer". Within a trial it changes no order, and so no overlap.
    """
    if kind == "none":
        return np.ones(len(results))
    names = results.group("margins")
    name = f"rho_{kind}"
    if name not in names:
        raise ResultsError(f"{results.path}: /margins has no {name}; it has {', '.join(names)}")
    return np.asarray(names[name][:, point], dtype=float)


def sorted_curves(results, kind="none", point="end"):
    """Each trial's margins in ascending order, at CURVE_POINTS evenly spaced shares of the training set.

    Returns (rows [trials], share [points] in 0..1, curves [trials, points]).
    """
    array, position = results["margins/train"], results.point("margins", point)
    rows = measured_rows(results, array, position)
    scale = normaliser(results, kind, position)
    counts = results["dataset/train_count"][...]
    share = np.linspace(0, 1, CURVE_POINTS)
    curves = np.empty((len(rows), CURVE_POINTS))
    done = 0
    for block in blocks(rows, max(1, array.shape[2])):
        for row, values in zip(block, array[block, position]):
            values = np.sort(values[: int(counts[results.trials["variant"][row]])]).astype(float) / scale[row]
            curves[done] = np.interp(share, np.linspace(0, 1, len(values)), values)
            done += 1
    return rows, share, curves
