"""Do different runs give the same samples the largest or the smallest margins?

For two runs with subsets A and B of k of the same n samples: Jaccard overlap J = |A and B| / |A or B|.
Two random subsets share k^2/n samples on average, which as an overlap is k / (2n - k): `chance`.
`expected_overlap` is the exact mean of J for random subsets; it is a little higher.

Every array over trials is [trials]; n is the number of training samples; sample i is position i of the subset.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas

from . import intervals, style
from .groups import brief, chosen_axes, groups, is_seed, label, labels, need_group, parts, stream_seeds, value_text
from .output import Findings
from .storage import ResultsError

NAME = "consistency"
READ = {  # how to read each figure, by the beginning of its name
    "overlap-by-size": "Above the dotted line runs share more of their extreme samples than by chance; lines that start from "
                       "the same weights or take the same batches show what each random stream does.",
    "overlap-": "Each cell is a pair of runs (or of groups): 1 is chance, brighter means that both find the same samples "
                "extreme; blocks on the diagonal are runs of equal settings.",
}
ENDS = ("highest", "lowest")
DEFAULT_SHARES = [0.001, 0.01, 0.03, 0.1, 0.3]
LEAST = 10  # samples in a subset, unless asked for fewer
BLOCK_BYTES = 64 << 20  # of margins read, or of memberships unpacked, at a time
RANK_BYTES = 1 << 30  # of ranks held for the rank correlation; above it is left out
HEAT_MAP_SHARE = 0.1  # the size of the subsets whose overlaps are drawn pair by pair, of those asked for the nearest
MOST_TRIALS_SHOWN = 400  # larger heat maps show means of groups
LINE, LETTER, NARROW = 0.14, 0.065, 12  # inches that a line of labels is high, and a letter wide; letters that take no room
SHARED = ("nothing", "init", "order", "init and order")


def chance_overlap(n, k):
    """k / (2n - k): the overlap of two random subsets of k of n samples that share as many samples as they do on average."""
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


@dataclass
class SampleSet:
    """Trials that were trained on the same samples, so that position i is the same sample in each.

    rows [trials] rows of the results; n samples; overlaps {(end, k): float32 [trials, trials]};
    correlation: Spearman's rank correlation of margins [trials, trials], or None where it would need too much memory
    flipped {(end, k): share of the subset whose label trained on is not the true one [trials]}; noise: of all n [trials]
    """

    rows: np.ndarray
    n: int
    overlaps: dict
    correlation: object
    flipped: dict
    noise: np.ndarray


@dataclass
class Comparison:
    """What compare() found. left_out: one line for each reason to leave trials or pairs out."""

    sets: list
    left_out: list


def sample_sets(results, rows):
    """Groups rows by the recorded positions of their training samples -> [(rows, n)], largest first."""
    variant = results.trials["variant"].to_numpy()[rows]
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


def flipped_labels(results):
    """Which training samples have a wrong label -> function of a variant -> bool [samples]"""
    true, observed = results["dataset/train_label"], results["dataset/observed_label"]
    kept = {}

    def of(variant):
        if variant not in kept:
            kept[variant] = true[variant] != observed[variant]
        return kept[variant]

    return of


def compare_set(results, array, point, rows, n, wanted):
    """Reads the margins of one sample set once, block by block -> SampleSet.   wanted: [(end, k)]"""
    variants, flipped_of = results.trials["variant"].to_numpy(), flipped_labels(results)
    packed, flipped = {key: [] for key in wanted}, {key: [] for key in wanted}
    ranked, noise = [] if 4 * n * len(rows) <= RANK_BYTES else None, []
    for block in blocks(rows, n):
        margins = array[block, point, :n]
        wrong = np.stack([flipped_of(int(variants[row]))[:n] for row in block])
        noise.append(wrong.mean(axis=1))
        for end, k in wanted:
            chosen = members(margins, k, end)
            packed[end, k].append(np.packbits(chosen, axis=1))
            flipped[end, k].append((chosen & wrong).sum(axis=1) / k)
        if ranked is not None:
            ranked.append(ranks(margins))
    overlaps = {key: jaccard(shared_counts(np.concatenate(bits), n), key[1]) for key, bits in packed.items()}
    if ranked is not None:
        ranked = np.concatenate(ranked)
        ranked = ranked @ ranked.T
    flipped = {key: np.concatenate(parts) for key, parts in flipped.items()}
    return SampleSet(rows, n, overlaps, ranked, flipped, np.concatenate(noise))


def compare(results, sizes, ends=ENDS, point="end", kind="none"):
    """Overlaps between every pair of committed trials that share their training samples -> Comparison.

    sizes: a function of n -> the values of k wanted. point: the label of a measure point. kind: of normalisation; only
    `input_gradient`, which divides each sample's margin by another number, changes which margins are largest.
    ResultsError when there are no margins, no such point, or fewer than two trials to compare.
    """
    need_group(results, "margins")
    array, position = results["margins/train" + ("" if kind == "none" else f"_{kind}")], results.point("margins", point)
    rows = measured_rows(results, array, position)
    left_out = []
    if len(rows) < len(results):
        left_out.append(f"{len(results) - len(rows)} of {len(results)} trials have no margins at '{point}'")
    sets = sample_sets(results, rows)
    if len(sets) > 1:
        left_out.append(f"{len(sets)} different sets of training samples: pairs across them are left out")
    compared = []
    for chosen, n in sets:
        wanted = [(end, k) for end in ends for k in sizes(n)]
        if len(chosen) > 1 and wanted:
            compared.append(compare_set(results, array, position, chosen, n, wanted))
        elif len(chosen) > 1:
            left_out.append(f"every k is larger than the {n} training samples of {len(chosen)} trials")
    if not compared:
        more = f" ({left_out[-1]})" if left_out else ""
        raise ResultsError(f"{results.path}: needs two trials with margins at '{point}' on the same samples; none such{more}")
    return Comparison(compared, left_out)


def shared_streams(results, rows):
    """What each pair of trials has in common: 1 initial weights, 2 order, 3 both, 0 nothing -> uint8 [trials, trials]"""
    init, order = (stream_seeds(results, stream)[rows] for stream in ("init", "order"))
    return (init[:, None] == init) + 2 * (order[:, None] == order).astype(np.uint8)


def overlap_table(results, compared, axes, by_streams=True):
    """Mean overlap of the pairs within each group, by what the two trials share -> DataFrame, a row for each end and k.

    shares: the streams whose seeds the pairs' trials have in common (initial weights, order of batches)
    overlap [low, high]: mean and interval over trials; ratio = overlap / chance; rank_correlation: of all margins
    flipped: share of the subsets' samples with a wrong label; flipped_by_chance: of all samples
    """
    records = []
    for one in compared.sets:
        kinds = shared_streams(results, one.rows) if by_streams else np.zeros((len(one.rows),) * 2, dtype=np.uint8)
        for group in groups(results, axes):
            inside = np.isin(one.rows, group.rows)
            together = np.outer(inside, inside) & ~np.eye(len(inside), dtype=bool)
            for kind in np.unique(kinds[together]):
                chosen = together & (kinds == kind)
                shares = {"shares": SHARED[kind]} if by_streams else {}
                records += [{**group.settings, **shares, **overlap_record(one, end, k, chosen)} for end, k in one.overlaps]
    return pandas.DataFrame(records)


def overlap_record(one, end, k, chosen):
    """One row of the table; chosen bool [trials, trials], symmetric: the pairs."""
    overlaps, chance = one.overlaps[end, k], chance_overlap(one.n, k)
    involved = chosen.any(axis=1)
    low, high = intervals.pair_interval(overlaps, chosen)
    mean = intervals.pair_mean(overlaps, chosen)
    correlation = math.nan if one.correlation is None else intervals.pair_mean(one.correlation, chosen)
    return {
        "trials": int(involved.sum()),
        "pairs": int(chosen.sum()) // 2,
        "n": one.n,
        "end": end,
        "k": k,
        "overlap": mean,
        "overlap_low": low,
        "overlap_high": high,
        "chance": chance,
        "expected": expected_overlap(one.n, k),
        "ratio": mean / chance,
        "rank_correlation": correlation,
        "flipped": float(one.flipped[end, k][involved].mean()),
        "flipped_by_chance": float(one.noise[involved].mean()),
    }


def overlap_matrix(results, one, axes, end, k):
    """What the heat map shows -> (matrix [rows, rows], labels, positions of the labels, borders, "trial" or "group").

    Trials in the order of their groups; means of groups where there are more than MOST_TRIALS_SHOWN.
    """
    position = {row: place for place, row in enumerate(one.rows)}
    found = [(group.settings, [position[row] for row in group.rows if row in position]) for group in groups(results, axes)]
    found = [(settings, places) for settings, places in found if places]
    found = list(zip(labels([settings for settings, _ in found], axes), [places for _, places in found]))
    names, overlaps = [name for name, _ in found], one.overlaps[end, k].astype(float)
    np.fill_diagonal(overlaps, np.nan)
    if len(one.rows) > MOST_TRIALS_SHOWN and len(names) > 1:
        matrix = [[np.nanmean(overlaps[np.ix_(a, b)]) if a != b or len(a) > 1 else np.nan for _, b in found] for _, a in found]
        return np.array(matrix), names, np.arange(len(names)), [], "group"
    order = np.concatenate([places for _, places in found])
    ends = np.cumsum([len(places) for _, places in found])
    starts = np.concatenate([[0], ends[:-1]])
    return overlaps[np.ix_(order, order)], names, (starts + ends - 1) / 2, list(ends[:-1] - 0.5), "trial"


@style.drawn
def heat_map(results, one, axes, end, k):
    """Overlap of every pair of trials, ordered by group, as a multiple of chance -> Figure."""
    matrix, names, places, borders, unit = overlap_matrix(results, one, axes, end, k)
    side = min(8.0, max(3.8, 0.12 * len(matrix) + 2.2))
    room = np.diff(places, prepend=-places[0] - 1).min() / len(matrix) * (side - 1.4) / LINE  # lines of text that fit each row
    stacked = room >= 1 + max(len(parts(name)) - 1 for name in names)
    written = [line for name in names for line in (parts(name) if stacked else [name])] if room >= 1 else [""]
    figure, panel = style.panels(1, 1, side + LETTER * max(0, max(map(len, written)) - (NARROW if stacked else 0)), side)
    panel = panel[0, 0]
    panel.grid(False)
    image = panel.imshow(matrix / chance_overlap(one.n, k), cmap=style.SEQUENTIAL, vmin=0, interpolation="nearest")
    for border in borders:
        panel.axhline(border, color="white", linewidth=0.8)
        panel.axvline(border, color="white", linewidth=0.8)
    shown = names if room >= 1 else []
    panel.set_yticks(places[: len(shown)], ["\n".join(parts(name)) if stacked else name for name in shown], fontsize=8)
    panel.set_xticks(places[: len(shown)], [""] * len(shown))
    panel.set_xlabel(f"{unit}, in the order of the rows")
    figure.colorbar(image, ax=panel, fraction=0.046, pad=0.03).set_label("overlap / overlap by chance")
    panel.set_title(f"{k} samples of {end} margin, of {one.n} (chance {chance_overlap(one.n, k):.3g})")
    return figure


@style.drawn
def size_figure(table, axes):
    """Overlap against the size of the subsets, beside chance -> Figure.   table: overlap_table's"""
    keys = [*axes, *(["shares"] if "shares" in table else [])]
    ends = list(dict.fromkeys(table["end"]))
    varied = [key for key in keys if table[key].astype(str).nunique() > 1]
    telling = [key for key in varied if not is_seed(key)]  # `shares` mostly says what seeds do
    if len(table.drop_duplicates([*telling, "end", "k", "n"])) == len(table):
        varied = telling
    texts = {key: table[key].map(brief(table[key])) for key in varied}
    named = table.assign(line=[line_name(row, varied) for row in table.assign(**texts).to_dict("records")])
    looks = style.looks(dict.fromkeys(named["line"]))
    figure, panels = style.panels(1, len(ends), 4.2, 3.4, sharey=True)
    for panel, end in zip(panels[0], ends):
        part = named[named["end"] == end]
        for name, rows in part.groupby("line", sort=False):
            style.band(panel, rows["k"] / rows["n"], rows["overlap"], rows["overlap_low"], rows["overlap_high"], name, **looks[name])
        share = np.geomspace((part["k"] / part["n"]).min(), (part["k"] / part["n"]).max(), 50)
        panel.plot(share, share / (2 - share), color=style.NEUTRAL, linestyle=":", label="chance")
        panel.set_xscale("log")
        ticks = sorted(set(part["k"] / part["n"]))
        panel.set_xticks(ticks, [f"{100 * tick:g}" for tick in ticks])
        panel.minorticks_off()
        panel.set_xlabel("size of the subset (% of the samples)")
        panel.set_title(f"{end} margins")
    panels[0, 0].set_ylabel("overlap between runs (Jaccard)")
    style.below(figure, style.handles_of(panels), columns=2)
    return figure


