"""How much of a number's variance over the trials each axis and each random stream explains.

For a factor (an axis, or the seed of a stream) with levels l, and y the number of each of n trials:
share = sum over l of n_l (mean of y in l - mean of y)^2 / sum over trials of (y - mean of y)^2,
the factor's main effect (eta squared). Of a random number as many levels explain (levels - 1) / (n - 1) on average: `by_chance`.
In a full grid shares add up to at most 1, and the rest is interactions. Factors that part the trials alike (as one
seed for initial weights and order does) cannot be told apart and share a row. Intervals: seeds drawn again, with all their trials.
"""

import re

import numpy as np
import pandas

from . import intervals, style
from .groups import STREAMS, left_out_note, need_trials, same_partition, setting_axes, stream_seeds
from .output import Findings
from .quantities import done, final_quantities, quantity
from .storage import ResultsError

NAME = "variance"
READ = {  # how to read each figure, by the beginning of its name
    "variance": "The longer a piece, the more of that number's variance its axis or random stream explains: what is left to the "
                "line at 1 is interaction and chance; pieces of axes that change together may add up to more.",
}
RESAMPLES = 1000
TELLING = ("init", "order", "noise", "subset", "data")
DRAWS = {"augment": r"\baugment", "dropout": r"\bdropout", "metric": r"\b(samples|probes):"}  # and where a sweep has none of these, nothing
MOST_BARS = 16


def draws(results, stream):
    """Whether anything in the sweep as given makes the stream draw numbers."""
    text = re.sub(r"#.*", "", results.text("sweep/yaml") + results.text("sweep/set"))
    return stream in TELLING or f"seeds.{stream}" in results.axes or bool(re.search(DRAWS[stream], text))


def factors(results):
    """The axes and streams that vary -> {name: codes int64 [trials]}; those that part the trials alike have one joint name."""
    columns = [(axis, results.trials[axis].astype(str).to_numpy()) for axis in setting_axes(results)]
    columns += [(stream, stream_seeds(results, stream))
                for stream in sorted(STREAMS, key=lambda one: one not in TELLING) if draws(results, stream)]
    found = []
    for name, column in columns:
        codes = np.unique(column, return_inverse=True)[1]
        if codes.max(initial=0) == 0:
            continue
        twin = next((one for one in found if same_partition(one[1], codes)), None)
        if twin is None:
            found.append([name, codes])
        elif name not in STREAMS or name in TELLING:
            twin[0] += f" + {name}"
    return dict(found)


def shares(values, codes, weights):
    """The factor's share of the variance, for each row of weights.

    values [n]; codes [n] level of each trial; weights [resamples, n] how often each trial counts -> [resamples]
    """
    order = np.argsort(codes, kind="stable")
    starts, weights = np.flatnonzero(np.diff(codes[order], prepend=-1)), weights[:, order]
    sums = np.add.reduceat(weights * values[order], starts, axis=1)
    counts, square = np.add.reduceat(weights, starts, axis=1), weights @ values[order] ** 2
    total, count = sums.sum(axis=1), counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.nansum(sums**2 / counts, axis=1) - total**2 / count
        return between / (square - total**2 / count)


def seed_draws(clusters):
    """How often each trial counts when whole clusters are drawn again -> float64 [RESAMPLES, n].   clusters [n] codes"""
    return intervals.draws(clusters.max() + 1, RESAMPLES)[:, clusters]


def explained(values, named, clusters):
    """Shares of one number -> [{factor, levels, trials, share, share_low, share_high, by_chance}]; [] when it does not vary.

    values float64 [n]; named {factor: codes [n]}; clusters [n]: trials of one code are drawn together
    """
    there = np.isfinite(values)
    values, clusters = values[there], np.unique(clusters[there], return_inverse=True)[1]
    if len(values) < 3 or np.ptp(values) == 0:
        return []
    values = (values - values.mean()) / values.std()
    records, weights, total = [], seed_draws(clusters), 0.0
    for name, codes in named.items():
        codes = np.unique(codes[there], return_inverse=True)[1]
        levels = int(codes.max()) + 1
        if levels < 2:
            continue
        share = float(shares(values, codes, np.ones((1, len(values))))[0])
        spread = shares(values, codes, weights)
        spread = spread[np.isfinite(spread)]
        low, high = np.quantile(spread, [0.025, 0.975]) if clusters.max() > 0 and len(spread) else (np.nan, np.nan)
        records.append({"factor": name, "levels": levels, "trials": len(values), "share": share, "share_low": float(low),
                        "share_high": float(high), "by_chance": (levels - 1) / (len(values) - 1)})
        total += share
    if records:
        records.append({"factor": "rest", "levels": 0, "trials": len(values), "share": 1 - total})
    return records


def variance_table(results, quantities):
    """Shares of every number over the trials that are done -> DataFrame, a row for each number and factor.

    `rest` is 1 minus the sum of the shares.
    """
    named = factors(results)
    if not named:
        raise ResultsError(f"{results.path}: nothing varies between the {len(results)} trials: no variance to explain")
    seeds = results.trials["seed"].to_numpy() if "seed" in results.axes else np.arange(len(results))
    clusters = seeds if len(set(seeds)) > 1 else np.arange(len(results))
    records = []
    for name in quantities:
        values = np.where(done(results), quantity(results, name), np.nan)
        records += [{"metric": name, **one} for one in explained(values, named, clusters)]
    return pandas.DataFrame(records)


@style.drawn
def figure(table):
    """One bar a number, parted by factor -> Figure.   table: variance_table's"""
    metrics = list(dict.fromkeys(table["metric"]))[:MOST_BARS]
    named = [name for name in dict.fromkeys(table["factor"]) if name != "rest"]
    colours = dict(zip(named, style.colours(len(named))))
    figure, panels = style.panels(1, 1, 6.4, 1.1 + 0.32 * len(metrics))
    panel = panels[0, 0]
    for place, metric in enumerate(metrics):
        left = 0.0
        for row in table[(table["metric"] == metric) & (table["factor"] != "rest")].to_dict("records"):
            panel.barh(place, row["share"], left=left, color=colours[row["factor"]], height=0.66, label=row["factor"],
                       edgecolor="#ffffff80", linewidth=0.6)
            left += row["share"]
    panel.set_yticks(range(len(metrics)), metrics)
    panel.set_ylim(len(metrics) - 0.5, -0.5)
    panel.grid(False, axis="y")
    panel.axvline(1, color=style.NEUTRAL, linewidth=0.8)
    panel.set_xlim(0, max(1.02, panel.get_xlim()[1]))
    panel.set_xlabel("share of the variance over trials")
    style.below(figure, style.handles_of(panels), columns=2)
    return figure


def add_options(parser):
    parser.add_argument("--metric", action="append", metavar="NAME", help="as for `compare`; may be repeated (every number that "
                        "trials end with)")


def run(results, arguments):
    """The subcommand -> Findings."""
    need_trials(results)
    quantities = arguments.metric or final_quantities(results)
    table = variance_table(results, quantities)
    if not len(table):
        raise ResultsError(f"{results.path}: needs three trials with different values of {' or '.join(quantities[:4])}")
    constant = [name for name in quantities if name not in set(table["metric"])]
    notes = [f"no variance in {', '.join(constant)}"] if constant else []
    note = left_out_note(results, done(results), "end")
    notes += [note] if note else []
    return Findings({NAME: table}, {NAME: lambda: figure(table)}, notes)
