"""seedbed-analysis reproduce: each verdict comes from the file's own numbers, found here again with h5py alone."""

import json

import h5py
import numpy as np
import pytest
from conftest import run_group

SWEEPS = {
    "memorization": """
name: memorization
data: {source: glyphs, train_count: 300, test_count: 100, label_noise: {kind: symmetric, rate: 0}}
model: {kind: mlp, hidden: [64]}
train: {epochs: 30, batch_size: 20, optimizer: adam, learning_rate: 2e-3}
grid:
  seed: 0..1
  data.label_noise.rate: [0, 0.2, 0.4]
  train.loss: [cross_entropy, {kind: rll, alpha: 0.1}, {kind: rll, alpha: 0.45}]
metrics: {memorization: {at: [end]}}
""",
    "area": """
name: area
data: {source: glyphs, train_count: 200, test_count: 200}
model: {kind: mlp, hidden: [32], init: {scale: 1}}
train: {epochs: 60, batch_size: 20, learning_rate: 0.05, stop: {separated: true}}
grid: {seed: 0..2, model.init.scale: [0.5, 1, 3]}
metrics: {margins: {at: [separated], normalise: [all]}}
""",
    "consistency": """
name: consistency
data: {source: glyphs, train_count: 400, test_count: 100}
model: {kind: mlp, hidden: [16]}
train: {epochs: 3, batch_size: 20, learning_rate: 0.05}
grid: [{seed: 0..3, seeds.init: [seed]}, {seed: 1..3, seeds.init: [0]}]
metrics: {margins: {at: [end]}}
""",
    "loss": """
name: loss
data: {source: glyphs, train_count: 200, test_count: 300, label_noise: {kind: symmetric, rate: 0.3}}
model: {kind: mlp, hidden: [16]}
train: {epochs: 25, batch_size: 20, optimizer: adam, learning_rate: 5e-3}
grid: {seed: 0..2, model.hidden: [[8], [128]]}
metrics: {sample_loss: {at: [init], every: 1}}
""",
}


