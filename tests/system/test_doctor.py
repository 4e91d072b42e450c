"""What `seedbed doctor` finds: nothing bad on a sound machine, and each thing that a test can make bad."""

import os

import pytest
from command_line import assert_says, entries
from conftest import engine_environment, run_group
from small_disk import disk, may_mount, remount

TOPICS = ["engine", "MPI", "HDF5", "BLAS", "start", "node", "folder", "writing", "locks", "MPI-IO"]
mounts = pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here")


def lines_of(ended):
    """{topic: [(level, message)]}"""
    found = {}
    for line in ended.stdout.splitlines():
        level, topic, message = line.split(maxsplit=2)
        found.setdefault(topic, []).append((level, message))
    return found


def levels(ended, topic):
    return [level for level, _ in lines_of(ended)[topic]]


@pytest.mark.parametrize("ranks", [None, 2])
def test_a_sound_machine_has_nothing_bad(seedbed, tmp_path, ranks):
    ended = seedbed("doctor", tmp_path, ranks=ranks)
    assert_says(ended, 0, tmp_path, os.uname().nodename.split(".")[0], f"{ranks or 1} rank")
    assert list(lines_of(ended)) == TOPICS
    assert all(level in ("ok", "warn") for found in lines_of(ended).values() for level, _ in found)
    assert levels(ended, "locks") == levels(ended, "MPI-IO") == ["ok"]
    assert entries(tmp_path) == []


def test_the_current_folder_is_looked_at_when_none_is_named(seedbed, tmp_path):
    assert_says(seedbed("doctor", cwd=tmp_path), 0, "folder     .:")
    assert_says(seedbed("doctor", "a", "b"), 2, "one DIR")


def test_more_ranks_than_cores_are_a_warning(seedbed, tmp_path):
    ranks = len(os.sched_getaffinity(0)) + 1
    ended = seedbed("doctor", tmp_path, ranks=ranks)
    assert_says(ended, 0, f"{ranks} ranks x 1 threads on {ranks - 1} core")
    assert levels(ended, "node") == ["warn"]


def test_ranks_that_are_bound_to_one_core_are_a_warning(binary, tmp_path):
    one = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    ended = run_group(["mpirun", "-n", 2, "--oversubscribe", "--bind-to", "none", *one, binary, "doctor", tmp_path])
    assert_says(ended, 0, "2 ranks x 1 threads on 1 cores")


def test_a_missing_folder_is_bad(seedbed, tmp_path):
    for ranks in (None, 2):
        ended = seedbed("doctor", tmp_path / "nowhere", ranks=ranks)
        assert_says(ended, 1, "nowhere", "No such file")
        assert levels(ended, "folder") == ["bad"]


@mounts
def test_a_read_only_and_a_full_folder_are_bad(seedbed, tmp_path):
    with disk(tmp_path / "disk", 64) as folder:
        ended = seedbed("doctor", folder)
        assert_says(ended, 1, "tmpfs", "No space left", "free space")
        assert levels(ended, "folder") == ["warn", "bad"] and entries(folder) == []
        remount(folder, "ro")
        assert_says(seedbed("doctor", folder), 1, "Read-only file system", "name another folder")


@mounts
def test_a_full_temporary_folder_is_a_warning(seedbed, tmp_path):
    with disk(tmp_path / "disk", 8) as folder:
        environment = {**engine_environment(), "TMPDIR": str(folder), "OMPI_MCA_orte_tmpdir_base": str(tmp_path)}
        ended = seedbed("doctor", tmp_path, env=environment)
        assert_says(ended, 0, "no room to share data", folder, "TMPDIR")
        assert levels(ended, "node") == ["warn"] and entries(folder) == []


def test_a_file_system_that_refuses_other_ranks_is_a_warning(seedbed, tmp_path, preload):
    ended = seedbed("doctor", tmp_path, ranks=2, env=preload("no_independent_writes"))
    assert_says(ended, 0, "rank 0 writes for all")
    assert levels(ended, "MPI-IO") == ["warn"] and entries(tmp_path) == []


def test_a_file_system_without_locks_is_a_warning(seedbed, tmp_path, preload):
    ended = seedbed("doctor", tmp_path, env=preload("no_locks"))
    assert_says(ended, 0, "only one run")
    assert levels(ended, "locks") == ["warn"]
