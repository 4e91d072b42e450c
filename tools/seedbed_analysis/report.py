"""One page on a sweep: what ran and how it ended, a table of all trials, the figures that fit what was measured.

The page is one HTML file without any other: it opens from a disk, without a network, and is safe to pass on. It shows what is committed
when it is made; make it again while the sweep goes on.
"""

import base64
import hashlib
import json
import os
import time
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from . import output, report_figures
from .groups import setting_axes, short, sorted_values, value_text
from .reproduce import PAPERS, reproduce
from .results import open_results
from .storage import ResultsError

NAME = "report"
PAGE, MOST_ROWS = 25, 50_000  # rows of the table at once, and in all
MOST_VALUES, MOST_MESSAGES, MOST_NUMBERS = 12, 20, 10
MOST_CHOICES = 6  # axes of few values that the table offers as lists to choose from
ALIVE = 60  # seconds: a run touches its file every ten
RESULTS = ("outcome", "test_accuracy", "test_loss", "train_accuracy", "train_loss", "validation_accuracy", "validation_loss",
           "epochs_run", "separated_epoch", "seconds", "message")
ABSENT = {"epochs_run": -1, "separated_epoch": -1}
PROVENANCE = {"engine": "Engine", "revision": "Revision", "numerics_version": "Numerics version", "compiler": "Compiler", "flags": "Flags",
              "vectors": "Vectors", "mpi": "MPI", "hdf5": "HDF5", "blas": "BLAS", "cpu": "CPU", "system": "System"}


def add_options(parser):
    parser.add_argument("file", help="a results file; also while the sweep still writes it")
    parser.add_argument("-o", "--output", metavar="FILE.html", help="the page (beside FILE: FILE without its ending, -report.html)")
    parser.add_argument("--where", metavar="QUERY", help="these trials only, such as \"loss == 'rll' and rate == 0.4\"")
    parser.add_argument("--paper", choices=PAPERS, help="also judge the claims of this paper, as `reproduce` does")
    parser.add_argument("--no-figures", action="store_true", help="without figures; needs no matplotlib")


def command(arguments):
    """The subcommand: writes the page, whole or not at all."""
    path = Path(arguments.output or f"{os.path.splitext(arguments.file)[0]}-report.html")
    with open_results(arguments.file) as results:
        if path.is_dir() or path.exists() and path.samefile(arguments.file):
            raise ResultsError(f"{path} is {'a folder' if path.is_dir() else 'the results file'}: name another file for the page")
        text = page(results.where(arguments.where) if arguments.where else results, arguments)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{os.getpid()}")
    made.write_text(text, encoding="utf-8")
    made.replace(path)
    print(f"{path}: {len(text) / 1e6:.1f} MB")


