"""The commands as a person meets them: what they print, check and return."""

import json
import os
import pty
import re
import subprocess
import time

import h5py
import numpy as np
import pytest
from background import Job, wait_until
from command_line import LONG, LONGER, TINY, assert_says, digest, entries
from conftest import SMALL_SWEEP, engine_environment
from contents import column
from idx_files import write_idx_set

COMMANDS = ["plan", "run", "status", "show", "verify", "list", "doctor"]


# Help and usage


def test_help_names_every_command_and_exit_code(seedbed):
    ended = seedbed("--help")
    assert_says(ended, 0, *COMMANDS, "75", "--resume")
    assert ended.stderr == ""
    assert seedbed("--version").stdout.startswith("seedbed ")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(seedbed, command):
    ended = seedbed(command, "--help")
    assert_says(ended, 0, f"usage: seedbed {command}", "--help")
    assert ended.stderr == ""


def test_help_of_run_names_its_options(seedbed):
    assert_says(seedbed("run", "--help"), 0, "-o", "--resume", "--set", "--order", "--max-failures", "--fail-fast")
    assert_says(seedbed("plan", "--help"), 0, "--ranks", "--list", "--set")
    assert_says(seedbed("status", "--help"), 0, "--json")


@pytest.mark.parametrize(
    "words, parts",
    [
        ([], ["usage"]),
        (["rum"], ["unknown command 'rum'", "'run'"]),
        (["run"], ["operand"]),
        (["run", "x.yaml"], ["-o"]),
        (["run", "x.yaml", "-o"], ["-o needs FILE"]),
        (["run", "x.yaml", "-o", "y.h5", "--resum"], ["--resum", "'--resume'"]),
        (["run", "x.yaml", "-o", "y.h5", "--order", "best"], ["best", "lpt, fifo, random"]),
        (["run", "x.yaml", "-o", "y.h5", "--max-failures", "-1"], ["--max-failures", "-1"]),
        (["run", "x.yaml", "-o", "y.h5", "-o", "z.h5"], ["-o", "more than"]),
        (["run", "x.yaml", "-o", "y.h5", "--resume=yes"], ["takes no value"]),
        (["run", "x.yaml", "-o", "y.h5", "--retry", "failed"], ["--retry", "--resume"]),
        (["run", "x.yaml", "-o", "y.h5", "--resume", "--retry", "failed,lost"], ["'lost'", "failed, timeout, damaged"]),
        (["verify", "x.h5", "-k", "many"], ["-k", "many"]),
        (["plan", "x.yaml", "--ranks", "none"], ["--ranks", "none"]),
        (["show", "x.h5"], ["operand"]),
        (["show", "x.h5", "first"], ["TRIAL", "first"]),
        (["list", "lossses"], ["lossses", "losses"]),
        (["status"], ["operand"]),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(seedbed, words, parts):
    assert_says(seedbed(*words), 2, *parts)


# plan and list


def test_plan_says_what_would_run_and_writes_nothing(seedbed, tiny):
    ended = seedbed("plan", tiny, cwd=tiny.parent)
    assert_says(ended, 0, "tiny", "trials    4", "seed", "glyphs", "parameters", "FLOPs", "memory", "file", "time")
    assert entries(tiny.parent) == ["tiny.yaml"]


def test_plan_lists_trials_and_layers(seedbed, tiny):
    ended = seedbed("plan", tiny, "--list")
    assert_says(ended, 0, "trial 0", "seed=0", "trial 3", "seed=3", "dense1", "dense2")
    assert "dense1" not in seedbed("plan", tiny).stdout


def test_plan_lists_every_distinct_model_with_shapes_and_parameters(seedbed, tmp_path):
    sweep = tmp_path / "listed.yaml"
    sweep.write_text("data: {source: glyphs, train_count: 60, test_count: 20}\n"
                     "model: {kind: layers, layers: [{kind: convolution, channels: 4, padding: 1}, relu, max_pool, dense]}\n"
                     "grid: {model.layers.0.channels: [4, 5], seed: [0, 1]}\n")
    lines = [" ".join(line.split()) for line in seedbed("plan", sweep, "--list").stdout.splitlines()]
    for channels in (4, 5):
        first, last = channels * 10, (channels * 14 * 14 + 1) * 10
        assert any(line.startswith("model") and f"layers: {first + last} parameters" in line for line in lines)
        start = lines.index(f"convolution1 28 x 28 x {channels} {first} parameters")
        assert lines[start + 1 : start + 3] == [f"max_pool1 14 x 14 x {channels} 0 parameters",
                                                f"dense1 1 x 1 x 10 {last} parameters"]


def test_list_models_prints_lists_that_make_the_same_networks(seedbed, tmp_path):
    """As printed, pasted into a sweep file: as many parameters as the model it stands for."""
    listed = seedbed("list", "models").stdout.split("\n# {kind: ")[1:]
    assert {text.partition("}")[0] for text in listed} >= {"mlp", "cnn", "resnet", "inception_lite"}
    counts = []
    with h5py.File(tmp_path / "images.h5", "w") as file:
        for part in ("train", "test"):
            file[f"x_{part}"] = np.zeros((4, 32, 32, 3), "float32")
            file[f"y_{part}"] = np.arange(4)
    for text in listed:
        name, _, section = text.partition("}")
        for model in (f"model: {name}\n", section.partition("\n")[2]):
            sweep = tmp_path / "pasted.yaml"
            sweep.write_text(f"data: {{source: hdf5, path: images.h5}}\n{model}")
            ended = seedbed("plan", sweep)
            assert ended.returncode == 0, ended.stderr
            counts.append(re.search(r": (\d+) parameters", ended.stdout)[1])
        assert counts[-1] == counts[-2], name


def test_plan_predicts_less_time_on_more_ranks(seedbed, tiny):
    assert_says(seedbed("plan", tiny, "--ranks", "1"), 0, "on 1 rank")
    assert_says(seedbed("plan", tiny, "--ranks", "4"), 0, "on 4 ranks")


def test_plan_and_run_agree_on_identities_and_bytes(seedbed, tiny, tiny_results):
    listed = seedbed("plan", tiny, "--list").stdout
    for identity in column(tiny_results, "identity"):
        assert identity.decode()[:8] in listed


@pytest.mark.parametrize("what, name", [("losses", "cross_entropy"), ("models", "mlp"), ("layers", "residual"), ("metrics", "margins"),
                                        ("datasets", "glyphs"), ("optimizers", "sgd"),
                                        ("optimizers", "adamw"), ("decays", "weights"), ("schedules", "cosine"),
                                        ("schedules", "multistep")])
def test_list_names_what_a_sweep_may_name(seedbed, what, name):
    ended = seedbed("list", what)
    assert_says(ended, 0, what, name)
    assert f"  {name}" in seedbed("list").stdout


def test_list_reference_is_the_reference_in_the_project(seedbed, root):
    ended = seedbed("list", "reference")
    assert_says(ended, 0, "learning_rate", "label_noise")
    assert ended.stdout == (root / "sweeps" / "reference.yaml").read_text()


# run


def test_run_refuses_an_existing_file_and_says_what_it_holds(seedbed, tiny, tiny_results):
    before = digest(tiny_results)
    ended = seedbed("run", tiny, "-o", tiny_results)
    assert ended.returncode in (1, 2)
    assert_says(ended, ended.returncode, tiny_results, "4 of its 4 trials", "--resume")
    assert digest(tiny_results) == before


def test_resuming_a_finished_file_does_nothing_quickly(seedbed, tiny, tiny_results):
    checksums, attempts = column(tiny_results, "checksum"), column(tiny_results, "attempt")
    start = time.monotonic()
    ended = seedbed("run", tiny, "-o", tiny_results, "--resume")
    assert time.monotonic() - start < 5
    assert_says(ended, 0, "0 to do")
    assert np.array_equal(column(tiny_results, "checksum"), checksums)
    assert np.array_equal(column(tiny_results, "attempt"), attempts)


@pytest.mark.parametrize("old, new", [("hidden: [8]", "hidden: [9]"), ("0.05", "0.06"), ("0..3", "0..4"), ("0..3", "[3, 2, 1, 0]")])
def test_a_changed_sweep_is_refused_with_the_difference(seedbed, tiny, tiny_results, old, new):
    before = digest(tiny_results)
    tiny.write_text(TINY.replace(old, new))
    ended = seedbed("run", tiny, "-o", tiny_results, "--resume")
    assert_says(ended, 1, tiny_results, "difference")
    key = {"hidden: [8]": ["[8]", "[9]"], "0.05": ["0.05", "0.06"], "0..3": ["seed"]}[old]
    assert_says(ended, 1, *key)
    assert digest(tiny_results) == before


def test_a_changed_set_is_refused_on_resume(seedbed, tiny, tiny_results):
    before = digest(tiny_results)
    assert_says(seedbed("run", tiny, "-o", tiny_results, "--resume", "--set", "train.epochs=3"), 1, "epochs")
    assert digest(tiny_results) == before


def test_the_same_sweep_in_other_words_is_resumed(seedbed, tiny, tiny_results):
    words = TINY.replace("0.05", "5e-2").replace("0..3", "[0, 1, 2, 3]").replace("name: tiny", "name: another")
    tiny.write_text(words + "# a comment\nlimits: {trial: 1h}\n")
    assert_says(seedbed("run", tiny, "-o", tiny_results, "--resume"), 0, "0 to do")


def test_set_changes_a_key(seedbed, tiny):
    path = tiny.parent / "set.h5"
    ended = seedbed("run", tiny, "-o", path, "--set", "train.epochs=1", "--set", "model.hidden=[5]", "--set=seed=7..8")
    assert_says(ended, 0)
    with h5py.File(path, "r") as file:
        assert list(file["trials/seed"][()]) == [7, 8]
        assert list(file["trials/epochs_run"][()]) == [1, 1]
        assert 5 in file["weights/layout_dimensions"][()]
        assert "train.epochs=1" in file["sweep/set"][()].decode()
    assert_says(seedbed("plan", tiny, "--set", "seed=1"), 0, "trials    1")


@pytest.mark.parametrize("value", ["train.epoch=3", "train.epochs=many", "train.epochs", "=3"])
def test_a_wrong_set_is_refused_with_the_option(seedbed, tiny, value):
    ended = seedbed("run", tiny, "-o", tiny.parent / "x.h5", "--set", value)
    assert ended.returncode in (1, 2)
    assert_says(ended, ended.returncode, "--set", value.partition("=")[0] or "=")
    assert entries(tiny.parent) == ["tiny.yaml"]


def test_data_paths_start_at_the_sweep_files_folder(seedbed, tmp_path):
    write_idx_set(tmp_path / "sweeps" / "images", 60, 20)
    sweep = tmp_path / "sweeps" / "paths.yaml"
    sweep.write_text("data: {source: mnist, path: ./images}\ntrain: {epochs: 1}\nmodel: {kind: mlp, hidden: [4]}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert_says(seedbed("run", sweep, "-o", "here.h5", cwd=elsewhere), 0)
    assert entries(elsewhere) == ["here.h5"] and len(column(elsewhere / "here.h5", "state")) == 1
    assert_says(seedbed("show", "here.h5", "0", cwd=elsewhere), 0, "mnist")


def test_a_sweep_without_a_name_takes_that_of_its_file(seedbed, tmp_path):
    (tmp_path / "called.yaml").write_text(TINY.replace("name: tiny\n", ""))
    assert seedbed("plan", tmp_path / "called.yaml").stdout.startswith("called\n")


# status and show


def read_status(seedbed, path):
    ended = seedbed("status", path, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def assert_adds_up(status):
    ended = sum(status[outcome] for outcome in ("done", "diverged", "timeout", "failed"))
    assert status["waiting"] + status["running"] + ended == status["trials"]


def test_status_of_a_finished_file(seedbed, tiny_results):
    status = read_status(seedbed, tiny_results)
    assert_adds_up(status)
    assert (status["trials"], status["done"], status["running"], status["sessions"]) == (4, 4, 0, 1)
    assert status["last_session"]["ending"] == "complete" and status["eta_seconds"] == 0
    assert_says(seedbed("status", tiny_results), 0, "4 trials", "done", "complete")


def test_status_while_a_run_writes_and_after_a_kill(seedbed, binary, tmp_path):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONGER)
    with Job([binary, "run", sweep, "-o", path], ranks=2) as job:
        assert wait_until(lambda: path.exists() and read_status(seedbed, path)["done"] >= 1)
        status = read_status(seedbed, path)
        assert_adds_up(status)
        assert status["last_session"]["ranks"] == 2 and status["last_session"]["process"] == job.ranks()[0]
        assert status["running"] <= 2 and status["done"] < 8, "the trials are too short for this test"
        assert status["eta_low"] <= status["eta_seconds"] <= status["eta_high"]
        assert_says(seedbed("status", path), 0, "8 trials", "running", "ETA")
        job.kill(job.processes())
        job.wait()
    assert_adds_up(read_status(seedbed, path))


def test_show_prints_a_trial_whole(seedbed, small_results):
    ended = seedbed("show", small_results, "5")
    assert_says(ended, 0, "batch_size: 20", "hidden: [16]", "train_loss", "margins", "done")
    assert_says(seedbed("show", small_results, "12"), 2, "0 to 11")


# The live line


def test_on_a_terminal_one_line_is_renewed(binary, tmp_path):
    sweep = tmp_path / "long.yaml"
    sweep.write_text(LONG)
    text = run_on_terminal([binary, "run", sweep, "-o", tmp_path / "long.h5"])
    lines = [line for line in text.split("\r") if "ETA" in line]
    assert len(lines) >= 2, text
    assert all("failed" in line and "samples/s" in line and "trials" in line for line in lines)
    assert "8 of 8 trials" in text.splitlines()[-1]


def run_on_terminal(command):
    """What a command writes to a terminal as its standard error."""
    master, slave = pty.openpty()
    with subprocess.Popen([str(word) for word in command], env=engine_environment(), stderr=slave, stdout=slave,
                          stdin=slave) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                piece = b""
            if not piece:
                break
            text += piece
        assert process.wait(60) == 0, text
    os.close(master)
    return text.decode()


def test_elsewhere_lines_are_plain_and_few(seedbed, tmp_path):
    sweep = tmp_path / "long.yaml"
    sweep.write_text(LONG)
    ended = seedbed("run", sweep, "-o", tmp_path / "long.h5")
    assert ended.returncode == 0
    text = ended.stdout + ended.stderr
    assert "\r" not in text and "\x1b" not in text
    assert len(text.splitlines()) <= 4 and "8 of 8 trials" in text


def test_one_rank_speaks_for_all(seedbed, tiny):
    ended = seedbed("run", tiny, "-o", tiny.parent / "x.h5", ranks=3)
    assert ended.returncode == 0 and (ended.stdout + ended.stderr).count("4 of 4 trials") == 1
    ended = seedbed("run", tiny, "-o", tiny.parent / "x.h5", ranks=3)
    assert (ended.stdout + ended.stderr).count("4 of its 4 trials") == 1


def test_the_small_sweep_of_other_tests_is_planned_alike(seedbed, tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL_SWEEP)
    assert_says(seedbed("plan", tmp_path / "small.yaml"), 0, "trials    12", "train.loss", "data.label_noise.rate")
