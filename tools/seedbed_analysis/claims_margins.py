"""Paper E: distribution of margins (Banburski, De La Torre, Pant, Shastri, Poggio 2021, arXiv 2107.10199).

Four sweeps: a family of separated networks (E2), training on few samples after separation (E3), runs that share nothing, the
initial weights or the order (E4), and batch normalisation with weight decay (E5).
"""

import numpy as np

from .claim import Claim, Measured, column, matched, need
from .groups import setting_axes, stream_seeds
from .intervals import bootstrap, pair_interval, spearman
from .storage import ResultsError

KINDS = ("", "_frobenius", "_last_layer", "_spectral", "_input_gradient")
FEW = 0.01


def areas(results):
    """Areas under the training margins at separation, by normalisation -> {kind: values [trials]}."""
    names, point = results.group("margins"), results.point("margins", "separated")
    return {kind.strip("_") or "none": names[f"train_area{kind}"][:, point] for kind in KINDS if f"train_area{kind}" in names}


def area_predicts(results):
    found = areas(results)
    accuracy = results.trials["test_accuracy"].to_numpy()
    there = results["margins/epoch"][:, results.point("margins", "separated")] == results.trials["epochs_run"].to_numpy()
    need(np.flatnonzero(there), results, "no trial stops at separation (train.stop.separated)")
    correlations = {kind: spearman(values[there], accuracy[there]) for kind, values in found.items()}
    best = max(correlations, key=lambda kind: np.nan_to_num(correlations[kind], nan=-1))
    area, test = found[best][there], accuracy[there]
    edges = bootstrap(lambda rows: spearman(area[rows], test[rows]), len(area))
    told = ", ".join(f"{kind} {value:.2f}" for kind, value in correlations.items())
    return Measured([correlations[best]], lambda value: value > 0.8,
                    f"{best}, over {there.sum()} networks of test accuracy {test.min():.3f} to {test.max():.3f}; all: {told}", edges)


def kept_share(results):
    """The least share of the training samples that training went on with -> values [trials]; NaN: never reduced."""
    kept = np.asarray(results["reduction/kept_count"][...], dtype=float)
    kept[kept < 0] = np.nan
    sizes = results["dataset/train_count"][...][results.trials["variant"].to_numpy()]
    with np.errstate(all="ignore"):
        return np.nanmin(np.where(np.isfinite(kept), kept, np.inf), axis=1) / sizes


def reduced(results, by, shrink, freeze="false"):
    """Points of test accuracy lost against all data continued, for one way to reduce down to 1 % -> values [seeds]."""
    how, steps = column(results, "reduction.by"), np.asarray(column(results, "reduction.shrink", 0.0), dtype=float)
    frozen, seed = column(results, "reduction.freeze", "false"), column(results, "seed", 0)
    accuracy = results.trials["test_accuracy"].to_numpy()
    full = {seed[row]: accuracy[row] for row in np.flatnonzero(how == "none")}
    chosen = (how == by) & ((steps > 0) == shrink) & (frozen == freeze) & (kept_share(results) <= FEW)
    rows = need(np.flatnonzero(chosen), results, f"no trial reduced to {FEW:.0%} by {by}")
    need(list(full), results, "no trial that goes on with all samples (train.reduction.by: none)")
    return np.array([100 * (full.get(seed[row], np.nan) - accuracy[row]) for row in rows])


def reduction(by, shrink, freeze="false", barred=True):
    def measure(results):
        return Measured(reduced(results, by, shrink, freeze), (lambda value: value <= 1) if barred else None)

    return measure


def lowest_sets(results, rows):
    """Which training samples are the 1 % of lowest margin at the end -> bool [rows, samples]"""
    margins = results["margins/train"][rows][:, results.point("margins", "end")]
    keep = np.isfinite(margins).all(axis=1)
    margins = margins[keep]
    count = max(1, round(FEW * margins.shape[1]))
    chosen = np.zeros(margins.shape, dtype=bool)
    np.put_along_axis(chosen, np.argsort(margins, axis=1, kind="stable")[:, :count], True, axis=1)
    return chosen, rows[keep], count


def consistency(shared):
    """Overlap of the subsets over chance, between runs that share nothing or one stream: "", "init", "order"."""

    def measure(results):
        if setting_axes(results):
            raise ResultsError(f"{results.path}: its runs differ in more than their seeds ({', '.join(setting_axes(results))})")
        sets, rows, count = lowest_sets(results, np.arange(len(results)))
        samples = sets.shape[1]
        same = {name: np.equal.outer(seeds, seeds) for name in ("init", "order") for seeds in [stream_seeds(results, name)[rows]]}
        chosen = np.logical_and.reduce([one == (name == shared) for name, one in same.items()])
        np.fill_diagonal(chosen, False)
        need(np.flatnonzero(chosen), results, f"no two runs that share {shared or 'nothing'}")
        both = sets.astype(np.float32) @ sets.T.astype(np.float32)
        overlap, chance = both / (2 * count - both), count / (2 * samples - count)
        low, high = pair_interval(overlap / chance, chosen)
        once = np.triu(chosen)
        remark = f"Jaccard {overlap[once].mean():.3f}, {chance:.4f} by chance; {count} of {samples} samples"
        return Measured(overlap[once] / chance, None if shared else (lambda value: value <= 2), remark, (low, high))

    return measure


def same_margin(results):
    point = results.point("margins", "end")
    spread = results["margins/train_variation"][:, point]
    decay, norm = np.asarray(column(results, "weight_decay"), dtype=float), column(results, "batch_norm")
    axes = [results.axis("weight_decay"), results.axis("batch_norm")]
    both, neither = np.flatnonzero((decay > 0) & (norm == "true")), np.flatnonzero((decay == 0) & (norm == "false"))
    pairs = need(matched(results, both, neither, axes), results, "no trials with both batch norm and weight decay, and with neither")
    means = ", ".join(f"batch norm {'on' if n == 'true' else 'off'}, decay {d:g}: {np.nanmean(spread[(decay == d) & (norm == n)]):.3f}"
                      for n in ("true", "false") for d in np.unique(decay) if ((decay == d) & (norm == n)).any())
    return Measured([spread[a] / spread[b] for a, b in pairs], lambda value: value < 1, f"coefficient of variation: {means}")


CLAIMS = [
    Claim("E2 area", "the area under the margins predicts generalisation", "Spearman > 0.8 for some normalisation", area_predicts),
    Claim("E3 halving", "after separation > 99 % of the samples can go, by halves", "<= 1 point lost",
          reduction("smallest_margin", True)),
    Claim("E3 at once", "the same at once", "<= 1 point lost", reduction("smallest_margin", False)),
    Claim("E3 random", "control: at random", "none", reduction("random", False, barred=False)),
    Claim("E3 largest", "control: largest margins", "none", reduction("largest_margin", False, barred=False)),
    Claim("E3 frozen", "control: no step after separation", "none", reduction("random", False, "true", barred=False)),
    Claim("E4 consistency", "the lowest margins are other samples in every run", "overlap <= 2 x chance", consistency("")),
    Claim("E4 same init", "with the same initial weights", "none", consistency("init")),
    Claim("E4 same order", "with the same order", "none", consistency("order")),
    Claim("E5 one margin", "batch norm and weight decay make margins equal", "variation below that with neither", same_margin),
]
