"""Products of single samples' gradients, and all that follows from them, against plain automatic differentiation by PyTorch in double."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest
from idx_files import CLASSES, write_idx_set
from network import axis_text, inputs, recorded_data, recorded_tensors

torch = pytest.importorskip("torch", reason="PyTorch is not installed: gradients of samples are not compared with it")

from torch_gradients import Cnn, Mlp, Resnet8, sample_gradients  # noqa: E402

SAMPLES = 30
SUPERCLASSES = [0, 0, 1, 1]
NEAREST = 1e-6  # of a relu's input to zero, as a share of the largest beside it
TOLERANCE = 1e-4  # of the product of two gradients' norms

SWEEP = f"""
name: stiffness
data: {{source: mnist, path: set, label_noise: {{kind: symmetric, rate: 0.3}}}}
train: {{epochs: 4, batch_size: 16, learning_rate: 0.01}}
metrics:
  weights: {{at: [init, end]}}
  stiffness: {{at: [init, end], samples: {SAMPLES}, gram: true, superclasses: {SUPERCLASSES}}}
  gradients: {{at: [init, end], samples: {SAMPLES}}}
grid:
  - model: [{{kind: mlp, hidden: [20, 15]}}]
    train.loss: [cross_entropy, mse, rll]
  - model:
      - {{kind: cnn, channels: [4, 6], batch_norm: true}}
      - {{kind: cnn, channels: [5], hidden: [12]}}
      - {{kind: resnet, depth: 8}}
      - {{kind: resnet, depth: 8, shortcut: projection}}
      - {{kind: resnet, depth: 8, batch_norm: false}}
    train.loss: [cross_entropy]
