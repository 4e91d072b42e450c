"""A small image set in the IDX format, made in the test, so that a test knows the raw values that the engine read."""

import gzip
import struct

import numpy as np

HEIGHT, WIDTH, CLASSES = 7, 5, 4


def draw_images(generator, labels):
    """Class c is brighter around its own place; the rest is noise. uint8 [n, HEIGHT, WIDTH]"""
    prototypes = np.random.default_rng(99).uniform(0, 140, size=(CLASSES, HEIGHT, WIDTH))
    noise = generator.uniform(0, 115, size=(len(labels), HEIGHT, WIDTH))
    return (prototypes[labels] + noise).astype(np.uint8)


def encode_idx(values):
    return struct.pack(">4B", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_idx_set(folder, train_count, test_count, seed=1):
    """Writes the four files, two of them gzipped -> (train images, test images)."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images = {}
    for stem, count in (("train", train_count), ("t10k", test_count)):
        labels = generator.integers(0, CLASSES, size=count).astype(np.uint8)
        labels[:CLASSES] = np.arange(CLASSES)
        images[stem] = draw_images(generator, labels)
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(encode_idx(images[stem])))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(encode_idx(labels))
    return images["train"], images["t10k"]


def read_idx(path):
    """An IDX file of bytes, raw or gzipped -> uint8 array."""
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)
