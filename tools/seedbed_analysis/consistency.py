"""Do different runs give the same samples the largest (or smallest) margins?

For two runs with subsets A and B of k of the same n samples: Jaccard overlap J = |A and B| / |A or B|.
Two random subsets share k^2/n samples on average, which as an overlap is k / (2n - k): `chance`.
`expected_overlap` is the exact mean of J for random subsets; it is a little higher.

Every array over trials is [trials]; n is the number of training samples; sample i is position i of the subset.
"""

import math
from dataclasses import dataclass

import numpy as np

from .results import ResultsError

ENDS = ("highest", "lowest")
BLOCK_BYTES = 64 << 20  # of margins read, or of memberships unpacked, at a time
RANK_BYTES = 1 << 30  # of ranks held for the rank correlation; above it is left out
RESAMPLES = 1000


def chance_overlap(n, k):
    """k / (2n - k): the overlap of two random subsets of k of n that share as many samples as they do on average."""
    return k / (2 * n - k)


def expected_overlap(n, k):
    """E[I / (2k - I)], I hypergeometric: the exact mean Jaccard overlap of two random subsets of k of n samples."""
    shared = np.arange(max(0, 2 * k - n), k + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])

    def log_choose(total, chosen):
        return log_factorial[total] - log_factorial[chosen] - log_factorial[total - chosen]

    log_share = log_choose(k, shared) + log_choose(n - k, k - shared) - log_choose(n, k)
    return float(np.sum(np.exp(log_share) * shared / (2 * k - shared)))


def members(margins, k, end):
    """The k samples of highest or lowest margin of each trial; equal margins count in the order of their samples.

    margins [trials, n] -> bool [trials, n]
    """
    keys = -margins if end == "highest" else margins
    if k >= keys.shape[1]:
        return np.ones(keys.shape, dtype=bool)
    limit = np.partition(keys, k - 1, axis=1)[:, k - 1 : k]
    chosen = keys < limit
    for taken, tied in zip(chosen, keys == limit):
        taken[np.flatnonzero(tied)[: k - np.count_nonzero(taken)]] = True
    return chosen


def shared_counts(packed, n):
    """How many members each pair of trials shares.   packed [trials, ceil(n/8)] bits -> float32 [trials, trials]

    A product of 0/1 matrices, a stretch of samples at a time; counts below 2^24 are exact in float32.
    """
    trials = len(packed)
    counts = np.zeros((trials, trials), dtype=np.float32)
    width = max(1, BLOCK_BYTES // (32 * max(1, trials)))  # bytes of packed samples; unpacked float32 is 32 times that
    for start in range(0, packed.shape[1], width):
        bits = np.unpackbits(packed[:, start : start + width], axis=1).astype(np.float32)
        counts += bits @ bits.T
    return counts


def jaccard(counts, k):
    """counts of shared members [trials, trials] -> overlaps [trials, trials], 1 for equal subsets."""
    return counts / (2 * k - counts)


def ranks(margins):
    """Standardised ranks: mean 0 and length 1 for each trial, so that products are Spearman's correlations.

    margins [trials, n] -> float32 [trials, n]; equal margins are ranked in the order of their samples.
    """
    n = margins.shape[1]
    result = np.empty(margins.shape, dtype=np.float32)
    scaled = (np.arange(n) - (n - 1) / 2) / math.sqrt(n * (n * n - 1) / 12) if n > 1 else np.zeros(1)
    for row, values in zip(result, margins):
        row[np.argsort(values, kind="stable")] = scaled
    return result


def interval(overlaps, seed=0):
    """95 % bootstrap interval of the mean over pairs, drawing *trials* (pairs of one trial are not independent).

    overlaps [trials, trials] -> (low, high); NaN for fewer than three trials.
    """
    count = len(overlaps)
    if count < 3:
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)
    off_diagonal = np.array(overlaps, dtype=float)
    np.fill_diagonal(off_diagonal, 0)
    weight = drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)
    total = ((drawn @ off_diagonal) * drawn).sum(axis=1)
    means = total[weight > 0] / weight[weight > 0]
    return tuple(float(value) for value in np.quantile(means, [0.025, 0.975]))


@dataclass
class SampleSet:
    """Trials that were trained on the same samples, so that position i is the same sample in each.

    rows [trials] rows of the results; n samples; overlaps {(end, k): float32 [trials, trials]};
    correlation: Spearman's rank correlation of margins [trials, trials], or None where it would need too much memory
    """

    rows: np.ndarray
    n: int
    overlaps: dict
    correlation: object


@dataclass
class Comparison:
    """What compare() found. left_out: one line for each reason to leave trials or pairs out."""

    sets: list
    left_out: list


def sample_sets(results, rows):
    """Groups rows by the recorded positions of their training samples -> [(rows, n)], largest first."""
    variant = results.trials["variant"][rows]
    counts, index = results["dataset/train_count"][...], results["dataset/train_index"]
    found = {}
    for number in np.unique(variant):
        positions = np.asarray(index[int(number)][: int(counts[number])])
        key = positions.tobytes()
        chosen, _ = found.get(key, (np.empty(0, dtype=int), 0))
        found[key] = (np.concatenate([chosen, rows[variant == number]]), len(positions))
    return sorted(((np.sort(chosen), n) for chosen, n in found.values()), key=lambda item: -len(item[0]))


