"""Trials as a table and groups as lazy xarray Datasets: committed rows, aligned, also while another process writes."""

import h5py
import numpy as np
import pandas
import pytest
from results_file import STATES, write_results
from seedbed_analysis import ResultsError, groups, lazy, open_results, style
from seedbed_analysis.trials import expand

TRIALS, SAMPLES = 8, 30


@pytest.fixture
def margins():
    return np.random.default_rng(4).normal(size=(TRIALS, 2, SAMPLES)).astype(np.float32)


@pytest.fixture
def path(tmp_path, margins):
    axes = {"seed": np.tile([0, 1], 4), "train.loss": np.repeat(["mse", "rll"], 4),
            "data.label_noise.rate": np.tile(np.repeat([0.0, 0.4], 2), 2)}
    return str(write_results(tmp_path / "results.h5", margins, axes))


def commit(path, trial, state="committed"):
    with h5py.File(path, "r+") as file:
        file["trials/state"][trial] = STATES[state]


def test_trials_are_a_data_frame_labelled_by_number(path):
    commit(path, 3, "running")
    with open_results(path) as results:
        assert isinstance(results.trials, pandas.DataFrame)
        assert list(results.trials.index) == [0, 1, 2, 4, 5, 6, 7]
        assert results.trials.loc[4, "train.loss"] == "rll"
        assert results.trials.groupby("train.loss").size().to_dict() == {"mse": 3, "rll": 4}


def test_a_query_takes_an_axis_by_the_end_of_its_key(path):
    wanted = 0.4  # noqa: F841 - the query finds it by @wanted
    with open_results(path) as results:
        trials = results.trials
        assert list(trials.query("loss == 'rll' and rate == 0.4").index) == [6, 7]
        assert list(trials.query("train.loss == 'rll' and data.label_noise.rate == @wanted and seed == 0").index) == [6]
        assert list(trials.query("`train.loss` != 'rll'").index) == [0, 1, 2, 3]
        assert list(trials.query("loss.str.startswith('r') and rate < 0.1").index) == [4, 5]
        assert list(trials.query("seed == 1").query("loss == 'mse'").index) == [1, 3]


@pytest.mark.parametrize("text, expanded", [
    ("rate == 0.4", "`data.label_noise.rate` == 0.4"),
    ("loss == 'rate'", "`train.loss` == 'rate'"),
    ("loss.str.len() > 3", "`train.loss`.str.len() > 3"),
    ("seed in [1, 2] and not @rate", "seed in [1, 2] and not @rate"),
    ("init == 1", "init == 1"),
])
def test_only_names_of_columns_are_expanded(text, expanded):
    assert expand(text, ["seed", "train.loss", "data.label_noise.rate", "seeds.init", "model.init"]) == expanded


def test_axes_that_change_with_others_tell_nothing():
    """A union of two grids: rate x loss, and one trial with another model, more epochs and a rate of its own."""
    settings = [{"rate": rate, "epochs": 5, "loss": loss, "model": "a"} for rate in (0.1, 1) for loss in ("mse", "rll")]
    settings.append({"rate": 0.1, "epochs": 9, "loss": "mse", "model": "b"})
    axes = ["rate", "epochs", "loss", "model"]
    assert groups.telling(settings, axes) == ["rate", "loss", "model"]
    assert groups.labels(settings, axes)[3:] == ["rate 1, loss rll, model a", "rate 0.1, loss mse, model b"]
    together = [{"loss": loss, "learning_rate": rate, "noise": noise} for loss, rate in (("mse", 0.1), ("rll", 0.2)) for noise in (0, 1)]
    assert groups.telling(together, ["loss", "learning_rate", "noise"]) == ["loss", "noise"], "a name says more than a number"
    assert groups.telling(settings[:1], axes) == [] and groups.labels(settings[:1], axes) == ["all trials"]
    hue, panels = style.facets(settings, axes)
    assert (hue, {name: [value for _, value in members] for name, members in panels.items()}) == (
        "loss", {"rate 0.1, model a": ["mse", "rll"], "rate 1, model a": ["mse", "rll"], "rate 0.1, model b": ["mse"]})


@pytest.mark.parametrize("value, text", [(0.10000, "0.1"), (np.float64(1e-5), "1e-05"), ("{kind: rll, alpha: 0.1}", "rll, alpha 0.1"),
                                        ("[100, 100]", "[100, 100]"), (np.int64(3), "3")])
def test_values_read_as_people_write_them(value, text):
    assert groups.value_text(value) == text


def test_values_of_an_axis_have_an_order():
    assert groups.sorted_values([1.0, 0.1, 10.0, 0.1]) == [0.1, 1.0, 10.0]
    assert groups.sorted_values(["[64, 64, 64]", "[8]", "[16, 16]"]) == ["[8]", "[16, 16]", "[64, 64, 64]"]
    assert groups.sorted_values(["rll", "mse", "rll"]) == ["rll", "mse"]


