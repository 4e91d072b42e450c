"""What an analysis gives, and how it goes to the terminal and into files."""

import csv
import json
import math
import os
from dataclasses import dataclass, field

import numpy as np
import pandas

from .groups import value_text


@dataclass
class Findings:
    """What an analysis found.

    tables   {name: DataFrame}; the first is printed, all become NAME.csv and go into the JSON
    figures  {name: function without arguments -> matplotlib Figure}, drawn when they are written
    notes    one line each: what was left out, and why
    about    further plain values for the JSON
    shown    columns of the first table to print; all without
    """

    tables: dict
    figures: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    about: dict = field(default_factory=dict)
    shown: list = None


def plain(value):
    """A value for JSON: absent numbers are null, NumPy's types are Python's."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def document(name, results, findings):
    """All that was found, as JSON has it -> dict."""
    return {
        "analysis": name,
        "file": results.path,
        "trials": len(results),
        "trials_in_sweep": results.trial_count,
        **plain(findings.about),
        "notes": findings.notes,
        "tables": {key: plain(table.to_dict("records")) for key, table in findings.tables.items()},
    }


def write(name, results, findings, directory, figures=True):
    """Writes NAME.json, a CSV file for each table, and PNG and SVG of each figure -> their paths."""
    os.makedirs(directory, exist_ok=True)
    paths = [os.path.join(directory, f"{name}.json")]
    with open(paths[0], "w", encoding="utf-8") as file:
        json.dump(document(name, results, findings), file, indent=1)
        file.write("\n")
    for key, table in findings.tables.items():
        paths.append(os.path.join(directory, f"{key}.csv"))
        table.to_csv(paths[-1], index=False, quoting=csv.QUOTE_MINIMAL)
    if figures:
        from . import style

        for key, draw in findings.figures.items():
            paths += style.save(draw(), directory, key)
    return paths


def cell(value):
    """A value of a table for people."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return "-"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return value_text(value)


def lines(table):
    """A DataFrame as lines of text; NAME, NAME_low, NAME_high become two columns, the second "low to high"."""
    columns = [[name, *map(cell, table[name])] for name in table.columns if not is_edge(name, table)]
    merged = []
    for column in columns:
        merged.append(column)
        if f"{column[0]}_low" in table:
            edges = zip(table[f"{column[0]}_low"], table[f"{column[0]}_high"])
            merged.append(["95 % interval", *(f"{cell(a)} to {cell(b)}" if a == a else "-" for a, b in edges)])
    widths = [max(map(len, column)) for column in merged]
    numeric = [pandas.api.types.is_numeric_dtype(table[column[0]]) if column[0] in table else True for column in merged]
    rows = zip(*merged)
    return ["  ".join(text.rjust(width) if right else text.ljust(width)
                      for text, width, right in zip(row, widths, numeric)).rstrip() for row in rows]


def printed(findings):
    """The first table as lines of text: the columns to show, with their intervals."""
    table = next(iter(findings.tables.values()))
    if findings.shown is None:
        return lines(table)
    wanted = {f"{name}{ending}" for name in findings.shown for ending in ("", "_low", "_high")}
    return lines(table[[name for name in table if name in wanted]])


def is_edge(name, table):
    """Whether a column is the low or high end of another's interval."""
    return name.endswith(("_low", "_high")) and name.rsplit("_", 1)[0] in table
