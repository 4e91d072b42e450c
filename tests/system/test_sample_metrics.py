"""sample_loss and memorization, found again in NumPy from the recorded weights, indices and labels alone."""

import h5py
import numpy as np
import pytest
from idx_files import read_idx, write_idx_set
from network import axis_text, inputs, logits, losses, margins, recorded_data, recorded_tensors, softmax
from seedbed_analysis import open_results

WHEN = "at: [init, separated, end], every: 1, steps: {log: [1, 20, 4]}"
PARTS = ("train", "test", "validation")

SWEEP = f"""
name: sample-metrics
data: {{source: %s, train_size: %d, test_size: %d, validation_size: 30, label_noise: symmetric}}
model: {{kind: mlp, hidden: [48]}}
train: {{epochs: %d, batch_size: 32, learning_rate: 0.02}}
metrics:
  weights: {{{WHEN}}}
  sample_loss: {{{WHEN}, parts: [train, test, validation]}}
  memorization: {{{WHEN}}}
grid:
  - data.label_noise.rate: [0, 0.3]
    train.loss: [cross_entropy, mse]
    train.batch_size: [32]
  - data.label_noise.rate: [0.3]
    train.loss: [cross_entropy]
    train.batch_size: [100000]
"""


def run(seedbed, folder, data, sizes, epochs):
    (folder / "s.yaml").write_text(SWEEP % (data, *sizes, epochs))
    ended = seedbed("run", folder / "s.yaml", "-o", folder / "s.h5", ranks=2)
    assert ended.returncode == 0, ended.stderr
    return folder / "s.h5"


@pytest.fixture(scope="module")
def small(seedbed, tmp_path_factory):
    """(results file, raw images by part) of a small set written here."""
    folder = tmp_path_factory.mktemp("sample-metrics")
    train, test = write_idx_set(folder / "set", 190, 90)
    with h5py.File(run(seedbed, folder, f"mnist, path: {folder}/set", (150, 60), 25), "r") as file:
        yield file, {"train": train, "test": test, "validation": train}


@pytest.fixture(scope="module")
def real(seedbed, tmp_path_factory, data_folder):
    """The same of MNIST itself."""
    folder = tmp_path_factory.mktemp("sample-metrics-mnist")
    mnist = data_folder / "mnist"
    train, test = (read_idx(mnist / f"{stem}-images-idx3-ubyte.gz") for stem in ("train", "t10k"))
    with h5py.File(run(seedbed, folder, f"mnist, path: {mnist}", (800, 500), 14), "r") as file:
        yield file, {"train": train, "test": test, "validation": train}


@pytest.fixture(scope="module")
def glyphs(seedbed, tmp_path_factory):
    """The drawn set that needs no file: its raw images are not known here."""
    folder = tmp_path_factory.mktemp("sample-metrics-glyphs")
    with h5py.File(run(seedbed, folder, "glyphs", (200, 150), 25), "r") as file:
        yield file, None


@pytest.fixture(params=["small", "real", "glyphs"])
def recorded(request):
    return request.getfixturevalue(request.param)


class Measured:
    """One trial at one measure point: logits and labels of each part, made anew."""

    def __init__(self, file, images, trial, point):
        self.z, self.labels = {}, {}
        tensors = recorded_tensors(file, trial, point)
        for part in PARTS:
            index, self.labels[part], mean, deviation = recorded_data(file, trial, part)
            self.z[part] = logits(tensors, "relu", inputs(images[part], index, mean, deviation))
        variant = file["trials/variant"][trial]
        self.true = file["dataset/train_label"][variant][: len(self.labels["train"])]
        self.loss = {part: losses(axis_text(file, "train.loss", trial), self.z[part], self.labels[part]) for part in PARTS}
        self.norms = [np.sqrt((tensor.astype(np.float64) ** 2).sum()) for tensor in tensors.values()]


@pytest.fixture(scope="module", params=["small", "real"])
def measured(request):
    """(file, {(trial, point): Measured}) of all points that came."""
    file, images = request.getfixturevalue(request.param)
    came = np.argwhere(file["sample_loss/epoch"][()] >= 0)
    return file, {(trial, point): Measured(file, images, trial, point) for trial, point in came}


