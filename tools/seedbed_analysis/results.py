"""A results file as named arrays: committed trials only, also while a sweep still writes the file.

Two numbers name a trial. Its *number* is its position in the file, the one that `seedbed status` and `seedbed show`
use: `trials["trial"]`. Its *row* is its position among the committed trials: the first index of every array here.
They are equal once every trial is committed.
"""

import os

import h5py
import numpy as np

FORMAT = "seedbed-results"
FORMAT_VERSION = 1
COMMITTED = "committed"


class ResultsError(Exception):
    """The file cannot give what was asked for; its text is one line that says why and what there is."""


def open_results(path):
    """Opens a results file for reading -> Results. Raises ResultsError for anything that is not one."""
    return Results(path)


class Array:
    """A dataset, read when indexed; where its first dimension is `trial` or `pair`, only rows of committed ones.

    `dimensions` names each dimension, `units` and `long_name` say what the numbers are. Indexing takes what NumPy
    takes in the first dimension (a number, a slice, an array of rows or of booleans), and numbers and slices behind it.
    """

    def __init__(self, dataset, rows):
        self._dataset = dataset
        self.dimensions = dimension_names(dataset)
        self._rows = rows.get(self.dimensions[0]) if self.dimensions else None
        self.units = text_attribute(dataset, "units")
        self.long_name = text_attribute(dataset, "long_name")

    @property
    def shape(self):
        if self._rows is None:
            return self._dataset.shape
        return (len(self._rows),) + self._dataset.shape[1:]

    @property
    def dtype(self):
        return self._dataset.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        if self._rows is None:
            return decode(self._dataset, self._dataset[key])
        key = key if isinstance(key, tuple) else (key,)
        first = key[0] if key and key[0] is not Ellipsis else slice(None)
        rest = key if key and key[0] is Ellipsis else key[1:]
        rows = self._rows[first]
        if np.ndim(rows) == 0:
            return decode(self._dataset, self._dataset[(int(rows),) + rest])
        return decode(self._dataset, read_rows(self._dataset, rows, rest))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[...], dtype=dtype)

    def __repr__(self):
        sizes = ", ".join(f"{name} {size}" for name, size in zip(self.dimensions, self.shape))
        return f"<{self._dataset.name} [{sizes}] {self.units}: {self.long_name}>"


