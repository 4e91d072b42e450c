"""Curvature, gradients, reduction and weights as the analyses tell them, found again with h5py and NumPy alone."""

import json

import h5py
import numpy as np
import pytest
from command_line import TINY
from seedbed_analysis import command

SWEEP = """
name: metrics
data: {source: glyphs, train_size: 100, test_size: 60, label_noise: {kind: symmetric, rate: 0.1}}
model: {kind: mlp, hidden: [12, 8], activation: tanh}
train: {epochs: 6, batch_size: 20, loss: mse_logits, optimizer: {kind: sgd, momentum: 0},
        reduction: {when: start, every: 2, keep: 0.3}}
grid:
  - {seed: 0..2, train.learning_rate: [0.02, 0.05], train.reduction.by: [none, random]}
  - {seed: [0], train.learning_rate: [1e6], train.reduction.by: [none]}
metrics:
  curvature: {at: [init, end], every: 3, samples: 40, probes: 3}
  gradients: {at: [init, end], samples: 40}
  reduction: {}
  weights: {at: [init, end], every: 3}
"""


@pytest.fixture(scope="module")
def path(seedbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "metrics.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "metrics.yaml", "-o", folder / "metrics.h5")
    assert ended.returncode == 0 and "12 done, 1 diverged" in ended.stderr, ended.stderr
    return folder / "metrics.h5"


@pytest.fixture(scope="module")
def file(path):
    with h5py.File(path, "r") as opened:
        yield opened


def rows_of(path, folder, name, *options):
    """The first table of an analysis, as JSON has it; what it noted."""
    assert command.main([name, str(path), "-o", str(folder), "--no-figures", *options]) == 0
    found = json.loads((folder / f"{name}.json").read_text())
    return found["tables"][name], found["notes"]


def trials_of(file, row):
    chosen = np.ones(len(file["trial"]), bool)
    for axis in set(row) & set(file["trials"]):
        values = file[f"trials/{axis}"][()]
        if axis in file.attrs["axes"].split():
            chosen &= np.array([one.decode() if isinstance(one, bytes) else one for one in values]) == row[axis]
    return np.flatnonzero(chosen)


def place(file, metric, point):
    return [one.decode() for one in file[f"{metric}_point"][()]].index(point)


def near(found, values, tolerance=1e-9):
    """Whether a mean is that of what is not absent among the values."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    assert (found is None) == (len(values) == 0)
    assert found is None or found == pytest.approx(values.mean(), rel=tolerance, abs=tolerance)


def test_eigenvalues_trace_and_the_edge_of_stability(file, path, tmp_path):
    rows, notes = rows_of(path, tmp_path, "curvature")
    assert {row["point"] for row in rows} == {"init", "epoch 3", "epoch 6", "end"}
    for row in rows:
        at, trials = place(file, "curvature", row["point"]), trials_of(file, row)
        near(row["largest"], file["curvature/eigenvalue"][:, at, 0][trials])
        near(row["smallest"], file["curvature/smallest"][:, at][trials])
        near(row["trace"], file["curvature/trace"][:, at][trials])
        assert row["edge"] == pytest.approx(2 / row["train.learning_rate"])
        near(row["ratio"], file["curvature/eigenvalue"][:, at, 0][trials] * row["train.learning_rate"] / 2)
        assert not row["largest_low"] or row["largest_low"] <= row["largest"] <= row["largest_high"]
    assert not any("no edge" in note for note in notes)


def test_an_optimizer_that_is_not_plain_has_no_edge(population, tmp_path):
    rows, notes = rows_of(population, tmp_path, "curvature")
    assert all(row["edge"] is None and row["ratio"] is None for row in rows) and any("no edge" in note for note in notes)


def test_gradients_at_each_point(file, path, tmp_path):
    rows, _ = rows_of(path, tmp_path, "gradients", "--group", "by")
    assert len(rows) == 4
    for row in rows:
        at, trials = place(file, "gradients", row["point"]), trials_of(file, row)
        norms = file["gradients/norm"][:, at][trials]
        near(row["mean_norm"], norms.mean(axis=1), 1e-6)
        for name in ("mean_cosine", "confusion", "coherence", "noise_scale", "signal_to_noise", "mean_norm_clean", "mean_norm_flipped"):
            near(row[name], file[f"gradients/{name}"][:, at][trials])


def test_accuracy_before_and_after_samples_were_left_out(file, path, tmp_path):
    rows, notes = rows_of(path, tmp_path, "reduction")
    done = file["trials/outcome"][()] == 1
    assert len(rows) == 4 and "1 of 13 trials have no end (1 diverged)" in notes
    for row in rows:
        trials = [trial for trial in trials_of(file, row) if done[trial]]
        epochs = file["reduction/chosen_epoch"][()][trials]
        chose = epochs[:, 0] >= 0
        before, after = file["reduction/test_accuracy_before"][()][trials, 0], file["trials/test_accuracy"][()][trials]
        near(row["before"], before)
        near(row["after"], after)
        near(row["change"], after - before)
        assert row["reduced"] == chose.sum() == (3 if row["train.reduction.by"] == "random" else 0)
        kept = [file["reduction/kept_count"][trial][epoch >= 0][-1] for trial, epoch in zip(trials, epochs) if (epoch >= 0).any()]
        near(row["kept"], kept)
        assert kept == [30] * len(kept)


def test_a_sweep_that_keeps_all_samples_has_no_reduction(seedbed, tmp_path, capsys):
    (tmp_path / "tiny.yaml").write_text(f"{TINY}metrics: {{reduction: {{}}}}\n")
    assert seedbed("run", tmp_path / "tiny.yaml", "-o", tmp_path / "tiny.h5").returncode == 0
    assert command.main(["reduction", str(tmp_path / "tiny.h5"), "--no-figures"]) == 1
    assert "no trial of the sweep leaves samples out" in capsys.readouterr().err


def test_lengths_and_distances_of_tensors(file, path, tmp_path):
    rows, _ = rows_of(path, tmp_path, "weights", "--group", "learning_rate", "--where", "learning_rate < 1")
    names = [one.decode() for one in file["weights/layout_name"][()]]
    assert len(rows) == 2 * 4 * len(names) == 48
    for row in rows:
        index = names.index(row["tensor"])
        start = file["weights/layout_offset"][index]
        size = np.prod(file["weights/layout_dimensions"][index][: file["weights/layout_rank"][index]])
        at, trials = place(file, "weights", row["point"]), trials_of(file, row)
        own = file["weights/parameters"][:, :, start : start + size][trials].astype(float)
        near(row["norm"], np.linalg.norm(own[:, at], axis=1))
        moved, length = np.linalg.norm(own[:, at] - own[:, 0], axis=1), np.linalg.norm(own[:, 0], axis=1)
        near(row["distance"], [] if row["point"] == "init" else moved)
        near(row["relative"], [] if row["point"] == "init" or not length.all() else moved / length)
        assert row["place"] == (0 if row["tensor"].endswith("bias") else int(row["tensor"][5]))


def test_a_figure_of_each_is_drawn(path, tmp_path):
    for name in ("curvature", "gradients", "reduction", "weights"):
        assert command.main([name, str(path), "-o", str(tmp_path)]) == 0
        assert all((tmp_path / f"{name}.{kind}").stat().st_size > 2000 for kind in ("png", "svg"))
