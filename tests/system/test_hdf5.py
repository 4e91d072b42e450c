"""A set that h5py wrote trains to the bits that the same set gives as IDX files."""

import h5py
import numpy as np
import pytest
from idx_files import read_idx, write_idx_set

SWEEP = """
data: {source: %s, path: %s}
model: {kind: mlp, hidden: [8]}
train: {epochs: 2}
metrics: {weights: {at: [end]}}
"""


@pytest.fixture
def folder(tmp_path):
    write_idx_set(tmp_path / "set", 120, 40)
    options = {"chunks": True, "compression": "gzip", "shuffle": True}
    with h5py.File(tmp_path / "set.h5", "w") as file:
        for part, stem in (("train", "train"), ("test", "t10k")):
            images = next((tmp_path / "set").glob(f"{stem}-images*"))
            labels = next((tmp_path / "set").glob(f"{stem}-labels*"))
            file.create_dataset(f"{part}/x", data=read_idx(images), **options)
            file.create_dataset(f"{part}/y", data=read_idx(labels).astype(">i8"))
    return tmp_path


def run(seedbed, folder, source, path):
    (folder / f"{source}.yaml").write_text(SWEEP % (source, path))
    ended = seedbed("run", folder / f"{source}.yaml", "-o", folder / f"{source}-results.h5", ranks=2)
    assert ended.returncode == 0, ended.stderr
    with h5py.File(folder / f"{source}-results.h5", "r") as file:
        return file["dataset/digest"][0], file["weights/parameters"][()]


def test_a_set_in_hdf5_is_the_set_in_idx_files(seedbed, folder):
    digests, weights = zip(run(seedbed, folder, "mnist", "set"), run(seedbed, folder, "hdf5", "set.h5"))
    assert digests[0] == digests[1]
    assert np.array_equal(weights[0], weights[1])
