"""Files as they are in practice: half written, with failed trials, with one trial, without a metric. An analysis answers with what
it can, or says in one line what is missing; never a traceback, never a warning of NumPy's."""

import json
import shlex
import shutil
import subprocess
import warnings

import h5py
import numpy as np
import pytest
from background import Job, wait_until
from contents import put_text
from results_file import OUTCOMES, STATES, write_results
from seedbed_analysis import ResultsError, command, open_results, pack, style

NAMES = [module.NAME for module in command.ANALYSES]
NEED_TWO = {"consistency", "variance", "pairs"}


def check(capsys, name, path, folder, *options, figures=False):
    """Runs one analysis; a refusal is one line with the analysis' name. -> its JSON, or the line"""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        code = command.main([name, str(path), "-o", str(folder), *options, *([] if figures else ["--no-figures"])])
    printed = capsys.readouterr()
    if code == 0:
        document = json.loads((folder / f"{name}.json").read_text())
        assert printed.out.strip() and any(document["tables"].values())
        return document
    assert code == 1 and len(printed.err.splitlines()) == 1 and printed.err.startswith(f"seedbed-analysis {name}: "), printed.err
    assert not printed.out
    return printed.err.strip()


@pytest.fixture
def copy(population, tmp_path):
    path = tmp_path / "copy.h5"
    shutil.copy(population, path)
    return path


def blank(file, trial):
    """The rows of a trial as those of one that failed before it measured anything."""

    def absent(name, item):
        if isinstance(item, h5py.Dataset) and item.ndim and item.attrs.get("content") in ("row", b"row") and len(item) == 25:
            item[trial] = {"f": np.nan, "i": -1}.get(item.dtype.kind, np.zeros((), item.dtype)[()])

    file.visititems(absent)
    file["trials/outcome"][trial] = OUTCOMES["failed"]
    file["trials/state"][trial] = STATES["committed"]
    put_text(file["trials/message"], trial, b"out of memory")


@pytest.mark.parametrize("name", NAMES)
def test_failed_and_missing_trials_are_left_out_and_counted(copy, tmp_path, capsys, name):
    with h5py.File(copy, "r+") as file:
        file["trials/state"][3] = STATES["running"]
        file["margins/train"][3] = 1e30  # a row that is half written
        file["trials/test_loss"][3] = -7e30
        file["trials/state"][8] = STATES["waiting"]
        for trial in (4, 5):
            blank(file, trial)
        bad = np.isin(file["pairs/first"][()], [3, 4, 5, 8]) | np.isin(file["pairs/second"][()], [3, 4, 5, 8])
        file["pairs/state"][np.flatnonzero(bad)] = STATES["waiting"]
    document = check(capsys, name, copy, tmp_path)
    assert (document["trials"], document["trials_in_sweep"]) == (23, 25)
    assert "e+30" not in json.dumps(document)
    if name not in ("pairs", "compare", "consistency", "stiffness"):
        assert any("2 failed" in note for note in document["notes"]), document["notes"]


@pytest.mark.parametrize("name", NAMES)
def test_one_trial(population, tmp_path, capsys, name):
    found = check(capsys, name, population, tmp_path, "--where", "trial == 0")
    assert isinstance(found, str) == (name in NEED_TWO), found


@pytest.mark.parametrize("name", NAMES)
def test_a_diverged_trial_alone(population, tmp_path, capsys, name):
    found = check(capsys, name, population, tmp_path, "--where", "loss == 'mse_logits'")
    if name == "interpolation":
        assert "nothing was interpolated (1 of 1 trials have no interpolation (1 diverged))" in found


@pytest.mark.parametrize("name", NAMES)
def test_no_trial_yet(copy, tmp_path, capsys, name):
    with h5py.File(copy, "r+") as file:
        file["trials/state"][:] = STATES["waiting"]
        file["pairs/state"][:] = STATES["waiting"]
    assert "no committed trials yet (25 in the sweep)" in check(capsys, name, copy, tmp_path)
    assert "none of the chosen trials" in check(capsys, name, copy, tmp_path, "--where", "seed == 0")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_the_metric(copy, tmp_path, capsys, name):
    with h5py.File(copy, "r+") as file:
        for group in ("margins", "stiffness", "interpolation", "sample_loss", "memorization", "pairs", "curvature", "gradients",
                      "reduction", "weights"):
            del file[group]
    found = check(capsys, name, copy, tmp_path)
    if name in ("compare", "variance"):
        assert {row["metric"] for row in found["tables"][name]} <= {"test_accuracy", "test_loss", "train_accuracy", "train_loss"}
    elif name == "pairs":
        assert "the sweep compared no pairs" in found
    else:
        group = "margins" if name == "consistency" else name.replace("-", "_")
        assert f"the sweep has no '{group}' among its metrics" in found


