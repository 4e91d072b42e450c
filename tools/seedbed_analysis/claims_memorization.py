"""Paper D: memorization and the loss function (Patel, Sastry 2021, arXiv 2107.09957).

On /memorization: J1 is the training accuracy on the labels trained on, J2 on the true ones, M = (J1 - (1 - eta)) / eta. An arm whose
J1 ends below 0.3 failed to optimise and counts neither as resistance nor against it.
"""

import numpy as np

from .claim import Claim, Measured, column, need
from .storage import ResultsError

JUDGED_RATES = (0.2, 0.4)
FAILED_BELOW = 0.3
MEMORIZES, RESISTS = 0.95, 0.1
CLEAN_POINTS = 2.0


def losses(results):
    return np.array([str(one) for one in column(results, "train.loss")])


def noise_rates(results):
    return np.asarray(column(results, "label_noise.rate"), dtype=float)


def last(results, name):
    """/memorization/<name> at the last epoch that ran -> values [trials]; NaN where nothing ran."""
    values = np.asarray(results[f"memorization/{name}"][...], dtype=float)
    there = np.isfinite(values)
    place = values.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
    return np.where(there.any(axis=1), values[np.arange(len(values)), place], np.nan)


def rows_of(results, loss, wanted=JUDGED_RATES):
    rows = np.flatnonzero((losses(results) == loss) & np.isin(noise_rates(results), wanted))
    return need(rows, results, f"no trials of {loss} at label noise {', '.join(map(str, wanted))}")


def robust_losses(results):
    """The variants of rll in the sweep that were optimised."""
    j1, names = last(results, "observed_accuracy"), losses(results)
    found = [one for one in dict.fromkeys(names) if "rll" in one and np.nanmin(j1[names == one]) >= FAILED_BELOW]
    return need(found, results, "no trials of rll that learned anything (J1 of at least 0.3)")


def below_clean(results, rows):
    """Points by which J2 is below that of the same loss without label noise, in its best seed -> values [rows].

    Losses like rll may lose a class from the start; a seed that did is no measure of what the loss can do.
    """
    names, rate, j2 = losses(results), noise_rates(results), last(results, "true_accuracy")
    clean = {name: np.fmax.reduce(j2[(names == name) & (rate == 0)], initial=np.nan) for name in set(names)}
    if not np.isfinite([clean[names[row]] for row in rows]).any():
        raise ResultsError(f"{results.path}: no trials without label noise to compare with")
    return np.array([100 * (clean[names[row]] - j2[row]) for row in rows])


def worst_rate(results, rows, values):
    """Of values [rows], those at the noise rate with the largest mean, and the mean at each rate as text."""
    rate = noise_rates(results)[rows]
    means = {float(one): float(np.nanmean(values[rate == one])) for one in np.unique(rate)}
    worst = max(means, key=means.get)
    return values[rate == worst], ", ".join(f"{one:g}: {value:.3g}" for one, value in means.items())


def most_robust(results):
    """The variant of rll that misses its bars by least -> its name."""
    index = last(results, "index")

    def misses(loss):
        rows = rows_of(results, loss)
        resists, right = worst_rate(results, rows, index[rows])[0], worst_rate(results, rows, below_clean(results, rows))[0]
        return max(np.nanmean(resists) - RESISTS, (np.nanmean(right) - CLEAN_POINTS) / 100)

    return min(robust_losses(results), key=misses)


def cross_entropy_memorizes(results):
    rows = rows_of(results, "cross_entropy")
    index, j2 = last(results, "index")[rows], last(results, "true_accuracy")[rows]
    return Measured(index, lambda value: value >= MEMORIZES, f"J2 ends at {np.nanmean(j2):.3f}")


def robust_resists(results):
    best = most_robust(results)
    rows = rows_of(results, best)
    values, by_rate = worst_rate(results, rows, last(results, "index")[rows])
    return Measured(values, lambda value: value <= RESISTS, f"{best}; M by noise rate: {by_rate}; the worst is judged")


def robust_stays_right(results):
    best = most_robust(results)
    rows = rows_of(results, best)
    values, by_rate = worst_rate(results, rows, below_clean(results, rows))
    return Measured(values, lambda value: value <= CLEAN_POINTS, f"{best}; points by noise rate: {by_rate}; the worst is judged")


def crosses(results, loss):
    return (results["memorization/crossing_epoch"][...][rows_of(results, loss)] >= 0).astype(float)


def cross_entropy_flips(results):
    return Measured(crosses(results, "cross_entropy"), lambda value: value == 1)


def robust_does_not_flip(results):
    best = most_robust(results)
    return Measured(crosses(results, best), lambda value: value == 0, best)


def normalised_mse(results):
    rows = rows_of(results, "nmse")
    j1 = last(results, "observed_accuracy")[rows]
    remark = "J1 below 0.3: not optimised" if np.nanmin(j1) < FAILED_BELOW else f"J1 ends at {np.nanmean(j1):.3f}"
    return Measured(last(results, "index")[rows], lambda value: value <= RESISTS and np.nanmin(j1) >= FAILED_BELOW, remark)


def weaker_at_high_rates(results):
    best = most_robust(results)
    rate, index = noise_rates(results), last(results, "index")
    high = rate.max()
    if high <= max(JUDGED_RATES):
        raise ResultsError(f"{results.path}: no label noise above {max(JUDGED_RATES)}")
    low_rows, high_rows = rows_of(results, best, (JUDGED_RATES[0],)), rows_of(results, best, (high,))
    count = min(len(low_rows), len(high_rows))
    return Measured(index[high_rows][:count] - index[low_rows][:count], lambda value: value > 0, f"{best} at {high:g} against 0.2")


CLAIMS = [
    Claim("D1 cross_entropy", "cross-entropy memorizes", "M >= 0.95", cross_entropy_memorizes),
    Claim("D2 resists", "the robust log loss resists", "some alpha with M <= 0.1", robust_resists),
    Claim("D2 right", "and stays near its clean accuracy", "J2 within 2 points", robust_stays_right),
    Claim("D3 flip", "J1 and J2 cross with cross-entropy", "in every seed", cross_entropy_flips),
    Claim("D3 no flip", "and do not with rll", "in no seed", robust_does_not_flip),
    Claim("D4 nmse", "normalised MSE resists as rll", "M <= 0.1", normalised_mse),
    Claim("D5 high noise", "resistance weakens at high rates", "M grows with the rate", weaker_at_high_rates),
]
