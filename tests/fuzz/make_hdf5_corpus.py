#!/usr/bin/env python3
"""Makes tests/fuzz/corpus/hdf5: small data sets in every layout that the reader knows, and some that it refuses.

    make_hdf5_corpus.py tests/fuzz/corpus/hdf5

Needs h5py.
"""
import pathlib
import sys

import h5py
import numpy as np

X = (np.arange(4 * 2 * 3 * 2) % 251).astype(np.uint8).reshape(4, 2, 3, 2)
Y = np.array([0, 2, 1, 0])


def write(path, x=X, y=Y, names="{0}_{1}", libver="earliest", **options):
    with h5py.File(path, "w", libver=libver) as file:
        for part, count in (("train", 4), ("test", 2)):
            file.create_dataset(names.format("x", part), data=x[:count], **options)
            file.create_dataset(names.format("y", part), data=y[:count], **options)


def write_compact(path):
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        for name, values in (("x_train", X), ("y_train", Y), ("x_test", X[:2]), ("y_test", Y[:2])):
            space = h5py.h5s.create_simple(values.shape)
            kind = h5py.h5t.py_create(values.dtype)
            h5py.h5d.create(file.id, name.encode(), kind, space, properties).write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def write_elsewhere(path):
    """Inputs that lie in another file, and labels behind a soft link."""
    write(path)
    with h5py.File(path, "a") as file:
        del file["x_train"], file["y_train"]
        layout = h5py.VirtualLayout(shape=X.shape, dtype=X.dtype)
        layout[:] = h5py.VirtualSource("other.h5", "x", shape=X.shape)
        file.create_virtual_dataset("x_train", layout)
        file["labels"] = Y
        file["y_train"] = h5py.SoftLink("/labels")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "bytes")
    write(folder / "floats", x=X.reshape(4, 12).astype(np.float32) / 7, y=Y.astype(">i2"))
    write(folder / "groups_compressed", names="{1}/{0}", chunks=True, compression="gzip", shuffle=True, fletcher32=True)
    write(folder / "latest_chunked", libver="latest", chunks=True)
    write(folder / "texts", y=np.array([b"a", b"b", b"c", b"d"]))
    write_compact(folder / "compact")
    write_elsewhere(folder / "elsewhere")
    (folder / "empty").write_bytes(b"")


if __name__ == "__main__":
    main()