SLOW = """
name: slow
data: {source: glyphs, train_size: 400, test_size: 100, label_noise: {kind: symmetric, rate: 0.2}}
model: {kind: mlp, hidden: [32]}
train: {epochs: 60, batch_size: 20, learning_rate: 0.05, reduction: {by: random, keep: 0.5}}
grid: {seed: 0..1999, train.loss: [cross_entropy, mse]}
metrics:
  margins: {at: [end]}
  memorization: {at: [end]}
  sample_loss: {every: 20}
  interpolation: {points: 5, samples: 50}
  stiffness: {at: [end], samples: 20}
  weights: {at: [end]}
  curvature: {at: [end], samples: 20, probes: 0, iterations: 10}
  gradients: {at: [end], samples: 20}
  reduction: {}
pairs: [{across: train.loss}]
"""


def test_while_the_sweep_writes(binary, tmp_path, capsys):
    (tmp_path / "slow.yaml").write_text(SLOW)
    path = tmp_path / "slow.h5"
    with Job([binary, "run", tmp_path / "slow.yaml", "-o", path, "--order", "fifo"]) as job:
        assert wait_until(path.exists, timeout=60), job.output()

        def committed(least):
            with open_results(path) as results:
                return len(results) >= least

        assert wait_until(lambda: committed(6), timeout=120, pause=0.05), job.output()
        for name in NAMES:
            found = check(capsys, name, path, tmp_path / "out")
            assert job.running(), "the sweep ended before the test: make it longer"
            if isinstance(found, str):
                assert name == "pairs" and "no committed pairs yet" in found
            else:
                assert found["trials"] >= 6 and found["trials_in_sweep"] == 4000


def test_every_figure_is_drawn_in_both_forms(population, tmp_path, capsys, monkeypatch):
    """Of a part of the trials and coarse, to be quick: every analysis' figures are files with something in them."""
    monkeypatch.setitem(style.STYLE, "savefig.dpi", 40)
    drawn = set()
    for name in NAMES:
        check(capsys, name, population, tmp_path / name, "--where", "loss == 'mse' and rate == 0.3", figures=True)
        made = {path.name for path in (tmp_path / name).iterdir()}
        assert {one[:-4] for one in made if one.endswith(".png")} == {one[:-4] for one in made if one.endswith(".svg")}
        assert all((tmp_path / name / one).stat().st_size > 1500 for one in made if one.endswith((".png", ".svg")))
        drawn |= {one[:-4] for one in made if one.endswith(".png")}
    assert drawn >= {"overlap-by-size", "margins-distribution", "margins-area", "margins-variation", "stiffness-classes", "stiffness-epochs",
                     "stiffness-distance", "interpolation-loss", "interpolation-error", "interpolation-plateaus", "interpolation-order",
                     "interpolation-layers-error", "sample-loss-quantiles", "sample-loss-split", "sample-loss-concentration",
                     "memorization-curves", "memorization-index", "variance", "pairs-barriers", "pairs-paths", "compare-test_accuracy",
                     "curvature", "gradients", "reduction", "weights"}


@pytest.mark.parametrize("arguments, message", [
    (["margins", "--point", "epoch 7"], "margins was not measured at 'epoch 7'; at init"),
    (["margins", "--where", "loss = 3"], 'the selection "loss = 3" cannot be understood'),
    (["compare", "--metric", "speed"], "/trials has no number 'speed'; it has"),
    (["compare", "--metric", "margins/train"], "has a value for each train_sample: pick one"),
    (["compare", "--metric", "margins/speed"], "there is no 'margins/speed' in /margins; there is"),
    (["compare", "--metric", "margins/train_area@epoch 7"], "margins_point has no 'epoch 7'; it has init"),
    (["compare", "--metric", "interpolation/mode_error_plateau[mode=curved]"], "interpolation_mode has no 'curved'; it has linear"),
    (["compare", "--metric", "interpolation/mode_error_plateau[way=linear]"], "no dimension 'way'"),
    (["compare", "--axis", "depth"], "no axis 'depth'; the sweep varied seed"),
    (["stiffness", "--pair", "mixed"], "no pairs of kind 'mixed'; the sweep measured train, held_out"),
    (["sample-loss", "--part", "validation"], "sample_loss has no part 'validation'; it has train, test"),
    (["consistency", "--point", "separated", "--where", "rate > 0 and loss == 'mse'"], "needs two trials"),
])
def test_a_wrong_question_gets_one_line(population, tmp_path, capsys, arguments, message):
    assert message in check(capsys, arguments[0], population, tmp_path, *arguments[1:])