@pytest.fixture(scope="module")
def files(seedbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduce")
    for name, text in SWEEPS.items():
        (folder / f"{name}.yaml").write_text(text)
        ended = seedbed("run", folder / f"{name}.yaml", "-o", folder / f"{name}.h5")
        assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture(scope="module")
def judge(tools, files):
    """judge("D", "memorization") -> {claim: row}"""

    def run(paper, *names):
        ended = run_group([tools / "seedbed-analysis", "reproduce", paper, *(files / f"{name}.h5" for name in names), "--json"])
        assert ended.returncode == 0, ended.stderr
        return {row["claim"]: row for row in json.loads(ended.stdout)["claims"]}

    return run


def values(path, *names):
    with h5py.File(path) as file:
        return [np.asarray(file[name].asstr()[...] if file[name].dtype.kind == "O" else file[name][...]) for name in names]


def as_text(column):
    return np.array([one.decode() if isinstance(one, bytes) else str(one) for one in column])


def test_memorization(files, judge):
    found = judge("D", "memorization")
    j1, j2, index, loss, rate = values(
        files / "memorization.h5", "memorization/observed_accuracy", "memorization/true_accuracy", "memorization/index",
        "trials/train.loss", "trials/data.label_noise.rate",
    )
    loss = as_text(loss)
    judged = np.isin(rate, [0.2, 0.4])
    cross_entropy = index[(loss == "cross_entropy") & judged, -1]
    assert found["D1 cross_entropy"]["value"] == pytest.approx(cross_entropy.mean(), abs=1e-12)
    assert found["D1 cross_entropy"]["verdict"] == ("holds" if cross_entropy.mean() >= 0.95 else "does not hold")

    def worst(name):
        clean = j2[(loss == name) & (rate == 0), -1].max()
        at = {one: (loss == name) & (rate == one) for one in (0.2, 0.4)}
        return max(index[rows, -1].mean() for rows in at.values()), max(100 * (clean - j2[rows, -1].mean()) for rows in at.values())

    robust = [name for name in sorted(set(loss)) if "rll" in name and j1[loss == name, -1].min() >= 0.3]
    assert robust
    resists, below = min((worst(name) for name in robust), key=lambda one: max(one[0] - 0.1, (one[1] - 2) / 100))
    assert found["D2 resists"]["value"] == pytest.approx(resists, abs=1e-12)
    assert found["D2 right"]["value"] == pytest.approx(below, abs=1e-9)
    assert found["D2 right"]["verdict"] == ("holds" if below <= 2 else "does not hold")
    assert found["D4 nmse"]["verdict"] == found["D5 high noise"]["verdict"] == "not measured"


def test_area(files, judge):
    found = judge("E", "consistency", "area")["E2 area"]
    assert found["file"].endswith("area.h5"), "the first file that has what is needed"
    accuracy, separated, epochs = values(files / "area.h5", "trials/test_accuracy", "margins/epoch", "trials/epochs_run")
    there = separated[:, 0] == epochs
    assert there.sum() >= 5

    def ranks(column):
        return np.array([np.mean(np.flatnonzero(np.sort(column) == one)) for one in column])

    correlations = []
    for kind in ("", "_frobenius", "_last_layer", "_spectral", "_input_gradient"):
        (area,) = values(files / "area.h5", f"margins/train_area{kind}")
        correlations.append(np.corrcoef(ranks(area[there, 0]), ranks(accuracy[there]))[0, 1])
    assert found["value"] == pytest.approx(max(correlations), abs=1e-9)
    assert found["value_low"] < found["value"] < found["value_high"] + 1e-12


def test_consistency(files, judge):
    found = judge("E", "consistency")
    (margins,) = values(files / "consistency.h5", "margins/train")
    lowest = [set(np.argsort(one[0], kind="stable")[:4]) for one in margins]
    init = [0, 1, 2, 3, 0, 0, 0]  # seeds of the initial weights: 0..3, then those of seed 0 three times
    order = [0, 1, 2, 3, 1, 2, 3]

    def ratio(same_init):
        overlaps = [
            len(lowest[a] & lowest[b]) / len(lowest[a] | lowest[b])
            for a in range(7) for b in range(a) if (init[a] == init[b]) == same_init and order[a] != order[b]
        ]
        return np.mean(overlaps) / (4 / (2 * 400 - 4)), len(overlaps)

    for claim, same_init in (("E4 consistency", False), ("E4 same init", True)):
        expected, count = ratio(same_init)
        assert (found[claim]["value"], found[claim]["n"]) == (pytest.approx(expected, rel=1e-5), count)


def test_loss(files, judge):
    found = judge("A", "loss")
    hidden, losses, accuracy, right = values(
        files / "loss.h5", "trials/model.hidden", "sample_loss/test", "sample_loss/test_accuracy", "curves/train_accuracy"
    )
    rises, shares, tops = [], [], []
    for row in np.flatnonzero(as_text(hidden) == "[128]"):
        whole = np.flatnonzero(right[row] == 1)
        last = (whole[0] - 1) if len(whole) else losses.shape[1] - 1
        best = int(np.argmin(losses[row, : last + 1].astype(float).mean(axis=1)))
        change = losses[row, last].astype(float) - losses[row, best].astype(float)
        rises.append(change.mean())
        shares.append(np.mean(change > 1e-3))
        worst = np.sort(change)[::-1][: int(np.ceil(0.05 * len(change)))]
        if change.max() > 0:
            tops.append(worst.sum() / change[change > 0].sum())
    assert found["A1 few"]["value"] == pytest.approx(np.mean(shares), abs=1e-9)
    assert found["A1 concentrated"]["value"] == pytest.approx(np.mean(tops), rel=1e-5)
    assert f"mean rise {np.mean(rises):.3g}" in found["A1 median"]["remark"]


def test_strict_fails_where_a_bar_does(tools, files):
    command = [tools / "seedbed-analysis", "reproduce", "E", files / "area.h5"]
    assert run_group(command).returncode == 0
    strict = run_group([*command, "--strict"])
    assert strict.returncode == 1 and "not measured" in strict.stdout and "Traceback" not in strict.stderr


def test_files_that_hold_nothing(tools, files, tmp_path):
    ended = run_group([tools / "seedbed-analysis", "reproduce", "B", files / "area.h5"])
    assert ended.returncode == 0 and "the sweep has no 'interpolation' among its metrics" in ended.stdout
    ended = run_group([tools / "seedbed-analysis", "reproduce", "B", tmp_path / "none.h5"])
    assert ended.returncode == 1 and ended.stderr.strip().endswith("none.h5: no such file")
