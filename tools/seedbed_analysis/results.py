"""A results file as tables and arrays: committed trials only, also while a sweep still writes the file.

Two numbers name a trial. Its *number* is its position in the file, the one that `seedbed status` and `seedbed show`
use: the index of `trials` and the coordinate `trial` of every Dataset. Its *row* is its position among the committed
trials that are looked at: the first index of every Array. They are equal once every trial is committed.
"""

import copy
import os

import h5py
import numpy as np
import pandas

from . import lazy
from .storage import Array, Handle, ResultsError, decode, listing, rank, text_attribute
from .trials import Trials, column_of, expand

COMMITTED = "committed"


def open_results(path):
    """Opens a results file for reading -> Results. Raises ResultsError for anything that is not one."""
    return Results(path)


class Results:
    """An open results file. Use as a context manager, or close() it.

    trials       DataFrame, a row a committed trial; outcomes are texts, axes go by their dotted keys
    axes         the names of the columns that the sweep varied, in the sweep's order
    name         of the sweep
    trial_count  trials of the sweep, committed or not
    states       how many of these are in each state -> {"waiting": n, "running": n, "committed": n}
    pairs        DataFrame, a row a committed pair; `first` and `second` are numbers of trials; empty without any

    results["margins"] is a lazy xarray Dataset of that group; results["margins/train"] the same numbers as an Array.
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        self._handle = Handle(self.path)
        self._chosen = None
        try:
            self._look()
        except BaseException:
            self._handle.close()
            raise

    def refresh(self):
        """Opens the file anew and looks again which trials are committed: for a sweep that is still running."""
        self._handle.reopen()
        self._look()

    def where(self, chosen):
        """The same file, as if it held only some trials -> Results, sharing (and closing) this one's file.

        chosen: a query on the axes ("loss == 'rll' and rate == 0.4"), a part of `trials`, or numbers of trials. A query
        chooses among the trials committed now.
        """
        found = copy.copy(self)
        if isinstance(chosen, str):
            chosen = self._query(chosen)
        numbers = chosen.index if isinstance(chosen, pandas.DataFrame) else chosen
        found._chosen = np.unique(np.asarray(numbers, dtype=int))
        found._look()
        return found

    @property
    def restricted(self):
        """Whether where() chose among the trials."""
        return self._chosen is not None

    def _query(self, text):
        try:
            mask = self.trials.eval(expand(text, list(self.trials.columns)))
            if getattr(mask, "dtype", None) != bool:
                raise TypeError("it is not true or false of each trial")
            return self.trials[mask]
        except Exception as error:  # pandas raises almost anything here
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ResultsError(f"{self.path}: the selection \"{text}\" cannot be understood ({reason}); axes: "
                               f"{', '.join(self.axes) or 'none'}") from None

    def _look(self):
        self._datasets = {}  # what xarray knows of each group
        table = self._handle.file["trials"]
        state = decode(table["state"], table["state"][()])
        self.trial_count, self.name = len(state), text_attribute(self._handle.file, "sweep")
        self.states = {name: int(np.count_nonzero(state == name)) for name in ("waiting", "running", COMMITTED)}
        self._rows = np.flatnonzero(state == COMMITTED)
        if self._chosen is not None:
            self._rows = self._rows[np.isin(self._rows, self._chosen)]
        columns = {name: decode(dataset, dataset[()])[self._rows] for name, dataset in table.items() if rank(dataset) == 1}
        self.trials = Trials({"trial": self._rows, **columns}, index=self._rows)
        self.pairs = self._committed_pairs()
        self._committed = {"trial": self._rows, "pair": self.pairs.index.to_numpy()}
        listed = text_attribute(self._handle.file, "axes").split()
        marked = [name for name, dataset in table.items() if "axis" in dataset.attrs]
        self.axes = [name for name in listed or marked if name in columns]

    def _committed_pairs(self):
        if "pairs" not in self._handle.file:
            return pandas.DataFrame(index=np.empty(0, dtype=int))
        table = {name: dataset for name, dataset in self._handle.file["pairs"].items() if rank(dataset) == 1}
        table = {name: decode(dataset, dataset[()]) for name, dataset in table.items()}
        looked_at = np.isin(table["first"], self._rows) & np.isin(table["second"], self._rows)
        rows = np.flatnonzero((table["state"] == COMMITTED) & looked_at)
        return pandas.DataFrame({"pair": rows, **{name: column[rows] for name, column in table.items()}}, index=rows)

    def __len__(self):
        return len(self._rows)

    def __repr__(self):
        return f"<{self.path}: {len(self)} of {self.trial_count} trials committed; axes {', '.join(self.axes)}>"

    def __contains__(self, path):
        return path.strip("/") in self._handle.file

    def __getitem__(self, path):
        """A group such as "margins" -> xarray Dataset; a dataset such as "margins/train" -> Array."""
        item = self._find(path)
        if isinstance(item, h5py.Dataset):
            return Array(self._handle, item.name, self._committed)
        if item.name not in self._datasets:
            self._datasets[item.name] = lazy.dataset(self.group(path), self._scale, self.trials[self.axes])
        return self._datasets[item.name].copy()

    def group(self, name):
        """The datasets of a group -> {name: Array}. A path to one dataset gives a dictionary of that one."""
        item = self._find(name)
        found = [item] if isinstance(item, h5py.Dataset) else [one for one in item.values() if isinstance(one, h5py.Dataset)]
        return {one.name.split("/")[-1]: Array(self._handle, one.name, self._committed) for one in found}

    def groups(self):
        """The names of the groups of the file: trials, curves, and one for each metric."""
        return [name for name, item in self._handle.file.items() if isinstance(item, h5py.Group)]

    def axis(self, name):
        """The column that a name means: itself, or the one axis that ends in it ("learning_rate")."""
        found = name if name in self.trials else column_of(name, self.axes)
        if not found:
            raise ResultsError(f"{self.path}: no axis '{name}'; the sweep varied {', '.join(self.axes) or 'nothing'}")
        return found

    def select(self, conditions=None, **more):
        """Rows whose columns meet every condition -> int64 [rows], an index into every Array's first dimension.

        A condition is a value, a list of values, or a function of the column: select({"train.loss": "mse"}, seed=[0, 1]).
        """
        chosen = np.ones(len(self), dtype=bool)
        for name, wanted in {**(conditions or {}), **more}.items():
            column = self.trials[self.axis(name)].to_numpy()
            chosen &= np.asarray(wanted(column), dtype=bool) if callable(wanted) else np.isin(column, np.atleast_1d(wanted))
        return np.flatnonzero(chosen)

    def row(self, trial):
        """The row of the trial with this number. ResultsError when it is not committed."""
        row = int(np.searchsorted(self._rows, trial))
        if row == len(self._rows) or self._rows[row] != trial:
            raise ResultsError(f"{self.path}: trial {trial} is not committed ({len(self)} of {self.trial_count} are)")
        return row

    def points(self, metric):
        """Labels of a metric's measure points -> list of text: "init", "epoch 5", "separated", "end"."""
        self._find(f"{metric}_point")
        return [str(label) for label in self._scale(f"{metric}_point")]

    def point(self, metric, label):
        """The position of a measure point. ResultsError lists the labels that there are."""
        labels = self.points(metric)
        if label not in labels:
            raise ResultsError(f"{self.path}: {metric} was not measured at '{label}'; at {', '.join(labels)}")
        return labels.index(label)

    def text(self, path):
        """A text of the file as it was written: "sweep/yaml", "sweep/resolved", "provenance/engine"."""
        dataset = self._find(path)
        return str(np.ravel(decode(dataset, dataset[()]))[0])

    def weights(self, trial, point="end"):
        """Parameter tensors of the trial with this number -> {name: float32 array of the tensor's shape}."""
        row, position = self.row(trial), self.point("weights", point)
        flat = self["weights/parameters"][row, position]
        layout = {name: self[f"weights/layout_{name}"][...] for name in ("model", "name", "offset", "rank", "dimensions")}
        tensors = {}
        for index in np.flatnonzero(layout["model"] == self.trials["model_index"].iloc[row]):
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
        self._handle.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _scale(self, name):
        """Coordinates of a dimension; of trials and pairs the numbers of those that are looked at."""
        dataset = self._handle.file[name]
        return decode(dataset, dataset[()]) if name not in self._committed else self._committed[name]

    def _find(self, path):
        name = path.strip("/")
        if name in self._handle.file:
            return self._handle.file[name]
        parent = self._handle.file
        for part in name.split("/")[:-1]:
            if part not in parent:
                break
            parent = parent[part]
        where = "" if parent.name == "/" else f" in {parent.name}"
        raise ResultsError(f"{self.path}: there is no '{name}'{where}; there is {listing(parent)}")