def test_the_script_runs_from_any_folder(tools, population, tmp_path):
    words = [tools / "seedbed-analysis", "compare", population, "--no-figures", "--group", "loss"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert ended.returncode == 0 and ended.stdout.splitlines()[0].startswith("train.loss"), ended.stderr
    assert (population.parent / "population-compare/compare.csv").is_file()


def test_the_commands_of_the_tour_run(root, population, tmp_path, capsys):
    """Every line of docs/analysis.md that calls seedbed-analysis, on a file that has all that it asks for."""
    lines = [line.split("#")[0] for line in (root / "docs/analysis.md").read_text().splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("tools/seedbed-analysis ")]
    assert {words[0] for words in commands} >= {*NAMES, "pack", "report"}
    for words in commands:
        words = [str(population) if word.endswith("results.h5") else word for word in words]
        if words[0] not in ("pack", "report"):
            check(capsys, words[0], population, tmp_path, *words[2:])
            assert (tmp_path / f"{words[0]}.json").is_file(), words


@pytest.mark.skipif(shutil.which("h5repack") is None, reason="h5repack is not installed: nothing is packed")
def test_a_packed_copy_has_every_value(population, tmp_path, capsys):
    target = tmp_path / "small.h5"
    assert command.main(["pack", str(population), str(target)]) == 0
    assert "every value, type, attribute and dimension is the same" in capsys.readouterr().out
    assert target.stat().st_size < 0.8 * population.stat().st_size and list(tmp_path.iterdir()) == [target]
    with h5py.File(target, "r") as file, open_results(target) as results:
        assert file["stiffness/gram"].compression == "gzip" and file["stiffness/gram"].chunks[1:] == file["stiffness/gram"].shape[1:]
        assert len(results) == 25 and results["margins"]["train"].dims == ("trial", "margins_point", "train_sample")
    assert command.main(["pack", str(population), str(target)]) == 1
    assert "exists; nothing was overwritten" in capsys.readouterr().err


def spoil_value(file):
    file["margins/train"][7, 1, 3] += np.float32(1e-6)


def spoil_sign_of_zero(file):
    file["curves/test_loss"][0, 0] = -0.0


def spoil_attribute(file):
    file["margins/train"].attrs["units"] = "2"


def spoil_dimension(file):
    file["curves/test_loss"].dims[1].detach_scale(file["epoch"])


def spoil_dataset(file):
    del file["curves/test_loss"]


@pytest.mark.parametrize("spoil, what", [
    (spoil_value, "values of margins/train"), (spoil_sign_of_zero, "values of curves/test_loss"),
    (spoil_attribute, "attributes or dimensions of margins/train"), (spoil_dimension, "attributes or dimensions of curves/test_loss"),
    (spoil_dataset, "datasets: curves/test_loss")])
def test_a_copy_that_differs_is_refused_and_removed(tmp_path, monkeypatch, spoil, what):
    original = write_results(tmp_path / "small.h5", np.zeros((8, 2, 5)), {"seed": np.arange(8)})
    with h5py.File(original, "r+") as file:
        file["curves/test_loss"][0, 0] = 0.0

    def repack(source, target, level):
        shutil.copy(source, target)
        with h5py.File(target, "r+") as file:
            spoil(file)

    monkeypatch.setattr(pack, "repack", repack)
    with pytest.raises(ResultsError, match=what):
        pack.pack(original, tmp_path / "out.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["small.h5"]


@pytest.mark.parametrize("shape, size, expected", [((40, 3, 60000), 4, (1, 3, 60000)), ((1000,), 8, (1000,)), ((5, 10**7), 4, (1, 262144)),
                                                  ((7, 2, 100), 4, (7, 2, 100)), ((1000, 300, 100), 4, (8, 300, 100))])
def test_chunks_are_whole_rows_of_at_most_a_megabyte(shape, size, expected):
    assert pack.chunk(shape, size) == expected