def assert_near(found, expected, relative, scale=0.0):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    allowed = relative * np.maximum(np.abs(expected), scale)
    assert found.shape == expected.shape and np.all(np.abs(found - expected) <= allowed), np.abs(found - expected).max()


def forward(file):
    """What a forward pass in float32 may be off, of the largest logit: with 35 inputs and 4 classes, or with 784."""
    return 1e-6 if len(file["class"]) == 4 else 1e-5


def scale_of(z):
    return np.abs(z).max(axis=-1)


def test_all_metrics_have_the_same_points_and_enough_of_them(recorded):
    file, _ = recorded
    for name in ("step", "epoch", "train_loss"):
        weights = file[f"weights/{name}"][()]
        for group in ("sample_loss", "memorization"):
            assert np.array_equal(file[f"{group}/{name}"][()], weights, equal_nan=True)
    assert (file["sample_loss/epoch"][()] >= 0).sum(axis=1).min() >= 8
    within = file["sample_loss/step"][()] % -(-file["dataset/train_count"][0] // 32) != 0
    assert within.any()


def test_losses_margins_and_predictions_are_those_of_the_recorded_weights(measured):
    file, every = measured
    for (trial, point), at in every.items():
        for part in PARTS:
            count = len(at.labels[part])
            row = {name: file[f"sample_loss/{part}{name}"][trial, point][:count] for name in ("", "_margin", "_predicted")}
            assert_near(row[""], at.loss[part], forward(file), scale_of(at.z[part]))
            assert_near(row["_margin"], margins(at.z[part], at.labels[part]), 2 * forward(file), scale_of(at.z[part]))
            assert np.array_equal(row["_predicted"], at.z[part].argmax(axis=1))
            assert_near(file[f"sample_loss/{part}_mean"][trial, point], at.loss[part].mean(), 1e-6, 1)
            assert file[f"sample_loss/{part}_accuracy"][trial, point] == np.mean(row["_predicted"] == at.labels[part])
        assert_near(file["sample_loss/tensor_norm"][trial, point], at.norms, 1e-12)


def gini(values):
    """By its definition: the mean difference of two values over twice the mean."""
    return np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean())


def test_figures_of_a_point_are_those_of_its_losses(recorded):
    file, _ = recorded
    for trial, point in np.argwhere(file["sample_loss/epoch"][()] >= 0):
        for part in PARTS:
            loss = np.sort(file[f"sample_loss/{part}"][trial, point].astype(np.float64))
            cell = {name: file[f"sample_loss/{part}_{name}"][trial, point] for name in ("quantile", "gini", "trimmed_mean")}
            assert_near(cell["quantile"], np.quantile(loss, file["sample_loss_quantile"][()]), 1e-12)
            assert_near(cell["gini"], gini(loss), 1e-9)
            assert_near(cell["trimmed_mean"], loss[: len(loss) - int(np.ceil(0.05 * len(loss)))].mean(), 1e-12)


def test_the_best_scale_makes_the_cross_entropy_least(measured):
    file, every = measured
    scales = []
    for (trial, point), at in every.items():
        for part in PARTS:
            z, labels = at.z[part], at.labels[part]
            scale = file[f"sample_loss/{part}_best_scale"][trial, point]
            least = file[f"sample_loss/{part}_best_scale_loss"][trial, point]
            if np.isinf(scale):
                assert np.all(z.argmax(axis=1) == labels) and least < 1e-6
                continue
            scales.append(scale)
            assert_near(least, losses("cross_entropy", scale * z, labels).mean(), 1e-5, 1e-3)
            around = [losses("cross_entropy", s * z, labels).mean() for s in (scale * 0.98, scale * 1.02 + 1e-3)]
            assert least <= min(around) + 1e-7
            assert least <= losses("cross_entropy", z, labels).mean() + 1e-6
    assert min(scales) < 0.9 and max(scales) > 1


def rise_points(file, trial, part):
    """(t*, T) as points in the order of training"""
    step, epochs = file["sample_loss/step"][trial], file["sample_loss/epoch"][trial]
    order = [p for p in np.lexsort((np.arange(len(step)), step)) if epochs[p] >= 0]
    right = [file["sample_loss/train_accuracy"][trial, p] == 1 for p in order]
    upto = order[: right.index(True)] if True in right else order
    mean = file[f"sample_loss/{part}_mean"][trial]
    return (min(upto, key=lambda p: mean[p]), upto[-1])


