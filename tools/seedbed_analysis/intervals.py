"""Means with intervals by the bootstrap: what the mean over seeds would be with other seeds.

Percentile intervals at 95 %: the values are drawn again with replacement, RESAMPLES times, from a fixed stream, so that
the same file gives the same intervals. With few seeds they are too narrow: with three or four take them as a lower bound.
"""

import math

import numpy as np

RESAMPLES = 2000
BLOCK = 1 << 22  # resampled values held at a time


def draws(count, resamples=RESAMPLES, seed=0):
    """How often each of `count` values is drawn -> float64 [resamples, count], rows that sum to count."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(float)


def interval(values):
    """95 % interval of the mean over the first dimension; absent values are left out.

    values [seeds, ...] -> (low [...], high [...]), NaN where fewer than two are there
    """
    values = np.asarray(values, dtype=float)
    shape = values.shape[1:]
    flat = values.reshape(len(values), math.prod(shape))
    low, high = np.full(flat.shape[1], np.nan), np.full(flat.shape[1], np.nan)
    if len(values) > 1:
        weights = draws(len(values))
        width = max(1, BLOCK // RESAMPLES)
        for start in range(0, flat.shape[1], width):
            part = flat[:, start : start + width]
            there = np.isfinite(part)
            with np.errstate(invalid="ignore", divide="ignore"):
                means = (weights @ np.where(there, part, 0)) / (weights @ there)
            enough = there.sum(axis=0) > 1
            if enough.any():
                found = np.nanquantile(means[:, enough], [0.025, 0.975], axis=0)
                low[start : start + width][enough], high[start : start + width][enough] = found
    return low.reshape(shape), high.reshape(shape)


def mean(values):
    """Mean over the first dimension of what is there; NaN where nothing is.   values [seeds, ...] -> [...]"""
    values = np.asarray(values, dtype=float)
    there = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, values, 0).sum(axis=0) / there.sum(axis=0)


def quantiles(values, shares=(0.25, 0.5, 0.75)):
    """Quantiles over the first dimension of what is there; NaN where nothing is.   values [n, ...] -> [shares, ...]"""
    values = np.asarray(values, dtype=float)
    found = np.full((len(shares), *values.shape[1:]), np.nan)
    seen = np.isfinite(values).any(axis=0)
    if seen.any():
        found[:, seen] = np.nanquantile(np.where(np.isfinite(values), values, np.nan)[:, seen], shares, axis=0)
    return found


def columns(name, values):
    """Mean and interval of one number a trial, as columns of a table -> {name, name_low, name_high}."""
    low, high = interval(values)
    return {name: float(mean(values)), f"{name}_low": float(low), f"{name}_high": float(high)}


def rank(values):
    """Ranks from 1, equal values sharing the mean of theirs.   values [n] -> float64 [n]"""
    _, places, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def pearson(first, second):
    """Correlation of two columns; NaN where one does not vary."""
    first, second = first - first.mean(), second - second.mean()
    size = math.sqrt(float((first**2).sum()) * float((second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else math.nan


def spearman(first, second):
    """Spearman's rank correlation of two columns [n]; what is absent in one is left out; NaN below three."""
    there = np.isfinite(first) & np.isfinite(second)
    if there.sum() < 3:
        return math.nan
    return pearson(rank(np.asarray(first)[there]), rank(np.asarray(second)[there]))


def bootstrap(statistic, count, resamples=RESAMPLES, seed=0):
    """95 % interval of statistic(positions), positions drawn with replacement from 0..count-1 -> (low, high)."""
    if count < 3:
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(count, size=(resamples, count))
    found = np.array([statistic(positions) for positions in drawn], dtype=float)
    found = found[np.isfinite(found)]
    if not len(found):
        return math.nan, math.nan
    return tuple(float(value) for value in np.quantile(found, [0.025, 0.975]))


def pair_mean(matrix, chosen):
    """Mean over the chosen pairs of trials.   matrix [trials, trials]; chosen bool, symmetric, without the diagonal"""
    return float(np.mean(matrix[chosen], dtype=float)) if chosen.any() else math.nan


def pair_interval(matrix, chosen):
    """95 % interval of pair_mean, drawing *trials*: pairs that share a trial are not independent -> (low, high).

    NaN for fewer than three trials in the chosen pairs.
    """
    involved = chosen.any(axis=1)
    count = int(involved.sum())
    if count < 3:
        return math.nan, math.nan
    inside = np.ix_(involved, involved)
    mask = chosen[inside].astype(float)
    values = np.where(chosen[inside], matrix[inside], 0).astype(float)
    drawn = draws(count)
    weight = ((drawn @ mask) * drawn).sum(axis=1)
    total = ((drawn @ values) * drawn).sum(axis=1)
    means = total[weight > 0] / weight[weight > 0]
    return tuple(float(value) for value in np.quantile(means, [0.025, 0.975]))
