"""The sweeps that the project ships, made small: a few narrow networks on few invented samples, with every metric and as many points."""

from itertools import product
from pathlib import Path

import h5py
import numpy as np
import yaml

SWEEPS = sorted((Path(__file__).resolve().parents[2] / "sweeps").glob("*.yaml"))
TRAIN, VALIDATION, TEST = 60, 80, 24
WIDTH = 6  # of any hidden layer
SAMPLES = 20  # of a metric that takes some: two of every class
CLASSES, COUNT = 10, 20  # of every set, and samples of each class
SLOW = ("resnet", "inception")  # models that cannot be made narrow: two steps of them are enough
LONG, FASTER = 300, 10  # trainings of so many epochs take that part of them, and what comes every so often comes as much sooner
SETS = {"mnist": (1, 0), "fashion-mnist": (1, 0), "cifar-10-batches-bin": (3, 0), "cifar-100-binary": (3, 5)}  # channels, super-classes
PIXELS, PIXELS_NEEDED = 16, 28  # wide and high; some models need more


class Plain(yaml.SafeDumper):
    """Writes a value that is there twice twice: sweep files know no anchors."""

    def ignore_aliases(self, _):
        return True


def write_sets(folder):
    """An HDF5 set in the place of each data set: noise, brighter at a place of its class's own."""
    for (name, (channels, supers)), pixels in product(SETS.items(), (PIXELS, PIXELS_NEEDED)):
        generator, shape = np.random.default_rng(len(name)), (pixels, pixels, channels)
        middle = generator.uniform(0, 140, size=(CLASSES, *shape))
        labels = np.tile(np.arange(CLASSES, dtype=np.int32), COUNT)
        with h5py.File(folder / f"{name}-{pixels}.h5", "w") as file:
            for part in ("train", "test"):
                file[f"{part}/x"] = (middle[labels] + generator.uniform(0, 115, size=(len(labels), *shape))).astype(np.uint8)
                file[f"{part}/y"] = labels
            if supers:
                file["superclass"] = np.arange(CLASSES, dtype=np.int32) % supers


def small_sweep(path, folder):
    """The sweep file at path, small, on the sets in folder -> YAML"""
    sweep, pixels = yaml.safe_load(path.read_text()), PIXELS_NEEDED if "inception" in path.read_text() else PIXELS
    sweep = narrow(sweep, f"{folder}/%s-{pixels}.h5", FASTER if sweep.get("train", {}).get("epochs", 0) >= LONG else 1)
    sweep["data"] = {"train_size": TRAIN, "test_size": TEST, **sweep["data"]}
    grids = sweep.get("grid", {})
    sweep["grid"] = [one for grid in (grids if isinstance(grids, list) else [grids]) for one in ends(grid, sweep.get("model"))]
    sweep["zip"] = [{key: [values[0], values[-1]] for key, values in part.items()} for part in sweep.get("zip", [])]
    return yaml.dump({key: value for key, value in sweep.items() if value}, Dumper=Plain, width=1000)


def narrow(value, sets, faster, key=""):
    """The same with data sets of ours, narrow layers and few samples, wherever a key of the sweep file says them."""
    last = key.split(".")[-1]
    if isinstance(value, dict):
        return {own: narrow(one, sets, faster, own) for own, one in value.items()}
    if isinstance(value, list):
        return [narrow(one, sets, faster, key) for one in value]
    if last in ("hidden", "channels"):
        return min(value, WIDTH)
    if last == "path":
        return sets % value.split("/")[-1]
    if last == "source" and value != "glyphs":
        return "hdf5"
    if last in ("epochs", "every"):
        return -(-value // faster)
    most = {"train_size": TRAIN, "validation_size": VALIDATION, "test_size": TEST, "samples": SAMPLES}.get(last, np.inf)
    return value if isinstance(value, str) or value < most else most


def ends(grid, model):
    """The first and the last point of a grid, each as a grid of its own."""
    values = {key: ([int(end) for end in own.split("..")] if isinstance(own, str) else own) for key, own in grid.items()}
    found = []
    for place in (0, -1):
        one = {key: [own[place]] for key, own in values.items()}
        if any(word in str(one.get("model", model)) for word in SLOW):
            one["train.stop"] = [{"steps": 2}]
        if one not in found:
            found.append(one)
    return found