def measured_rows(results, array, point):
    """Rows whose margins were recorded at the point (not those that diverged, or never separated) -> int64 [rows]."""
    rows = np.arange(len(results))
    first = array[:, point, 0] if len(rows) else np.empty(0)
    return rows[np.isfinite(first)]


def blocks(rows, n):
    """Stretches of rows whose margins fill a block of memory."""
    size = max(1, BLOCK_BYTES // (4 * n))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def compare_set(array, point, rows, n, wanted):
    """Reads the margins of one sample set once, block by block -> SampleSet.   wanted: [(end, k)]"""
    packed = {key: [] for key in wanted}
    ranked = [] if 4 * n * len(rows) <= RANK_BYTES else None
    for block in blocks(rows, n):
        margins = array[block, point, :n]
        for end, k in wanted:
            packed[end, k].append(np.packbits(members(margins, k, end), axis=1))
        if ranked is not None:
            ranked.append(ranks(margins))
    overlaps = {key: jaccard(shared_counts(np.concatenate(bits), n), key[1]) for key, bits in packed.items()}
    if ranked is not None:
        ranked = np.concatenate(ranked)
        ranked = ranked @ ranked.T
    return SampleSet(rows, n, overlaps, ranked)


def compare(results, sizes, ends=ENDS, point="end"):
    """Overlaps between every pair of committed trials that share their training samples -> Comparison.

    sizes: a function of n -> the values of k wanted. point: the label of a measure point.
    ResultsError when there are no margins, no such point, or fewer than two trials to compare.
    """
    if not len(results):
        raise ResultsError(f"{results.path}: no committed trials yet ({results.trial_count} in the sweep)")
    array, position = results["margins/train"], results.point("margins", point)
    rows = measured_rows(results, array, position)
    left_out = []
    if len(rows) < len(results):
        left_out.append(f"{len(results) - len(rows)} of {len(results)} trials have no margins at '{point}'")
    sets = sample_sets(results, rows)
    if len(sets) > 1:
        left_out.append(f"{len(sets)} different sets of training samples: pairs across them are left out")
    compared = []
    for chosen, n in sets:
        if len(chosen) > 1:
            wanted = [(end, k) for end in ends for k in sizes(n)]
            compared.append(compare_set(array, position, chosen, n, wanted))
    if not compared:
        raise ResultsError(f"{results.path}: needs two trials with margins at '{point}' on the same samples; none such")
    return Comparison(compared, left_out)


def group_labels(results, rows, axes):
    """One label a row, such as "train.loss=mse, data.label_noise.rate=0.4"; "all" without axes -> list of text."""
    if not axes:
        return ["all"] * len(rows)
    return [", ".join(f"{axis}={value_text(results.trials[axis][row])}" for axis in axes) for row in rows]


def value_text(value):
    """A value of an axis as people write it."""
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def mean_off_diagonal(matrix):
    """Mean over pairs of different trials of a symmetric matrix; NaN for one trial."""
    count = len(matrix)
    if count < 2:
        return math.nan
    return float((np.sum(matrix, dtype=float) - np.trace(matrix, dtype=float)) / (count * (count - 1)))


def within_groups(results, compared, axes):
    """One record for each sample set, group, end and k: mean overlap of the group's pairs, its interval and chance.

    Returns [{group, trials, pairs, n, end, k, overlap, low, high, chance, expected, ratio, rank_correlation}];
    ratio is overlap / chance.
    """
    records = []
    for one in compared.sets:
        labels = np.array(group_labels(results, one.rows, axes))
        for label in dict.fromkeys(labels):
            inside = np.ix_(labels == label, labels == label)
            for (end, k), overlaps in one.overlaps.items():
                records.append(pair_record(label, overlaps[inside], one, end, k, inside))
    return records


def pair_record(label, overlaps, one, end, k, inside):
    """The record of one group; overlaps [trials of the group, same]."""
    count = len(overlaps)
    low, high = interval(overlaps)
    mean, chance = mean_off_diagonal(overlaps), chance_overlap(one.n, k)
    correlation = math.nan if one.correlation is None else mean_off_diagonal(one.correlation[inside])
    return {
        "group": str(label),
        "trials": count,
        "pairs": count * (count - 1) // 2,
        "n": one.n,
        "end": end,
        "k": k,
        "overlap": mean,
        "low": low,
        "high": high,
        "chance": chance,
        "expected": expected_overlap(one.n, k),
        "ratio": mean / chance,
        "rank_correlation": correlation,
    }


def between_groups(results, one, axes, end, k):
    """Mean overlap of pairs with one trial in each of two groups -> (labels [groups], matrix [groups, groups])."""
    labels = np.array(group_labels(results, one.rows, axes))
    names = list(dict.fromkeys(labels))
    matrix = np.empty((len(names), len(names)))
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            part = one.overlaps[end, k][np.ix_(labels == first, labels == second)]
            matrix[a, b] = mean_off_diagonal(part) if a == b else part.mean(dtype=float)
    return names, matrix
