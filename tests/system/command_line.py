"""What tests of the commands share: a tiny sweep, and what a command said."""

import hashlib

TINY = """
name: tiny
data: {source: glyphs, train_count: 200, test_count: 50}
model: {kind: mlp, hidden: [8]}
train: {epochs: 2, batch_size: 20, learning_rate: 0.05}
grid: {seed: 0..3}
"""

# Pairs of which some have a trial that diverges.
ONE_DIVERGES = """
name: diverges
data: {source: glyphs, train_count: 100, test_count: 50}
model: {kind: mlp, hidden: [8]}
train: {epochs: 6, batch_size: 20, loss: mse_logits, optimizer: {kind: sgd, momentum: 0}}
metrics: {weights: {at: [end]}}
grid: {train.learning_rate: [0.001, 0.002, 1e6]}
pairs: {across: train.learning_rate}
"""

# TINY, but long enough to be looked at while it runs.
LONG = TINY.replace("epochs: 2", "epochs: 400").replace("0..3", "0..7")

# Long enough to be disturbed, also on a fast machine.
LONGER = LONG.replace("epochs: 400", "epochs: 2000")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entries(folder):
    return sorted(entry.name for entry in folder.iterdir())


def assert_says(ended, code, *parts):
    text = ended.stdout + ended.stderr
    assert ended.returncode == code, text
    for part in parts:
        assert str(part) in text, f"'{part}' is not in:\n{text}"
