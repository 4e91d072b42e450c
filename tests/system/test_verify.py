"""Whether a file still holds what was committed, whether its trials come out the same, and what is trained again."""

import h5py
import numpy as np
import pytest
from command_line import TINY, assert_says, digest
from conftest import engine_environment
from contents import column, outcomes
from idx_files import write_idx_set

PAIRS = TINY + "metrics: {weights: {at: [end]}}\npairs: {across: seed}\n"
METRICS = TINY + "metrics: {margins: {at: [init, end]}, weights: {}}\n"


@pytest.fixture
def made(seedbed, tmp_path):
    """A finished results file of four trials, and its sweep beside it."""
    (tmp_path / "tiny.yaml").write_text(METRICS)
    path = tmp_path / "tiny.h5"
    assert seedbed("run", tmp_path / "tiny.yaml", "-o", path).returncode == 0
    return path


def test_a_sound_file_is_sound_and_its_trials_repeat(seedbed, made):
    before = digest(made)
    assert_says(seedbed("verify", made), 0, "checked   4 committed of 4", "as it was committed")
    assert_says(seedbed("verify", made, "-k", "2"), 0, "repeated  2 of 4", "the same bits")
    assert_says(seedbed("verify", made, "-k", "100"), 0, "repeated  4 of 4", "the same bits")
    assert digest(made) == before


@pytest.mark.parametrize(
    "name, place", [("curves/train_loss", (2, 1)), ("weights/parameters", (2, 1, 700)), ("trials/epochs_run", (2,))]
)
def test_a_changed_value_is_found_and_can_be_trained_again(seedbed, made, name, place):
    with h5py.File(made, "r+") as file:
        intact = file[name][place]
        file[name][place] = intact + 1
    assert_says(seedbed("verify", made), 1, "1 damaged", "trial 2\n", "--retry damaged")
    assert_says(seedbed("verify", made, "-k", "4"), 1, "repeated  3 of 3", "the same bits")
    assert_says(seedbed("run", made.with_suffix(".yaml"), "-o", made, "--resume", "--retry", "damaged"), 0, "1 to do")
    with h5py.File(made) as file:
        assert file[name][place] == intact
        assert list(file["trials/attempt"][()]) == [1, 1, 2, 1]
    assert_says(seedbed("verify", made, "-k", "4"), 0, "the same bits")


def test_other_bits_are_named_with_what_changed(seedbed, made):
    other = {**engine_environment(), "OPENBLAS_CORETYPE": "Prescott"}
    with h5py.File(made) as file:
        if "kernel Prescott" in file["provenance/blas"][()].decode():
            pytest.skip("this CPU has only the kernels that the test would change to")
    ended = seedbed("verify", made, "-k", "1", env=other)
    assert_says(ended, 1, "1 with other bits", "trial 2:", "/curves/train_loss", "more datasets", "Prescott")


def test_a_row_that_was_written_but_never_committed_does_not_count(seedbed, made):
    with h5py.File(made, "r+") as file:
        file["trials/state"][1] = 1
        file["curves/train_loss"][1, 1] = np.nan
    assert_says(seedbed("verify", made), 0, "checked   3 committed of 4", "as it was committed")


def test_data_are_looked_for_in_the_folder_that_is_named(seedbed, tmp_path):
    write_idx_set(tmp_path / "images", 60, 20)
    sweep = tmp_path / "data.yaml"
    sweep.write_text("data: {source: mnist, path: images}\ntrain: {epochs: 1}\nmodel: {kind: mlp, hidden: [4]}\n")
    path = tmp_path / "data.h5"
    assert seedbed("run", sweep, "-o", path).returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert_says(seedbed("verify", path, "-k", "1", cwd=elsewhere), 1, "images", "/sweep/yaml:1")
    assert_says(seedbed("verify", path, "-k", "1", "--folder", tmp_path, cwd=elsewhere), 0, "the same bits")
    write_idx_set(tmp_path / "images", 61, 20)
    assert_says(seedbed("verify", path, "-k", "1", "--folder", tmp_path), 1, "data set")


def test_trials_over_their_time_are_trained_again_when_asked(seedbed, tmp_path):
    sweep, path = tmp_path / "slow.yaml", tmp_path / "slow.h5"
    sweep.write_text(TINY.replace("epochs: 2", "epochs: 20000") + "limits: {trial: 0.05}\n")
    assert seedbed("run", sweep, "-o", path).returncode == 3
    assert_says(seedbed("verify", path, "-k", "2"), 0, "checked   4 committed", "repeated  none")
    assert_says(seedbed("run", sweep, "-o", path, "--resume", "--retry", "failed"), 3, "0 to do")
    assert_says(seedbed("run", sweep, "-o", path, "--resume", "--retry", "failed,timeout"), 3, "4 to do")
    assert outcomes(path) == ["timeout"] * 4 and list(column(path, "attempt")) == [2] * 4


@pytest.fixture
def compared(seedbed, tmp_path):
    """A finished file of four trials and their six pairs."""
    path = tmp_path / "pairs.h5"
    (tmp_path / "pairs.yaml").write_text(PAIRS)
    assert seedbed("run", tmp_path / "pairs.yaml", "-o", path).returncode == 0
    return path


def test_pairs_repeat_too(seedbed, compared):
    before = digest(compared)
    assert_says(seedbed("verify", compared, "-k", "2"), 0, "repeated  2 of 4 done or diverged trials, 2 of 6 done pairs: the same")
    assert_says(seedbed("verify", compared, "-k", "9"), 0, "repeated  4 of 4 done or diverged trials, 6 of 6 done pairs: the same")
    assert digest(compared) == before


def test_a_pair_of_other_bits_is_named_with_its_datasets(seedbed, compared):
    """Two rows that changed places are sound, each by its own checksum, but of the wrong pair."""
    with h5py.File(compared, "r+") as file:
        for name, dataset in file["pairs"].items():
            if name == "checksum" or dataset.attrs.get("content") in (b"row", "row"):
                dataset[4:6] = dataset[4:6][::-1]
    assert_says(seedbed("verify", compared), 0, "as it was committed")
    assert_says(seedbed("verify", compared, "-k", "6"), 1, "6 of 6 done pairs: 2 with other bits", "pair 4 of trials 1 and 3:",
                "pair 5 of trials 2 and 3:", "/pairs/barrier_train_loss: 1 of 1 values differ")


def test_pairs_of_damaged_rows_are_not_repeated(seedbed, compared):
    with h5py.File(compared, "r+") as file:
        file["weights/parameters"][0, 0, 700] += 1
        file["pairs/cosine"][5] += 1
    assert_says(seedbed("verify", compared, "-k", "6"), 1, "2 damaged", "3 of 3 done or diverged trials, 2 of 2 done pairs: the same bits")
