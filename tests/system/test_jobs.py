"""tools/run-until-done and the scripts in jobs/: what they start, what they mend, and the code they end with."""

import os
import signal
import subprocess
import time

import pytest
from background import name_of, process_table, wait_until
from command_line import LONGER, TINY
from conftest import ROOT, engine_environment, run_group
from contents import assert_same_content, outcomes, reproducible_content

UNTIL_DONE = ROOT / "tools" / "run-until-done"
MPIRUN = "mpirun -n 2 --oversubscribe --bind-to none"


def script(path, text):
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(binary):
    return {**engine_environment(), "SEEDBED": str(binary), "SEEDBED_LAUNCH": MPIRUN, "SEEDBED_ROOT": str(ROOT)}


@pytest.fixture
def long_sweep(tmp_path):
    (tmp_path / "long.yaml").write_text(LONGER)
    return tmp_path / "long.yaml"


def descendants(process):
    table = process_table()
    found = {process}
    for _ in range(5):
        found |= {child for child, parent, _, state in table if parent in found and state not in "ZX"}
    return found - {process}


def engines(process):
    """The engine's processes under this one, not those beside them."""
    found = []
    for child in descendants(process):
        try:
            command = open(f"/proc/{child}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if os.path.basename(command[0]) == b"seedbed" and name_of(child) != "seedbed-witness":
            found.append(child)
    return found


def start(command, environment, log):
    with open(log, "wb") as output:
        return subprocess.Popen(
            [str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def end(process):
    """Whatever is left of it."""
    for one in (*descendants(process.pid), process.pid):
        try:
            os.kill(one, signal.SIGKILL)
        except OSError:
            pass
    process.wait()


def test_a_killed_rank_costs_a_restart_only(environment, long_sweep, tmp_path, seedbed):
    results, log = tmp_path / "long.h5", tmp_path / "log"
    process = start([UNTIL_DONE, long_sweep, results], environment, log)
    try:
        assert wait_until(lambda: results.exists() and len(engines(process.pid)) == 2, 60), log.read_text()
        os.kill(max(engines(process.pid)), signal.SIGKILL)
        assert process.wait(120) == 0, log.read_text()
    finally:
        end(process)
    assert "the run ended with" in log.read_text()
    assert seedbed("run", long_sweep, "-o", tmp_path / "peace.h5").returncode == 0
    assert_same_content(reproducible_content(results), reproducible_content(tmp_path / "peace.h5"), "restarted")


def test_a_signal_stops_in_good_order_and_calls_for_another_job(environment, long_sweep, tmp_path):
    results, log = tmp_path / "long.h5", tmp_path / "log"
    environment["SEEDBED_AGAIN"] = f"touch {tmp_path}/again"
    process = start([UNTIL_DONE, long_sweep, results], environment, log)
    try:
        assert wait_until(lambda: results.exists() and len(engines(process.pid)) == 2, 60), log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 75, log.read_text()
    finally:
        end(process)
    assert (tmp_path / "again").exists()
    assert run_group([UNTIL_DONE, long_sweep, results], env=environment).returncode == 0
    assert set(outcomes(results)) == {"done"}


def test_crashes_without_progress_are_capped(environment, tiny, tmp_path):
    environment["SEEDBED"] = str(script(tmp_path / "broken", f"echo x >>{tmp_path}/starts; exit 139"))
    environment["SEEDBED_LAUNCH"] = "env"
    environment["SEEDBED_CRASHES"] = "2"
    ended = run_group([UNTIL_DONE, tiny, tmp_path / "tiny.h5"], env=environment)
    assert ended.returncode == 139
    assert (tmp_path / "starts").read_text().count("x") == 3
    assert "giving up after 3 crashes" in ended.stderr


@pytest.mark.parametrize("restarts", ["0", "1"])
def test_trials_are_tried_again_by_the_first_start_only(environment, tiny, tmp_path, restarts):
    environment["SEEDBED"] = str(script(tmp_path / "program", f'[ "$1" = run ] && echo "$@" >>{tmp_path}/called; exit 139'))
    environment.update(SEEDBED_LAUNCH="env", SEEDBED_CRASHES="1", SLURM_RESTART_COUNT=restarts)
    options = ["--retry", "failed", "--set", "train.epochs=1"]
    assert run_group([UNTIL_DONE, tiny, tmp_path / "tiny.h5", *options], env=environment).returncode == 139
    calls = [("--retry failed" in line, "--set train.epochs=1" in line) for line in (tmp_path / "called").read_text().splitlines()]
    assert calls == [(restarts == "0", True), (False, True)]


def test_a_signal_between_two_starts_is_not_lost(environment, tiny, tmp_path):
    """The program crashes, and the signal comes while the script asks it how far the sweep is."""
    body = f'[ "$1" = run ] && {{ echo run >>{tmp_path}/called; touch "$4"; exit 139; }}; touch {tmp_path}/asked; sleep 2'
    environment["SEEDBED"] = str(script(tmp_path / "program", body))
    environment["SEEDBED_LAUNCH"] = "env"
    process = start([UNTIL_DONE, tiny, tmp_path / "tiny.h5"], environment, tmp_path / "log")
    try:
        assert wait_until((tmp_path / "asked").exists, 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 75
    finally:
        end(process)
    assert (tmp_path / "called").read_text().split() == ["run"]


@pytest.mark.parametrize("name", ["mpirun", "mpiexec", "orterun"])
def test_a_run_without_a_last_word_is_no_success(environment, tiny, tmp_path, name):
    """In recovery mode each of Open MPI's launchers ends with 0 when rank 0 is lost."""
    version = "(Open MPI) 4.1.4" if name == "mpirun" else "(OpenRTE) 4.1.4"
    launcher = script(tmp_path / name, f'[ "$1" = --version ] && echo "{name} {version}"; exit 0')
    environment.update(SEEDBED_LAUNCH=str(launcher), SEEDBED_CRASHES="0", OMPI_MCA_orte_enable_recovery="true")
    assert run_group([UNTIL_DONE, tiny, tmp_path / "tiny.h5"], env=environment).returncode == 70


@pytest.mark.parametrize("code", [0, 1, 2, 3, 75])
def test_what_is_no_crash_is_not_repeated(environment, tiny, tmp_path, code):
    environment["SEEDBED"] = str(script(tmp_path / "program", f"echo x >>{tmp_path}/starts; exit {code}"))
    environment["SEEDBED_LAUNCH"] = "env"
    assert run_group([UNTIL_DONE, tiny, tmp_path / "tiny.h5"], env=environment).returncode == code
    assert (tmp_path / "starts").read_text().count("x") == 1


def test_a_launcher_that_outlives_its_ranks_is_ended(environment, tiny, tmp_path):
    """As mpirun does over several hosts when one was lost: the last word is in a file beside the results."""
    hang = script(tmp_path / "hang", 'echo 3 >"${@: -1}.exit"\ntrap "" TERM\nwhile :; do sleep 1; done')
    environment["SEEDBED_LAUNCH"] = str(hang)
    started = time.monotonic()
    ended = run_group([UNTIL_DONE, tiny, tmp_path / "tiny.h5"], env=environment)
    assert ended.returncode == 3 and time.monotonic() - started < 60
    assert "ending it" in ended.stderr
    assert not (tmp_path / "tiny.h5.exit").exists()


def test_a_list_of_hosts(environment, tiny, tmp_path):
    del environment["SEEDBED_LAUNCH"]
    environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
    (tmp_path / "hosts").write_text("localhost slots=2\n")
    ended = run_group([ROOT / "jobs" / "hosts.sh", tmp_path / "hosts", tiny, tmp_path / "tiny.h5"], env=environment)
    assert ended.returncode == 0, ended.stderr
    assert "on 2 ranks" in ended.stderr + ended.stdout
    missing = run_group([ROOT / "jobs" / "hosts.sh", tmp_path / "none", tiny, tmp_path / "tiny.h5"], env=environment)
    assert missing.returncode == 1 and "cannot read the list of hosts" in missing.stderr


def test_lsf_takes_its_sweep_by_argument_or_environment(environment, tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    job = ROOT / "jobs" / "lsf.sh"
    assert run_group([job, tmp_path / "tiny.yaml", tmp_path / "a.h5"], env=environment).returncode == 0
    environment.update(SWEEP=str(tmp_path / "tiny.yaml"), OUTPUT=str(tmp_path / "b.h5"), OPTIONS="--set train.epochs=1")
    assert run_group([job], env=environment).returncode == 0
    assert set(outcomes(tmp_path / "a.h5")) == set(outcomes(tmp_path / "b.h5")) == {"done"}


def test_pbs_gives_the_wall_time_and_submits_a_successor(environment, tiny, tmp_path):
    """With stand-ins for PBS's commands: no PBS can be installed here."""
    tools = tmp_path / "pbs"
    tools.mkdir()
    script(tools / "qstat", 'echo "    Resource_List.walltime = 00:20:00"')
    script(tools / "qsub", f'echo "$@" >{tmp_path}/submitted')
    environment["SEEDBED"] = str(script(tmp_path / "program", f'echo "$@" >{tmp_path}/called; exit 75'))
    environment.update(
        SEEDBED_LAUNCH="env", PBS_JOBID="7.server", PBS_O_WORKDIR=str(ROOT), PATH=f"{tools}:{environment['PATH']}",
        SWEEP=str(tiny), OUTPUT=str(tmp_path / "tiny.h5"), OPTIONS="--set train.epochs=1",
    )
    assert run_group([ROOT / "jobs" / "pbs.sh"], env=environment).returncode == 75
    assert (tmp_path / "called").read_text().split() == [
        "run", str(tiny), "-o", str(tmp_path / "tiny.h5"), "--time-limit", "00:20:00", "--set", "train.epochs=1"
    ]
    assert (tmp_path / "submitted").read_text().split() == [
        "-v", "SWEEP,OUTPUT,OPTIONS,SEEDBED_ROOT,SEEDBED,SEEDBED_LAUNCH", str(ROOT / "jobs" / "pbs.sh")
    ]
