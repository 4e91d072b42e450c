"""Makes a compressed copy of a results file for the archive, and checks it against the original, value by value.

h5repack (Debian: hdf5-tools) writes it, with shuffled bytes and gzip. Rows of large datasets are chunks of their own, so
that single trials stay quick to read. The copy can be read as the original can, but no run can be resumed into it.
"""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np

from .storage import ResultsError, dimension_names, open_file
from .results import open_results

NAME = "pack"
CHUNK_BYTES = 1 << 20
WORTH_BYTES = 4096  # smaller ones are left as they are
BLOCK_BYTES = 64 << 20  # compared at a time
LINKS = {"DIMENSION_LIST", "REFERENCE_LIST"}  # addresses within the file; compared as names of dimensions


def datasets(file):
    """{path: Dataset} of all of a file."""
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def chunk(shape, size):
    """The shape of a chunk: whole rows of the last dimensions, as many as CHUNK_BYTES hold.   (40, 3, 60000), 4 -> (1, 3, 60000)"""
    wanted, left = [], max(1, CHUNK_BYTES // size)
    for extent in reversed(shape):
        wanted.append(max(1, min(extent, left)))
        left //= wanted[-1]
    return tuple(reversed(wanted))


def layouts(file, level):
    """h5repack's options for the datasets that are worth it, each by its name: it takes no others beside -> list of text"""
    options = []
    for name, dataset in datasets(file).items():
        if dataset.ndim and dataset.dtype.kind != "O" and dataset.size * dataset.dtype.itemsize > WORTH_BYTES:
            shape = "x".join(map(str, chunk(dataset.shape, dataset.dtype.itemsize)))
            options += ["-l", f"{name}:CHUNK={shape}", "-f", f"{name}:SHUF", "-f", f"{name}:GZIP={level}"]
    return options


def repack(source, target, level):
    """Runs h5repack; ResultsError when it is not installed, or fails."""
    program = shutil.which("h5repack")
    if not program:
        raise ResultsError("pack needs h5repack: apt-get install hdf5-tools")
    with open_file(source) as file:
        options = layouts(file, level)
    ended = subprocess.run([program, *options, source, target], capture_output=True, text=True)
    if ended.returncode:
        raise ResultsError(f"h5repack failed on {source}: {' '.join((ended.stderr or ended.stdout).split())[:400]}")


def same_values(first, second):
    """Whether two datasets have the same bits, read a block of rows at a time."""
    if first.dtype.kind == "O":
        return np.array_equal(first[()], second[()])
    if first.ndim == 0:
        return np.asarray(first[()]).tobytes() == np.asarray(second[()]).tobytes()
    rows = max(1, BLOCK_BYTES // max(1, first.dtype.itemsize * int(np.prod(first.shape[1:]))))
    return all(first[start : start + rows].tobytes() == second[start : start + rows].tobytes()
               for start in range(0, first.shape[0], rows))


def attributes(item):
    """The attributes of a group or dataset -> {name: value as text}"""
    return {name: repr(np.asarray(value).tolist()) for name, value in item.attrs.items() if name not in LINKS}


def differences(first, second):
    """Everything in which two open files differ -> list of text; empty when one is a copy of the other."""
    ours, theirs, found = datasets(first), datasets(second), []
    if set(ours) != set(theirs):
        found.append(f"datasets: {', '.join(sorted(set(ours) ^ set(theirs)))}")
    if attributes(first) != attributes(second):
        found.append("attributes of the file")
    for name in ours.keys() & theirs.keys():
        one, other = ours[name], theirs[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            found.append(f"type of {name}")
        elif attributes(one) != attributes(other) or dimension_names(one) != dimension_names(other):
            found.append(f"attributes or dimensions of {name}")
        elif not same_values(one, other):
            found.append(f"values of {name}")
    return found


def pack(source, target, level=4):
    """Writes target, a compressed copy of source -> (bytes on disk of source, bytes of target).

    ResultsError when target exists, when h5repack fails, or when the copy is not the same in every value, type, attribute and
    dimension; then nothing is left behind.
    """
    if os.path.exists(target):
        raise ResultsError(f"{target} exists; nothing was overwritten: name another file")
    with open_results(source):
        pass  # it is a results file
    part = f"{target}.packing-{os.getpid()}"
    try:
        repack(source, part, level)
        with open_file(source) as first, open_file(part) as second:
            found = differences(first, second)
        if found:
            raise ResultsError(f"{source}: the copy differs in {found[0]} ({len(found)} in all); does a run still write the file?")
        os.link(part, target)
    except FileExistsError:
        raise ResultsError(f"{target} exists; nothing was overwritten: name another file") from None
    finally:
        if os.path.exists(part):
            os.remove(part)
    return os.stat(source).st_blocks * 512, os.stat(target).st_size


def add_options(parser):
    parser.add_argument("file", help="a results file")
    parser.add_argument("out", metavar="OUT", help="the copy; an existing file is not overwritten")
    parser.add_argument("--level", type=int, choices=range(1, 10), default=4, metavar="1..9", help="of gzip (4)")


def command(arguments):
    """The subcommand."""
    before, after = pack(arguments.file, arguments.out, arguments.level)
    with open_results(arguments.out) as results:
        missing = results.trial_count - len(results)
    print(f"{arguments.out}: {after / 1e6:.1f} MB, of {before / 1e6:.1f} MB on disk; "
          "every value, type, attribute and dimension is the same")
    if missing:
        print(f"note: {missing} of {results.trial_count} trials have no row, and no run can be resumed into the copy", file=sys.stderr)
