"""Rows of older files: taken over by identity, bit for bit, whatever the sweep around a trial was."""

import h5py
import numpy as np
import pytest
from command_line import TINY, assert_says, digest
from contents import column

SWEEP = TINY + "metrics: {margins: {at: [init, separated, end], every: 1}, weights: {}}\n"
ONE = SWEEP.replace("0..3", "[0, 2]")
LARGER = SWEEP.replace("grid: {seed: 0..3}", "zip:\n  - {train.epochs: [1, 2, 3], model.hidden: [[4], [8], [16]]}\ngrid: {seed: 0..3}")


def write(folder, **sweeps):
    for name, text in sweeps.items():
        (folder / f"{name}.yaml").write_text(text)


def run(seedbed, folder, name, *options, ranks=None, code=0):
    """Runs NAME.yaml into NAME.h5; what it said."""
    ended = seedbed("run", folder / f"{name}.yaml", "-o", folder / f"{name}.h5", *options, ranks=ranks)
    assert_says(ended, code)
    return ended.stdout + ended.stderr


def rows(path, identity):
    """The reproducible values of the trial with this identity, what is absent cut off at the end of each dimension."""
    with h5py.File(path) as file:
        trial = list(file["trials/identity"][()]).index(identity)
        found = {}
        for group in ("curves", "margins", "weights"):
            for name, dataset in file[group].items():
                if dataset.attrs.get("content") in (b"row", "row"):
                    found[f"{group}/{name}"] = dataset[trial]
        return found


def present(values):
    """What is not absent (NaN, -1), in order."""
    values = np.asarray(values)
    return values[~np.isnan(values)] if values.dtype.kind == "f" else values[values != -1]


def test_an_extended_grid_trains_only_what_is_new(seedbed, tmp_path):
    write(tmp_path, one=ONE, all=SWEEP, plain=SWEEP)
    run(seedbed, tmp_path, "one")
    before = digest(tmp_path / "one.h5")
    said = run(seedbed, tmp_path, "all", "--reuse", tmp_path / "one.h5", ranks=2)
    assert "2 trials taken over" in said and "2 to do" in said
    assert digest(tmp_path / "one.h5") == before
    assert list(column(tmp_path / "all.h5", "attempt")) == [0, 1, 0, 1]
    assert_says(seedbed("verify", tmp_path / "all.h5", "-k", "4"), 0, "4 committed of 4", "the same bits")
    run(seedbed, tmp_path, "plain")
    assert list(column(tmp_path / "all.h5", "checksum")) == list(column(tmp_path / "plain.h5", "checksum"))


def test_rows_fit_a_sweep_of_other_sizes(seedbed, tmp_path):
    """More epochs, so more measure points before `end`, and more parameters: each value goes to its own place."""
    write(tmp_path, small=SWEEP, larger=LARGER)
    run(seedbed, tmp_path, "small")
    said = run(seedbed, tmp_path, "larger", "--reuse", tmp_path / "small.h5")
    assert "4 trials taken over" in said and "8 to do" in said
    assert_says(seedbed("verify", tmp_path / "larger.h5", "-k", "12"), 0, "repeated  12 of 12", "the same bits")
    for identity in column(tmp_path / "small.h5", "identity"):
        small, larger = rows(tmp_path / "small.h5", identity), rows(tmp_path / "larger.h5", identity)
        assert small.keys() == larger.keys()
        for name in small:
            np.testing.assert_array_equal(present(small[name]), present(larger[name]), err_msg=name)


def test_two_halves_become_one_file(seedbed, tmp_path):
    write(tmp_path, left=SWEEP.replace("0..3", "0..1"), right=SWEEP.replace("0..3", "2..3"), all=SWEEP)
    for half in ("left", "right"):
        run(seedbed, tmp_path, half)
    options = ("--reuse", tmp_path / "left.h5", "--reuse", tmp_path / "right.h5")
    assert "0 to do" in run(seedbed, tmp_path, "all", *options)
    assert list(column(tmp_path / "all.h5", "checksum")) == [
        *column(tmp_path / "left.h5", "checksum"),
        *column(tmp_path / "right.h5", "checksum"),
    ]


def test_a_damaged_row_is_trained_again_not_taken(seedbed, tmp_path):
    write(tmp_path, one=ONE, all=SWEEP)
    run(seedbed, tmp_path, "one")
    with h5py.File(tmp_path / "one.h5", "r+") as file:
        file["curves/train_loss"][1, 1] += 1
    said = run(seedbed, tmp_path, "all", "--reuse", tmp_path / "one.h5")
    assert "1 trials taken over" in said and "1 trials have damaged rows" in said
    assert_says(seedbed("verify", tmp_path / "all.h5", "-k", "4"), 0, "the same bits")


def test_what_failed_is_not_taken(seedbed, tmp_path):
    slow = TINY.replace("epochs: 2", "epochs: 20000")
    write(tmp_path, slow=slow + "limits: {trial: 0.05}\n", again=slow + "limits: {trial: 0.06}\n")
    run(seedbed, tmp_path, "slow", code=3)
    assert "0 trials taken over" in run(seedbed, tmp_path, "again", "--reuse", tmp_path / "slow.h5", code=3)


@pytest.mark.parametrize("content, said", [(None, "cannot be opened"), (b"no results" * 100, "not an HDF5 file")])
def test_a_bad_older_file_is_named_before_anything_is_made(seedbed, tmp_path, content, said):
    write(tmp_path, all=SWEEP)
    if content is not None:
        (tmp_path / "old.h5").write_bytes(content)
    assert_says(seedbed("run", tmp_path / "all.yaml", "-o", tmp_path / "all.h5", "--reuse", tmp_path / "old.h5"), 1, "--reuse", said)
    assert not (tmp_path / "all.h5").exists()
