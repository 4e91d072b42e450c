#!/usr/bin/env python3
"""Training speed of seedbed beside PyTorch's, in turn on one core.

    compare_torch.py [--python PYTHON] [--peer SCRIPT] [--bench PROGRAM] [--runs N] [--seconds S] [WORKLOAD,...|all]

PYTHON must have PyTorch (default: this one, else the first of python3 and /usr/bin/python3 that has it). SCRIPT prints a
JSON line a workload (default: ../shared/peers/torch_training.py beside the project). Both programs run N times in turn,
held to one core; medians and their ratio are printed.

Debian's PyTorch computes with the system's OpenBLAS, which on a CPU newer than itself falls back to slow kernels. seedbed
chooses fitting ones by itself; for a fair comparison the peer gets the same ones through OPENBLAS_CORETYPE. With --as-found
the peer runs with what it finds.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = ("mlp-100", "mlp-256x2", "mlp-1024x3", "cnn-16-32", "cnn-32-64-128-bn", "resnet20")


def python_with_torch(given):
    for python in [given] if given else [sys.executable, "python3", "/usr/bin/python3"]:
        if shutil.which(python) and subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    sys.exit("compare_torch: no Python with PyTorch found; install python3-torch or name one with --python")


def pinned(command, extra):
    core = str(max(os.sched_getaffinity(0)))
    pin = ["taskset", "-c", core] if shutil.which("taskset") else []
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **extra}
    done = subprocess.run(pin + command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"compare_torch: {' '.join(command)}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="?", default="all")
    parser.add_argument("--python")
    parser.add_argument("--peer", default=ROOT.parent / "shared" / "peers" / "torch_training.py")
    parser.add_argument("--bench", default=ROOT / "build" / "release" / "bench_training")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--as-found", action="store_true")
    options = parser.parse_args()
    for path, remedy in ((options.peer, "name it with --peer"), (options.bench, "build it, or name it with --bench")):
        if not Path(path).exists():
            sys.exit(f"compare_torch: {path} is not there; {remedy}")
    python = python_with_torch(options.python)

    print(f"{'workload':16} {'seedbed':>10} {'PyTorch':>10} {'ratio':>6}  {'of sgemm':>8} {'evaluation':>10}  samples/s, medians of {options.runs} runs in turn")
    for name in WORKLOADS if options.workloads == "all" else options.workloads.split(","):
        ours, theirs, shares, evaluations, kernel = [], [], [], [], ""
        for _ in range(options.runs):
            (line,) = pinned([str(options.bench), name, str(options.seconds)], {})
            ours.append(line["samples_per_second"])
            shares.append(line["share_of_sgemm"])
            evaluations.append(line["evaluation_ratio"])
            kernel = line["blas_kernel"]
            same = {} if options.as_found else {"OPENBLAS_CORETYPE": kernel}
            lines = pinned([python, str(options.peer), name, str(options.seconds)], same)
            theirs.append(max(line["samples_per_second"] for line in lines))
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{name:16} {a:10.0f} {b:10.0f} {a / b:6.2f}  {statistics.median(shares):8.2f} "
              f"{statistics.median(evaluations):9.2f}x  "
              f"kernels {kernel}{', as found for PyTorch' if options.as_found else ' for both'}", flush=True)


if __name__ == "__main__":
    main()
