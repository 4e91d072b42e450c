"""A portable x86-64 build, installed: it starts the executable for the widest vectors that the CPU has, each trains the same
networks but for rounding, and nothing mixes them unsaid."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
from background import Job, wait_until
from command_line import LONG, TINY, assert_says
from conftest import engine_environment, mpirun_command, run_group
from contents import RUNNING, all_datasets, column, texts

WIDTHS = {"baseline": [], "avx2": ["avx2", "fma"], "avx512": ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]}
AS_THE_TREE = ["CMAKE_C_COMPILER", "CMAKE_BUILD_TYPE", "CMAKE_C_FLAGS_RELEASE", "SEEDBED_WERROR"]

# Dense layers, and convolutions by each method: kernels that depend on the width.
NETWORKS = """
name: networks
data: {source: glyphs, train_size: 300, test_size: 200, label_noise: {kind: symmetric, rate: 0.2}}
train: {epochs: 2, batch_size: 50, learning_rate: 0.02, optimizer: {kind: sgd, momentum: 0.9}}
grid:
  model:
    - {kind: mlp, hidden: [128, 128]}
    - {kind: cnn, channels: [16, 32], batch_norm: true}
    - {kind: lenet}
metrics: {margins: {at: [init, end]}}
"""

pytestmark = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="only x86-64 builds have several widths")


def widths_of_cpu():
    """Of this machine, narrowest first, by the kernel's own list."""
    line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    features = set(line.split(":")[1].split())
    found = []
    for name, needed in WIDTHS.items():
        if not features.issuperset(needed):
            break
        found.append(name)
    return found


HERE = widths_of_cpu() if Path("/proc/cpuinfo").exists() else ["baseline"]
WIDEST = HERE[-1]


@pytest.fixture(scope="module")
def installed(binary, root, tmp_path_factory):
    """The folder with the executables of a portable build, made by the compiler and with the flags of the tree under test."""
    tree = Path(os.environ.get("SEEDBED_BUILD", binary.parent))
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (tree / "CMakeCache.txt").read_text(), re.MULTILINE))
    build, prefix = tree / "portable", tmp_path_factory.mktemp("installed")
    settings = [f"-D{name}={cache[name]}" for name in AS_THE_TREE if name in cache]
    for words in (
        ["-S", root, "-B", build, "-G", cache["CMAKE_GENERATOR"], "-DSEEDBED_PORTABLE=ON", "-DSEEDBED_TESTS=OFF", *settings],
        ["--build", build, "--parallel", len(os.sched_getaffinity(0))],
        ["--install", build, "--prefix", prefix],
    ):
        ended = run_group(["cmake", *words], timeout=800, env=dict(os.environ))
        assert ended.returncode == 0, ended.stdout + ended.stderr
    return prefix / "bin"


def environment(width):
    """SEEDBED_VECTORS as given; None: not set."""
    others = {name: value for name, value in engine_environment().items() if name != "SEEDBED_VECTORS"}
    return others if width is None else {**others, "SEEDBED_VECTORS": width}


@pytest.fixture(scope="module")
def start(installed):
    """start("avx2", "run", ...) -> CompletedProcess; with ranks=2 under mpirun, another folder=, env= of its own."""

    def run(width, *words, ranks=None, folder=installed):
        command = [folder / "seedbed", *words]
        return run_group(mpirun_command(ranks, *command) if ranks else command, timeout=100, env=environment(width))

    return run


def width_of(ended):
    """What `--version` says."""
    assert ended.returncode == 0, ended.stderr
    return re.fullmatch(r"seedbed \S+ \(\S+, (\w+)\)\n", ended.stdout)[1]


def copy_without(installed, folder, *missing):
    shutil.copytree(installed, folder)
    for width in missing:
        (folder / f"seedbed-{width}").unlink()
    return folder


# Which one is started


def test_every_width_is_installed(installed):
    assert sorted(path.name for path in installed.iterdir()) == ["seedbed", "seedbed-avx2", "seedbed-avx512"]


@pytest.mark.parametrize("unset", [None, ""])
def test_the_widest_that_the_cpu_has_is_started(start, unset):
    assert width_of(start(unset, "--version")) == WIDEST


