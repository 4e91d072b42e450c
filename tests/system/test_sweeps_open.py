"""Every file that a sweep of the project makes opens with h5py, xarray, h5dump and ncdump, whole: each sweep is run small, with all that
it measures."""

import re
import shutil
import subprocess
import warnings

import h5py
import numpy as np
import pytest
import yaml
from contents import all_datasets
from small_sweeps import SLOW, SWEEPS, small_sweep, write_sets

xarray = pytest.importorskip("xarray", reason="xarray is not installed: no file is read with it")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sweeps")
    write_sets(made)
    return made


@pytest.fixture(scope="module", params=SWEEPS, ids=lambda path: path.stem)
def sweep(request):
    return request.param


@pytest.fixture(scope="module")
def results(seedbed, folder, sweep):
    """The file of the sweep at hand, small. Whatever diverges, no trial may fail."""
    (folder / sweep.name).write_text(small_sweep(sweep, folder))
    path = folder / f"{sweep.stem}-results.h5"
    ended = seedbed("run", folder / sweep.name, "-o", path)
    assert ended.returncode == 0, ended.stderr
    yield path
    path.unlink()


def engines():
    """xarray's ways to read netCDF-4 that are installed."""
    return [name for name in ("h5netcdf", "netcdf4") if name in xarray.backends.list_engines()]


def groups_of(path):
    with h5py.File(path, "r") as file:
        return [name for name, item in file.items() if isinstance(item, h5py.Group)]


def test_there_is_something_to_read_with():
    assert "h5netcdf" in engines()


def test_it_records_what_the_sweep_names(results, sweep):
    asked = yaml.safe_load(sweep.read_text()).get("metrics", {})
    with h5py.File(results, "r") as file:
        committed = file["trials/state"][()] == h5py.check_enum_dtype(file["trials/state"].dtype)["committed"]
        assert committed.all() and set(asked) <= set(file)
        for metric, settings in asked.items():
            points = [one.decode() for one in file[f"{metric}_point"][()]]
            named = settings.get("at", ["end"]) + [f"epoch {one}" for one in settings.get("epochs", [])]
            named += [f"loss {one:g}" for one in settings.get("loss", [])]
            assert set(named) <= set(points) and len(points) == len(set(points))
            stopped = any(word in sweep.read_text() for word in SLOW)
            assert stopped or not settings.get("every") or sum(one.startswith("epoch ") for one in points) > 1
            came = file[f"{metric}/epoch"][()] >= 0
            assert all(came[:, points.index(one)].any() for one in points if one in ("init", "end"))


def test_h5py_reads_every_dataset(results):
    with h5py.File(results, "r") as file:
        for name, dataset in all_datasets(file).items():
            values = np.asarray(dataset[()])
            assert values.shape == dataset.shape, name
            assert all(len(dimension) == 1 for dimension in dataset.dims) or h5py.h5ds.is_scale(dataset.id), name


@pytest.mark.parametrize("engine", engines())
def test_xarray_reads_every_group(results, engine):
    with h5py.File(results, "r") as file:
        shapes = {name: tuple(dimension[0].name[1:] for dimension in one.dims)
                  for name, one in all_datasets(file).items() if "/" in name}
    for group in [None, *groups_of(results)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of xarray itself, at times that are absent
            with xarray.open_dataset(results, group=group, engine=engine) as opened:
                opened.load()
        for name, variable in opened.data_vars.items():
            letters = [one for one in shapes[f"{group}/{name}"] if one.startswith("letter_")]
            assert variable.dims == tuple(one for one in shapes[f"{group}/{name}"] if one not in letters)
            assert not letters or all(isinstance(one, str) for one in variable.values.flat)
        assert group or {name for names in shapes.values() for name in names} <= set(opened.coords)


def test_the_package_reads_every_group(results):
    from seedbed_analysis import open_results

    with open_results(results) as opened:
        assert len(opened) == opened.trial_count > 0
        for group in opened.groups():
            data = opened[group].load()
            assert not any(name.startswith("letter_") for name in data.dims)
        assert set(opened.trials["host"]) != {""}


def printed(*words):
    """What a program says of a file, which must be all well."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, ""), f"{words[:2]}: {ended.returncode} {ended.stderr}"
    return ended.stdout


def test_h5dump_prints_it(results):
    header, whole = printed("h5dump", "-H", results), printed("h5dump", results)
    with h5py.File(results, "r") as file:
        for name in all_datasets(file):
            assert f'DATASET "{name.split("/")[-1]}"' in header
    assert whole.count('DATASET "') == header.count('DATASET "') and len(whole) > len(header)


def test_ncdump_prints_it_with_dimensions_and_coordinates(results):
    header, whole = printed("ncdump", "-h", results), printed("ncdump", results)
    declared = set(re.findall(r"^[ \t]+\S+ (\S+(?:\(.*\))?) ;$", header, re.MULTILINE))
    valued = set(re.findall(r"^[ \t]+(\S+) =", whole, re.MULTILINE))
    with h5py.File(results, "r") as file:
        for name, dataset in all_datasets(file).items():
            own = name.split("/")[-1]
            dimensions = [own] if "/" not in name else [dimension[0].name[1:] for dimension in dataset.dims]
            assert (f"{own}({', '.join(dimensions)})" if dimensions else own) in declared, name
            assert own in valued, name
    assert "phony" not in header
    assert re.search(r'^ \w+_point = "', whole, re.MULTILINE) or "_point" not in header
