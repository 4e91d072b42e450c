"""A damaged or foreign results file is refused or repaired, and never trusted or a crash.

SEEDBED_TEST_DAMAGES says how many of the damages are tried, SEEDBED_TEST_SEED where they strike."""

import gzip
import os
import random
import shutil

import h5py
import numpy as np
import pytest
from command_line import TINY, digest
from contents import all_datasets, assert_same_content, is_row, put_text, reproducible_content, texts

DAMAGES = int(os.environ.get("SEEDBED_TEST_DAMAGES", "8"))
SEED = int(os.environ.get("SEEDBED_TEST_SEED", "20240"))
SWEEP = TINY + "metrics: {margins: {at: [init, end]}, weights: {}}\n"
SUPERBLOCK = 48


@pytest.fixture(scope="module")
def made(seedbed, tmp_path_factory):
    """A finished results file and its sweep; its last session ended in order."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny.yaml").write_text(SWEEP)
    assert seedbed("run", folder / "tiny.yaml", "-o", folder / "tiny.h5").returncode == 0
    return folder / "tiny.h5"


@pytest.fixture(scope="module")
def killed(made):
    """The same, but as if its session had been killed after the last commit."""
    path = made.with_name("killed.h5")
    shutil.copy(made, path)
    with h5py.File(path, "r+") as file:
        put_text(file["sessions/ending"], 0, b"running")
    return path


def extents(path, wanted):
    """Places of the raw data of the datasets that are wanted(name, dataset)."""
    with h5py.File(path, "r") as file:
        found = [d.id for name, d in all_datasets(file).items() if wanted(name, d) and d.id.get_offset() is not None]
        return [(item.get_offset(), item.get_offset() + item.get_storage_size()) for item in found]


def places(ranges):
    return np.concatenate([np.arange(*pair) for pair in ranges])


def metadata(path):
    """Places of bytes that describe the file: all but raw data and the zeros between."""
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[places(extents(path, lambda *_: True))] = 0
    return np.flatnonzero(content)


def flip(path, place, chance, count=1):
    content = bytearray(path.read_bytes())
    for i in range(place, min(place + count, len(content))):
        content[i] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flip_superblock(path, chance):
    flip(path, chance.randrange(SUPERBLOCK), chance)


def flip_metadata(path, chance):
    flip(path, int(chance.choice(metadata(path))), chance)


def scribble_metadata(path, chance):
    flip(path, int(chance.choice(metadata(path))), chance, 16)


def flip_row(path, chance):
    rows = extents(path, lambda _, d: "content" in d.attrs and is_row(d) and d.attrs["reproducible"] == 1)
    flip(path, int(chance.choice(places(rows))), chance)


def flip_state(path, chance):
    names = ["trials/state", "trials/outcome", "trials/checksum", "trials/session"]
    name = chance.choice(names)
    flip(path, int(chance.choice(places(extents(path, lambda found, _: found == name)))), chance)


def claim_commit(path, chance):
    """A row that nobody wrote says that it counts."""
    trial = chance.randrange(4)
    with h5py.File(path, "r+") as file:
        for name, dataset in all_datasets(file).items():
            if ("content" in dataset.attrs and is_row(dataset)) or name in ("trials/outcome", "trials/checksum"):
                dataset[trial] = np.zeros(dataset.shape[1:], dataset.dtype)


def cut(path, chance):
    os.truncate(path, chance.randrange(1, path.stat().st_size))


def cut_tail(path, chance):
    os.truncate(path, path.stat().st_size - chance.randrange(1, 5000))


def empty(path, _):
    path.write_bytes(b"")


def fill_with_text(path, _):
    path.write_text("not HDF5\n" * 1000)


def make_folder(path, _):
    path.unlink()
    path.mkdir()


def make_foreign(path, _):
    with h5py.File(path, "w") as file:
        file["values"] = np.arange(5)


def make_newer(path, _):
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = np.int64(999)


def drop_state(path, _):
    with h5py.File(path, "r+") as file:
        del file["trials/state"]


def compress(path, _):
    path.write_bytes(gzip.compress(path.read_bytes()))


ONCE = [empty, fill_with_text, make_folder, make_foreign, make_newer, drop_state, compress, claim_commit]
AGAIN = [flip_row, flip_metadata, cut, flip_state, scribble_metadata, flip_superblock, cut_tail, flip_row]


def damages():
    """(damage, number): first each kind once, those that strike anywhere more often."""
    kinds = AGAIN[:4] + ONCE + AGAIN[4:]
    while len(kinds) < DAMAGES:
        kinds += AGAIN
    return [(kind, number) for number, kind in enumerate(kinds[:DAMAGES])]


def assert_no_crash(ended, path):
    """Exit 0 or 1, and with 1 a message that names the file."""
    text = ended.stdout + ended.stderr
    assert ended.returncode in (0, 1), text
    for word in ("Signal", "infinite loop", "Traceback", "Sanitizer"):
        assert word not in text, text
    assert ended.returncode == 0 or str(path) in text, text
    return ended.returncode == 0


def content_or_none(path):
    return digest(path) if path.is_file() else None


def check_readers(seedbed, path):
    """Reading commands leave the file as it is -> whether verify finds nothing wrong."""
    before = content_or_none(path)
    for words in (["status"], ["show", "0"]):
        assert_no_crash(seedbed(words[0], path, *words[1:]), path)
    sound = assert_no_crash(seedbed("verify", path), path)
    assert content_or_none(path) == before
    return sound


def check_resume(seedbed, made, path, expected, orderly):
    """Refused and left alone, or gone on with: then all is right at once, or verify finds what is not, to be mended."""
    before = content_or_none(path)
    words = ["run", made.with_suffix(".yaml"), "-o", path, "--resume"]
    if not assert_no_crash(seedbed(*words), path):
        assert content_or_none(path) == before, "a file that is refused was written to"
        return "refused"
    if orderly and not assert_no_crash(seedbed("verify", path), path):
        assert assert_no_crash(seedbed(*words, "--retry", "damaged"), path)
    assert assert_no_crash(seedbed("verify", path), path)
    assert_same_content(reproducible_content(path), expected, "after a damaged file was gone on with")
    return "gone on with"


def check_reuse(seedbed, made, path, expected):
    """Refused, or what is damaged is trained again."""
    new = path.with_name("new.h5")
    if assert_no_crash(seedbed("run", made.with_suffix(".yaml"), "-o", new, "--reuse", path), path):
        assert_same_content(reproducible_content(new), expected, "after a damaged file was reused")


@pytest.mark.parametrize("damage, number", damages(), ids=lambda value: getattr(value, "__name__", value))
def test_a_damaged_file_is_refused_or_repaired(seedbed, made, killed, tmp_path, damage, number):
    expected = reproducible_content(made)
    for source in (made, killed):
        chance = random.Random(SEED + number)
        folder = tmp_path / source.stem
        folder.mkdir()
        path = folder / "damaged.h5"
        shutil.copy(source, path)
        damage(path, chance)
        sound = check_readers(seedbed, path)
        check_reuse(seedbed, made, path, expected)
        became = check_resume(seedbed, made, path, expected, source is made)
        print(f"{damage.__name__} {number}, {source.stem}: verify {'finds nothing' if sound else 'refuses'}, {became}")
        assert sound or became == "refused" or damage in (flip_row, flip_state, claim_commit)


@pytest.mark.parametrize("name, value", [("content", b"rox"), ("content", b"fixed"), ("reproducible", 0)])
def test_a_column_whose_attributes_changed_is_not_written_to(seedbed, made, tmp_path, name, value):
    """They say what a checksum covers: a run would write rows that verify takes for damaged for ever."""
    path = tmp_path / "damaged.h5"
    shutil.copy(made, path)
    with h5py.File(path, "r+") as file:
        file["margins/train"].attrs[name] = np.bytes_(value) if isinstance(value, bytes) else np.int64(value)
    before = digest(path)
    assert not assert_no_crash(seedbed("verify", path), path)
    ended = seedbed("run", made.with_suffix(".yaml"), "-o", path, "--resume", "--retry", "damaged")
    assert ended.returncode == 1 and "damaged" in ended.stderr and "/margins/train" in ended.stderr, ended.stderr
    assert digest(path) == before


def test_a_column_that_lost_its_dimension_is_not_written_to(seedbed, made, tmp_path):
    path = tmp_path / "damaged.h5"
    shutil.copy(made, path)
    with h5py.File(path, "r+") as file:
        file["margins/train"].dims[0].detach_scale(file["trial"])
    before = digest(path)
    assert not assert_no_crash(seedbed("verify", path), path)
    ended = seedbed("run", made.with_suffix(".yaml"), "-o", path, "--resume", "--retry", "damaged")
    assert ended.returncode == 1 and "damaged" in ended.stderr and "/margins/train" in ended.stderr, ended.stderr
    assert digest(path) == before


def test_after_a_kill_damaged_rows_are_trained_again_without_being_asked(seedbed, made, killed, tmp_path):
    path, sweep = tmp_path / "damaged.h5", made.with_suffix(".yaml")
    shutil.copy(killed, path)
    with h5py.File(path, "r+") as file:
        file["curves/train_loss"][2, 1] += 1
    ended = seedbed("run", sweep, "-o", path, "--resume")
    assert ended.returncode == 0 and "1 committed rows are damaged" in ended.stderr, ended.stderr
    with h5py.File(path) as file:
        assert list(file["trials/attempt"][()]) == [1, 1, 2, 1]
        assert list(texts(file["sessions/ending"][:3])) == [b"killed", b"complete", b""]
    assert_same_content(reproducible_content(path), reproducible_content(made), "after a repair")
    ended = seedbed("run", sweep, "-o", path, "--resume")
    assert ended.returncode == 0 and "are damaged" not in ended.stderr, ended.stderr