def line_name(row, keys):
    """A line of the figure in words."""
    settings = {key: row[key] for key in keys if key != "shares"}
    words = [label(settings)] if settings else []
    if "shares" in keys:
        words.append(f"same {row['shares']}" if row["shares"] != "nothing" else "other init and order")
    return ", ".join(words) or "all pairs"


def positive_integers(text):
    """"10,100" -> [10, 100]"""
    values = [int(part) for part in text.split(",")]
    if min(values) < 1:
        raise ValueError(text)
    return values


def shares(text):
    """"0.01,0.1" -> [0.01, 0.1], each above 0 and at most 1"""
    values = [float(part) for part in text.split(",")]
    if not all(0 < value <= 1 for value in values):
        raise ValueError(text)
    return values


def add_options(parser):
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--k", type=positive_integers, metavar="N,...", help="sizes of the subsets, in samples")
    size.add_argument("--share", type=shares, metavar="X,...", help="sizes as shares of the samples "
                      f"({','.join(value_text(share) for share in DEFAULT_SHARES)})")
    parser.add_argument("--highest", action="store_true", help="only the samples of highest margin (both without either)")
    parser.add_argument("--lowest", action="store_true", help="only the samples of lowest margin")
    parser.add_argument("--point", default="end", help="measure point (end)")
    parser.add_argument("--normalise", choices=["none", "input_gradient"], default="none",
                        help="margins over the length of the input's gradient; other kinds change no order (none)")


