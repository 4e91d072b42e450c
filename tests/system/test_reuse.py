"""Rows of older files: taken over by identity, bit for bit, whatever the sweep around a trial or a pair was."""

import h5py
import numpy as np
import pytest
from command_line import ONE_DIVERGES, TINY, assert_says, digest
from contents import assert_same_content, column, reproducible_content

SWEEP = TINY + "metrics: {margins: {at: [init, separated, end], every: 1}, weights: {}}\n"
ONE = SWEEP.replace("0..3", "[0, 2]")
PAIRS = TINY + "metrics: {weights: {at: [end]}}\npairs: {across: seed}\n"
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


def attempts_by_pair(path):
    """How often each pair was compared for this file: 0 where it was taken over."""
    with h5py.File(path) as file:
        pairs = zip(file["pairs/first"][()].tolist(), file["pairs/second"][()].tolist())
        return dict(zip(pairs, file["pairs/attempt"][()].tolist()))


@pytest.fixture
def compared(seedbed, tmp_path):
    """A file with seeds 0, 1 and 2 and its three pairs, and the sweeps that it is taken over into."""
    write(tmp_path, old=PAIRS.replace("0..3", "0..2"), all=PAIRS, whole=PAIRS)
    run(seedbed, tmp_path, "old")
    return tmp_path


def assert_like_a_whole_run(seedbed, folder):
    run(seedbed, folder, "whole")
    assert_same_content(reproducible_content(folder / "all.h5"), reproducible_content(folder / "whole.h5"), "all")


@pytest.mark.parametrize("writer", ["each", "root"])
def test_pairs_of_trials_that_were_taken_over_are_taken_over_too(seedbed, compared, writer):
    text = PAIRS + f"results: {{writer: {writer}}}\n"
    write(compared, all=text, whole=text)
    said = run(seedbed, compared, "all", "--reuse", compared / "old.h5", ranks=2)
    assert "3 trials taken over, and 3 pairs of them" in said and "4 trials, 1 to do, 6 pairs, 3 to do" in said
    assert attempts_by_pair(compared / "all.h5") == {(0, 1): 0, (0, 2): 0, (1, 2): 0, (0, 3): 1, (1, 3): 1, (2, 3): 1}
    assert_says(seedbed("verify", compared / "all.h5"), 0, "6 of 6 pairs", "as it was committed")
    assert_like_a_whole_run(seedbed, compared)


def test_other_settings_of_the_comparison_compare_all_pairs_anew(seedbed, compared):
    (compared / "all.yaml").write_text(PAIRS + "comparison: {points: 5}\n")
    said = run(seedbed, compared, "all", "--reuse", compared / "old.h5")
    assert "3 trials taken over, and 0 pairs of them" in said and "6 pairs, 6 to do" in said


def test_trials_of_a_file_that_compared_none_are_compared(seedbed, compared):
    write(compared, plain=PAIRS.replace("pairs: {across: seed}", ""))
    run(seedbed, compared, "plain")
    said = run(seedbed, compared, "all", "--reuse", compared / "plain.h5")
    assert "4 trials taken over, and 0 pairs of them" in said and "6 pairs, 6 to do" in said
    assert_like_a_whole_run(seedbed, compared)


def test_a_damaged_pair_is_compared_again_and_so_are_those_of_a_damaged_trial(seedbed, compared):
    with h5py.File(compared / "old.h5", "r+") as file:
        file["pairs/barrier_test_loss"][0] += 1
        file["weights/parameters"][2, 0, 5] += 1
    said = run(seedbed, compared, "all", "--reuse", compared / "old.h5")
    assert "2 trials taken over, and 0 pairs of them" in said and "2 to do, 6 pairs, 6 to do" in said
    assert "1 trials have damaged rows and are trained again" in said
    assert "1 pairs have damaged rows and are compared again" in said
    assert_like_a_whole_run(seedbed, compared)


def test_a_pair_without_an_end_names_the_trial_by_its_new_number(seedbed, tmp_path):
    write(tmp_path, old=ONE_DIVERGES, all=ONE_DIVERGES.replace("0.001, 0.002, 1e6", "0.002, 1e6, 0.004"))
    write(tmp_path, whole=(tmp_path / "all.yaml").read_text())
    run(seedbed, tmp_path, "old")
    run(seedbed, tmp_path, "all", "--reuse", tmp_path / "old.h5")
    assert list(column(tmp_path / "all.h5", "attempt")) == [0, 0, 1]
    assert_like_a_whole_run(seedbed, tmp_path)


def test_a_resumed_file_takes_over_what_was_to_be_trained_again(seedbed, compared):
    """Also a pair that was compared, but from a row that has been damaged since."""
    (compared / "copy.h5").write_bytes((compared / "old.h5").read_bytes())
    with h5py.File(compared / "old.h5", "r+") as file:
        file["weights/parameters"][2, 0, 5] += 1
        file["weights/parameters"][0, 0, 5] += 1
    options = ("--resume", "--retry", "damaged", "--reuse", compared / "copy.h5")
    said = run(seedbed, compared, "old", *options)
    assert "2 trials taken over, and 1 pairs of them" in said and "0 to do, 3 pairs, 2 to do" in said
    assert attempts_by_pair(compared / "old.h5") == {(0, 1): 2, (0, 2): 1, (1, 2): 2}
    assert_says(seedbed("verify", compared / "old.h5"), 0, "as it was committed")
    assert_same_content(reproducible_content(compared / "old.h5"), reproducible_content(compared / "copy.h5"), "old")


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
