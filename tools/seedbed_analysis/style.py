"""Figures in one style: colours that the colour-blind can tell apart and that show on white and on black, units on axes.

A figure is made by a function decorated with `drawn`: data in, matplotlib Figure out; nothing is shown or kept.
matplotlib is imported when the first figure is drawn, so that everything else works without it.
"""

import functools
import os
import re
import textwrap

import numpy as np

from .groups import brief, parts, short, sorted_values, telling
from .storage import ResultsError

# Each at least 3:1 against white and against black; in this order neighbours also differ in lightness.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#9A7400", "#4595CC", "#888888"]
MARKERS = "osD^vPX"
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))]
NEUTRAL = "#767676"  # text and axes: the same contrast, 4.6, to white and to black
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "savefig.dpi": 150,
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": NEUTRAL,
    "axes.labelcolor": NEUTRAL,
    "axes.titlesize": 10,
    "axes.titlecolor": NEUTRAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "text.color": NEUTRAL,
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "grid.color": "#888888",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "font.size": 10,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "text.parse_math": False,  # what a sweep calls its values is never markup
    "svg.fonttype": "none",
    "svg.hashsalt": "seedbed",
}
MOST_PANELS = 12
LETTERS_IN_INCH, LETTERS_WITHIN = 12, 16  # of a legend or tick; of a tick's label that take nothing from the panel


def library():
    """matplotlib, told to need no display. ResultsError when it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise ResultsError("figures need matplotlib: apt-get install python3-matplotlib, or pip install matplotlib; "
                           "--no-figures does without") from None
    return matplotlib


def drawn(function):
    """Decorates a function that makes a Figure: it runs in the house style."""

    @functools.wraps(function)
    def styled(*arguments, **options):
        with library().rc_context(STYLE):
            figure = function(*arguments, **options)
            plain_powers(figure)
            return figure

    return styled


def plain_powers(figure):
    """Labels of logarithmic scales as plain text: matplotlib writes them as markup, which STYLE takes as it stands."""
    from matplotlib.ticker import LogFormatterSciNotation

    class Powers(LogFormatterSciNotation):
        def __call__(self, value, position=None):
            return plain_power(super().__call__(value, position))

    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            if type(axis.get_major_formatter()) is LogFormatterSciNotation:
                axis.set_major_formatter(Powers())
            if type(axis.get_minor_formatter()) is LogFormatterSciNotation:
                axis.set_minor_formatter(Powers())


def plain_power(text):
    """"$\\mathdefault{2\\times10^{-3}}$" -> "2×10⁻³" """
    text = re.sub(r"\$\\mathdefault\{(.*)\}\$", r"\1", text).replace(r"\times", "×")
    return re.sub(r"\^\{(-?\d+)\}", lambda power: power[1].translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")), text)


def panels(rows, columns, width=3.6, height=2.9, **options):
    """A Figure with rows x columns axes, each of that size in inches -> (figure, axes [rows, columns])."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def settle(figure):
    """Lays a figure out and keeps it so: once is enough, and it is slow."""
    if figure.get_layout_engine():
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine("none")


def save(figure, directory, name):
    """Writes name.png and name.svg into directory -> their paths."""
    paths = [os.path.join(directory, f"{name}.{kind}") for kind in ("png", "svg")]
    with library().rc_context(STYLE):
        settle(figure)
        for path in paths:
            figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.endswith("svg") else None)
    return paths


def colours(count):
    """One colour a value: the palette, or a perceptual scale when there are more values than it has."""
    if count <= len(PALETTE):
        return PALETTE[:count]
    return [library().colormaps["viridis"](place) for place in np.linspace(0.28, 0.85, count)]


def looks(values):
    """How each value is drawn -> {value: {color, marker, linestyle}}; a second mark beside colour, for print."""
    values = list(values)
    return {value: {"color": colour, "marker": MARKERS[i % 7], "linestyle": DASHES[i % 7]}
            for i, (value, colour) in enumerate(zip(values, colours(len(values))))}


def band(axes, x, middle, low, high, label=None, **look):
    """A line with its interval as a band; absent values are skipped."""
    x, middle = np.asarray(x), np.asarray(middle, dtype=float)
    seen = np.isfinite(middle)
    if not seen.any():
        return
    marked = look if seen.sum() <= 12 else {**look, "marker": ""}
    axes.plot(x[seen], middle[seen], label=label, **marked)
    low, high = (np.where(np.isfinite(edge), edge, middle)[seen] for edge in (low, high))
    axes.fill_between(x[seen], low, high, color=look.get("color"), alpha=0.2, linewidth=0)


def below(figure, handles, title=None, columns=4):
    """One legend for all panels, under them, in as many columns as fit.   handles {label: artist}"""
    if handles:
        longest = max(map(len, handles)) + 6
        columns = max(1, min(columns, int(figure.get_figwidth() * LETTERS_IN_INCH / longest)))
        figure.legend(list(handles.values()), list(handles), title=title, loc="upper center", bbox_to_anchor=(0.5, 0),
                      ncols=min(columns, len(handles)))


