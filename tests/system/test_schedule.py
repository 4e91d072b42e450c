"""What `plan` says of a schedule before it runs, and rank 0 as one that only serves."""

import re

import h5py
import numpy as np
from command_line import assert_says

SWEEP = """
data: {source: gaussians, train_count: 1000, test_count: 1000}
model: {kind: mlp, hidden: [100]}
train: {epochs: 10}
grid: {seed: 0..63}
"""


def seconds(text):
    """'1:02:03 h', '1:02 min' or '45 s'"""
    parts = [int(part) for part in text.split()[0].split(":")]
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))


def schedule_of(plan):
    found = re.findall(r"^ +(lpt|fifo|random) +([\d:]+ \w+) +([\d.]+) +([\d.]+) +([\d:]+ \w+) +[\d.e+-]+ %$", plan, re.M)
    return {order: (seconds(time), float(efficiency), float(busy), seconds(tail)) for order, time, efficiency, busy, tail in found}


def flops_of(plan):
    return float(re.search(r"work +([\d.e+]+) FLOPs", plan).group(1))


def plan_of(seedbed, path, *options):
    ended = seedbed("plan", path, *options)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def trial_seconds(seedbed, path):
    """What each trial is predicted to take here, in order."""
    listed = plan_of(seedbed, path, "--ranks", "1", "--list")
    return [float(text) for text in re.findall(r"^trial \d+ .*, ([\d.e+-]+) s$", listed, re.M)]


def test_each_batch_size_has_a_time_of_its_own(seedbed, tmp_path):
    """The same network and samples, but a product of one row a step, not of five hundred."""
    path = tmp_path / "batches.yaml"
    path.write_text(SWEEP.replace("seed: 0..63", "seed: 0..1, train.batch_size: [1, 500]"))
    found = trial_seconds(seedbed, path)
    assert len(found) == 4 and max(found[1], found[3]) < min(found[0], found[2]) / 2


def test_a_metric_takes_as_long_as_it_was_seen_to_take(seedbed, tmp_path):
    """The search for eigenvalues may take hundreds of products, but ends where its tolerance is met."""
    found = []
    for tolerance in (1e-6, 1):
        path = tmp_path / f"{tolerance}.yaml"
        settings = f"{{at: [init, end], samples: 500, iterations: 400, top: 40, probes: 0, tolerance: {tolerance}}}"
        path.write_text(SWEEP.replace("epochs: 10", "epochs: 1").replace("0..63", "[0]") + f"metrics: {{curvature: {settings}}}\n")
        found += trial_seconds(seedbed, path)
    assert found[1] < found[0] / 2


def test_equal_trials_take_whole_rounds(seedbed, tmp_path):
    path = tmp_path / "equal.yaml"
    path.write_text(SWEEP)
    flops = flops_of(plan_of(seedbed, path))
    gflops = flops / 64 / 100 * 1e-9  # a trial takes 100 s
    for ranks, rounds in ((1, 64), (16, 4), (60, 2), (64, 1), (200, 1)):
        plan = plan_of(seedbed, path, "--ranks", str(ranks), "--gflops", repr(gflops))
        assert "as given" in plan
        schedule = schedule_of(plan)
        assert set(schedule) == {"lpt", "fifo", "random"}
        for time, efficiency, busy, tail in schedule.values():
            assert abs(time / (100 * rounds) - 1) < 0.02
            assert abs(busy - 64 / (ranks * rounds)) < 0.02
            assert abs(efficiency - max(64 / ranks, 1) / rounds) < 0.02
            assert abs(tail - 100 * (rounds - 64 / ranks)) < 4


def test_longest_first_is_the_shortest_and_spread_changes_times(seedbed, tmp_path):
    path = tmp_path / "mixed.yaml"
    grid = "grid: [{seed: 0..39, train.epochs: [10]}, {seed: 0..3, train.epochs: [100]}]"
    path.write_text(SWEEP.replace("grid: {seed: 0..63}", grid))
    options = ("--ranks", "8", "--gflops", "0.001")
    schedule = schedule_of(plan_of(seedbed, path, *options))
    assert schedule["lpt"][0] < 0.75 * schedule["fifo"][0]
    assert schedule["lpt"][1] > 0.98
    assert schedule_of(plan_of(seedbed, path, *options, "--spread", "1")) != schedule


def test_the_predicted_time_of_one_rank_is_near_what_it_takes(seedbed, tmp_path):
    """Within a factor of 3: the machine may be busy with other things meanwhile."""
    path = tmp_path / "real.yaml"
    path.write_text(SWEEP.replace("0..63", "0..7").replace("epochs: 10", "epochs: 60"))
    plan = plan_of(seedbed, path, "--ranks", "1")
    predicted = schedule_of(plan)["lpt"][0]
    assert seedbed("run", path, "-o", tmp_path / "real.h5").returncode == 0
    with h5py.File(tmp_path / "real.h5", "r") as file:
        took = file["trials/seconds"][()].sum()
    assert took / 3 < predicted < 3 * took + 1


def test_numbers_of_a_schedule_are_checked(seedbed, tiny):
    for options in (["--gflops", "0"], ["--gflops", "fast"], ["--spread", "-1"], ["--spread", "9"], ["--ranks", "99999999"]):
        assert_says(seedbed("plan", tiny, *options), 2, options[0], options[1])


def test_a_rank_0_that_serves_trains_nothing_and_changes_no_row(seedbed, tiny, tiny_results, tmp_path):
    path = tmp_path / "served.h5"
    ended = seedbed("run", tiny, "-o", path, "--set", "schedule.rank0=serve", ranks=3)
    assert ended.returncode == 0, ended.stderr
    with h5py.File(path, "r") as served, h5py.File(tiny_results, "r") as alone:
        assert set(served["trials/rank"][()]) <= {1, 2}
        for name in ("identity", "checksum"):
            assert np.array_equal(served[f"trials/{name}"][()], alone[f"trials/{name}"][()])
    assert "rank 0 only serves" in plan_of(seedbed, tiny, "--ranks", "512")
    assert "rank 0 trains too" in plan_of(seedbed, tiny, "--ranks", "511")
    assert "rank 0 only serves" in plan_of(seedbed, tiny, "--ranks", "2", "--set", "schedule.rank0=serve")
