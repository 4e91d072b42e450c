#!/usr/bin/env python3
"""What `plan --ranks N` predicts beside what the run takes: three mixed sweeps, in turn.

    compare_simulator.py [--seedbed PROGRAM] [--ranks N] [--runs N] [--allowed SHARE] [--clock wall|cpu] [--trials] [SWEEP,...|all]

Each turn plans a sweep and then runs it, half a minute on two ranks or more. Printed for each: the predicted and the measured
makespan (of the session in the file) and their ratio; the same of all trials' seconds together, which leaves the schedule out; and
how much of the cores others took meanwhile (0 on a quiet machine: only then the ratios say something). Then the smallest, middle
and largest ratio of each sweep; the exit code is 1 where a middle one is off by more than the allowed share.

--clock cpu counts processor time, of one process without mpirun, and compares trials only: where the machine is never quiet.
--trials prints the seconds of every trial too. The Python that runs this needs h5py.
"""
import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]

SWEEPS = {
    # Networks, losses, lengths: what is trained.
    "networks": """
data: {source: glyphs, train_count: 6000, test_count: 1000, label_noise: {kind: symmetric, rate: 0}}
train: {batch_size: 64, learning_rate: 0.02}
metrics:
  margins: {at: [init, separated, end], every: 2}
  sample_loss: {every: 2}
  memorization: {at: [end]}
grid:
  - model.hidden: [[64], [256, 256], [1024, 512]]
    train.loss: [cross_entropy, mse, rll]
    train.epochs: [4, 8]
    seed: 0..1
  - data.label_noise.rate: [0, 0.3]
    model: [{kind: cnn, channels: [8, 16]}, {kind: lenet}, {kind: cnn, channels: [16, 16, 32]}]
    train.epochs: [1, 3]
    train.learning_rate: [0.01]
""",
    # Batches and optimizers: how it is trained.
    "training": """
data: {source: glyphs, train_count: 6000, test_count: 1000}
train: {learning_rate: 0.001}
metrics:
  margins: {at: [end], normalise: [frobenius, spectral]}
  weights: {at: [end]}
grid:
  model: [{kind: mlp, hidden: [512, 256]}, {kind: cnn, channels: [16, 16]}]
  train.batch_size: [8, 32, 256]
  train.optimizer: [{kind: sgd, momentum: 0}, {kind: sgd, momentum: 0.9}, adam]
  train.epochs: [3, 5]
""",
    # Measurements that take longer than the training.
    "measures": """
data: {source: glyphs, train_count: 2000, test_count: 500}
train: {learning_rate: 0.02}
metrics:
  interpolation: {points: 20, samples: 500}
  stiffness: {at: [init, end], samples: 200}
  curvature: {at: [end], samples: 500, probes: 10, iterations: 10, tolerance: 1e-6}
  margins: {at: [init, end], normalise: [frobenius, last_layer, input_gradient]}
grid:
  seed: 0..3
  model: [{kind: mlp, hidden: [100]}, {kind: mlp, hidden: [300, 100]}, {kind: cnn, channels: [8, 16]}]
  train.epochs: [2, 6]
  train.batch_size: [16, 128]
""",
}


def call(options, command, ranks=None):
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    if options.clock == "cpu":
        environment["LD_PRELOAD"] = str(Path(options.seedbed).parent / "tests" / "cpu_clock.so")
        ranks = None
    launch = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks else []
    ended = subprocess.run([*launch, str(options.seedbed), *map(str, command)], env=environment, capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"compare_simulator: {command[0]}: {ended.stderr.strip()}")
    return ended.stdout


def predict(options, sweep):
    """-> makespan, [seconds of each trial]. The makespan is printed in whole seconds only, but its efficiency is not."""
    said = call(options, ["plan", sweep, "--ranks", options.ranks, "--list"])
    seconds = [float(text) for text in re.findall(r"^trial \d+ .*, ([\d.e+-]+) s$", said, re.M)]
    efficiency = float(re.search(r"^ +lpt +.+? (?:s|min|h) +([\d.]+) ", said, re.M).group(1))
    return max(sum(seconds) / options.ranks, max(seconds)) / efficiency, seconds


def busy():
    """Seconds that all cores together have been busy, and those of our own children that have ended."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    idle = fields[3] + fields[4]
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK"), own.ru_utime + own.ru_stime


def measure(options, sweep, results):
    """-> makespan, [seconds of each trial], cores that others kept busy meanwhile"""
    before = busy()
    call(options, ["run", sweep, "-o", results], options.ranks)
    after = busy()
    with h5py.File(results) as file:
        started, ended = file["sessions/started"][0], file["sessions/ended"][0]
        seconds = file["trials/seconds"][()]
    others = (after[0] - before[0]) - (after[1] - before[1])
    return ended - started, seconds, max(0, others) / (ended - started)


def take_turn(options, name, folder):
    """-> predicted over measured"""
    sweep, results = folder / f"{name}.yaml", folder / f"{name}.h5"
    sweep.write_text(SWEEPS[name])
    results.unlink(missing_ok=True)
    makespan, expected = predict(options, sweep)
    took, seconds, others = measure(options, sweep, results)
    if options.clock == "cpu":
        makespan, took = sum(expected), seconds.sum()
    print(f"{name:12} {makespan:9.2f} {took:9.2f} {makespan / took:6.3f}  {sum(expected):9.2f} {seconds.sum():9.2f} "
          f"{sum(expected) / seconds.sum():6.3f}  {others:6.2f}", flush=True)
    if options.trials:
        for trial, (a, b) in enumerate(zip(expected, seconds)):
            print(f"  trial {trial:4} {a:9.3f} {b:9.3f} {a / b:6.3f}")
    return makespan / took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="?", default="all")
    parser.add_argument("--seedbed", default=ROOT / "build" / "release" / "seedbed")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--allowed", type=float, default=0.05)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--trials", action="store_true")
    options = parser.parse_args()
    if not Path(options.seedbed).exists():
        sys.exit(f"compare_simulator: {options.seedbed} is not there; build it, or name it with --seedbed")
    names = list(SWEEPS) if options.sweeps == "all" else options.sweeps.split(",")
    if set(names) - set(SWEEPS):
        sys.exit(f"compare_simulator: the sweeps are {', '.join(SWEEPS)}")

    print(f"{'sweep':12} {'predicted':>9} {'measured':>9} {'ratio':>6}  {'trials':>9} {'measured':>9} {'ratio':>6}  {'others':>6}")
    ratios = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.runs):
            for name in names:
                ratios[name].append(take_turn(options, name, Path(folder)))
    off = 0
    for name, found in ratios.items():
        middle = statistics.median(found)
        off += abs(middle - 1) > options.allowed
        print(f"{name}: {len(found)} runs, predicted over measured {min(found):.3f}, {middle:.3f}, {max(found):.3f}")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