def sizes_wanted(arguments):
    """A function of n -> the values of k, each at most n, ascending."""
    if arguments.k:
        return lambda n: sorted({k for k in arguments.k if k <= n})
    if arguments.share:
        return lambda n: sorted({max(1, round(share * n)) for share in arguments.share})
    return lambda n: sorted({min(n, max(LEAST, round(share * n))) for share in DEFAULT_SHARES})


def run(results, arguments):
    """The subcommand -> Findings."""
    ends = [end for end in ENDS if getattr(arguments, end)] or list(ENDS)
    axes = chosen_axes(results, arguments.group, default=[axis for axis in results.axes if axis != "seed"])
    compared = compare(results, sizes_wanted(arguments), ends, arguments.point, arguments.normalise)
    table = overlap_table(results, compared, axes)
    if not len(table):
        raise ResultsError(f"{results.path}: no two trials agree in {', '.join(axes)}; try --group none")
    one = compared.sets[0]
    shown_k = min({k for _, k in one.overlaps}, key=lambda k: abs(k - HEAT_MAP_SHARE * one.n))
    figures = {f"overlap-{end}-{shown_k}": lambda end=end: heat_map(results, one, axes, end, shown_k) for end in ends}
    if table["k"].nunique() > 1:
        figures = {"overlap-by-size": lambda: size_figure(table, axes), **figures}
    return Findings({NAME: table}, figures, compared.left_out, {"point": arguments.point, "group_by": axes},
                    [*axes, "shares", "trials", "pairs", "end", "k", "overlap", "chance", "ratio", "rank_correlation", "flipped"])