def handles_of(axes):
    """{label: artist} of all panels, each label once."""
    found = {}
    for panel in np.ravel(axes):
        for handle, name in zip(*panel.get_legend_handles_labels()):
            found.setdefault(name, handle)
    return found


def shape(count, widest=4):
    """Rows and columns for so many panels -> (rows, columns)."""
    columns = min(widest, max(1, count))
    if count > widest and count % widest and count % (widest - 1) == 0:
        columns = widest - 1
    return -(-count // columns), columns


def hide_rest(axes, used):
    """Takes away the panels behind those in use."""
    for panel in np.ravel(axes)[used:]:
        panel.set_axis_off()


def title(panel, text, width=34):
    """A panel's title, broken into lines of about that many letters: between settings, and within long ones."""
    lines = [""]
    for part in (line for one in parts(text) for line in textwrap.wrap(one, width, break_long_words=False)):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += (", " if lines[-1] else "") + part
    panel.set_title("\n".join(lines), fontsize=9)


def integer_axis(axis):
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def widen(panel, least):
    """Keeps a flat line from filling its panel: the vertical scale spans at least so much."""
    low, high = panel.get_ylim()
    if high - low < least:
        panel.set_ylim((low + high - least) / 2, (low + high + least) / 2)


def hue_axis(settings, axes):
    """The axis that colours stand for, of 2 to 7 values: the one that leaves the fewest panels, of equals the last; or None.

    settings: [{axis: value}] of the groups
    """
    def different(some):
        return len({tuple(str(one[axis]) for axis in some) for one in settings})

    needed = telling(settings, axes)
    fitting = [axis for axis in reversed(needed) if 1 < different([axis]) <= len(PALETTE)]
    return min(fitting, key=lambda axis: different([one for one in needed if one != axis]), default=None)


def facets(settings, axes, hue=None):
    """Groups as panels and colours -> (hue axis or None, {panel's label: [(position, hue value)]}).

    settings: [{axis: value}] of the groups. Axes that tell nothing are not in the labels.
    """
    hue = hue or hue_axis(settings, axes)
    others = [axis for axis in axes if axis != hue]
    varied = [axis for axis in telling(settings, [*others, *([hue] if hue else [])]) if axis != hue]
    texts = {axis: brief(one[axis] for one in settings) for axis in varied}
    found = {}
    for position, one in enumerate(settings):
        name = ", ".join(f"{short(axis)} {texts[axis][one[axis]]}" for axis in varied)
        found.setdefault(name, []).append((position, one[hue] if hue else ""))
    return hue, dict(list(found.items())[:MOST_PANELS])


def hue_looks(settings, hue):
    """looks() of the values of the hue axis, in their order, each with its label; without an axis one look without."""
    return labelled(sorted_values(one[hue] for one in settings)) if hue else {"": {**looks([""])[""], "label": None}}


def labelled(values):
    """looks() with labels -> {value: {color, marker, linestyle, label}}; legends leave out what begins with "_"."""
    texts = brief(values)
    return {value: {**look, "label": texts[value].replace("_", " _", texts[value].startswith("_"))} for value, look in looks(texts).items()}


def numeric(values):
    """Values of an axis as positions on a scale -> (positions, tick labels or None, "linear" or "log").

    Numbers stay as they are, on a logarithmic scale where they span more than a factor 9; others are 0, 1, ...
    """
    values = list(values)
    if all(isinstance(value, (int, float, np.integer, np.floating)) for value in values):
        numbers = np.array(values, dtype=float)
        wide = len(numbers) > 1 and numbers.min() > 0 and numbers.max() / numbers.min() > 9
        return numbers, None, "log" if wide else "linear"
    return np.arange(len(values), dtype=float), list(brief(values).values()), "linear"


def make_room(panel, letters):
    """Widens and heightens the figure of the first panel for so many letters more of labels that are turned by 30 degrees."""
    place = panel.get_subplotspec()
    if letters > 0 and place.num1 == 0:
        size, grid = panel.figure.get_size_inches(), place.get_gridspec()
        panel.figure.set_size_inches(size[0] + 0.87 * grid.ncols * letters / LETTERS_IN_INCH, size[1] + 0.5 * letters / LETTERS_IN_INCH)


def scale_x(panel, axis, positions, ticks, scale):
    """Puts numeric()'s scale under a panel."""
    panel.set_xlabel(short(axis) if axis else "")
    panel.set_xscale(scale)
    if ticks:
        long = max(map(len, ticks)) > 8
        panel.set_xticks(positions, [tick.replace("_", " ") for tick in ticks], rotation=30 if long else 0, ha="right" if long else "center")
        make_room(panel, max(map(len, ticks)) - LETTERS_WITHIN)
        panel.margins(x=0.15)
    elif len(positions) <= 6:
        texts = [f"{position:g}" for position in positions]
        panel.set_xticks(positions, texts, rotation=30 if sum(map(len, texts)) > 24 else 0)
        panel.minorticks_off()