def page(results, arguments):
    """The whole page -> HTML"""
    folder = Path(__file__).parent
    template, style, script = ((folder / f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    parts = [("What ran", what_ran(results, arguments.where)), ("Trials", trials_table(results))]
    if arguments.paper:
        parts.append((f"Paper {arguments.paper}", verdicts(results, arguments.paper)))
    if not arguments.no_figures:
        found, refused = report_figures.sections(results)
        parts += [(section.name.replace("-", " ").capitalize(), figures(section)) for section in found]
        if refused:
            parts.append(("Not drawn", listing(f"{name}: {reason}" for name, reason in refused)))
    parts.append(("Provenance", provenance(results)))
    state, kind = state_of(results)
    links = "".join(f'<li><a href="#{anchor(name)}">{escape(name)}</a></li>' for name, _ in parts)
    title = results.name or os.path.basename(results.path)
    return Template(template).substitute(
        title=escape(title), style=style, script=script, script_hash=f"sha256-{digest(script)}", state=escape(state), state_class=kind,
        navigation=f"<ul>{links}</ul>",
        body="\n".join(f'<section id="{anchor(name)}"><h2>{escape(name)}</h2>{inside}</section>' for name, inside in parts),
        footer=escape(f"{os.path.basename(results.path)}, as it was on {moment(time.time())}"))


def digest(script):
    """What the page's policy asks of a script that may run: no other one does, whatever stands in the file."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def anchor(name):
    return name.lower().replace(" ", "-")


def state_of(results):
    """Whether the sweep is complete -> (sentence, "complete", "running" or "stopped")"""
    left = results.states["waiting"] + results.states["running"]
    endings = sessions(results)["ending"]
    go_on = f"{left} of {results.trial_count} trials have no row; seedbed run SWEEP.yaml -o FILE --resume goes on with them"
    if len(endings) and endings[-1] == "running":
        if time.time() - os.path.getmtime(results.path) < ALIVE:
            return f"still being written: {results.states['committed']} of {results.trial_count} trials so far", "running"
        return f"stopped without an end: its last session was killed, or lost; {go_on}", "stopped"
    if left:
        return f"{endings[-1] if len(endings) else 'stopped'}: {go_on}", "stopped"
    return f"complete: {f'{results.trial_count} trials' if results.restricted else counts(results.trials['outcome'])}", "complete"


def sessions(results):
    """The starts of the run -> {column: values [starts]}"""
    names = ("started", "ended", "host", "ranks", "ending")
    if "sessions" not in results.groups():
        return {name: np.empty(0) for name in names}
    arrays = results.group("sessions")
    columns = {name: arrays[name][...] for name in names}
    order = np.argsort(columns["started"][columns["ending"] != ""], kind="stable")
    return {name: column[columns["ending"] != ""][order] for name, column in columns.items()}


def what_ran(results, where):
    """Counts, times, axes and failures -> HTML"""
    rows = [("Trials", counted(results))]
    if where:
        rows.append(("Chosen", f"{len(results)} trials where {where}: {counts(results.trials['outcome'])}"))
    if len(results.pairs):
        rows.append(("Pairs compared", counts(results.pairs["outcome"])))
    rows += times(results) + recorded(results)
    return definitions(rows) + axes_table(results) + failures(results)


def counted(results):
    """"60 in the sweep; 50 committed (48 done, 2 failed), 1 running, 9 waiting" """
    states = [f"{number} {name}" for name, number in results.states.items() if number and name != "committed"]
    outcomes = f" ({counts(results.trials['outcome'])})" if len(results) and not results.restricted else ""
    return f"{results.trial_count} in the sweep; " + ", ".join([f"{results.states['committed']} committed{outcomes}", *states[::-1]])


def counts(outcomes):
    """"48 done, 2 failed", most frequent first."""
    return ", ".join(f"{number} {name}" for name, number in outcomes.value_counts().items())


def times(results):
    """When, how long and where -> [(what, text)]"""
    found, rows = sessions(results), []
    starts = len(found["ending"])
    if starts:
        there = np.isfinite(found["ended"])
        wall = duration(float((found["ended"] - found["started"])[there].sum()))
        span = f"from {moment(found['started'][0])}" + (f" to {moment(found['ended'][-1])}" if there[-1] else "")
        lost = f", {np.count_nonzero(~there)} of them without an end" if not there.all() else ""
        rows.append(("Time", f"{span}; {wall} in {starts} start{'s' if starts > 1 else ''}{lost}"))
        places = dict.fromkeys(f"{ranks} rank{'s' if ranks > 1 else ''} from {host}" for ranks, host in zip(found["ranks"], found["host"]))
        rows.append(("Ran as", ", ".join(places)))
    seconds = results.trials["seconds"].to_numpy(dtype=float) if "seconds" in results.trials else np.empty(0)
    seconds = seconds[np.isfinite(seconds)]
    if len(seconds):
        words = f"{duration(np.median(seconds))} (median), {duration(seconds.max())} at most; {duration(seconds.sum())} in all"
        rows.append(("A trial took", words))
    return rows


def recorded(results):
    """The metrics, and when they were measured -> [(what, text)]"""
    metrics = [name for name in results.groups() if f"{name}_point" in results]
    points = {name: results.points(name) for name in metrics}
    words = [f"{name.replace('_', ' ')} ({', '.join(some)}{', ...' if len(some) < len(points[name]) else ''})"
             for name in metrics for some in [points[name][:6]]]
    return [("Measured", "; ".join(["curves (every epoch)", *words]))]


def axes_table(results):
    """What varied -> HTML"""
    lines = []
    for axis in results.axes:
        values = sorted_values(results.trials[axis])
        words = ", ".join(value_text(value) for value in values[:MOST_VALUES])
        lines.append([axis, len(values), words + (", ..." if len(values) > MOST_VALUES else "")])
    if not lines:
        return '<p>Nothing varies: the sweep has one setting.</p>'
    return "<h3>Axes</h3>" + table(["axis", "values", "in committed trials"], lines, numeric=(1,))


def failures(results):
    """Trials and pairs that did not end well, by their message -> HTML"""
    lines = []
    for what, frame in (("trial", results.trials), ("pair", results.pairs)):
        bad = frame[frame["outcome"] != "done"] if "outcome" in frame else frame
        for (outcome, message), rows in bad.groupby(["outcome", "message"], sort=False) if len(bad) else ():
            numbers = ", ".join(map(str, rows.index[:MOST_NUMBERS])) + (", ..." if len(rows) > MOST_NUMBERS else "")
            lines.append([what, outcome, len(rows), message or "-", numbers])
    if not lines:
        return ""
    lines.sort(key=lambda line: (line[0] != "trial", -line[2]))
    head = ["what", "outcome", "how many", "message", "numbers"]
    more = note(f"{len(lines) - MOST_MESSAGES} more messages are in the table of trials.") if len(lines) > MOST_MESSAGES else ""
    return "<h3>Not done</h3>" + table(head, lines[:MOST_MESSAGES], numeric=(2,)) + more


def trials_table(results):
    """The table of trials: its data, and what report.js fills -> HTML"""
    if not len(results):
        return f"<p>No committed trials yet ({results.trial_count} in the sweep).</p>"
    columns = [column(results, name) for name in columns_shown(results)]
    choices = [place for place, one in enumerate(columns) if one["key"] in (*setting_axes(results), "outcome")
               and 1 < len(set(one["values"])) <= MOST_VALUES][:MOST_CHOICES]
    data = json.dumps({"columns": columns, "page": PAGE, "choices": choices}, separators=(",", ":")).replace("<", "\\u003c")
    cut = f"The first {MOST_ROWS} of {len(results)} committed trials; --where chooses others."
    return f"""{note(cut) if len(results) > MOST_ROWS else ""}
<p class="note">A click on a column sorts. The filter takes words, and conditions such as <code>seed=0</code> or
<code>test_accuracy&lt;0.9</code>. A dash is an absent value, nan one that was measured and is no number.</p>
<div class="controls"><label class="wide">filter<input id="filter" type="search" autocomplete="off" spellcheck="false"></label></div>
<div class="pages"><span id="told" role="status"></span><button type="button">previous</button><button type="button">next</button></div>
{scrolling("Table of trials", '<table id="trials"><thead><tr></tr></thead><tbody></tbody></table>')}
<noscript><p>The table needs JavaScript.</p></noscript>
<script type="application/json" id="trials-data">{data}</script>"""


def columns_shown(results):
    """The number, the axes, then how trials ended; columns without any value are left out."""
    found = [name for name in RESULTS if name in results.trials and any(one is not None for one in plain_values(results, name))]
    return ["trial", *results.axes, *found]


def plain_values(results, name):
    """A column for JSON: absent values are None, floats of six digits or "inf", "-inf", "nan", texts as people write them."""
    values = results.trials[name].to_numpy()[:MOST_ROWS]
    if values.dtype.kind == "f":
        there = ~np.isnan(values) | measured_otherwise(results, name)[:MOST_ROWS]
        return [None if not one else float(f"{value:.6g}") if np.isfinite(value) else str(float(value)) for value, one in zip(values, there)]
    if values.dtype.kind in "iu":
        return [int(value) if value != ABSENT.get(name) else None for value in values]
    return [value_text(value) or None for value in values]


def measured_otherwise(results, name):
    """Where a loss that is NaN was measured so: the accuracy beside it is there -> bool [trials]"""
    beside = name.replace("_loss", "_accuracy")
    if beside == name or beside not in results.trials:
        return np.zeros(len(results), dtype=bool)
    return np.isfinite(results.trials[beside].to_numpy())


def column(results, name):
    """One column of the table -> dict, as report.js reads it"""
    same = sum(short(one) == short(name) for one in (*results.axes, *RESULTS))
    label = (short(name) if same == 1 else name) if name in results.axes else name
    kind = results.trials[name].dtype.kind
    return {"key": name, "label": label.replace("_", " "), "numeric": kind in "iuf", "whole": kind in "iu",
            "values": plain_values(results, name)}


def figures(section):
    """The figures of one analysis, each with how to read it, and what was left out -> HTML"""
    drawn = "".join(f'<figure style="--width: {width:.0f}">{scrolling("Figure", picture)}<figcaption>{escape(words)}</figcaption></figure>'
                    for picture, width, words in section.figures)
    return f'<p>{escape(section.question)}</p><div class="figures">{drawn}</div>' + "".join(map(note, section.notes))


def verdicts(results, paper):
    """The paper's claims, as `reproduce` judges them -> HTML"""
    lines = []
    for _, row in reproduce(paper, [results]).iterrows():
        edges = f" ({output.cell(row['value_low'])} to {output.cell(row['value_high'])})" if row["value_low"] == row["value_low"] else ""
        remark = row["remark"].replace(f"{results.path}: ", "")
        lines.append([row["claim"], row["says"], row["bar"], f"{output.cell(row['value'])}{edges}", row["n"], row["verdict"], remark])
    return table(["claim", "says", "bar", "measured (95 % interval)", "n", "verdict", "remark"], lines, numeric=(4,))


def provenance(results):
    """What made the file, from which data and which sweep -> HTML"""
    rows = [(title, results.text(f"provenance/{name}")) for name, title in PROVENANCE.items() if f"provenance/{name}" in results]
    if "dataset/digest" in results and "dataset/source" in results:
        sources = zip(results["dataset/source"][...], results["dataset/digest"][...])
        rows.append(("Data", ", ".join(f"{source} ({one})" for source, one in sources)))
    texts = [("The sweep as given", "sweep/yaml"), ("Settings of the command line", "sweep/set"),
             ("The sweep with every default", "sweep/resolved")]
    shown = [(title, results.text(path)) for title, path in texts if path in results]
    return definitions(rows) + "".join(f"<details><summary>{title}</summary><pre tabindex=\"0\">{escape(text)}</pre></details>"
                                       for title, text in shown if text.strip())


def definitions(rows):
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(str(text))}</dd>' for name, text in rows)}</dl>"


def listing(lines):
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def table(head, lines, numeric=()):
    """A table that scrolls within its own box -> HTML.   lines: [values]; numeric: columns of numbers"""
    def row(cells, tag):
        kinds = ["number" if place in numeric else "text" if len(str(one)) > 24 else "" for place, one in enumerate(cells)]
        scope = ' scope="col"' if tag == "th" else ""
        return "".join(f"<{tag}{scope}{f' class={kind}' if kind else ''}>{escape(str(one))}</{tag}>" for one, kind in zip(cells, kinds))

    body = "".join(f"<tr>{row(line, 'td')}</tr>" for line in lines)
    return scrolling("Table", f"<table><thead><tr>{row(head, 'th')}</tr></thead><tbody>{body}</tbody></table>")


def scrolling(name, inside):
    """A box that scrolls by itself where it is wider than the page, by keys too -> HTML"""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">{inside}</div>'


def note(text):
    return f'<p class="note">{escape(text)}</p>'


def moment(seconds):
    """"2026-01-31 12:05 UTC" """
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds):
    """"0.42 s", "35 s", "12 min", "3 h 5 min", "2 d 4 h" """
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
