"""Time and memory of the overlap analysis on a file of 1,000 trials x 60,000 samples, at 8 sizes and both ends.

    python3 tests/bench/bench_consistency.py [TRIALS [SAMPLES]]
Prints one JSON line. The file (4 bytes a margin) is made in a temporary folder first.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/system")]

from results_file import write_results  # noqa: E402
from seedbed_analysis import command  # noqa: E402


def write(path, trials, samples):
    """Margins with a part that all trials share, written a trial at a time."""
    generator = np.random.default_rng(1)
    write_results(path, np.zeros((trials, 2, 1), np.float32), {"seed": np.arange(trials)})
    common = generator.normal(size=samples).astype(np.float32)
    with h5py.File(path, "r+") as file:
        for name in ("train_sample", "margins/train", "dataset/train_index", "dataset/train_label", "dataset/observed_label"):
            del file[name]
        file["train_sample"] = np.arange(samples)
        file["train_sample"].make_scale("train_sample")
        for name in ("train_index", "train_label", "observed_label"):
            file[f"dataset/{name}"] = (np.arange(samples)[None] % 30000).astype(np.int32)
            file[f"dataset/{name}"].dims[0].attach_scale(file["variant"])
            file[f"dataset/{name}"].dims[1].attach_scale(file["train_sample"])
        file["dataset/train_count"][0] = samples
        margins = file.create_dataset("margins/train", (trials, 2, samples), np.float32)
        for position, name in enumerate(("trial", "margins_point", "train_sample")):
            margins.dims[position].attach_scale(file[name])
        for trial in range(trials):
            margins[trial, 1] = common + generator.normal(size=samples)


def main():
    trials, samples = (int(word) for word in (sys.argv[1:] + ["1000", "60000"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.h5"
        write(path, trials, samples)
        sizes = ",".join(str(max(1, round(share * samples))) for share in (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5))
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        code = command.main(["consistency", str(path), "--k", sizes, "--json", "-o", folder])
        after = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"trials": trials, "samples": samples, "seconds": round(time.monotonic() - started, 1),
                      "cpu_seconds": round(after.ru_utime - before.ru_utime, 1), "peak_MB": after.ru_maxrss // 1024}), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