@pytest.mark.parametrize("width", HERE)
def test_another_one_can_be_asked_for(start, width):
    assert width_of(start(width, "--version")) == width


@pytest.mark.parametrize("width", ["avx3", "AVX2", "sse2", "x86-64-v3", *list(WIDTHS)[len(HERE) :]])
def test_one_that_the_cpu_does_not_have_is_refused(start, width):
    assert_says(start(width, "--version"), 2, "SEEDBED_VECTORS", f"'{width}'", f"allowed here: {', '.join(HERE)}.")


def test_a_missing_one_is_replaced_by_the_next_narrower(start, installed, tmp_path):
    for index in range(len(HERE) - 1, 0, -1):
        folder = copy_without(installed, tmp_path / str(index), *HERE[index:])
        assert width_of(start(None, "--version", folder=folder)) == HERE[index - 1]
        assert_says(start(HERE[index], "--version", folder=folder), 2, folder / f"seedbed-{HERE[index]}", "No such file")
        assert_says(start(None, "doctor", tmp_path, folder=folder), 0, "warn", f"this CPU has {WIDEST}")


@pytest.mark.skipif(WIDEST == "baseline", reason="this CPU has one width only")
def test_a_link_back_to_the_first_is_not_followed_for_ever(start, installed, tmp_path):
    folder = copy_without(installed, tmp_path / "linked", *HERE[1:])
    (folder / f"seedbed-{WIDEST}").symlink_to("seedbed")
    assert width_of(start(None, "--version", folder=folder)) == "baseline"
    assert_says(start(WIDEST, "--version", folder=folder), 2, f"seedbed-{WIDEST}")


def test_the_first_is_found_through_a_link(start, installed, tmp_path):
    (tmp_path / "seedbed").symlink_to(installed / "seedbed")
    assert width_of(start(None, "--version", folder=tmp_path)) == WIDEST


@pytest.fixture(scope="module")
def stopped(installed, tmp_path_factory):
    """A results file of a run that was stopped while a trial was under way, its sweep beside it."""
    path = tmp_path_factory.mktemp("stopped") / "long.h5"
    path.with_suffix(".yaml").write_text(LONG)
    with Job([installed / "seedbed", "run", path.with_suffix(".yaml"), "-o", path], env=environment(None)) as job:
        process = Path(f"/proc/{job.process.pid}")
        assert wait_until(lambda: path.exists() and RUNNING in column(path, "state"))
        assert os.readlink(process / "exe") == str(installed / ("seedbed" if WIDEST == "baseline" else f"seedbed-{WIDEST}"))
        assert (process / "cmdline").read_bytes().split(b"\0")[0] == os.fsencode(installed / "seedbed")
        job.process.terminate()
        assert job.wait() == 75, job.output()
    return path


def test_the_process_stays_the_same(start, stopped):
    assert_says(start(None, "status", stopped), 0, "last of 1 session: stopped")


def test_a_build_for_one_cpu_knows_no_other(binary):
    own = width_of(run_group([binary, "--version"], env=environment(None)))
    assert width_of(run_group([binary, "--version"], env=environment(own))) == own
    for other in HERE:
        if other != own:
            assert_says(run_group([binary, "--version"], env=environment(other)), 2, f"for {own} only", "SEEDBED_PORTABLE")


# What each computes