class Results:
    """An open results file. Use as a context manager, or close() it.

    trials       {column: array [committed trials]}; text and outcomes are strings, axes go by their dotted keys
    axes         the names of the columns that the sweep varied, in the sweep's order
    trial_count  trials of the sweep, committed or not
    pairs        {column: array [committed pairs]} of comparisons; `first` and `second` are numbers of trials; {} without any
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        self._file = open_file(self.path)
        try:
            check_format(self._file, self.path)
            self.refresh()
        except BaseException:
            self._file.close()
            raise

    def refresh(self):
        """Looks again which trials are committed: for a sweep that is still running."""
        table = self._file["trials"]
        for dataset in table.values():
            dataset.id.refresh()
        state = decode(table["state"], table["state"][()])
        self.trial_count = len(state)
        self._rows = np.flatnonzero(state == COMMITTED)
        self.trials = {"trial": self._rows}
        for name, dataset in table.items():
            self.trials[name] = decode(dataset, dataset[()])[self._rows]
        self.pairs = self._committed_pairs()
        self._committed = {"trial": self._rows, "pair": self.pairs.get("pair")}
        listed = text_attribute(self._file, "axes").split()
        marked = [name for name, dataset in table.items() if "axis" in dataset.attrs]
        self.axes = [name for name in listed or marked if name in self.trials]

    def _committed_pairs(self):
        if "pairs" not in self._file:
            return {}
        table = {name: dataset for name, dataset in self._file["pairs"].items() if dataset.ndim == 1}
        for dataset in table.values():
            dataset.id.refresh()
        rows = np.flatnonzero(decode(table["state"], table["state"][()]) == COMMITTED)
        return {"pair": rows, **{name: decode(dataset, dataset[()])[rows] for name, dataset in table.items()}}

    def __len__(self):
        return len(self._rows)

    def __repr__(self):
        return f"<{self.path}: {len(self)} of {self.trial_count} trials committed; axes {', '.join(self.axes)}>"

    def __getitem__(self, path):
        """The dataset at a path such as "margins/train" -> Array."""
        item = self._find(path)
        if not isinstance(item, h5py.Dataset):
            raise ResultsError(f"{self.path}: '{path}' is a group; it holds {listing(item)}")
        return Array(item, self._committed)

    def group(self, name):
        """The datasets of a group -> {name: Array}. A path to one dataset gives a dictionary of that one."""
        item = self._find(name)
        if isinstance(item, h5py.Dataset):
            return {item.name.split("/")[-1]: Array(item, self._committed)}
        return {key: Array(value, self._committed) for key, value in item.items() if isinstance(value, h5py.Dataset)}

    def groups(self):
        """The names of the groups of the file: trials, curves, and one for each metric."""
        return [name for name, item in self._file.items() if isinstance(item, h5py.Group)]

    def axis(self, name):
        """The column that a name means: itself, or the one axis that ends in it ("learning_rate")."""
        if name in self.trials:
            return name
        found = [axis for axis in self.axes if axis.endswith("." + name)]
        if len(found) == 1:
            return found[0]
        raise ResultsError(f"{self.path}: no axis '{name}'; the sweep varied {', '.join(self.axes) or 'nothing'}")

    def select(self, conditions=None, **more):
        """Rows whose columns meet every condition -> int64 [rows], an index into every array's first dimension.

        A condition is a value, a list of values, or a function of the column: select({"train.loss": "mse"}, seed=[0, 1]).
        """
        chosen = np.ones(len(self), dtype=bool)
        for name, wanted in {**(conditions or {}), **more}.items():
            column = self.trials[self.axis(name)]
            if callable(wanted):
                chosen &= np.asarray(wanted(column), dtype=bool)
            else:
                chosen &= np.isin(column, np.atleast_1d(wanted))
        return np.flatnonzero(chosen)

    def row(self, trial):
        """The row of the trial with this number. ResultsError when it is not committed."""
        row = int(np.searchsorted(self._rows, trial))
        if row == len(self._rows) or self._rows[row] != trial:
            raise ResultsError(f"{self.path}: trial {trial} is not committed ({len(self)} of {self.trial_count} are)")
        return row

    def points(self, metric):
        """Labels of a metric's measure points -> list of text: "init", "epoch 5", "separated", "end"."""
        scale = self._find(f"{metric}_point")
        return [str(label) for label in decode(scale, scale[()])]

    def point(self, metric, label):
        """The position of a measure point. ResultsError lists the labels that there are."""
        labels = self.points(metric)
        if label not in labels:
            raise ResultsError(f"{self.path}: {metric} was not measured at '{label}'; at {', '.join(labels)}")
        return labels.index(label)

    def weights(self, trial, point="end"):
        """Parameter tensors of the trial with this number -> {name: float32 array of the tensor's shape}."""
        row, position = self.row(trial), self.point("weights", point)
        flat = self["weights/parameters"][row, position]
        layout = {name: self[f"weights/layout_{name}"][...] for name in ("model", "name", "offset", "rank", "dimensions")}
        tensors = {}
        for index in np.flatnonzero(layout["model"] == self.trials["model_index"][row]):
            shape = tuple(int(size) for size in layout["dimensions"][index, : layout["rank"][index]])
            start = int(layout["offset"][index])
            tensors[str(layout["name"][index])] = flat[start : start + int(np.prod(shape))].reshape(shape)
        return tensors

    def dataset(self, variant=0):
        """The data of one variant (a trial's `variant` column) -> {name: array}, cut to the samples that it has.

        train_index, test_index   positions in the source's training and test part
        train_label, test_label   true labels; observed_label: those trained on
        validation_*              index, label, observed_label of the validation part, where the sweep has one
        mean, deviation           of each channel: x = (raw - mean) / deviation
        source, digest            of the data set that the samples are from
        """
        arrays = self.group("dataset")
        count = len(arrays["train_count"])
        if not 0 <= variant < count:
            raise ResultsError(f"{self.path}: no data variant {variant}; there are 0 to {count - 1}")
        sizes = {f"{part}_sample": int(arrays[f"{part}_count"][variant])
                 for part in ("train", "test", "validation") if f"{part}_count" in arrays}
        data = {}
        for name, array in arrays.items():
            of_source = array.dimensions[0] == "source"
            value = array[int(arrays["variant_source"][variant]) if of_source else variant]
            cut = sizes.get(array.dimensions[-1])
            data[name] = value if cut is None else value[:cut]
        return data

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _find(self, path):
        name = path.strip("/")
        if name in self._file:
            return self._file[name]
        parent = self._file
        for part in name.split("/")[:-1]:
            if part not in parent:
                break
            parent = parent[part]
        where = "" if parent.name == "/" else f" in {parent.name}"
        raise ResultsError(f"{self.path}: there is no '{name}'{where}; there is {listing(parent)}")


