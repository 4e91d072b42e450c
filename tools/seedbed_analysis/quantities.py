"""One number a trial, named in a line: "test_accuracy", "margins/train_area@end", "interpolation/mode_error_plateau[mode=linear]"."""

import re

import numpy as np

from .groups import need_trials
from .storage import ResultsError

FINAL = ("test_accuracy", "test_loss", "train_accuracy", "train_loss")
NAME = re.compile(r"^([\w./]+)(?:\[([^\]]*)\])?(?:@(.+))?$")


def quantity(results, text):
    """A column of /trials, or a dataset of a metric group, as one number for each trial -> float64 [trials].

    [dimension=label, ...] picks from further dimensions, by the end of their names. Of measure points and epochs `@label`
    picks one; without it each trial gives its last that is there, if it is done: others stopped on the way.
    """
    need_trials(results)
    match = NAME.match(text)
    if not match:
        raise ResultsError(f"'{text}' is no quantity; write test_accuracy, group/dataset or group/dataset[dimension=label]@point")
    path, picks, point = match.groups()
    if "/" not in path:
        if path in FINAL or path in results.trials and results.trials[path].dtype.kind in "iuf":
            return results.trials[path].to_numpy(dtype=float)
        raise ResultsError(f"{results.path}: /trials has no number '{path}'; it has {', '.join(numbers(results))}; those of a "
                           "metric are group/dataset")
    group, name = path.strip("/").split("/", 1)
    results[path]  # says what there is when there is no such dataset
    values = pick(results, results[group][name], picks, text)
    found = last(values, point, text)
    return found if point else np.where(done(results), found, np.nan)


def done(results):
    """Which trials came to their end -> bool [trials]"""
    return (results.trials["outcome"] == "done").to_numpy()


def numbers(results):
    """Columns of /trials that are numbers."""
    return [name for name, column in results.trials.items() if column.dtype.kind in "iuf" and name != "trial"]


def pick(results, values, picks, text):
    """values without the dimensions named in "dimension=label, ..."."""
    for one in filter(None, (part.strip() for part in (picks or "").split(","))):
        dimension, _, wanted = one.partition("=")
        found = [dim for dim in values.dims if dim == dimension or dim.endswith("_" + dimension)]
        if len(found) != 1:
            raise ResultsError(f"{text}: no dimension '{dimension}'; there is {', '.join(map(str, values.dims))}")
        labels = [str(label) for label in values[found[0]].values] if found[0] in values.coords else []
        matching = [place for place, label in enumerate(labels) if label == wanted or same_number(label, wanted)]
        if not matching:
            raise ResultsError(f"{text}: {found[0]} has no '{wanted}'; it has {', '.join(labels[:20])}")
        values = values.isel({found[0]: matching[0]})
    return values


def same_number(label, wanted):
    try:
        return float(label) == float(wanted)
    except ValueError:
        return False


def last(values, point, text):
    """values [trial] or [trial, point or epoch] -> float64 [trials]: at the point named, or the last one that is there."""
    over = [dim for dim in values.dims if dim != "trial"]
    if not over and "trial" in values.dims:
        return values.values.astype(float)
    if "trial" not in values.dims or len(over) != 1 or not (over[0].endswith("_point") or over[0] == "epoch"):
        rest = [dim for dim in over if not dim.endswith("_point") and dim != "epoch"] or ["trial"]
        raise ResultsError(f"{text} has a value for each {' and '.join(rest)}: pick one, as in name[{rest[0]}=...]")
    if point is None:
        return last_there(values.values)
    labels = [str(label) for label in values[over[0]].values]
    if point not in labels:
        raise ResultsError(f"{text}: {over[0]} has no '{point}'; it has {', '.join(labels[:20])}")
    return absent_as_nan(values.isel({over[0]: labels.index(point)}).values)


def last_there(values):
    """The last value of each row that is not absent.   values [trials, points] -> float64 [trials]"""
    values = absent_as_nan(values)
    there = np.isfinite(values)
    place = values.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
    return np.where(there.any(axis=1), values[np.arange(len(values)), place], np.nan)


def absent_as_nan(values):
    """Floats as they are; signed integers as floats, -1 (absent) as NaN."""
    if values.dtype.kind == "f":
        return values.astype(float)
    return np.where(values == -1, np.nan, values.astype(float))


def final_quantities(results):
    """The names of all numbers that a trial ends with: those of FINAL, and what metrics measured once, or last."""
    found = [name for name in FINAL if name in results.trials]
    for group in results.groups():
        if f"{group}_point" not in results:
            continue
        for name, array in results.group(group).items():
            further = array.dimensions[1:]
            simple = array.dimensions[:1] == ("trial",) and further in ((), (f"{group}_point",), ("epoch",))
            if simple and array.dtype.kind == "f" and name != "train_loss":
                found.append(f"{group}/{name}")
    return found
