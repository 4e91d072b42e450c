"""The figures of a report: of each analysis those that the file has the numbers for, as pieces of a page.

A figure is inline SVG whose text takes the page's colour, so that it reads in light and dark; one of very many marks is a PNG.
"""

import argparse
import base64
import io
import re
import warnings
from dataclasses import dataclass, field
from html import escape

import numpy as np

from . import consistency, margins, style, summary, weights
from .analyses import ANALYSES, question
from .groups import setting_axes, short, telling
from .storage import ResultsError

MOST_SVG = 400_000  # bytes; beyond, a PNG is smaller and faster to draw
MOST_INCHES = 40  # no figure is higher
MOST_COMPARED = 300  # trials whose margins are compared with each other, or whose weights are read
MOST_CURVES, MOST_LINES = 3, 12  # figures of curves, and values of an axis in one of them
DPI, PADDING = 150, 0.1  # of a PNG; inches around a figure
NEEDS = {"consistency": "margins", "variance": "trials", "compare": "trials", "pairs": "pairs"}  # in the file, of those not named as a metric
READ_CURVES = ("Medians over trials, with a band between their quartiles: look closer where test and training go apart, or a loss "
               "stays high.")


@dataclass
class Section:
    """A part of the report.   figures [(HTML, its width in pixels, how to read it)]; notes: what was left out, one line each"""

    name: str
    question: str
    figures: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def sections(results):
    """Everything that can be drawn -> ([Section], [(analysis, why nothing was drawn)])"""
    found, refused = [], []
    if not len(results):
        return found, refused
    works = [("curves", "How did the networks train?", lambda: curves(results))]
    works += [(module.NAME, question(module), lambda module=module: analysed(module, results)) for module in front_first()
              if needed(module) in results]
    for name, asked, work in works:
        try:
            section = Section(name, asked)
            drawings, section.notes = work()
            for draw, key, words in drawings:
                add(section, draw, key, words)
        except ResultsError as error:
            refused.append((name, plain_reason(results, error)))
            continue
        found.append(section)
    return found, refused


def needed(module):
    """What the file has if the analysis has something to look at: a group, or a metric's measure points."""
    return NEEDS.get(module.NAME, f"{module.NAME.replace('-', '_')}_point")


def front_first():
    """The analyses that fit any sweep first, then those of single metrics."""
    return sorted(ANALYSES, key=lambda module: {"compare": 0, "variance": 1}.get(module.NAME, 2))


def plain_reason(results, error):
    """A refusal without the file's name, which the page says above."""
    return str(error).replace(f"{results.path}: ", "")


def analysed(module, results):
    """One analysis as its subcommand does it without options -> ([(draw, key, how to read it)], notes)"""
    parser = argparse.ArgumentParser()
    parser.set_defaults(group=None)
    module.add_options(parser)
    options, notes = parser.parse_args([]), []
    if module is consistency and "end" not in results.points("margins"):
        options.point = margins.default_point(results["margins"])
    if module in (consistency, weights) and len(results) > MOST_COMPARED:
        results = some_of_each(results, MOST_COMPARED)
        notes.append(f"{len(results)} trials were looked at, the first ones of each setting; seedbed-analysis {module.NAME} takes all")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means over nothing, of trials that did not come so far
        findings = module.run(results, options)
    return [(draw, key, reading(module, key)) for key, draw in findings.figures.items()], notes + findings.notes


def some_of_each(results, most):
    """At most so many trials: of every setting the same number of first ones, two at least, of as many settings as fit."""
    axes = setting_axes(results)
    trials = results.trials.reset_index(drop=True)
    place = trials.groupby(axes, sort=False, dropna=False).cumcount() if axes else trials.index.to_series()
    setting = trials.groupby(axes, sort=False, dropna=False).ngroup() if axes else place * 0
    each = max(2, most // (int(setting.max()) + 1))
    chosen = (place < each) & (setting < max(1, most // each))
    return results.where(results.trials.index[chosen.to_numpy()])


def reading(module, key):
    """How to read the figure of that name: the longest beginning of it in the module's READ."""
    return module.READ[max((start for start in module.READ if key.startswith(start)), key=len)]


def curves(results):
    """Loss and accuracy by epoch, for the axes of few values -> ([(draw, key, how to read it)], notes)"""
    varied = [axis for axis in setting_axes(results) if results.trials[axis].nunique() > 1]
    few = telling(results.trials[varied].drop_duplicates().to_dict("records"),
                  [axis for axis in varied if results.trials[axis].nunique() <= MOST_LINES])[:MOST_CURVES]
    if not np.isfinite(results["curves/train_loss"][...]).any():
        raise ResultsError("no trial came to the end of an epoch")
    drawings = [(lambda axis=axis: summary.curves_figure(results, axis), f"curves-by-{axis}",
                 f"{READ_CURVES} By {short(axis)}." if axis in varied else READ_CURVES) for axis in few or ["outcome"]]
    left = ", ".join(short(axis) for axis in varied if axis not in few)
    return drawings, [f"curves are drawn by {MOST_CURVES} axes at most, those of few values that tell most: not by {left}"] if left else []


def add(section, draw, key, words):
    """Draws one figure into the section."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what cannot be laid out in full is seen in the figure
        figure = draw()
        if figure.get_figheight() > MOST_INCHES:
            section.notes.append(f"{key} has too many groups to draw: choose some with --where")
            return
        section.figures.append((*picture(figure, f"{key}: {words}"), words))


def picture(figure, words):
    """A Figure as <svg>, or as <img> where that is smaller -> (HTML, its width in pixels).   words: for who does not see it"""
    with style.library().rc_context(style.STYLE):
        style.settle(figure)
        box, text = figure.get_tightbbox().padded(PADDING), io.StringIO()
        figure.savefig(text, format="svg", bbox_inches=box, metadata={"Date": None})
        if text.tell() <= MOST_SVG:
            return inline(text.getvalue(), words)
        image = io.BytesIO()
        figure.savefig(image, format="png", bbox_inches=box, dpi=DPI)
    width = int.from_bytes(image.getvalue()[16:20], "big") * 96 / DPI
    data = base64.b64encode(image.getvalue()).decode()
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{data}">', width


def inline(text, words):
    """matplotlib's SVG as a piece of a page: grey becomes the page's colour, names are this figure's own, sizes are CSS'."""
    own = re.sub("[^A-Za-z0-9]+", "-", words[:60])
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg"):], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}-", text.replace(style.NEUTRAL, "currentColor"))
    width = float(re.search(r'width="([\d.]+)pt"', text)[1]) * 96 / 72
    text = re.sub(r'^<svg ([^>]*?)width="[\d.]+pt" height="[\d.]+pt"', r"<svg \1", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" ', 1), width
