"""Every preset of networks gives the same bits on any number of ranks: convolution, pooling, batch normalisation, dropout, shortcuts,
branches."""

import h5py
from contents import assert_same_content, reproducible_content

SWEEP = """
name: networks
data: {source: glyphs, train_count: 60, test_count: 20}
train: {epochs: 2, batch_size: 20, learning_rate: 0.01}
metrics:
  margins: {at: [init, end], normalise: [all]}
  interpolation: {points: 4, modes: [linear, homogeneous, layers], running_statistics: estimated, samples: 40}
  weights: {}
  stiffness: {at: [init, end], samples: 20, layers: true, gram: true}
  gradients: {samples: 20}
  curvature: {samples: 0, top: 2, iterations: 6, probes: 2}
grid:
  model:
    - {kind: cnn, channels: [4, 6], batch_norm: true, dropout: 0.25}
    - {kind: cnn, channels: [5], pooling: average, hidden: [12]}
    - {kind: lenet}
    - {kind: resnet, depth: 8, shortcut: zero_pad}
    - {kind: resnet, depth: 8, shortcut: projection, batch_norm: false}
    - kind: layers
      bias: last
      layers:
        - {kind: convolution, channels: 4, stride: 2}
        - gelu
        - {kind: residual, layers: [{kind: convolution, channels: 4, padding: 1}, batch_norm], activation: tanh}
        - {kind: concatenate, branches: [[], [{kind: convolution, channels: 3, kernel: 1}]]}
        - {kind: dropout, rate: 0.25}
        - dense
  seed: [3]
"""


def test_networks_of_every_kind_give_the_same_bits(seedbed, tmp_path):
    sweep = tmp_path / "networks.yaml"
    sweep.write_text(SWEEP)
    contents = []
    for ranks, order in ((None, "fifo"), (3, "random")):
        path = tmp_path / f"{ranks}.h5"
        ended = seedbed("run", sweep, "-o", path, "--order", order, ranks=ranks, timeout=400)
        assert ended.returncode == 0, ended.stderr
        with h5py.File(path, "r") as file:
            assert set(file["trials/outcome"][()]) == {1}
        contents.append(reproducible_content(path))
    assert_same_content(contents[1], contents[0], "3 ranks, random")
