"""Paper C: stiffness (Fort, Nowak, Jastrzebski, Narayanan 2019, arXiv 1901.09491).

Signs of products of gradients, between held-out samples. The claim on the learning rate turned round between versions: the early
one compares rates at equal training loss on standardised inputs, the final one has inputs on the sphere. Both are looked at.
"""

import numpy as np

from .claim import Claim, Measured, column, need
from .intervals import spearman
from .storage import ResultsError


def at(results, name, point, pair="held_out"):
    """/stiffness/<name> at a measure point for a kind of pairs -> values [trials, ...]"""
    kinds = [str(one) for one in results["stiffness_pair"][...]]
    if pair not in kinds:
        raise ResultsError(f"{results.path}: stiffness has no pairs {pair}; it has {', '.join(kinds)}")
    return results[f"stiffness/{name}"][:, results.point("stiffness", point), kinds.index(pair)]


def protocol(results, inputs, permuted=False):
    """Rows of a protocol: `standard` inputs (early version) or on the `sphere` (final one), labels permuted or not."""
    noise = column(results, "label_noise", "none")
    mixed = np.array(["permute" in str(one) for one in noise])
    chosen = (column(results, "data.normalisation", "standard") == inputs) & (mixed == permuted)
    return need(np.flatnonzero(chosen), results, f"no trials with {inputs} inputs and labels {'permuted' if permuted else 'as they are'}")


def rates(results):
    return np.asarray(column(results, "learning_rate"), dtype=float)


def present(results):
    return [str(one) for one in np.unique(column(results, "data.normalisation", "standard"))]


def moments(results):
    """Measure points at losses, in the order in which training reaches them."""
    return sorted((one for one in results.points("stiffness") if one.startswith("loss ")), key=lambda one: -float(one.split()[1]))


def own_class(results):
    return Measured(at(results, "within_sign", "init")[protocol(results, "standard")], lambda value: value >= 0.95)


def other_classes(results):
    return Measured(at(results, "between_sign", "init")[protocol(results, "standard")], lambda value: value < 0.1)


def by_rate(results, rows, point):
    """Between-class sign at a point, mean by learning rate -> {rate: mean}."""
    values, rate = at(results, "between_sign", point)[rows], rates(results)[rows]
    means = {float(one): values[rate == one] for one in np.unique(rate)}
    return {one: float(np.nanmean(found)) for one, found in means.items() if np.isfinite(found).any()}


def rate_effect(results):
    rows = protocol(results, "standard")
    values, rate, seed = at(results, "between_sign", "loss 0.056")[rows], rates(results)[rows], column(results, "seed", 0)[rows]
    high, low = ({seed[i]: values[i] for i in np.flatnonzero(np.isclose(rate, one))} for one in (3e-4, 1e-5))
    both = sorted(set(high) & set(low))
    need(both, results, "no seed with learning rates 3e-4 and 1e-5")
    means = ", ".join(f"{one:g}: {value:.3f}" for one, value in by_rate(results, rows, "loss 0.056").items())
    return Measured([high[one] - low[one] for one in both], lambda value: value > 0.2, f"between-class sign by rate: {means}")


def direction(inputs):
    """Rank correlation of learning rate and between-class stiffness at equal training loss, over trials and losses."""

    def measure(results):
        rows = protocol(results, inputs)
        points = moments(results)
        found = [spearman(rates(results)[rows], at(results, "between_sign", point)[rows]) for point in points]
        if not np.isfinite(found).any():
            raise ResultsError(f"{results.path}: too few trials reached a loss that they can be compared at")
        value = np.nanmean(found)
        way = "early version's direction: it rises with the rate" if value > 0 else "final version's direction: it falls with the rate"
        return Measured(found, None, way)

    return measure