@pytest.fixture(scope="module")
def networks(start, root, tmp_path_factory):
    """{(sweep, width): results file} of every width that the CPU has."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "networks.yaml").write_text(NETWORKS)
    small = ["data.train_size=500", "data.test_size=200", "train.epochs=2"]
    words = {"networks": [folder / "networks.yaml"],
             "quickstart": [root / "sweeps" / "quickstart.yaml", *(word for key in small for word in ("--set", key))]}
    found = {}
    for width in HERE:
        for sweep, given in words.items():
            found[sweep, width] = folder / f"{sweep}-{width}.h5"
            ended = start(width, "run", *given, "-o", found[sweep, width])
            assert ended.returncode == 0, ended.stderr
    return found


@pytest.mark.parametrize("width", HERE[1:])
@pytest.mark.parametrize("sweep", ["quickstart", "networks"])
def test_each_width_trains_the_same_networks_but_for_rounding(networks, sweep, width):
    with h5py.File(networks[sweep, "baseline"]) as narrow, h5py.File(networks[sweep, width]) as wide:
        assert list(narrow["trials/identity"]) == list(wide["trials/identity"])
        for name in (name for name in all_datasets(narrow) if name.startswith("dataset/")):
            assert np.array_equal(narrow[name][()], wide[name][()]), name
        tolerances = {"curves/train_loss": 1e-4, "curves/test_loss": 1e-4, "curves/test_accuracy": 0.01, "margins/train": 0.05}
        for name, tolerance in tolerances.items():
            assert np.allclose(narrow[name][()], wide[name][()], rtol=tolerance, atol=tolerance), name
        # Where rounding turns a relu on or off, one trial's margins differ by more than the others'.
        apart = np.abs(narrow["margins/train"][()] - wide["margins/train"][()]) / (1 + np.abs(narrow["margins/train"][()]))
        assert np.median(np.nanmax(apart, axis=tuple(range(1, apart.ndim)))) < 1e-4


# What is said of it


@pytest.mark.parametrize("width", HERE)
def test_the_results_file_records_the_width(networks, width):
    with h5py.File(networks["quickstart", width]) as file:
        assert file["provenance/vectors"][()].decode() == width
        assert texts(file["sessions/engine"][:1])[0].decode().endswith(f", {width})")


@pytest.mark.skipif(WIDEST == "baseline", reason="this CPU has one width only")
def test_verify_resume_and_reuse_name_another_width(start, tmp_path):
    sweep, path = tmp_path / "tiny.yaml", tmp_path / "tiny.h5"
    sweep.write_text(TINY)
    named = f"vectors: 'baseline' made it, here it is '{WIDEST}'"
    assert start("baseline", "run", sweep, "-o", path).returncode == 0
    assert_says(start("baseline", "verify", path, "-k", "4"), 0, "the same bits")
    assert named in start(None, "verify", path, "-k", "4").stdout
    again = start("baseline", "run", sweep, "-o", path, "--resume")
    assert again.returncode == 0 and "warning" not in again.stderr, again.stderr
    assert_says(start(None, "run", sweep, "-o", path, "--resume"), 0, "may have other bits", named)
    assert_says(start(None, "run", sweep, "-o", tmp_path / "new.h5", "--reuse", path), 0, "may have other bits", named)


@pytest.mark.skipif(WIDEST == "baseline", reason="this CPU has one width only")
def test_a_trial_under_way_with_another_width_begins_anew(start, stopped):
    ended = start("baseline", "run", stopped.with_suffix(".yaml"), "-o", stopped, "--resume")
    assert_says(ended, 0, "for other vectors", "begins anew")


def test_two_ranks_are_of_one_width(start, tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    ended = start(None, "run", tmp_path / "tiny.yaml", "-o", tmp_path / "tiny.h5", ranks=2)
    assert_says(ended, 0, "on 2 ranks")
    assert_says(start(None, "doctor", tmp_path, ranks=2), 0, "ok    engine     ", f", {WIDEST})")


@pytest.mark.skipif(WIDEST == "baseline", reason="this CPU has one width only")
def test_ranks_of_different_widths_are_refused(installed, tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)

    def mixed(*words):
        each = [["-n", 1, "env", f"SEEDBED_VECTORS={width}", installed / "seedbed", *words] for width in ("baseline", WIDEST)]
        return run_group(["mpirun", "--oversubscribe", "--bind-to", "none", *each[0], ":", *each[1]], env=environment(None))

    ended = mixed("run", tmp_path / "tiny.yaml", "-o", tmp_path / "tiny.h5")
    assert_says(ended, 2, "rank 1 on", f", {WIDEST}), rank 0 is", ", baseline)", "SEEDBED_VECTORS")
    assert not (tmp_path / "tiny.h5").exists()
    assert_says(mixed("doctor", tmp_path), 1, "bad   engine", ", baseline)", f", {WIDEST})")
