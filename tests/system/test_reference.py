"""sweeps/reference.yaml is what the program's own tables say, and reads back as the sweep of all defaults."""


def test_the_reference_is_current(seedbed, root):
    made = seedbed("list", "reference").stdout
    assert made == (root / "sweeps" / "reference.yaml").read_text(), \
        "run: build/release/seedbed list reference > sweeps/reference.yaml"


def test_the_reference_is_a_sweep_of_the_defaults(seedbed, root, tmp_path):
    empty = tmp_path / "sweep.yaml"
    empty.write_text("seed: 0\n")
    plans = [seedbed("plan", "--list", path).stdout for path in (empty, root / "sweeps" / "reference.yaml")]
    trials = [plan[plan.index("\ntrial 0"):] for plan in plans]
    assert trials[0] == trials[1]
