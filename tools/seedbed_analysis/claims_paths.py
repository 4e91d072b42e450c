"""Paper B: the plateau in monotonic linear interpolation (Wang, Wang, Zhou, Ge 2022, arXiv 2210.01019).

On /interpolation from the initial to the final parameters. P_err is the length of the error's plateau. The deepest networks
with the smallest initial weights are the ones with a plateau: claims that need one are judged on them.
"""

import numpy as np

from .claim import Claim, Measured, column, matched, need, widths
from .storage import ResultsError


def mode_figure(results, name, mode="linear"):
    """/interpolation/mode_<name> at the end, on one way -> values [trials, ...]"""
    modes = [str(one) for one in results["interpolation_mode"][...]]
    if mode not in modes:
        raise ResultsError(f"{results.path}: interpolation has no mode {mode}; it has {', '.join(modes)}")
    return results[f"interpolation/mode_{name}"][:, results.point("interpolation", "end"), modes.index(mode)]


def with_plateau(results, bias):
    """Rows of the deepest networks of the smallest initial weights, with biases as named."""
    depths = np.array([len(one) for one in widths(results)])
    scales = np.asarray(column(results, "init.scale", 1.0), dtype=float)
    biases = column(results, "bias", "all")
    chosen = (depths == depths.max()) & (biases == bias)
    need(np.flatnonzero(chosen), results, f"no trial with model.bias {bias}")
    return np.flatnonzero(chosen & (scales == scales[chosen].min()))


def shorter_without_biases(results):
    plateau = mode_figure(results, "error_plateau")
    axis = results.axis("model.bias")
    biases = results.trials[axis].to_numpy()
    everywhere = matched(results, np.flatnonzero(biases == "all"), np.flatnonzero(biases == "none"), [axis])
    deep = matched(results, with_plateau(results, "all"), with_plateau(results, "none"), [axis])
    need(deep, results, "no trials that differ in model.bias all and none only")
    overall = np.mean([plateau[a] > plateau[b] for a, b in everywhere])
    return Measured([plateau[a] > plateau[b] for a, b in deep], lambda value: value >= 0.8,
                    f"P_err {np.mean([plateau[a] for a, _ in deep]):.3f} with biases, "
                    f"{np.mean([plateau[b] for _, b in deep]):.3f} without; over all {len(everywhere)} pairs shorter in {overall:.0%}")


def homogeneous_shortens(results):
    rows = with_plateau(results, "all")
    linear, homogeneous = mode_figure(results, "error_plateau")[rows], mode_figure(results, "error_plateau", "homogeneous")[rows]
    return Measured(homogeneous < linear, lambda value: value >= 0.8,
                    f"P_err {linear.mean():.3f} linear, {homogeneous.mean():.3f} homogeneous")


def grows_with_depth(results):
    depths = np.array([len(one) for one in widths(results)])
    plateau, biases = mode_figure(results, "error_plateau"), column(results, "bias", "all")
    deep = with_plateau(results, "all")
    scales = np.asarray(column(results, "init.scale", 1.0), dtype=float)
    same = (biases == "all") & (scales == scales[deep[0]])
    means = {int(depth): float(plateau[same & (depths == depth)].mean()) for depth in np.unique(depths[same])}
    if len(means) < 2:
        raise ResultsError(f"{results.path}: one depth only")
    return Measured(plateau[deep] - means[min(means)], lambda value: value > 0,
                    "P_err by hidden layers: " + ", ".join(f"{depth}: {value:.3f}" for depth, value in means.items()))


def one_class_on_plateau(results):
    rows = with_plateau(results, "all")
    return Measured(mode_figure(results, "bias_class_share")[rows], lambda value: value > 0.9)


def late_classes(results):
    rows = np.flatnonzero(np.isin(column(results, "bias", "all"), ["all", "last"]))
    values = results["interpolation/bias_order_correlation"][...][rows]
    return Measured(values, lambda value: value > 0)


def biases_spread(results):
    rows = with_plateau(results, "all")
    epochs = results.trials["epochs_run"].to_numpy() if "epochs_run" in results.trials else None
    spread = results["interpolation/last_bias_spread"][rows]
    last = spread[:, -1] if epochs is None else spread[np.arange(len(rows)), epochs[rows].astype(int)]
    return Measured(last - spread[:, 0], lambda value: value > 0)


def monotone(results):
    return Measured(mode_figure(results, "loss_monotone").astype(float), None, "share of networks whose training loss falls all the way")


CLAIMS = [
    Claim("B1 MLI", "the loss falls monotonically", "none", monotone),
    Claim("B1 biases", "the plateau comes from biases", "shorter without in >= 80 % of seeds", shorter_without_biases),
    Claim("B3 class", "on the plateau one class is predicted", "> 0.9 of predictions", one_class_on_plateau),
    Claim("B4 spread", "last-layer biases come to differ on balanced data", "spread grows", biases_spread),
    Claim("B4 order", "classes learned late get large biases", "mean rank correlation > 0", late_classes),
    Claim("B5 depth", "the plateau grows with depth", "deepest > shallowest", grows_with_depth),
    Claim("B6 homogeneous", "homogeneous biases shorten it", "in >= 80 % of seeds", homogeneous_shortens),
]