def grows_then_falls(results):
    rows = protocol(results, "standard")
    points = moments(results)
    between = np.stack([at(results, "between_sign", point)[rows] for point in points], axis=1)
    start = at(results, "between_sign", "init")[rows]
    there = np.isfinite(between).any(axis=1)
    means = ", ".join(f"{point} {np.nanmean(between[:, i]):.3f}" for i, point in enumerate(points) if np.isfinite(between[:, i]).any())
    return Measured(np.nanmax(between[there], axis=1) - start[there], lambda value: value > 0, f"init {start.mean():.3f}, {means}")


def permuted(results):
    rows = protocol(results, "standard", permuted=True)
    within, between = at(results, "within_sign", "epoch 13", "train")[rows], at(results, "between_sign", "epoch 13", "train")[rows]
    return Measured(between, lambda value: value <= -0.9, f"within classes {np.nanmean(within):.3f}; training pairs")


def falls_with_distance(results):
    """Rank correlation of distance in input space and mean sign, over the bins of all pairs, mean over the losses."""
    rows = np.concatenate([protocol(results, one) for one in present(results)])
    curves = [at(results, "distance_sign", point)[rows][:, 0] for point in moments(results)]
    found = np.array([[spearman(np.arange(curve.shape[1], dtype=float), one) for one in curve] for curve in curves])
    found = found[:, np.isfinite(found).any(axis=0)]
    return Measured(np.nanmean(found, axis=0), lambda value: value < 0, "rank correlation of distance and sign over all pairs")


def falls_within_classes(results):
    rows = np.concatenate([protocol(results, one) for one in present(results)])
    slopes = np.stack([at(results, "fit_slope", point)[rows][:, 0] for point in moments(results)], axis=1)
    signs = np.stack([at(results, "within_sign", point)[rows] for point in moments(results)], axis=1)
    return Measured(np.nanmean(slopes[np.isfinite(slopes).any(axis=1)], axis=1), lambda value: value < 0,
                    f"slope of the line through (distance, sign) of pairs of one class, whose mean sign is {np.nanmin(signs):.4f} or more")


def length_falls(name, inputs):
    """Rank correlation of time (start, then losses) and critical length, by /stiffness/<name>, under a protocol."""

    def measure(results):
        rows, points = protocol(results, inputs), ["init", *moments(results)]
        lengths = np.stack([at(results, name, point)[rows][:, 0] for point in points], axis=1)
        slopes = [spearman(np.arange(len(points), dtype=float), one) for one in lengths]
        means = ", ".join(f"{point} {np.nanmean(lengths[:, i]):.3g}" for i, point in enumerate(points) if np.isfinite(lengths[:, i]).any())
        if not np.isfinite(slopes).any():
            raise ResultsError(f"{results.path}: stiffness/{name} falls through zero in too few places to have a course")
        return Measured(slopes, lambda value: value < 0, f"critical length: {means}")

    return measure


CLAIMS = [
    Claim("C1 own class", "at the start a step helps its own class", "within-class sign >= 0.95", own_class),
    Claim("C1 others", "and no other", "between-class sign < 0.1", other_classes),
    Claim("C2 grows", "between-class stiffness grows with training", "above its start", grows_then_falls),
    Claim("C3 permuted", "permuted labels have no positive between-class stiffness", "<= -0.9 by epoch 13", permuted),
    Claim("C5 distance", "stiffness falls with distance (early version: all pairs)", "rank correlation < 0", falls_with_distance),
    Claim("C5 own class", "and within classes (final version)", "slope < 0", falls_within_classes),
    Claim("C6 length", "the critical length falls in training (final version)", "rank correlation with time < 0",
          length_falls("fit_length", "sphere")),
    Claim("C6 crossing", "the same by the first crossing of all pairs (early definition)", "rank correlation with time < 0",
          length_falls("crossing", "sphere")),
    Claim("C rate", "higher rate, higher between-class stiffness (early version)", "S(3e-4) - S(1e-5) > 0.2 at loss 0.056",
          rate_effect),
    Claim("C rate, early", "direction under the early protocol", "none", direction("standard")),
    Claim("C rate, final", "direction under the final protocol", "none", direction("sphere")),
]
