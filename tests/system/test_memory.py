"""What `plan` says of memory is what a run takes, to a tenth: the most that the engine's own blocks add up to, which a run
says at its end. A process alone holds the data too."""

import re

import pytest
from idx_files import write_idx_set

UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
WITHIN = 0.1

SMALL = {
    "mlp": """
data: {source: glyphs, train_count: 4000, test_count: 1000}
model: {kind: mlp, hidden: [256, 256]}
train: {epochs: 1}
""",
    "evaluation": """
data: {source: glyphs, train_count: 20000, test_count: 1000, train_size: 19000}
model: {kind: mlp, hidden: [8]}
train: {epochs: 1, optimizer: adam, stop: {steps: 1}}
""",
    "row": """
data: {source: gaussians, train_count: 100, test_count: 100}
model: {kind: mlp, hidden: [3000]}
train: {epochs: 10, stop: {steps: 1}}
metrics: {weights: {every: 1}}
""",
    "variants": """
data: {source: gaussians, train_count: 10000, test_count: 1000, label_noise: {kind: symmetric, rate: 0.1}}
model: {kind: mlp, hidden: [8]}
train: {epochs: 1, batch_size: 512, stop: {steps: 1}}
seeds: {noise: seed}
grid: {seed: 0..99}
""",
    "batches": """
data: {source: glyphs, train_count: 600, test_count: 100}
model: {kind: resnet, depth: 8}
train: {epochs: 1, stop: {steps: 1}}
grid:
  - {train.batch_size: [400], model: [{kind: mlp, hidden: [8]}]}
  - {train.batch_size: [300]}
""",
    "batch_norm": """
data: {source: mnist, path: set}
model: {kind: cnn, channels: [8, 16], batch_norm: true}
train: {epochs: 1, batch_size: 32}
""",
}

# Metrics that take more than all the rest while they measure.
METRICS = {
    "interpolation": """
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: mlp, hidden: [1500, 1500]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {interpolation: {points: 2}}
""",
    "stiffness": """
data: {source: glyphs, train_count: 1500, test_count: 1500}
model: {kind: cnn, channels: [8, 16]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {stiffness: {samples: 800, layers: true}}
""",
    "stiffness in blocks": """
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: cnn, channels: [64, 128, 128]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {stiffness: {samples: 300, pairs: [train], distances: false}}
""",
    "gradients": """
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: mlp, hidden: [1500, 1500]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {gradients: {samples: 200}}
""",
    "curvature": """
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: cnn, channels: [32, 64]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {curvature: {samples: 40, iterations: 3, probes: 0}}
""",
    "curvature of several eigenvalues": """
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: mlp, hidden: [500, 500]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {curvature: {samples: 200, top: 2, iterations: 20, probes: 2}}
""",
    "margins": """
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: mlp, hidden: [1500, 1500]}
train: {epochs: 1, stop: {steps: 1}}
metrics: {margins: {normalise: [all]}}
""",
}

REAL = """
data: {{source: cifar10, path: {folder}/cifar-10-batches-bin, train_size: 256, test_size: 100}}
model: {model}
train: {{epochs: 1, batch_size: 128}}
"""


def bytes_of(number, unit):
    return float(number) * UNITS[unit]


def planned(text):
    """(data, rank 0 without libraries) in bytes"""
    words = r"([\d.e+]+) (B|kB|MB|GB)"
    found = re.search(rf"memory +{words} a node for data, {words} a rank, {words} on rank 0 \({words} of each", text)
    assert found, text
    data, _, first, libraries = [bytes_of(*found.group(i, i + 1)) for i in (1, 3, 5, 7)]
    return data, first - libraries


def taken(text):
    found = re.search(r"rank 0 took ([\d.e+]+) (B|kB|MB|GB)", text)
    assert found, text
    return bytes_of(*found.groups())


def assert_forecast_holds(seedbed, folder, sweep):
    (folder / "sweep.yaml").write_text(sweep)
    plan = seedbed("plan", folder / "sweep.yaml")
    run = seedbed("run", folder / "sweep.yaml", "-o", folder / "sweep.h5")
    assert plan.returncode == 0 and run.returncode == 0, plan.stderr + run.stderr
    forecast = sum(planned(plan.stdout))
    assert abs(forecast / taken(run.stderr) - 1) <= WITHIN, f"{plan.stdout}\n{run.stderr}"


@pytest.mark.parametrize("name", SMALL)
def test_a_run_takes_the_memory_that_plan_says(seedbed, tmp_path, name):
    write_idx_set(tmp_path / "set", 300, 100)
    assert_forecast_holds(seedbed, tmp_path, SMALL[name])


@pytest.mark.parametrize("name", METRICS)
def test_and_so_does_one_whose_metrics_take_the_most(seedbed, tmp_path, name):
    assert_forecast_holds(seedbed, tmp_path, METRICS[name])


@pytest.mark.parametrize("model", ["{kind: cnn, channels: [32, 64, 128], batch_norm: true}", "{kind: resnet, depth: 20}"])
def test_the_same_holds_on_real_images(seedbed, tmp_path, data_folder, model):
    assert_forecast_holds(seedbed, tmp_path, REAL.format(folder=data_folder, model=model))
