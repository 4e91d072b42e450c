"""What goes wrong on the way: bad trials are rows, bad files are named and left alone."""

import os
import tempfile

import h5py
import numpy as np
import pytest
from background import Job, wait_until
from command_line import LONG, TINY, assert_says, digest, entries
from contents import column, messages, outcomes
from idx_files import write_idx_set

# Every trial takes far longer than it may.
SLOW = TINY.replace("epochs: 2", "epochs: 100000") + "limits: {trial: 0.05}\n"

DIVERGING = """
name: diverging
data: {source: glyphs, train_count: 200, test_count: 50}
model: {kind: mlp, hidden: [8]}
train: {epochs: 6, batch_size: 20, loss: mse_logits, optimizer: {kind: sgd, momentum: 0}}
metrics: {margins: {at: [init, end]}}
grid: {train.learning_rate: [0.001, 3, 1e6]}
"""


# Failures


def test_timed_out_trials_are_rows_and_exit_code_3(seedbed, tmp_path):
    (tmp_path / "slow.yaml").write_text(SLOW)
    ended = seedbed("run", tmp_path / "slow.yaml", "-o", tmp_path / "slow.h5", ranks=2)
    assert_says(ended, 3, "4 timed out")
    assert outcomes(tmp_path / "slow.h5") == ["timeout"] * 4
    assert all("limits.trial" in message for message in messages(tmp_path / "slow.h5"))
    assert_says(seedbed("status", tmp_path / "slow.h5"), 0, "timeout", "4")


@pytest.mark.parametrize("options, ended_trials", [(["--fail-fast"], 1), (["--max-failures", "2"], 2), (["--max-failures=0"], 4)])
def test_a_run_gives_up_after_so_many_failures(seedbed, tmp_path, options, ended_trials):
    (tmp_path / "slow.yaml").write_text(SLOW)
    path = tmp_path / "slow.h5"
    ended = seedbed("run", tmp_path / "slow.yaml", "-o", path, *options)
    assert_says(ended, 3)
    assert outcomes(path).count("timeout") == ended_trials
    assert ("gave up" in ended.stdout + ended.stderr) == (ended_trials < 4)


def test_resume_goes_on_after_giving_up(seedbed, tmp_path):
    (tmp_path / "slow.yaml").write_text(SLOW)
    path = tmp_path / "slow.h5"
    assert seedbed("run", tmp_path / "slow.yaml", "-o", path, "--fail-fast").returncode == 3
    assert seedbed("run", tmp_path / "slow.yaml", "-o", path, "--resume").returncode == 3
    assert outcomes(path) == ["timeout"] * 4 and list(column(path, "attempt")) == [1] * 4


def test_divergence_is_an_outcome_with_epoch_and_step(seedbed, tmp_path):
    (tmp_path / "diverging.yaml").write_text(DIVERGING)
    path = tmp_path / "diverging.h5"
    assert_says(seedbed("run", tmp_path / "diverging.yaml", "-o", path), 0, "2 diverged")
    assert outcomes(path) == ["done", "diverged", "diverged"]
    said = messages(path)
    assert said[0] == "" and all("epoch" in text and "step" in text for text in said[1:])
    assert_says(seedbed("show", path, "2"), 0, "diverged", said[2])


def test_the_curves_of_a_diverged_trial_are_kept_up_to_there(seedbed, tmp_path):
    (tmp_path / "diverging.yaml").write_text(DIVERGING)
    path = tmp_path / "diverging.h5"
    assert seedbed("run", tmp_path / "diverging.yaml", "-o", path).returncode == 0
    with h5py.File(path, "r") as file:
        loss, epochs = file["curves/train_loss"][()], file["trials/epochs_run"][()]
        assert epochs[0] == 6 and np.all(np.isfinite(loss[0]))
        for trial in (1, 2):
            assert epochs[trial] < 6 and np.isfinite(loss[trial, 0])
            assert np.all(np.isnan(loss[trial, epochs[trial] + 1 :]))
            assert np.isfinite(file["margins/train_area"][trial, 0]) and file["margins/epoch"][trial, 1] == -1


# Data and files that are not as they should be


def idx_sweep(folder):
    write_idx_set(folder / "images", 60, 20)
    sweep = folder / "data.yaml"
    sweep.write_text("data: {source: mnist, path: images}\ntrain: {epochs: 1}\nmodel: {kind: mlp, hidden: [4]}\n")
    return sweep


def drop(path):
    path.unlink()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def empty(path):
    path.write_bytes(b"")


def scribble(path):
    path.write_bytes(b"not images at all" * 10)


@pytest.mark.parametrize("damage", [drop, truncate, empty, scribble])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_missing_or_damaged_data_file_is_named(seedbed, tmp_path, command, name, damage):
    sweep = idx_sweep(tmp_path)
    damage(tmp_path / "images" / name)
    options = ["-o", tmp_path / "x.h5"] if command == "run" else []
    ended = seedbed(command, sweep, *options)
    assert_says(ended, 1, name.rpartition(".gz")[0] or name, "data.yaml:1:")
    assert entries(tmp_path) == ["data.yaml", "images"]