def test_a_group_is_a_dataset_with_named_dimensions_and_coordinates(path, margins):
    commit(path, 2, "waiting")
    kept = [0, 1, 3, 4, 5, 6, 7]
    with open_results(path) as results:
        data = results["margins"]
        assert data["train"].dims == ("trial", "margins_point", "train_sample")
        assert list(data["trial"].values) == kept and list(data["margins_point"].values) == ["init", "end"]
        assert data["train"].attrs == {"units": "1", "long_name": "margins/train"}
        np.testing.assert_array_equal(data["train"].values, margins[kept])
        np.testing.assert_array_equal(data["train"].sel(trial=[6, 3], margins_point="end").values, margins[[6, 3], 1])
        np.testing.assert_array_equal(data["train"].isel(trial=-1, train_sample=[7, 2, 29]).values, margins[7][:, [7, 2, 29]])
        np.testing.assert_array_equal(data["train"].isel(train_sample=slice(3, 20, 4)).values, margins[kept][:, :, 3:20:4])
        np.testing.assert_array_equal(data["train"].isel(train_sample=[], trial=[1]).values, margins[[1]][:, :, :0])
        by_loss = data["train"].sel(margins_point="end").mean("train_sample").groupby("train.loss").mean()
        np.testing.assert_allclose(by_loss.sel({"train.loss": "rll"}), margins[4:, 1].mean(axis=1).mean(), rtol=1e-5)


def test_datasets_read_only_what_is_asked_for(path, monkeypatch):
    read = []
    whole = lazy.LazyArray._read
    monkeypatch.setattr(lazy.LazyArray, "_read", lambda self, key: read.append(key) or whole(self, key))
    with open_results(path) as results:
        data = results["margins"]
        assert not read
        chosen = data["train"].sel(trial=5, margins_point="end")
        assert not read
        assert chosen.values.shape == (SAMPLES,) and len(read) == 1
        assert read[0][:2] == (5, 1)


def test_a_selection_holds_in_every_group(path, margins):
    with open_results(path) as results:
        for chosen in (results.where("loss == 'rll' and rate == 0.4"), results.where(results.trials.query("loss == 'rll' and rate > 0")),
                       results.where([7, 6])):
            assert list(chosen.trials.index) == [6, 7] and len(chosen) == 2 and chosen.trial_count == TRIALS
            np.testing.assert_array_equal(chosen["margins"]["train"].values, margins[6:])
            np.testing.assert_array_equal(chosen["margins/train"][...], margins[6:])
            assert chosen["curves"]["test_loss"].sizes["trial"] == 2
            np.testing.assert_array_equal(chosen["curves"]["test_loss"].values, results["curves/test_loss"][6:])
        assert list(results.where("loss == 'rll'").where("seed == 0").trials.index) == [4, 6]
        assert len(results) == TRIALS


@pytest.mark.parametrize("query", ["depth == 3", "seed ==", "loss = 'rll'", "seed + 1"])
def test_a_selection_that_means_nothing_gets_one_line(path, query):
    with open_results(path) as results:
        with pytest.raises(ResultsError, match="axes: seed, train.loss, data.label_noise.rate") as caught:
            results.where(query)
    assert "\n" not in str(caught.value)


def test_rows_written_after_opening_are_seen_after_refresh(path, margins):
    commit(path, 5, "running")
    with open_results(path) as results:
        array, chosen = results["margins/train"], results.where("loss == 'rll'")
        np.testing.assert_array_equal(array[4, 1], margins[4, 1])
        descriptor = open(path, "r+b")  # as another process would: behind HDF5's back
        with h5py.File(path, "r") as file:
            place, state = file["margins/train"].id.get_offset() + 5 * 2 * SAMPLES * 4, file["trials/state"].id.get_offset() + 5
        with descriptor:
            descriptor.seek(place)
            descriptor.write(np.full((2, SAMPLES), 77, np.float32).tobytes())
            descriptor.seek(state)
            descriptor.write(bytes([STATES["committed"]]))
        assert len(results) == 7
        results.refresh()
        chosen.refresh()
        assert len(results) == 8 and list(chosen.trials.index) == [4, 6, 7]
        assert np.all(results["margins"]["train"].sel(trial=5) == 77)
        np.testing.assert_array_equal(array[4, 1], margins[4, 1])  # one from before still reads


def test_an_array_named_as_a_dimension_gets_another_name(path):
    with h5py.File(path, "r+") as file:
        for name, dimensions, shape in (("epoch", ("trial", "margins_point"), (TRIALS, 2)), ("index", ("trial", "epoch"), (TRIALS, 4))):
            file[f"memorization/{name}"] = np.zeros(shape)
            for position, dimension in enumerate(dimensions):
                file[f"memorization/{name}"].dims[position].attach_scale(file[dimension])
    with open_results(path) as results:
        data = results["memorization"]
        assert set(data) == {"point_epoch", "index"} and list(data["epoch"].values) == [0, 1, 2, 3]
