"""What figures say: values of axes as they are, never markup; long ones short enough to read, and still different."""

import xml.etree.ElementTree as tree
from xml.sax.saxutils import escape

import numpy as np
import pytest
from results_file import write_results
from seedbed_analysis import command, groups, margins, open_results, report_figures, style

STRANGE = ["$x_1^2$ and $y$", r"\frac $ \alpha$", "a_b^{c}", "100 % & <b>", "$", "__init__"]
LAYERS = "{kind: layers, layers: [{kind: convolution, channels: %d, padding: 1}, relu, {kind: dense, units: 64}, batch_norm, relu, dense]}"


def texts(path):
    """All texts of an SVG file, each as it is drawn."""
    return ["".join(one.itertext()) for one in tree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def strange(tmp_path):
    """Two seeds of every strange value, of an axis with a strange name."""
    axes = {"seed": np.tile([0, 1], len(STRANGE)), "model.$a_b$": np.repeat(STRANGE, 2)}
    return write_results(tmp_path / "$results_1$.h5", np.random.default_rng(2).normal(size=(len(axes["seed"]), 2, 40)), axes)


@pytest.mark.parametrize("name", ["compare", "consistency"])
def test_values_names_and_files_are_never_markup(strange, tmp_path, name):
    assert command.main([name, str(strange), "-o", str(tmp_path / "out")]) == 0
    for path in (tmp_path / "out").glob("*.svg"):
        said = "\n".join(texts(path))
        assert "$a_b$" in said, path
        missing = [value for value in STRANGE if value not in said and value.replace("_", " ") not in said]
        assert not missing, f"{path.name}: {missing} not in {said}"


def test_the_figures_of_a_report_say_them_too(strange):
    with open_results(strange) as results:
        drawings, _ = report_figures.curves(results)
        for figure in (drawings[0][0](), margins.distribution_figure(results, "end")):
            said = report_figures.picture(figure, "figure")[0]
            assert all(escape(value) in said for value in STRANGE)


@style.drawn
def logarithmic(low, high):
    figure, panels = style.panels(1, 1)
    panels[0, 0].semilogy([1, 2], [low, high])
    return figure


@pytest.mark.parametrize("low, high, tick", [(1e-4, 10, "10⁻²"), (2.1e-3, 5e-3, "3×10⁻³"), (1, 1e12, "10⁹")])
def test_powers_of_ten_stay_powers(tmp_path, low, high, tick):
    style.save(logarithmic(low, high), tmp_path, "figure")
    said = texts(tmp_path / "figure.svg")
    assert tick in said and not any("$" in one or "math" in one for one in said), said


@pytest.mark.parametrize("values, shown", [
    (["[16]", "[500, 300, 100]"], ["[16]", "[500, 300, 100]"]),
    ([f"[{', '.join(['1024'] * count)}]" for count in (1, 9, 12)], ["[1024]", "[9 x 1024]", "[12 x 1024]"]),
    ([LAYERS % 8, LAYERS % 16, "mlp"], ["layers...channels: 8...", "layers...channels: 16...", "mlp"]),
    (["a" * 60 + "b" + "c" * 60, "a" * 60 + "d" + "c" * 60], ["a" * 26 + "..." + "c" * 10 + f" ({one})" for one in (1, 2)]),
    ([0.1, 0.01], ["0.1", "0.01"]), ([], []),
])
def test_long_values_are_short_and_still_differ(values, shown):
    found = groups.brief(values)
    assert list(found) == values and list(found.values()) == shown


def test_a_text_is_parted_outside_of_brackets():
    assert groups.parts("loss mse, hidden [16, 16], model {kind: a, b: [1, 2]}, rate 4") == [
        "loss mse", "hidden [16, 16]", "model {kind: a, b: [1, 2]}", "rate 4"]


@pytest.mark.parametrize("axis", ["model", "loss"])
def test_long_values_fit_into_a_figure(tmp_path, axis):
    """As ticks and in a legend: whole, and the panel keeps its size."""
    long = ["{kind: mlp, hidden: [500, 300, 100, 80, 60, 40]}", LAYERS % 8, LAYERS % 16, LAYERS % 32]
    axes = {"seed": np.tile([0, 1], 8), "train.loss": np.repeat(["mse", "cross_entropy"], 8), "model": np.tile(np.repeat(long, 2), 2)}
    path = write_results(tmp_path / "long.h5", np.zeros((16, 2, 5)), axes)
    assert command.main(["compare", str(path), "-o", str(tmp_path), "--axis", axis, "--metric", "test_loss"]) == 0
    said = texts(tmp_path / "compare-test_loss.svg")
    assert {f"layers...channels: {one}..." for one in (8, 16, 32)} <= set(said) and "mlp, hidden [500, 300, 100, 80, 60, 40]" in said
    assert max(map(len, said)) <= groups.MOST_LETTERS