"""


@pytest.fixture(scope="module")
def recorded(seedbed, tmp_path_factory):
    """(results file, raw images of the training and of the test part)"""
    folder = tmp_path_factory.mktemp("stiffness")
    images = write_idx_set(folder / "set", 96, 60)
    (folder / "sweep.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "sweep.yaml", "-o", folder / "results.h5")
    assert ended.returncode == 0, ended.stderr
    torch.set_num_threads(1)
    with h5py.File(folder / "results.h5", "r") as file:
        assert set(file["trials/outcome"][()]) == {1}
        yield file, images


def network_of(file, trial, point):
    kind = {"mlp": Mlp, "cnn": Cnn, "resnet": Resnet8}
    model = axis_text(file, "model", trial)
    return next(make for name, make in kind.items() if name in model)(recorded_tensors(file, trial, point))


def loss_of(name):
    """Of one sample."""

    def mse(z, y):
        return ((torch.softmax(z, 1) - torch.nn.functional.one_hot(y, CLASSES)) ** 2).sum()

    def rll(z, y, alpha=0.1):
        g, one_hot = torch.softmax(z, 1), torch.nn.functional.one_hot(y, CLASSES)
        others = (torch.log(alpha + g) * (1 - one_hot)).sum() / (CLASSES - 1)
        return np.log((alpha + 1) / alpha) - torch.log(alpha + g[0, y]).sum() + others

    return {"cross_entropy": torch.nn.functional.cross_entropy, "mse": mse, "rll": rll}[name]


def chosen_samples(file, trial, images):
    """(inputs [n, height, width, 1], labels, part) of the recorded choice"""
    group = file["stiffness"]
    part, position = group["sample_part"][trial], group["sample_position"][trial]
    xs, ys = [], []
    for number, name in enumerate(("train", "test")):
        index, labels, mean, deviation = recorded_data(file, trial, name)
        chosen = position[part == number]
        assert np.all(np.diff(chosen) > 0)
        xs.append(inputs(images[number], index[chosen], mean, deviation).reshape(-1, *images[number].shape[1:], 1))
        ys.append(labels[chosen])
    return torch.tensor(np.concatenate(xs)), np.concatenate(ys).astype(np.int64), part


def gradients_of(file, trial, point, images):
    x, labels, part = chosen_samples(file, trial, images)
    np.testing.assert_array_equal(file["stiffness/sample_label"][trial], labels)
    loss = loss_of(axis_text(file, "train.loss", trial))
    gradients, nearest = sample_gradients(network_of(file, trial, point), x, torch.tensor(labels), loss)
    return gradients.numpy(), labels, part, x.numpy(), nearest.numpy() > NEAREST


def every_case(file):
    return [(trial, point) for trial in range(len(file["trial"])) for point in range(2)]


@pytest.fixture(scope="module")
def expected(recorded):
    """{(trial, point): (gradients [n, parameters], labels, part, inputs, whether no relu is so near its kink that rounding decides)}"""
    file, images = recorded
    return {case: gradients_of(file, *case, images) for case in every_case(file)}


def test_every_class_is_chosen_as_often(recorded):
    file, _ = recorded
    for part in range(2):
        labels = file["stiffness/sample_label"][0][file["stiffness/sample_part"][0] == part]
        counts = np.bincount(labels, minlength=CLASSES)
        assert len(labels) == SAMPLES and counts.max() <= SAMPLES // CLASSES + 1


def test_every_product_is_that_of_the_gradients(recorded, expected):
    file, _ = recorded
    for (trial, point), (gradients, _, _, _, sure) in expected.items():
        scale, gram = file["stiffness/scale"][trial, point], file["stiffness/gram"][trial, point].astype(np.float64)
        norms = np.linalg.norm(gradients, axis=1)
        assert (~sure).sum() <= 2
        off = np.abs(gram * np.outer(scale, scale) - gradients @ gradients.T) / np.outer(norms, norms)
        assert off[np.ix_(sure, sure)].max() < TOLERANCE, f"trial {trial}, point {point}: off by {off.max()}"


def test_the_matrix_is_symmetric_and_positive_semi_definite(recorded):
    file, _ = recorded
    for trial, point in every_case(file):
        gram = file["stiffness/gram"][trial, point].astype(np.float64)
        np.testing.assert_array_equal(gram, gram.T)
        length = np.sqrt(np.diag(gram))
        assert np.linalg.eigvalsh(gram / np.outer(length, length)).min() > -1e-5


def pairs_of(part):
    """Rows and columns of train, mixed, held_out."""
    sides = [np.flatnonzero(part == 0), np.flatnonzero(part == 1)]
    return [(sides[0], sides[0]), (sides[0], sides[1]), (sides[1], sides[1])]


def mean_over(values, wanted):
    return values[wanted].mean() if wanted.any() else np.nan


def class_matrix(values, rows, columns, labels):
    other = rows[:, None] != columns[None, :]
    values, own, opposite = values[np.ix_(rows, columns)], labels[rows][:, None], labels[columns][None, :]
    return np.array([[mean_over(values, (own == a) & (opposite == b) & other) for b in range(CLASSES)] for a in range(CLASSES)])


def agreements(gradients):
    gram, norms = gradients @ gradients.T, np.linalg.norm(gradients, axis=1)
    return {"sign": np.sign(gram), "cosine": gram / np.outer(norms, norms)}


def test_stiffness_within_and_between_classes_follows(recorded, expected):
    file, _ = recorded
    supers = np.array(SUPERCLASSES)
    diagonal = np.eye(CLASSES, dtype=bool)
    same = (supers[:, None] == supers[None, :]) & ~diagonal
    for (trial, point), (gradients, labels, part, _, _) in expected.items():
        for kind, values in agreements(gradients).items():
            # A product that is nearly zero may have either sign.
            unsure = SAMPLES * (np.abs(agreements(gradients)["cosine"]) < TOLERANCE).mean() if kind == "sign" else TOLERANCE
            for pair, (rows, columns) in enumerate(pairs_of(part)):
                matrix = class_matrix(values, rows, columns, labels)
                found = {name: file[f"stiffness/{name}_{kind}"][trial, point, pair]
                         for name in ("class", "within", "between", "same_super", "other_super")}
                np.testing.assert_allclose(found["class"], matrix, atol=1e-3 + unsure)
                cells = {"within": diagonal, "between": ~diagonal, "same_super": same, "other_super": ~same & ~diagonal}
                for name, wanted in cells.items():
                    assert found[name] == pytest.approx(np.nanmean(matrix[wanted]), abs=1e-4 + unsure)
                everything = values[np.ix_(rows, columns)][rows[:, None] != columns[None, :]].mean()
                assert file[f"stiffness/{kind}"][trial, point, pair] == pytest.approx(everything, abs=1e-4 + unsure)


def test_stiffness_by_distance_follows(recorded, expected):
    file, _ = recorded
    edges = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 2])
    for (trial, point), (gradients, labels, part, x, _) in expected.items():
        flat = x.reshape(len(x), -1)
        flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
        distance = np.maximum(1 - flat @ flat.T, 0)
        for pair, (rows, columns) in enumerate(pairs_of(part)):
            other = rows[:, None] != columns[None, :]
            same = labels[rows][:, None] == labels[columns][None, :]
            far = distance[np.ix_(rows, columns)]
            bins = np.minimum(np.digitize(far, edges) - 1, len(edges) - 2)
            cosine = agreements(gradients)["cosine"][np.ix_(rows, columns)]
            for name, wanted in (("", other), ("within_", other & same)):
                counts = np.bincount(bins[wanted], minlength=len(edges) - 1)
                np.testing.assert_array_equal(file[f"stiffness/distance_{name}pairs"][trial, point, pair, 0], counts)
                means = [mean_over(cosine, wanted & (bins == b)) for b in range(len(edges) - 1)]
                found = file[f"stiffness/distance_{name}cosine"][trial, point, pair, 0]
                np.testing.assert_allclose(found, means, atol=1e-4)
            signs = np.sign(cosine)
            slope, intercept = np.polyfit(far[other & same], signs[other & same], 1)
            assert file["stiffness/fit_slope"][trial, point, pair, 0] == pytest.approx(slope, abs=0.02)
            assert file["stiffness/fit_intercept"][trial, point, pair, 0] == pytest.approx(intercept, abs=0.02)


def test_the_numbers_of_single_gradients_follow(recorded, expected):
    file, _ = recorded
    for (trial, point), (gradients, _, part, _, sure) in expected.items():
        g, sure = gradients[part == 0], sure[part == 0]
        n, norms = len(g), np.linalg.norm(g, axis=1)
        position = file["gradients/sample_position"][trial]
        np.testing.assert_array_equal(position, file["stiffness/sample_position"][trial][part == 0])
        variant = file["trials/variant"][trial]
        flipped = (file["dataset/observed_label"][variant] != file["dataset/train_label"][variant])[position]
        mean, own = g.mean(axis=0), (norms**2).mean()
        others = (n * mean @ mean - own) / (n - 1)
        cosine = agreements(g)["cosine"]
        sizes = [np.prod(tensor.shape, dtype=int) for name, tensor in recorded_tensors(file, trial, point).items() if "running" not in name]
        levels = [1e-10 * (tensor**2).mean() for tensor in np.split(g, np.cumsum(sizes)[:-1], axis=1)]
        varies = (g.var(axis=0) > 1e-12 * mean**2) & ((g**2).mean(axis=0) > np.repeat(levels, sizes))
        wanted = {
            "mean_norm": norms.mean(),
            "mean_norm_clean": norms[~flipped].mean(),
            "mean_norm_flipped": norms[flipped].mean(),
            "confusion": cosine.min(),
            "mean_cosine": (cosine.sum() - n) / (n * (n - 1)),
            "coherence": mean @ mean / own,
            "noise_scale": (own - others) / others if others > 0 else np.nan,
            "signal_to_noise": (mean[varies] ** 2 / g.var(axis=0)[varies]).mean(),
        }
        np.testing.assert_allclose(file["gradients/norm"][trial, point][sure], norms[sure], rtol=1e-4)
        for name, value in wanted.items():
            found = file[f"gradients/{name}"][trial, point]
            assert found == pytest.approx(value, rel=1e-2 if name in ("noise_scale", "signal_to_noise") or not sure.all() else 1e-3, abs=1e-4, nan_ok=True), name


def test_what_is_measured_does_not_change_training(recorded, seedbed, tmp_path):
    file, _ = recorded
    folder = Path(file.filename).parent
    (folder / "without.yaml").write_text("\n".join(line for line in SWEEP.splitlines() if not line.startswith(("  stiffness:", "  gradients:"))))
    ended = seedbed("run", folder / "without.yaml", "-o", tmp_path / "without.h5")
    assert ended.returncode == 0, ended.stderr
    with h5py.File(tmp_path / "without.h5", "r") as without:
        assert "stiffness" not in without
        assert file["weights/parameters"][()].tobytes() == without["weights/parameters"][()].tobytes()


def test_superclasses_for_another_number_of_classes_are_a_fault_of_the_sweep(recorded, seedbed, tmp_path):
    file, _ = recorded
    wrong = Path(file.filename).parent / "wrong.yaml"
    wrong.write_text(SWEEP.replace(f"superclasses: {SUPERCLASSES}", "superclasses: [0, 1]"))
    for command in (["plan", wrong], ["run", wrong, "-o", tmp_path / "wrong.h5"]):
        ended = seedbed(*command)
        place = f"{wrong}:7:{SWEEP.splitlines()[6].index(str(SUPERCLASSES)) + 1}"
        assert ended.returncode == 1
        assert f"{place}: metrics.stiffness.superclasses: 2 found for 4 classes; give one for each class, or none" in ended.stderr
    assert not (tmp_path / "wrong.h5").exists()


CIFAR100 = """
data: {{source: cifar100, path: {path}, train_size: 300, test_size: 10}}
model: {{kind: mlp, hidden: [2]}}
train: {{epochs: 1}}
metrics: {{stiffness: {{samples: 200, pairs: [train], distances: false, superclasses: {superclasses}}}}}
"""


def test_the_superclasses_of_cifar100_are_those_of_its_files(seedbed, data_folder, tmp_path):
    path = data_folder / "cifar-100-binary" / "train.bin.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    coarse, fine = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8).reshape(-1, 3074)[:, :2].T
    listed = [int(coarse[fine == label][0]) for label in range(100)]
    means = []
    for number, superclasses in enumerate(([], listed, listed[::-1])):
        (tmp_path / "sweep.yaml").write_text(CIFAR100.format(path=path.parent, superclasses=superclasses))
        ended = seedbed("run", tmp_path / "sweep.yaml", "-o", tmp_path / f"{number}.h5")
        assert ended.returncode == 0, ended.stderr
        with h5py.File(tmp_path / f"{number}.h5", "r") as file:
            means.append([file[f"stiffness/{which}_super_cosine"][0, 0, 0] for which in ("same", "other")])
    assert means[0] == means[1] != means[2]