def test_the_rise_is_that_of_the_recorded_losses(recorded):
    file, _ = recorded
    separated = 0
    for trial in range(len(file["trial"])):
        separated += file["trials/separated_epoch"][trial] >= 0
        for part in PARTS:
            cell = {name: file[f"sample_loss/{part}_{name}"][trial] for name in (
                "best_point", "last_point", "rise", "fraction_rising", "top_share", "rise_split", "split_share")}
            best, last = rise_points(file, trial, part)
            step = file["sample_loss/step"][trial]
            assert step[cell["best_point"]] == step[best] and step[cell["last_point"]] == step[last]
            before, after = (file[f"sample_loss/{part}"][trial, p].astype(np.float64) for p in (best, last))
            rise, n = after - before, len(before)
            mean = file[f"sample_loss/{part}_mean"][trial]
            assert cell["rise"] == mean[last] - mean[best] >= 0
            assert cell["fraction_rising"] == np.mean(after > before + 1e-3)
            falling = -np.sort(-rise)
            positive = falling[falling > 0].sum()
            for share, percent in zip(cell["top_share"], file["sample_loss_top"][()]):
                top = falling[: int(np.ceil(percent / 100 * n))]
                assert np.isnan(share) if positive == 0 else abs(share - top[top > 0].sum() / positive) < 1e-5
            labels = recorded_data(file, trial, part)[1]
            right = [file[f"sample_loss/{part}_predicted"][trial, p] == labels for p in (best, last)]
            clear = np.abs(file[f"sample_loss/{part}_margin"][trial, best]) >= 0.5
            for change in range(4):
                for clarity in range(2):
                    group = (2 * ~right[0] + ~right[1] == change) & (clear == clarity)
                    assert_near(cell["split_share"][change, clarity], group.mean(), 1e-12)
                    assert_near(cell["rise_split"][change, clarity], rise[group].sum() / n, 1e-9, 1)
            assert_near(cell["rise_split"].sum(), cell["rise"], 1e-6, mean[last])
    assert [name.decode() for name in file["sample_loss_change"][()]] == [
        "right_right", "right_wrong", "wrong_right", "wrong_wrong"]
    assert 0 < separated < len(file["trial"])


def shares(predicted, observed, true):
    """{column: value}; NaN of none"""
    flipped = observed != true
    some = flipped.any()
    return {
        "observed_accuracy": np.mean(predicted == observed),
        "true_accuracy": np.mean(predicted == true),
        "flipped_fitted": np.mean((predicted == observed)[flipped]) if some else np.nan,
        "flipped_restored": np.mean((predicted == true)[flipped]) if some else np.nan,
        "unflipped_accuracy": np.mean((predicted == observed)[~flipped]),
    }


def epoch_ends(file, trial):
    """{epoch: point} of the points that end an epoch"""
    names = [name.decode() for name in file["memorization_point"][()]]
    every = {0: names.index("init")} | {int(name[6:]): p for p, name in enumerate(names) if name.startswith("epoch ")}
    return {epoch: p for epoch, p in every.items() if file["memorization/epoch"][trial, p] >= 0}


def test_accuracies_on_both_labels_are_exactly_those_of_the_recorded_weights(measured):
    file, every = measured
    for trial in range(len(file["trial"])):
        ends = epoch_ends(file, trial)
        assert sorted(ends) == list(range(len(file["epoch"])))
        for epoch, point in ends.items():
            at = every[trial, point]
            found = shares(at.z["train"].argmax(axis=1), at.labels["train"], at.true)
            for name, value in found.items():
                assert np.array_equal(file[f"memorization/{name}"][trial, epoch], value, equal_nan=True), (trial, epoch, name)
            eta = np.mean(at.labels["train"] != at.true)
            index = file["memorization/index"][trial, epoch]
            if eta > 0:
                assert_near(index, (found["observed_accuracy"] - (1 - eta)) / eta, 1e-12, 1)
            else:
                assert np.isnan(index)
            assert np.array_equal(file["memorization/predicted"][trial, point], at.z["train"].argmax(axis=1))