def test_a_missing_data_folder_is_named_on_every_number_of_ranks(seedbed, tmp_path):
    sweep = idx_sweep(tmp_path)
    sweep.write_text(sweep.read_text().replace("images", "nowhere"))
    for ranks in (None, 3):
        assert_says(seedbed("run", sweep, "-o", tmp_path / "x.h5", ranks=ranks), 1, "nowhere", "data.yaml:1:")


def foreign_files(folder, ours):
    """{what: path} of files that are no results file."""
    content = ours.read_bytes()
    paths = {name: folder / f"{name}.h5" for name in ("text", "empty", "cut", "foreign", "newer")}
    paths["text"].write_text("not HDF5\n" * 100)
    paths["empty"].write_bytes(b"")
    paths["cut"].write_bytes(content[: len(content) // 2])
    with h5py.File(paths["foreign"], "w") as file:
        file["values"] = np.arange(5)
    paths["newer"].write_bytes(content)
    with h5py.File(paths["newer"], "r+") as file:
        file.attrs["format_version"] = np.int64(999)
    return paths


def test_a_file_that_is_not_ours_is_refused_and_left_alone(seedbed, tiny, tiny_results):
    folder = tiny.parent / "foreign"
    folder.mkdir()
    for what, path in foreign_files(folder, tiny_results).items():
        before = digest(path)
        for words in (["status", path], ["show", path, "0"], ["run", tiny, "-o", path], ["run", tiny, "-o", path, "--resume"]):
            ended = seedbed(*words)
            assert_says(ended, 1, path)
            assert digest(path) == before, what
    assert_says(seedbed("status", folder / "newer.h5"), 1, "999")


def test_a_file_that_another_program_writes_is_refused_for_that_reason(seedbed, tiny, tiny_results):
    with h5py.File(tiny_results, "r+"):
        for words in (["status", tiny_results], ["run", tiny, "-o", tiny_results, "--resume"]):
            assert_says(seedbed(*words), 1, tiny_results, "another program")


@pytest.mark.parametrize("words", [["status"], ["show", "0"]])
def test_a_missing_results_file_is_named(seedbed, tmp_path, words):
    ended = seedbed(words[0], tmp_path / "none.h5", *words[1:])
    assert_says(ended, 1, "none.h5")


def test_a_missing_sweep_file_is_named(seedbed, tmp_path):
    for words in (["plan", "none.yaml"], ["run", "none.yaml", "-o", "x.h5"]):
        assert_says(seedbed(*words, cwd=tmp_path), 1, "none.yaml", "No such file")
    assert_says(seedbed("plan", tmp_path), 1, "folder")
    assert entries(tmp_path) == []


@pytest.mark.parametrize("ranks", [None, 2])
def test_an_output_folder_that_is_not_there_is_named(seedbed, tiny, ranks):
    ended = seedbed("run", tiny, "-o", tiny.parent / "nowhere" / "x.h5", ranks=ranks)
    assert_says(ended, 1, "nowhere", "No such file")


def ordinary_user():
    """Options under which a process may not write everywhere: root steps down."""
    return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


def test_an_output_path_without_permission_is_named(binary, seedbed, tiny):
    locked = tiny.parent / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    options = ordinary_user()
    if options and not reachable_by_others(binary, tiny):
        pytest.skip("the binary or the test's folder cannot be reached by an ordinary user")
    ended = seedbed("run", tiny, "-o", locked / "x.h5", **options)
    assert_says(ended, 1, locked, "Permission denied")
    assert entries(locked) == []


def reachable_by_others(*paths):
    """Makes the test's own folders passable; whether others may read the paths then."""
    for path in paths:
        for folder in path.parents:
            if str(folder).startswith(os.path.realpath(tempfile.gettempdir()) + "/pytest"):
                folder.chmod(0o755)
    return all(folder.stat().st_mode & 0o001 for path in paths for folder in path.resolve().parents)


def test_a_second_run_on_a_file_is_refused_with_the_first_ones_place(seedbed, binary, tmp_path):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONG.replace("epochs: 400", "epochs: 100000"))
    with Job([binary, "run", sweep, "-o", path]) as job:
        assert wait_until(lambda: path.exists() and 1 in column(path, "state"))
        for ranks in (None, 2):
            ended = seedbed("run", sweep, "-o", path, "--resume", ranks=ranks)
            assert_says(ended, 1, path, f"process {job.process.pid}", os.uname().nodename)
        assert job.running()


def test_h5py_cannot_write_to_a_file_in_use(binary, tmp_path):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONG.replace("epochs: 400", "epochs: 100000"))
    with Job([binary, "run", sweep, "-o", path]):
        assert wait_until(lambda: path.exists() and 1 in column(path, "state"))
        with pytest.raises(OSError):
            h5py.File(path, "r+")
