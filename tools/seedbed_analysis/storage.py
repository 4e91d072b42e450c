"""The file as HDF5: opened, checked, its datasets as named arrays of committed rows. All else builds on this."""

import os

import h5py
import numpy as np

FORMAT = "seedbed-results"
FORMAT_VERSION = 2


class ResultsError(Exception):
    """The file cannot give what was asked for; its text is one line that says why and what there is."""


class Handle:
    """A file that can be opened anew: HDF5 keeps in memory what it has read, so rows written since show only then."""

    def __init__(self, path):
        self.path = path
        self.file = open_file(path)
        try:
            check_format(self.file, path)
        except BaseException:
            self.file.close()
            raise

    def reopen(self):
        self.file.close()
        self.file = open_file(self.path)

    def close(self):
        self.file.close()


class Array:
    """A dataset, read when indexed; where its first dimension is `trial` or `pair`, only rows of committed ones.

    `dimensions` names each dimension, `units` and `long_name` say what the numbers are. Indexing takes what NumPy
    takes in the first dimension (a number, a slice, an array of rows or of booleans), and numbers and slices behind it.
    """

    def __init__(self, handle, name, rows):
        self._handle, self._name = handle, name
        dataset = self._dataset
        self.dimensions = dimension_names(dataset)[: rank(dataset)]
        self._rows = rows.get(self.dimensions[0]) if self.dimensions else None
        self.shape = dataset.shape[: rank(dataset)]
        if self._rows is not None:
            self.shape = (len(self._rows),) + self.shape[1:]
        self.dtype = np.dtype(f"S{dataset.shape[-1]}") if is_letters(dataset) else dataset.dtype
        self.units = text_attribute(dataset, "units")
        self.long_name = text_attribute(dataset, "long_name")

    @property
    def _dataset(self):
        return self._handle.file[self._name]

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        dataset = self._dataset
        if self._rows is None:
            return decode(dataset, dataset[key])
        key = key if isinstance(key, tuple) else (key,)
        first = key[0] if key and key[0] is not Ellipsis else slice(None)
        rest = key if key and key[0] is Ellipsis else key[1:]
        rows = self._rows[first]
        if np.ndim(rows) == 0:
            return decode(dataset, dataset[(int(rows),) + rest])
        return decode(dataset, read_rows(dataset, rows, rest))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[...], dtype=dtype)

    def __repr__(self):
        sizes = ", ".join(f"{name} {size}" for name, size in zip(self.dimensions, self.shape))
        return f"<{self._name} [{sizes}] {self.units}: {self.long_name}>"


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


def is_letters(dataset):
    """Whether its last dimension is the letters of texts."""
    return dataset.dtype == "S1" and dataset.ndim > 1


def rank(dataset):
    """How many dimensions it has, without the letters of texts."""
    return dataset.ndim - is_letters(dataset)


def decode(dataset, value):
    """Enums as their names, bytes and letters as text, all else as it is."""
    if is_letters(dataset):
        return np.char.decode(np.ascontiguousarray(value).view(f"S{dataset.shape[-1]}")[..., 0], "utf-8", "replace")
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
