"""What a results file holds, as raw bytes: for comparing files bit by bit, NaN payloads included."""

import h5py
import numpy as np

COMMITTED = 2
RUNNING = 1
ENGINE_ROWS = ["trials/checksum", "trials/message", "trials/outcome"]


def all_datasets(file):
    """{path without the leading slash: dataset}"""
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def is_reproducible(dataset):
    return int(np.ravel(dataset.attrs["reproducible"])[0]) == 1


def reproducible_content(path):
    """{path of a dataset: its bytes} of every dataset that the file itself calls reproducible."""
    with h5py.File(path, "r") as file:
        return {name: raw(d[()]) for name, d in all_datasets(file).items() if is_reproducible(d)}


def raw(values):
    """The bytes of what h5py reads; of texts of variable length those of the texts."""
    values = np.asarray(values)
    return b"\0".join(values.flat) if values.dtype.kind == "O" else values.tobytes()


def assert_same_content(found, expected, what):
    assert found.keys() == expected.keys(), what
    different = [name for name in expected if found[name] != expected[name]]
    assert not different, f"{what}: these datasets differ: {different}"


def row_names(file):
    """Datasets with a row for each trial that the bit guarantee covers."""
    names = [n for n, d in all_datasets(file).items() if "content" in d.attrs and is_row(d) and is_reproducible(d)]
    return sorted(names) + ENGINE_ROWS


def is_row(dataset):
    content = np.ravel(dataset.attrs["content"])[0]
    return (content.decode() if isinstance(content, bytes) else str(content)) == "row"


def committed_rows(path):
    """{trial: {dataset: bytes of its row}} of committed trials. States are read first: a row that counts does not change."""
    with h5py.File(path, "r") as file:
        state = file["trials/state"][()]
        names = row_names(file)
        return {int(t): {n: np.asarray(file[n][t]).tobytes() for n in names} for t in np.flatnonzero(state == COMMITTED)}


def assert_rows_among(found, expected, what):
    """Every committed row that was found is the expected one."""
    for trial, rows in found.items():
        different = [name for name in rows if rows[name] != expected[trial][name]]
        assert not different, f"{what}: trial {trial} differs in {different}"


def column(path, name):
    with h5py.File(path, "r") as file:
        return texts(file[f"trials/{name}"][()])


def texts(values):
    """Letters [..., n] as texts of bytes [...]; all else as it is."""
    return np.ascontiguousarray(values).view(f"S{values.shape[-1]}")[..., 0] if values.dtype == "S1" and values.ndim > 1 else values


def put_text(dataset, rows, text):
    """Writes a text of bytes as letters into rows of a dataset."""
    dataset[rows] = np.frombuffer(text.ljust(dataset.shape[-1], b"\0"), "S1").astype(dataset.dtype)


def outcomes(path):
    """Names of the trials' outcomes."""
    with h5py.File(path, "r") as file:
        dataset = file["trials/outcome"]
        names = {code: name for name, code in h5py.check_enum_dtype(dataset.dtype).items()}
        return [names[int(code)] for code in dataset[()]]


def messages(path):
    return [text.decode() for text in column(path, "message")]
