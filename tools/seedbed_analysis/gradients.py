"""What do single samples' gradients say together: how long are they, do they agree, how much of them is noise?

With g_i the gradient of sample i: mean_norm = mean of |g_i| (of samples with their true label, and with a wrong one: clean, flipped);
mean_cosine = mean of cos(g_i, g_j), i != j; confusion: the least of these; coherence, noise_scale, signal_to_noise as in
docs/metrics.md. Every mean is over trials that differ in their seeds only.
"""

from . import points
from .groups import chosen_axes, left_out_note, measured, need_group
from .output import Findings
from .storage import ResultsError

NAME = "gradients"
READ = {  # how to read each figure, by the beginning of its name
    "gradients": "Gradients that shorten while their mean cosine falls towards 0 pull in different directions: what is left is noise, and "
                 "the noise scale, the batch size up to which more samples help, rises.",
}
VALUES = ("mean_norm", "mean_norm_clean", "mean_norm_flipped", "mean_cosine", "confusion", "coherence", "noise_scale", "signal_to_noise")
SHOWN = {"mean_norm": "mean length of gradients", "mean_cosine": "mean cosine of pairs", "noise_scale": "noise scale (samples)",
         "signal_to_noise": "signal to noise"}


def gradients_table(results, axes):
    """What was measured at each point -> DataFrame, a row for each group and point: points.means()'s columns, with VALUES."""
    data = need_group(results, NAME)
    return points.means(results, data, axes, {name: data[name].values for name in VALUES}, SHOWN)


def add_options(parser):
    """It has no options of its own."""


def run(results, arguments):
    """The subcommand -> Findings."""
    axes, data = chosen_axes(results, arguments.group), need_group(results, NAME)
    kept, table = measured(data["mean_norm"].values), gradients_table(results, axes)
    if not len(table):
        raise ResultsError(f"{results.path}: no gradients were measured ({left_out_note(results, kept, 'gradients')})")
    notes = [note for note in [left_out_note(results, kept, "gradients")] if note]
    return Findings({NAME: table}, {NAME: lambda: points.figure(table, axes, SHOWN)}, notes, {"group_by": axes},
                    [*axes, "point", "trials", "epoch", *SHOWN])
