"""Paper A: the test loss rises while the accuracy holds (Venter, Theunissen, Davel 2020, arXiv 2103.07986).

On /sample_loss of MLPs of several widths; t* is the measure point of least mean test loss, T the last before all training
samples are right (docs/metrics.md).
"""

import numpy as np

from .claim import Claim, Measured, need, ratio, widths
from .storage import ResultsError


def one_layer(results, pick):
    """Rows of the MLPs of one hidden layer whose width is the widest (pick = max) or the narrowest (min)."""
    found = widths(results)
    single = [row for row, one in enumerate(found) if len(one) == 1]
    need(single, results, "no MLP with one hidden layer")
    wanted = pick(found[row][0] for row in single)
    return np.array([row for row in single if found[row][0] == wanted])


def figure(results, name):
    """/sample_loss/<name> of the widest network -> values [seeds, ...]"""
    return results[f"sample_loss/test_{name}"][one_layer(results, max)]


def at_points(results, name, rows):
    """A figure at t* and at T -> (values [rows, ...], values [rows, ...]); NaN where there is no such point."""
    array = results[f"sample_loss/{name}"][rows]
    ends = []
    for which in ("test_best_point", "test_last_point"):
        points = results[f"sample_loss/{which}"][rows]
        ends.append(np.array([array[i, point] if point >= 0 else np.full(array.shape[2:], np.nan)
                              for i, point in enumerate(points)]))
    return ends


def few_rise(results):
    return Measured(figure(results, "fraction_rising"), lambda value: value <= 0.2)


def concentrated(results):
    tops = np.asarray(results["sample_loss_top"][...])
    if 5 not in tops:
        raise ResultsError(f"{results.path}: /sample_loss/test_top_share has no 5 %")
    return Measured(figure(results, "top_share")[:, int(np.flatnonzero(tops == 5)[0])], lambda value: value >= 0.8)


def median_falls(results):
    rows = one_layer(results, max)
    before, after = at_points(results, "test_quantile", rows)
    rise = results["sample_loss/test_rise"][rows]
    there = np.isfinite(rise)
    holds = np.where(there, (rise > 0) & (after[:, 0] < before[:, 0]), np.nan)
    return Measured(holds, lambda value: value == 1,
                    f"mean rise {np.nanmean(rise):.3g}, median {np.nanmean(before[:, 0]):.3g} to {np.nanmean(after[:, 0]):.3g}")


def accuracy_holds(results):
    before, after = at_points(results, "test_accuracy", one_layer(results, max))
    change = 100 * (after - before)
    return Measured(np.abs(change), lambda value: value <= 0.2, f"accuracy changes by {np.nanmean(change):+.2f} points on average")


def narrow_rises_less(results):
    wide = results["sample_loss/test_rise"][one_layer(results, max)]
    narrow = results["sample_loss/test_rise"][one_layer(results, min)]
    count = min(len(wide), len(narrow))
    return Measured(wide[:count] - narrow[:count], lambda value: value > 0,
                    f"rises {np.nanmean(wide):.3g} (widest) and {np.nanmean(narrow):.3g} (narrowest)")


def scale_explains(results):
    rows = one_layer(results, max)
    before, after = at_points(results, "test_best_scale_loss", rows)
    rise = results["sample_loss/test_rise"][rows]
    return Measured(ratio(after - before, rise), lambda value: value <= 0.2)


def weights_grow(results):
    before, after = at_points(results, "tensor_norm", one_layer(results, max))
    total = [np.sqrt(np.nansum(np.square(one), axis=-1)) for one in (before, after)]
    return Measured(total[1] / total[0], lambda value: value > 1)


def borderline_share(results):
    rows = one_layer(results, max)
    clarity = [str(one) for one in results["sample_loss_clarity"][...]]
    split = results["sample_loss/test_rise_split"][rows]
    rise = results["sample_loss/test_rise"][rows]
    return Measured(ratio(split[:, :, clarity.index("borderline")].sum(axis=1), rise), lambda value: value < 0.5)


CLAIMS = [
    Claim("A1 few", "a small minority of test samples rises", "share rising <= 0.2", few_rise),
    Claim("A1 concentrated", "they carry the rise", "worst 5 % carry >= 0.8", concentrated),
    Claim("A1 median", "the mean loss rises while the median falls", "in every seed", median_falls),
    Claim("A1 accuracy", "the accuracy holds", "within 0.2 points", accuracy_holds),
    Claim("A2 width", "capacity raises a few samples' loss more", "widest rises more than narrowest", narrow_rises_less),
    Claim("A3 scale", "the cause is the scale of the logits", "<= 0.2 of the rise is left at the best scale", scale_explains),
    Claim("A3 norm", "parameters grow from t* to T", "ratio of norms > 1", weights_grow),
    Claim("A4 borderline", "borderline samples do not explain it", "they carry < 0.5 of the rise", borderline_share),
]
