"""The command seedbed-consistency: prints a table, writes JSON, CSV and figures."""

import argparse
import csv
import json
import math
import os
import sys

from .consistency import ENDS, compare, within_groups
from .figures import heat_map, margins_figure
from .results import ResultsError, open_results

DEFAULT_SHARES = [0.01, 0.1]


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


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="seedbed-consistency",
        description="Do different runs give the same samples the largest or smallest margins? For the k samples of "
        "highest or lowest margin: the overlap (Jaccard) between every pair of trials, beside the overlap by chance.",
    )
    parser.add_argument("file", help="a results file whose sweep measured margins")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--k", type=positive_integers, metavar="N,...", help="sizes of the subsets, in samples")
    size.add_argument("--share", type=shares, metavar="X,...", help="sizes as shares of the samples (0.01,0.1)")
    parser.add_argument("--highest", action="store_true", help="only the samples of highest margin (both without either)")
    parser.add_argument("--lowest", action="store_true", help="only the samples of lowest margin")
    parser.add_argument("--group", action="append", metavar="KEY", help="compare trials equal in this axis; may be "
                        "repeated, `none` for one group (all axes but the seed)")
    parser.add_argument("--point", default="end", help="measure point (end)")
    parser.add_argument("--normalise", choices=["none", "frobenius", "last_layer"], default="none",
                        help="of the margins in the figure; overlaps do not depend on it (none)")
    parser.add_argument("--output", metavar="DIR", help="where files go (beside FILE: FILE without its ending, -consistency)")
    parser.add_argument("--no-figures", action="store_true", help="write tables only; needs no matplotlib")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args(arguments)


def sizes_wanted(arguments):
    """A function of n -> the values of k, each at most n, ascending."""
    if arguments.k:
        return lambda n: sorted({k for k in arguments.k if k <= n})
    chosen = arguments.share or DEFAULT_SHARES
    return lambda n: sorted({max(1, round(share * n)) for share in chosen})


def group_axes(results, wanted):
    """The axes that trials of a group agree in."""
    if not wanted:
        return [axis for axis in results.axes if axis != "seed"]
    return [results.axis(name) for name in wanted if name != "none"]


def number(value, digits=3):
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def table(records):
    """Records as lines of text, one column a quantity."""
    header = ["margins", "k", "pairs", "overlap", "95 % interval", "chance", "ratio", "rank corr.", "group"]
    rows = [header]
    for one in records:
        between = f"{number(one['low'])} to {number(one['high'])}" if not math.isnan(one["low"]) else "-"
        rows.append([one["end"], str(one["k"]), str(one["pairs"]), number(one["overlap"]), between, number(one["chance"]),
                     number(one["ratio"], 2), number(one["rank_correlation"]), one["group"]])
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    numeric = range(1, 8)
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if column in numeric else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return lines


def plain(records):
    """Records for JSON: what is absent is null."""
    return [{key: None if isinstance(value, float) and math.isnan(value) else value for key, value in one.items()}
            for one in records]


def write_tables(directory, document, records):
    """Writes consistency.json and consistency.csv -> their paths."""
    paths = [os.path.join(directory, f"consistency.{kind}") for kind in ("json", "csv")]
    with open(paths[0], "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    with open(paths[1], "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]))
        writer.writeheader()
        writer.writerows(plain(records))
    return paths


def write_figures(results, compared, axes, arguments, directory):
    """One heat map for each end and k of the largest set of samples, and the margins -> paths."""
    one = compared.sets[0]
    paths = []
    for end, k in one.overlaps:
        paths += heat_map(results, one, axes, end, k, directory, f"overlap-{end}-{k}")
    return paths + margins_figure(results, directory, arguments.normalise, arguments.point)


def run(arguments):
    """Everything that the command does; ResultsError for what cannot be done."""
    ends = [end for end in ENDS if getattr(arguments, end)] or list(ENDS)
    directory = arguments.output or os.path.splitext(arguments.file)[0] + "-consistency"
    with open_results(arguments.file) as results:
        axes = group_axes(results, arguments.group)
        compared = compare(results, sizes_wanted(arguments), ends, arguments.point)
        records = within_groups(results, compared, axes)
        if not records:
            raise ResultsError(f"{arguments.file}: every k is larger than the {compared.sets[0].n} training samples")
        document = {"file": arguments.file, "point": arguments.point, "group_by": axes, "left_out": compared.left_out,
                    "groups": plain(records)}
        print(json.dumps(document, indent=1) if arguments.json else "\n".join(table(records)))
        for line in compared.left_out:
            print(f"left out: {line}", file=sys.stderr)
        os.makedirs(directory, exist_ok=True)
        paths = write_tables(directory, document, records)
        if not arguments.no_figures:
            paths += write_figures(results, compared, axes, arguments, directory)
        print(f"wrote {', '.join(paths)}", file=sys.stderr)


def main(arguments=None):
    try:
        run(parse_arguments(arguments))
    except (ResultsError, OSError) as error:
        print(f"seedbed-consistency: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
