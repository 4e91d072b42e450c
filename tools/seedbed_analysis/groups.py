"""Which trials belong together: equal in the axes of a comparison, different in their random streams."""

import itertools
import os
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from .storage import ResultsError

MOST_LETTERS = 40  # of a value in a figure
STREAMS = ("init", "order", "noise", "subset", "augment", "dropout", "data", "metric")


@dataclass
class Group:
    """Trials that agree in some axes.   settings {axis: value}; rows: positions among the trials looked at [trials]"""

    settings: dict
    rows: np.ndarray


def is_seed(axis):
    """Whether an axis only changes random streams."""
    return axis == "seed" or axis.startswith("seeds.")


def setting_axes(results):
    """The axes that are no seeds: trials that agree in them differ by chance alone."""
    return [axis for axis in results.axes if not is_seed(axis)]


def chosen_axes(results, names, default=None):
    """Axes by which to group: those named, none for ["none"], else the default (all that are no seeds)."""
    if not names:
        return setting_axes(results) if default is None else default
    return [results.axis(name) for name in names if name != "none"]


def groups(results, axes):
    """Trials that agree in every one of the axes, in the order of the file -> [Group]; one group without axes."""
    if not axes:
        return [Group({}, np.arange(len(results)))] if len(results) else []
    found = results.trials.reset_index(drop=True).groupby(list(axes), sort=False, dropna=False).indices
    made = [Group(dict(zip(axes, key if isinstance(key, tuple) else (key,))), np.sort(rows)) for key, rows in found.items()]
    return sorted(made, key=lambda group: group.rows[0])


def value_text(value):
    """A value of an axis as people write it.   0.10000 -> "0.1"; "{kind: rll, alpha: 0.1}" -> "rll, alpha 0.1" """
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    text = str(value)
    inner = re.fullmatch(r"\{kind: ([^{}]*)\}", text)
    return inner[1].replace(": ", " ") if inner else text


def brief(values, most=MOST_LETTERS):
    """Texts of an axis' values for figures, all different -> {value: text}; none is much longer than `most` letters.

    Of those that are too long "[1024, 1024, 1024]" becomes "[3 x 1024]", then what they have in common "...", then the middle of what is left.
    """
    texts = {value: value_text(value) for value in values}
    texts = {value: runs(text) if len(text) > most else text for value, text in texts.items()}
    long = without_common({value: text for value, text in texts.items() if len(text) > most})
    texts |= {value: text if len(text) <= most else f"{text[: most * 2 // 3]}...{text[3 - most // 3 :]}" for value, text in long.items()}
    times = Counter(texts.values())
    return {value: text if times[text] == 1 else f"{text} ({place})" for place, (value, text) in enumerate(texts.items(), 1)}


def runs(text):
    """"[64, 64, 64, 10]" -> "[3 x 64, 10]", wherever a list of plain values stands in a text."""
    def shorter(match):
        found = [(item, len(list(same))) for item, same in itertools.groupby(match[1].split(", "))]
        return f"[{', '.join(f'{count} x {item}' if count > 1 else item for item, count in found)}]"

    return re.sub(r"\[([^\[\]{}]*)\]", shorter, text)


def without_common(texts):
    """Texts with their first words, and behind "..." those in which they differ.   {value: text} -> the same

    "{kind: layers, layers: [{kind: dense, units: 8}, relu]}", ... 16 ... -> "layers...units: 8...", "layers...units: 16..."
    """
    words = {value: re.findall(r"[^\s\[\]{},]+|[\[\]{},]\s*|\s+", text) for value, text in texts.items()}
    head = max(0, len(os.path.commonprefix(list(words.values()))) - 2)  # the word before says what differs
    tail = len(os.path.commonprefix([own[head:][::-1] for own in words.values()]))
    if len(texts) < 2 or head + tail < 6:
        return texts
    return {value: re.split(r"[,\[]", text.removeprefix("{kind: "))[0] * (head > 0) + "..." * (head > 0)
            + "".join(own[head : len(own) - tail]) + "..." * (tail > 0) for (value, text), own in zip(texts.items(), words.values())}


def parts(text):
    """A text in pieces at those ", " that stand in no brackets.   "loss mse, hidden [16, 16]" -> ["loss mse", "hidden [16, 16]"]"""
    found, depth = [""], 0
    for piece in re.split(r"(, |[\[\]{}])", text):
        depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        if piece == ", " and depth == 0:
            found.append("")
        else:
            found[-1] += piece
    return [one for one in found if one]


def short(axis):
    """The last word of a dotted key that says what it is: "train.loss" -> "loss", "model.init.scale" -> "init scale"."""
    parts = axis.split(".")
    return " ".join(parts[-2:]) if parts[-1] in ("rate", "scale", "kind") and len(parts) > 2 else parts[-1]


