"""Writes a small results file in the documented layout, with h5py alone and invented numbers."""

import h5py
import numpy as np

STATES = {"waiting": 0, "running": 1, "committed": 2}
OUTCOMES = {"none": 0, "done": 1, "diverged": 2, "timeout": 3, "failed": 4}
POINTS = ["init", "end"]
TEXT = h5py.string_dtype()
RESOLVED = """seed: 0
seeds:
  init: seed
  order: seed
  noise: 0
  subset: 0
  augment: seed
  dropout: seed
  data: 0
  metric: seed
"""


def write_dataset(file, path, data, dimensions, **attributes):
    dataset = file.create_dataset(path, data=data)
    for position, name in enumerate(dimensions):
        dataset.dims[position].attach_scale(file[name])
    dataset.attrs.update({"units": "1", "long_name": path, **attributes})
    return dataset


def write_scales(file, sizes):
    for name, size in sizes.items():
        file[name] = np.arange(size)
        file[name].make_scale(name)
    file["margins_point"] = np.array(POINTS, dtype=TEXT)
    file["margins_point"].make_scale("margins_point")
    file["weights_point"] = np.array(["end"], dtype=TEXT)
    file["weights_point"].make_scale("weights_point")


def write_trials(file, trials, axes):
    """axes: {name: values [trials]}"""
    state = np.full(trials, STATES["committed"], dtype=np.uint8)
    outcome = np.full(trials, OUTCOMES["done"], dtype=np.uint8)
    for name, values, names in (("state", state, STATES), ("outcome", outcome, OUTCOMES)):
        dataset = file.create_dataset(f"trials/{name}", data=values, dtype=h5py.enum_dtype(names, basetype="u1"))
        dataset.dims[0].attach_scale(file["trial"])
    for name, values in axes.items():
        values = np.asarray(values)
        write_dataset(file, f"trials/{name}", values.astype(TEXT) if values.dtype.kind == "U" else values, ["trial"], axis=1)
    file.attrs["axes"] = " ".join(axes)
    generator = np.random.default_rng(5)
    for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy"):
        write_dataset(file, f"trials/{name}", generator.uniform(size=trials), ["trial"])
    for name in ("variant", "model_index"):
        write_dataset(file, f"trials/{name}", np.zeros(trials, dtype=np.int32), ["trial"])
    write_dataset(file, "trials/message", np.zeros((trials, 256), dtype="S1"), ["trial", "letter_256"])


def write_data(file, index):
    """index [variant, train_sample], -1 where a variant has fewer samples"""
    variants, samples = index.shape
    write_dataset(file, "dataset/train_index", index.astype(np.int32), ["variant", "train_sample"])
    for name in ("train_label", "observed_label"):
        write_dataset(file, f"dataset/{name}", (index % 10).astype(np.int16), ["variant", "train_sample"])
    write_dataset(file, "dataset/train_count", (index >= 0).sum(axis=1).astype(np.int32), ["variant"])
    write_dataset(file, "dataset/test_index", np.tile(np.arange(7, dtype=np.int32), (variants, 1)), ["variant", "test_sample"])
    write_dataset(file, "dataset/test_label", np.zeros((variants, 7), dtype=np.int16), ["variant", "test_sample"])
    write_dataset(file, "dataset/test_count", np.full(variants, 7, dtype=np.int32), ["variant"])
    write_dataset(file, "dataset/mean", np.zeros((variants, 1), dtype=np.float32), ["variant", "channel"])


def write_weights(file, trials, parameters):
    """Model 0: tensors a.weight [2, 3] and a.bias [2], eight parameters."""
    write_dataset(file, "weights/parameters", parameters.astype(np.float32), ["trial", "weights_point", "parameter"])
    layout = {"model": np.zeros(2, np.int32), "name": np.array(["a.weight", "a.bias"], dtype=TEXT), "offset": np.array([0, 6]),
              "rank": np.array([2, 1])}
    for name, values in layout.items():
        write_dataset(file, f"weights/layout_{name}", values, ["tensor"])
    write_dataset(file, "weights/layout_dimensions", np.array([[2, 3, 1, 1], [2, 1, 1, 1]]), ["tensor"])


def write_results(path, margins, axes, index=None):
    """margins [trials, 2 points, samples]; axes {name: values [trials]}; index as in write_data."""
    trials, _, samples = margins.shape
    index = np.arange(samples)[None] if index is None else index
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "seedbed-results", "format_version": 2})
        file["sweep/resolved"] = np.bytes_(RESOLVED)
        write_scales(file, {"trial": trials, "epoch": 4, "variant": len(index), "train_sample": samples, "test_sample": 7,
                            "letter_256": 256, "channel": 1, "parameter": 8, "tensor": 2})
        write_trials(file, trials, axes)
        write_data(file, index)
        write_dataset(file, "margins/train", margins.astype(np.float32), ["trial", "margins_point", "train_sample"])
        write_dataset(file, "margins/rho_frobenius", np.full((trials, 2), 2.0), ["trial", "margins_point"])
        generator = np.random.default_rng(6)
        for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy"):
            write_dataset(file, f"curves/{name}", generator.uniform(size=(trials, 4)), ["trial", "epoch"])
        write_weights(file, trials, np.arange(trials * 8).reshape(trials, 1, 8))
    return path
