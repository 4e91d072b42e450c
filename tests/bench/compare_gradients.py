#!/usr/bin/env python3
"""Products of 500 samples' gradients: seedbed beside PyTorch, in turn on one core.

    compare_gradients.py [--python PYTHON] [--bench PROGRAM] [--runs N] [WORKLOAD|all]

PyTorch finds every sample's gradient by a backward pass of its own, and by functorch's vmap where that is installed, then all
products by one matrix product; the faster way counts. Both programs run N times in turn, held to one core, with the same BLAS
kernels; medians of their times and the ratio are printed. PYTHON must have PyTorch.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES, CLASSES, CHUNK = 500, 10, 50
WORKLOADS = ("mlp-500-300-100", "cnn-32-64-128-bn")


def build(torch, name):
    nn = torch.nn
    if name.startswith("mlp"):
        widths = [784, 500, 300, 100, CLASSES]
        layers = [part for a, b in zip(widths, widths[1:]) for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers[:-1]), torch.randn(SAMPLES, 784)
    layers, channels = [], 3
    for out in (32, 64, 128):
        layers += [nn.Conv2d(channels, out, 3, 1, 1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 16, CLASSES)), torch.randn(SAMPLES, 3, 32, 32)


def by_loop(torch, model, x, y):
    rows, parameters = [], list(model.parameters())
    for i in range(SAMPLES):
        loss = torch.nn.functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1])
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]))
    rows = torch.stack(rows)
    return rows @ rows.T


def by_vmap(torch, model, x, y):
    import functorch

    function, parameters, buffers = functorch.make_functional_with_buffers(model)

    def loss(parameters, x, y):
        return torch.nn.functional.cross_entropy(function(parameters, buffers, x[None]), y[None])

    each = functorch.vmap(functorch.grad(loss), in_dims=(None, 0, 0))
    rows = []
    for first in range(0, SAMPLES, CHUNK):
        found = each(parameters, x[first : first + CHUNK], y[first : first + CHUNK])
        rows.append(torch.cat([g.flatten(1) for g in found], dim=1))
    rows = torch.cat(rows)
    return rows @ rows.T


def peer(name):
    """Prints the seconds of each way, the better of two turns."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, x = build(torch, name)
    model.eval()
    y = torch.arange(SAMPLES) % CLASSES
    seconds = {}
    for way in (by_loop, by_vmap):
        try:
            times = []
            for _ in range(2):
                start = time.monotonic()
                way(torch, model, x, y)
                times.append(time.monotonic() - start)
            seconds[way.__name__[3:]] = min(times)
        except ImportError:
            continue
    print(json.dumps(seconds))


def pinned(command, extra):
    pin = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if shutil.which("taskset") else []
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **extra}
    done = subprocess.run(pin + command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"compare_gradients: {' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def python_with_torch(given):
    for python in [given] if given else [sys.executable, "python3", "/usr/bin/python3"]:
        if shutil.which(python) and subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    sys.exit("compare_gradients: no Python with PyTorch found; install python3-torch or name one with --python")


def compare(name, options, python):
    ours, passes, theirs = [], [], {}
    for _ in range(options.runs):
        line = pinned([str(options.bench), name, "3"], {})
        ours.append(line["products_seconds"])
        passes.append(line["ratio"])
        for way, seconds in pinned([python, __file__, "--peer", name], {"OPENBLAS_CORETYPE": line["blas_kernel"]}).items():
            theirs.setdefault(way, []).append(seconds)
    mine, best = statistics.median(ours), min(theirs, key=lambda way: statistics.median(theirs[way]))
    times = ", ".join(f"{way} {statistics.median(seconds):.3f} s" for way, seconds in theirs.items())
    print(f"{name:18} {mine:.4f} s, {statistics.median(passes):.2f} times a forward and backward pass; PyTorch {times}; "
          f"ratio to {best} {statistics.median(theirs[best]) / mine:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="?", default="all")
    parser.add_argument("--python")
    parser.add_argument("--bench", default=ROOT / "build" / "release" / "bench_gradients")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(options.workload)
        return
    if not Path(options.bench).exists():
        sys.exit(f"compare_gradients: {options.bench} is not there; build it, or name it with --bench")
    python = python_with_torch(options.python)
    for name in WORKLOADS if options.workload == "all" else (options.workload,):
        compare(name, options, python)


if __name__ == "__main__":
    main()
