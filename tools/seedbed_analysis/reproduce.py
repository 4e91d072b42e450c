"""A paper's claims against a results file: claim, bar, measured value with an interval over seeds, verdict.

A: pre-interpolation loss behaviour (Venter, Theunissen, Davel 2020). B: plateau in monotonic linear interpolation (Wang, Wang,
Zhou, Ge 2022). C: stiffness (Fort, Nowak, Jastrzebski, Narayanan 2019). D: memorization and the loss function (Patel, Sastry
2021). E: distribution of margins (Banburski, De La Torre, Pant, Shastri, Poggio 2021).

The bars are this project's; the papers state few numbers. A paper may need several sweeps: each claim is judged on the first
file that holds what it needs. Intervals are bootstrapped over seeds, 95 %.
"""

import contextlib
import json

import pandas

from . import claims_loss, claims_margins, claims_memorization, claims_paths, claims_stiffness, output
from .claim import FAILS, NO_BAR, NOT_MEASURED, judged
from .results import open_results

NAME = "reproduce"
PAPERS = {  # the claims, and the metric that a file must have
    "A": (claims_loss.CLAIMS, "sample_loss"),
    "B": (claims_paths.CLAIMS, "interpolation"),
    "C": (claims_stiffness.CLAIMS, "stiffness"),
    "D": (claims_memorization.CLAIMS, "memorization"),
    "E": (claims_margins.CLAIMS, "margins"),
}


def reproduce(paper, files):
    """Judges every claim of a paper on open results -> DataFrame, one row a claim.

    columns: claim, says, bar, value, value_low, value_high (NaN for a single value), n (values in the mean: seeds, or matched
    trials, or pairs of runs), verdict ("holds", "does not hold", "not measured", or "reported" where there is no bar), remark, file
    """
    claims, metric = PAPERS[paper]
    return pandas.DataFrame([judged(claim, metric, files) for claim in claims])


def fails(table):
    """Whether a bar does not hold, or could not be tried."""
    return bool(table.loc[table["bar"] != NO_BAR, "verdict"].isin([FAILS, NOT_MEASURED]).any())


def add_options(parser):
    parser.add_argument("paper", choices=PAPERS, help="which of the five")
    parser.add_argument("files", nargs="+", metavar="FILE", help="results of the paper's sweep or sweeps")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of the table")
    form.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--strict", action="store_true", help="exit with 1 unless every bar holds")


def print_table(table):
    """Each claim as a line of the table, remarks below."""
    shown = table[["claim", "says", "bar", "value", "value_low", "value_high", "n", "verdict"]]
    print("\n".join(output.lines(shown)))
    print()
    for remark, rows in table[table["remark"] != ""].groupby("remark", sort=False):
        print(f"{', '.join(rows['claim'])}: {remark}")


def print_markdown(table):
    """The same as a table of Markdown, the remark in each row."""
    print("| claim | says | bar | measured | 95 % interval | n | verdict | |\n|---|---|---|---|---|---|---|---|")
    for _, row in table.iterrows():
        edges = f"{output.cell(row['value_low'])} to {output.cell(row['value_high'])}" if row["value_low"] == row["value_low"] else "-"
        cells = [row["claim"], row["says"], row["bar"], output.cell(row["value"]), edges, str(row["n"]), row["verdict"], row["remark"]]
        print("| " + " | ".join(cells) + " |")


def command(arguments):
    """The subcommand -> exit code."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open_results(path)) for path in arguments.files]
        table = reproduce(arguments.paper, files)
    if arguments.json:
        print(json.dumps({"paper": arguments.paper, "claims": output.plain(table.to_dict("records"))}, indent=1))
    elif arguments.markdown:
        print_markdown(table)
    else:
        print_table(table)
    return 1 if arguments.strict and fails(table) else 0