def test_what_is_said_of_samples_follows_from_the_recorded_predictions(recorded):
    file, _ = recorded
    for trial in range(len(file["trial"])):
        ends = epoch_ends(file, trial)
        variant = file["trials/variant"][trial]
        observed, true = file["dataset/observed_label"][variant], file["dataset/train_label"][variant]
        predicted = {epoch: file["memorization/predicted"][trial, point] for epoch, point in ends.items()}
        for epoch in ends:
            for name, value in shares(predicted[epoch], observed, true).items():
                assert np.array_equal(file[f"memorization/{name}"][trial, epoch], value, equal_nan=True), (trial, epoch, name)
        right = np.array([predicted[epoch] == observed for epoch in sorted(ends)])
        learned = np.where(right.any(axis=0), right.argmax(axis=0), -1)
        assert np.array_equal(file["memorization/learned_epoch"][trial], learned)
        assert np.array_equal(file["memorization/forgetting_events"][trial], (right[:-1] & ~right[1:]).sum(axis=0))


def test_accuracies_in_training_mode_are_those_before_each_step(recorded):
    """With one batch an epoch they are those of the epoch's start."""
    file, _ = recorded
    for trial in range(len(file["trial"])):
        for name in ("observed_accuracy", "true_accuracy", "flipped_fitted", "flipped_restored", "unflipped_accuracy"):
            running, ends = file[f"memorization/running_{name}"][trial], file[f"memorization/{name}"][trial]
            assert np.isnan(running[0])
            if file["trials/train.batch_size"][trial] == 100000:
                assert np.array_equal(running[1:], ends[:-1])
            elif not name.startswith("flipped"):
                low, high = np.minimum(ends[1:], ends[:-1]), np.maximum(ends[1:], ends[:-1])
                assert np.all(running[1:] > low - 0.3) and np.all(running[1:] < high + 0.15)


def test_samples_are_learned_and_forgotten_as_their_predictions_say(measured):
    file, every = measured
    events = 0
    for trial in range(len(file["trial"])):
        ends = [every[trial, point] for _, point in sorted(epoch_ends(file, trial).items())]
        right = np.array([at.z["train"].argmax(axis=1) == at.labels["train"] for at in ends])
        learned = np.where(right.any(axis=0), right.argmax(axis=0), -1)
        forgotten = (right[:-1] & ~right[1:]).sum(axis=0)
        aum = np.mean([margins(at.z["train"], at.labels["train"]) for at in ends[1:]], axis=0)
        scale = np.max([scale_of(at.z["train"]) for at in ends], axis=0)
        count = len(learned)
        assert np.array_equal(file["memorization/learned_epoch"][trial][:count], learned)
        assert np.array_equal(file["memorization/forgetting_events"][trial][:count], forgotten)
        assert_near(file["memorization/aum"][trial][:count], aum, 2 * forward(file), scale)
        events += forgotten.sum()
    assert events > 0


def test_el2n_is_the_length_of_the_error(measured):
    file, every = measured
    for (trial, point), at in every.items():
        error = softmax(at.z["train"]) - np.eye(at.z["train"].shape[1])[at.labels["train"]]
        assert_near(file["memorization/el2n"][trial, point], np.sqrt((error**2).sum(axis=1)), 2 * forward(file), scale_of(at.z["train"]))


def test_the_crossing_is_where_fitting_overtakes_restoring(recorded):
    file, _ = recorded
    for trial in range(len(file["trial"])):
        j1, j2 = file["memorization/observed_accuracy"][trial], file["memorization/true_accuracy"][trial]
        wanted = [e for e in range(len(j1)) if j1[e] > j2[e] and (j2[:e] > j1[:e]).any()]
        assert file["memorization/crossing_epoch"][trial] == (wanted[0] if wanted else -1)


def test_the_python_package_reads_both_groups(recorded):
    file, _ = recorded
    results = open_results(file.filename)
    point = results.point("sample_loss", "step 3")
    assert results["sample_loss/test"].dimensions == ("trial", "sample_loss_point", "test_sample")
    assert np.array_equal(results["sample_loss/test"][:, point], file["sample_loss/test"][:, point])
    assert np.array_equal(results["memorization/index"][...], file["memorization/index"][...], equal_nan=True)
    assert results["sample_loss/test_rise_split"].dimensions == ("trial", "sample_loss_change", "sample_loss_clarity")
