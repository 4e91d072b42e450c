"""What system tests share: the engine's binary, MPI runs that cannot hang, the data folder.

SEEDBED_BINARY names the binary (build/release/seedbed), SEEDBED_DATA the data folder (../shared/data).
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import TINY
from population import POPULATION

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))


def engine_environment():
    """Root may use mpirun, ranks do not start threads, Open MPI's session folders stay out of each other's way."""
    return {
        **os.environ,
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def run_group(command, timeout=120, **options):
    """Runs a command in its own process group, and kills the whole group when its time is over."""
    command = [str(part) for part in command]
    environment = options.pop("env", None) or engine_environment()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            print(f"killed: {' '.join(command)}\n{output}{errors}", file=sys.stderr)
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def mpirun_command(ranks, *command):
    return ["mpirun", "-n", ranks, "--oversubscribe", "--bind-to", "none", *command]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def tools():
    return ROOT / "tools"


@pytest.fixture(scope="session")
def binary():
    """The engine. Without one the tests that need it fail: a missing binary is no reason to pass."""
    path = Path(os.environ.get("SEEDBED_BINARY", ROOT / "build" / "release" / "seedbed"))
    assert path.is_file(), f"no engine at {path}: build it, or set SEEDBED_BINARY"
    return path


@pytest.fixture(scope="session")
def seedbed(binary):
    """seedbed("plan", sweep) -> CompletedProcess, in one process; seedbed(..., ranks=2) under mpirun."""

    def run(*arguments, ranks=None, timeout=400, **options):
        command = [binary, *arguments]
        return run_group(mpirun_command(ranks, *command) if ranks else command, timeout, **options)

    return run


@pytest.fixture(scope="session")
def data_folder():
    path = Path(os.environ.get("SEEDBED_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no data folder at {path}: tests on real data are left out")
    return path


@pytest.fixture(scope="session")
def preload(binary):
    """preload("no_locks") -> an environment in which the engine meets tests/preload/no_locks.c before the C library."""

    def environment(name):
        library = Path(os.environ.get("SEEDBED_BUILD", binary.parent)) / "tests" / f"{name}.so"
        assert library.is_file(), f"no {library}: build the tests"
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return {**engine_environment(), "LD_PRELOAD": str(library), "ASAN_OPTIONS": options}

    return environment


SMALL_SWEEP = """
name: small
data: {source: glyphs, train_size: 200, test_size: 100, label_noise: symmetric}
model: {kind: mlp, hidden: [16]}
train: {epochs: 3, batch_size: 20, learning_rate: 0.1}
grid:
  seed: 0..2
  train.loss: [cross_entropy, mse]
  data.label_noise.rate: [0, 0.4]
metrics:
  margins: {at: [init, end]}
  weights: {at: [init, end]}
"""


@pytest.fixture(scope="session")
def small_results(seedbed, tmp_path_factory):
    """A finished results file of twelve small trials, made once by the engine; tests only read it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.yaml").write_text(SMALL_SWEEP)
    ended = seedbed("run", folder / "small.yaml", "-o", folder / "small.h5")
    assert ended.returncode == 0, ended.stderr
    return folder / "small.h5"


@pytest.fixture(scope="session")
def population(seedbed, tmp_path_factory):
    """A finished results file with every metric, pairs, and one diverged trial; tests only read it."""
    folder = tmp_path_factory.mktemp("population")
    (folder / "population.yaml").write_text(POPULATION)
    ended = seedbed("run", folder / "population.yaml", "-o", folder / "population.h5", ranks=2)
    assert ended.returncode == 0 and "24 done, 1 diverged" in ended.stderr, ended.stderr
    return folder / "population.h5"


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture
def tiny_results(seedbed, tiny):
    path = tiny.parent / "tiny.h5"
    assert seedbed("run", tiny, "-o", path).returncode == 0
    return path