def label(settings):
    return ", ".join(f"{short(axis)} {value_text(value)}" for axis, value in settings.items()) or "all trials"


def telling(settings, axes):
    """The axes that suffice to tell groups apart, the last one first of all, names before numbers.   settings [{axis: value}]

    In a union of grids several axes often change together; those that the others determine are left out.
    """
    def named(axis):
        return any(isinstance(one[axis], str) for one in settings)

    def different(some):
        return len({tuple(str(one[axis]) for axis in some) for one in settings})

    kept, count = list(axes), different(axes)
    for axis in sorted(axes, key=lambda axis: (axis == axes[-1], named(axis))):
        rest = [one for one in kept if one != axis]
        if different(rest) == count:
            kept = rest
    return kept


def labels(settings, axes):
    """What tells each group from the others, in words -> list of text.   settings [{axis: value}]"""
    kept = telling(settings, axes)
    texts = {axis: brief(one[axis] for one in settings) for axis in kept}
    return [label({axis: texts[axis][one[axis]] for axis in kept}) for one in settings]


def sorted_values(values):
    """Different values: numbers ascending, lists by their length, other texts in the order in which they come."""
    values = list(dict.fromkeys(values))
    if all(isinstance(value, (int, float, np.integer, np.floating)) for value in values):
        return sorted(values)
    if all(list_length(value) is not None for value in values):
        return sorted(values, key=list_length)
    return values


def list_length(value):
    """"[100, 100]" -> 2; None for what is no list."""
    text = str(value)
    if not (text.startswith("[") and text.endswith("]")):
        return None
    return len([part for part in text[1:-1].split(",") if part.strip()])


def stream_seeds(results, stream):
    """The seed that a random stream had in each trial -> int64 [trials].

    It is the trial's seed, or what `seeds` pins the stream to: for all trials, or as an axis.
    """
    trials = results.trials
    seed = trials["seed"].to_numpy() if "seed" in results.axes else np.full(len(trials), int(resolved(results, "seed")))
    axis = f"seeds.{stream}"
    pinned = trials[axis].to_numpy() if axis in results.axes else [resolved(results, stream, "seeds")] * len(trials)
    return np.array([own if str(one) == "seed" else int(one) for own, one in zip(seed, pinned)], dtype=np.int64)


def resolved(results, key, section=None):
    """A plain value of the sweep as resolved: at its top, or one level below `section` -> text."""
    text = results.text("sweep/resolved")
    if section:
        inside = re.search(rf"^{section}:\n((?:  .*\n)+)", text, re.MULTILINE)
        text = re.sub(r"^  ", "", inside[1], flags=re.MULTILINE) if inside else ""
    found = re.search(rf"^{key}: (.*)$", text, re.MULTILINE)
    if not found:
        raise ResultsError(f"{results.path}: /sweep/resolved does not say '{key}'")
    return found[1].strip()


def same_partition(first, second):
    """Whether two columns put the trials into the same groups, whatever the groups' names."""
    pairs = set(zip(first, second))
    return len(pairs) == len(set(first)) == len(set(second))


def need_trials(results):
    """Raises ResultsError unless there is a committed trial."""
    if len(results):
        return
    if results.restricted:
        raise ResultsError(f"{results.path}: none of the chosen trials is committed")
    raise ResultsError(f"{results.path}: no committed trials yet ({results.trial_count} in the sweep)")


def need_group(results, name):
    """The group of a metric as a Dataset. ResultsError when no trial is committed, or it was not measured."""
    need_trials(results)
    if name not in results.groups() or f"{name}_point" not in results:
        metrics = [one for one in results.groups() if f"{one}_point" in results]
        raise ResultsError(f"{results.path}: the sweep has no '{name}' among its metrics; it measured "
                           f"{', '.join(['curves', *metrics])}")
    return results[name]


def measured(values):
    """Trials with at least one value that is not absent.   values [trials, ...] -> bool [trials]"""
    values = np.asarray(values)
    return np.isfinite(values).reshape(len(values), -1).any(axis=1)


def left_out_note(results, kept, what):
    """One line on the trials that have no such values; "" when all have.   kept bool [trials]"""
    if np.all(kept):
        return ""
    outcomes = results.trials["outcome"].to_numpy()[~np.asarray(kept)]
    counted = ", ".join(f"{np.count_nonzero(outcomes == one)} {one}" for one in dict.fromkeys(outcomes))
    return f"{np.count_nonzero(~np.asarray(kept))} of {len(results)} trials have no {what} ({counted})"
