"""xarray, ncdump and h5dump read a results file with named dimensions, units and descriptions."""

import shutil
import subprocess

import h5py
import numpy as np
import pytest
from contents import all_datasets

xarray = pytest.importorskip("xarray", reason="xarray is not installed: the file is not read with it")
pytest.importorskip("h5netcdf", reason="h5netcdf is not installed: the file is not read with it")


def groups_of(path):
    with h5py.File(path, "r") as file:
        return [name for name, item in file.items() if isinstance(item, h5py.Group)]


def open_group(path, group):
    return xarray.open_dataset(path, group=group, engine="h5netcdf")


def test_the_expected_groups_are_there(small_results):
    wanted = {"sweep", "provenance", "sessions", "trials", "curves", "dataset", "margins", "weights"}
    assert wanted <= set(groups_of(small_results))


def test_every_group_opens_with_named_dimensions(small_results):
    with h5py.File(small_results, "r") as file:
        scales = {name for name, item in file.items() if isinstance(item, h5py.Dataset)}
    for group in groups_of(small_results):
        with open_group(small_results, group) as opened:
            for name, variable in opened.variables.items():
                assert set(variable.dims) <= scales, f"{group}/{name}: dimensions {variable.dims}"


def test_every_variable_says_its_unit_and_what_it_is(small_results):
    for group in [None, *groups_of(small_results)]:
        with open_group(small_results, group) as opened:
            for name, variable in opened.variables.items():
                attributes = {**variable.attrs, **variable.encoding}
                assert "units" in attributes and "long_name" in attributes, f"{group}/{name}"


def test_described_datasets_have_a_description(small_results):
    with h5py.File(small_results, "r") as file:
        for name, dataset in all_datasets(file).items():
            group = name.partition("/")[0]
            if group not in ("sweep", "provenance"):
                assert np.ravel(dataset.attrs["long_name"])[0], name
            assert np.ravel(dataset.attrs["units"])[0], name


def test_all_datasets_are_seen(small_results):
    with h5py.File(small_results, "r") as file:
        names = set(all_datasets(file))
    for group in groups_of(small_results):
        with open_group(small_results, group) as opened:
            seen = {f"{group}/{name}" for name in opened.variables}
        assert {name for name in names if name.startswith(group + "/")} <= seen


def test_values_are_those_that_h5py_reads(small_results):
    with h5py.File(small_results, "r") as file, open_group(small_results, "curves") as curves:
        assert curves["train_loss"].dims == ("trial", "epoch")
        np.testing.assert_array_equal(curves["train_loss"].values, file["curves/train_loss"][()])
    with h5py.File(small_results, "r") as file, open_group(small_results, "margins") as margins:
        assert margins["train"].dims == ("trial", "margins_point", "train_sample")
        np.testing.assert_array_equal(margins["train"].values, file["margins/train"][()])


def test_trials_can_be_chosen_by_their_axes(small_results):
    with open_group(small_results, "trials") as trials:
        noisy = trials.where(trials["data.label_noise.rate"] > 0, drop=True)
        assert noisy.sizes["trial"] == trials.sizes["trial"] // 2


@pytest.mark.parametrize("tool", ["ncdump", "h5dump"])
def test_command_line_tools_read_the_header(small_results, tool):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    option = "-h" if tool == "ncdump" else "-H"
    ended = subprocess.run([tool, option, small_results], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "train_loss" in ended.stdout and "phony" not in ended.stdout