def open_file(path):
    """The file for reading, whether or not a run holds it open -> h5py.File."""
    if not os.path.isfile(path):
        raise ResultsError(f"{path}: no such file")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise ResultsError(f"{path}: not a results file, or not readable: {reason}") from None


def check_format(file, path):
    """Raises ResultsError unless file is a results file of a version that this package knows."""
    found = text_attribute(file, "format")
    if found != FORMAT or "trials" not in file:
        raise ResultsError(f"{path}: an HDF5 file, but not a seedbed results file")
    version = int(np.ravel(file.attrs.get("format_version", 0))[0])
    if version > FORMAT_VERSION:
        raise ResultsError(f"{path}: format version {version}, this package reads up to {FORMAT_VERSION}: update seedbed")


def dimension_names(dataset):
    """Names of a dataset's dimension scales -> tuple of text; "" where a dimension has none."""
    if h5py.h5ds.is_scale(dataset.id):
        return (dataset.name.split("/")[-1],)
    return tuple(dimension[0].name.split("/")[-1] if len(dimension) else "" for dimension in dataset.dims)


def text_attribute(item, name):
    """An attribute as text; "" when it is absent."""
    value = item.attrs.get(name, "")
    value = np.ravel(value)[0] if np.size(value) else ""
    return value.decode() if isinstance(value, bytes) else str(value)


def decode(dataset, value):
    """Enums as their names, bytes as text, all else as it is."""
    names = h5py.check_enum_dtype(dataset.dtype)
    if names:
        table = np.full(256, "?", dtype=f"<U{max(map(len, names))}")
        for name, code in names.items():
            table[code] = name
        return table[value]
    if dataset.dtype.kind == "S":
        return np.char.decode(value, "utf-8", "replace")
    if dataset.dtype.kind == "O":
        return np.vectorize(lambda text: text.decode() if isinstance(text, bytes) else text, otypes=[str])(value)
    return value


def read_rows(dataset, rows, rest):
    """dataset[rows, *rest] for ascending or any rows: one read for each stretch of neighbours, not for each row."""
    rows = np.asarray(rows)
    if len(rows) == 0:
        return dataset[(slice(0, 0),) + rest]
    starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)
    ends = np.append(starts[1:], len(rows))
    stretches = [dataset[(slice(int(rows[a]), int(rows[b - 1]) + 1),) + rest] for a, b in zip(starts, ends)]
    return stretches[0] if len(stretches) == 1 else np.concatenate(stretches)


def listing(group):
    """The names in a group, for messages."""
    return ", ".join(group.keys()) or "nothing"
