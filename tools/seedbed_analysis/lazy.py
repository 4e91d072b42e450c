"""Groups of the file as xarray Datasets that read when asked: committed rows, named dimensions, coordinates."""

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

POSITIONS = {"parameter"}  # dimensions that are positions and nothing else; as coordinates they would cost more than they say


class LazyArray(BackendArray):
    """What xarray needs to read parts of an Array."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key):
        """key: a number, a slice or an array of positions for each dimension.

        Of each dimension behind the first the stretch is read that holds what is wanted, then cut.
        """
        first, kept = key[0], [slice(None)] if np.ndim(key[0]) or isinstance(key[0], slice) else []
        stretches = []
        for one, size in zip(key[1:], self.shape[1:]):
            if isinstance(one, (int, np.integer)):
                stretches.append(int(one))
                continue
            wanted = np.arange(size)[one]
            start = int(wanted.min()) if len(wanted) else 0
            stretches.append(slice(start, int(wanted.max()) + 1 if len(wanted) else 0))
            kept.append(wanted - start)
        values = self.array[(first, *stretches)]
        for axis, wanted in enumerate(kept):
            if not isinstance(wanted, slice) and len(wanted) != values.shape[axis]:
                values = np.take(values, wanted, axis=axis)
            elif not isinstance(wanted, slice) and np.any(np.diff(wanted) != 1):
                values = np.take(values, wanted, axis=axis)
        return values


def variable(array):
    """Array -> xarray Variable; text is read at once, numbers when asked for."""
    attributes = {"units": array.units, "long_name": array.long_name}
    if array.dtype.kind not in "iuf" or not array.dimensions or array.dtype.metadata:
        return xarray.Variable(array.dimensions, array[...] if array.dimensions else array[()], attributes)
    return xarray.Variable(array.dimensions, indexing.LazilyIndexedArray(LazyArray(array)), attributes)


def dataset(arrays, scale, axes):
    """arrays {name: Array}, scale(dimension) -> values, axes {name: values [trials]} -> xarray Dataset.

    The axes of the sweep are coordinates along `trial`, for groupby and where. An array with the name of a dimension
    that it is not the coordinate of gets another: the epoch of a measure point is `point_epoch` beside a dimension `epoch`.
    """
    dimensions = {name for array in arrays.values() for name in array.dimensions}
    variables = {f"point_{name}" if name in dimensions else name: variable(array)
                 for name, array in arrays.items() if all(array.dimensions)}
    coordinates = {name: (name, scale(name)) for name in sorted(dimensions - POSITIONS - {""})}
    if "trial" in dimensions:
        coordinates.update({name: ("trial", np.asarray(values)) for name, values in axes.items() if name not in variables})
    return xarray.Dataset(variables, coordinates)
