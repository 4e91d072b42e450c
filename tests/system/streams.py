"""The engine's random streams in NumPy, by their documentation: Philox4x32-10 (Salmon et al. 2011), key = seed,
counter = position (two words), substream, stream. No code is shared with the engine."""

import numpy as np

ORDER, NOISE = 1, 2
WORD = np.uint64(0xFFFFFFFF)
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85


def blocks(stream, seed, substream, positions):
    """Four words at each position -> uint64 [n, 4]"""
    positions = np.asarray(positions, dtype=np.uint64)
    counter = [positions & WORD, positions >> np.uint64(32), np.full_like(positions, substream), np.full_like(positions, stream)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        first, second = MULTIPLIERS[0] * counter[0], MULTIPLIERS[1] * counter[2]
        counter = [(second >> np.uint64(32)) ^ counter[1] ^ np.uint64(key[0]), second & WORD,
                   (first >> np.uint64(32)) ^ counter[3] ^ np.uint64(key[1]), first & WORD]
        key = [(word + step) & 0xFFFFFFFF for word, step in zip(key, WEYL)]
    return np.stack(counter, axis=1)


def permutation(stream, seed, substream, n):
    """Fisher-Yates from the front; numbers below a bound by multiplication, words that would favour small ones left out."""
    words = iter(blocks(stream, seed, substream, np.arange(n)).ravel().tolist())
    out = np.zeros(n, dtype=int)
    for i in range(n):
        bound = i + 1
        product = next(words) * bound
        while product & 0xFFFFFFFF < (2**32 - bound) % bound:
            product = next(words) * bound
        j = product >> 32
        out[i] = out[j]
        out[j] = i
    return out


def noisy_labels(kind, rate, classes, seed, substream, index, labels):
    """Labels under `symmetric` or `uniform` noise, drawn at each sample's position in its data set."""
    words = blocks(NOISE, seed, substream, index)
    number = ((words[:, 0] << np.uint64(32) | words[:, 1]) >> np.uint64(11)).astype(float) * 2.0**-53
    if kind == "symmetric":
        other = (words[:, 2] * np.uint64(classes - 1) >> np.uint64(32)).astype(int)
        other += other >= labels
    else:
        other = (words[:, 2] * np.uint64(classes) >> np.uint64(32)).astype(int)
    return np.where(number < rate, other, labels)
