"""The report of a sweep, as a browser shows it: on a desk and on a phone, in light and dark, sorted and filtered."""

import html
import re
import shutil

import browser as chromium
import h5py
import numpy as np
import pytest
from background import Job, wait_until
from command_line import LONG
from contents import put_text
from results_file import OUTCOMES, STATES, write_results
from seedbed_analysis import command, open_results, report, report_figures, reproduce
from seedbed_analysis.analyses import ANALYSES

DESK, PHONE = 1280, 390
HOSTILE = "<script>document.title = 'caught'</script>\"'&</script>"


def made(path, folder, *options):
    """The report on a file -> its path"""
    page = folder / "report.html"
    assert command.main(["report", str(path), "-o", str(page), *options]) == 0
    return page


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = chromium.find()
    if not program:
        pytest.skip("no chromium: apt-get install chromium, or tools/check --browser")
    with chromium.Browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def everything(population, tmp_path_factory):
    """The report on a file with every metric that an analysis draws, a diverged trial, a failed one with hostile words, one running."""
    folder = tmp_path_factory.mktemp("everything")
    copy = folder / "copy.h5"
    shutil.copy(population, copy)
    with h5py.File(copy, "r+") as file:
        file["trials/outcome"][3] = OUTCOMES["failed"]
        put_text(file["trials/message"], 3, HOSTILE.encode())
        file["trials/train_loss"][3] = file["trials/train_accuracy"][3] = np.nan
        file["trials/train.loss"][24] = b"<i>x</i>"
        file["trials/state"][7] = STATES["running"]
        file["sweep/yaml"][...] = f"name: {HOSTILE}\n".encode()
        file.attrs["sweep"] = HOSTILE
    return made(copy, folder, "--paper", "D")


def shown(browser, what):
    """The texts of a column of the table, as the page shows them."""
    place = browser.run("[...document.querySelectorAll('#trials th')].map(head => head.title)").index(what)
    return browser.run(f"[...document.querySelectorAll('#trials tbody tr')].map(row => row.children[{place}].textContent)")


def sort_by(browser, what):
    browser.run(f"document.querySelector('#trials th[title=\"{what}\"] button').click()")


def keep(browser, text):
    """Types into the filter -> what the page says of it"""
    browser.run(f"filter.value = {text!r}; filter.dispatchEvent(new Event('input')); told.textContent")
    return browser.run("told.textContent")


FAULTS = """(() => {
  const faults = [];
  const say = (what, one) => faults.push(what + ": " + (one.getAttribute("aria-label") || one.alt || one.textContent).slice(0, 60));
  const light = (colour) => {
    const parts = colour.match(/[0-9.]+/g).map((one) => one / 255);
    const [r, g, b] = parts.map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  const contrast = (colour) => (Math.max(light(colour), page) + 0.05) / (Math.min(light(colour), page) + 0.05);
  for (const one of document.querySelectorAll("figure svg, figure img")) {
    const { width, height } = one.getBoundingClientRect();
    if (width < 200 || height < 100) say(`${width} x ${height}`, one);
    if (one.tagName === "IMG" && !one.naturalWidth) say("an image without pixels", one);
  }
  for (const one of document.querySelectorAll("figure svg text")) {
    const { width, height } = one.getBoundingClientRect(); // upright or turned
    if (Math.min(width, height) < 5 || Math.max(width, height) < 8.5) say(`text of ${width} x ${height}`, one);
    if (contrast(getComputedStyle(one).fill) < 4.5) say(`text of contrast ${contrast(getComputedStyle(one).fill)}`, one);
  }
  for (const svg of document.querySelectorAll("figure svg")) {
    const texts = [...svg.querySelectorAll("text")].filter((one) => /rotate\\(-?(0|90)\\b/.test(one.getAttribute("transform")));
    const boxes = texts.filter((one) => one.textContent.trim()).map((one) => [one, one.getBoundingClientRect()]);
    boxes.forEach(([one, a], place) => boxes.slice(0, place).forEach(([other, b]) => {
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left), height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width > 2 && height > 3 && width * height > 0.2 * Math.min(a.width * a.height, b.width * b.height)) say("text on text", one);
    }));
  }
  for (const one of document.querySelectorAll("p, dt, dd, th, td, li, a, button, figcaption, summary, label"))
    if (contrast(getComputedStyle(one).color) < 4.5 && !one.disabled) say("faint", one);
  for (const one of document.querySelectorAll("body *"))
    if (one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, pre, noscript")) say("beyond the edge", one);
  return faults;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_every_figure_is_legible_and_nothing_overflows(browser, everything, width, scheme):
    browser.open(everything, width, scheme=scheme)
    assert browser.run("document.documentElement.scrollWidth") == browser.run("innerWidth") == width
    assert browser.run(FAULTS) == []
    assert browser.run("document.querySelectorAll('figure').length") > 20
    assert browser.errors() == [] and browser.requests() == []
    dark = browser.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_the_test_of_a_page_sees_faults(browser, everything, tmp_path):
    """What a careless change would do: each must be seen."""
    text = everything.read_text()
    for spoil, word in ((("body {", "figure svg text { fill: #767676 !important } body {"), "contrast"),
                        (("body {", "figure svg text { font-size: 30px !important } body {"), "text on text"),
                        (("0.85px", "0.3px"), "text of"), ((".scroll {\n  overflow-x: auto", ".scroll {\n  overflow-x: visible"), ""),
                        (("figure svg, figure img {", "figure svg { display: none } figure img {"), "0 x 0")):
        page = tmp_path / "spoilt.html"
        assert spoil[0] in text
        page.write_text(text.replace(*spoil))
        browser.open(page, PHONE, scheme="dark")
        overflows = browser.run("document.documentElement.scrollWidth") > PHONE
        assert any(word in fault for fault in browser.run(FAULTS)) if word else overflows, spoil
    page.write_text(text.replace("</main>", "</main><script>console.log(1)</script><img src='https://example.org/a.png'>"))
    browser.open(page, PHONE)
    assert browser.errors()


def test_what_a_file_says_is_never_markup(browser, everything):
    browser.open(everything, DESK)
    assert browser.run("document.title") == HOSTILE == browser.run("document.querySelector('h1').textContent")
    assert HOSTILE in shown(browser, "message")
    assert browser.run("document.scripts.length") == 2  # the table's data, and the table
    assert "<i>x</i>" in browser.run("document.querySelector('figure svg').textContent") and not browser.run("document.querySelector('i')")
    assert HOSTILE in browser.run("document.querySelector('#what-ran').textContent")
    assert HOSTILE in browser.run("document.querySelector('#provenance pre').textContent")


def test_the_table_sorts_by_any_column_with_absent_values_last(browser, everything):
    browser.open(everything, DESK)
    with open_results(everything.parent / "copy.h5") as results:
        trials = results.trials
    assert shown(browser, "trial") == [str(trial) for trial in trials.index]
    for down in (False, True):
        sort_by(browser, "train_loss")
        there = trials[np.isfinite(trials["train_loss"])]
        expected = there.sort_values(["train_loss", "trial"], ascending=[not down, True]).index
        assert [int(trial) for trial in shown(browser, "trial")][: len(expected)] == list(expected)
        assert set(shown(browser, "train_loss")[len(expected):]) <= {"-"} and len(expected) < len(trials)
        sorts = browser.run("[...document.querySelectorAll('#trials th[aria-sort]')].map(head => [head.title, head.ariaSort])")
        assert sorts == [["train_loss", "descending" if down else "ascending"]]
    sort_by(browser, "model.hidden")
    assert shown(browser, "model.hidden") == sorted(shown(browser, "model.hidden"), key=len)
    browser.run("document.querySelector('#trials th[title=seed] button').focus()")
    browser.press("Enter")
    assert shown(browser, "seed") == sorted(shown(browser, "seed"))


def test_losses_that_are_no_numbers_are_shown_as_what_they_are(browser, tmp_path, small_results):
    """inf beyond all numbers, nan (measured: the accuracy beside it is there) beyond inf, what is absent last."""
    copy = tmp_path / "copy.h5"
    shutil.copy(small_results, copy)
    with h5py.File(copy, "r+") as file:
        file["trials/test_loss"][1] = np.inf
        file["trials/test_loss"][2] = np.nan
        file["trials/test_loss"][3] = file["trials/test_accuracy"][3] = np.nan
        file["trials/test_loss"][4] = -np.inf
    browser.open(made(copy, tmp_path, "--no-figures"), DESK)
    for ends in (["-inf", "inf", "nan", "-"], ["nan", "inf", "-inf", "-"]):
        sort_by(browser, "test_loss")
        losses = shown(browser, "test_loss")
        assert [one for one in losses if not re.match(r"-?\d", one)] == ends and losses[-1] == "-"
    for text, trials in (("test_loss=inf", ["1"]), ("test_loss=nan", ["2"]), ("test_loss=-inf", ["4"]), ("test_loss<0", ["4"])):
        assert keep(browser, text).startswith(f"{len(trials)} of 12") and shown(browser, "trial") == trials, text
    assert keep(browser, "test_loss>0").startswith("9 of 12") and browser.errors() == []


def test_the_table_filters_by_words_conditions_and_choices(browser, everything):
    browser.open(everything, DESK)
    with open_results(everything.parent / "copy.h5") as results:
        trials = results.trials
    for text, query in (("train.loss=mse", "loss == 'mse'"), ("loss=mse seed!=1 rate>0", "loss == 'mse' and seed != 1 and rate > 0"),
                        ("DIVERGED", "outcome == 'diverged'"), ("test_accuracy<=0.5", "test_accuracy <= 0.5"),
                        ('hidden="[16, 16]" seed>=1', "model.hidden == '[16, 16]' and seed >= 1"), ("nothing-like-it", "seed > 99")):
        expected = trials.query(query).index
        assert keep(browser, text).startswith(f"{len(expected)} of {len(trials)} trials")
        assert [int(trial) for trial in shown(browser, "trial")] == list(expected), text
    assert keep(browser, "") == f"{len(trials)} of {len(trials)} trials"
    browser.run("(() => { const choice = document.querySelectorAll('.controls select')[0];"
                "choice.value = 'mse'; choice.dispatchEvent(new Event('change')); })()")
    assert shown(browser, "train.loss") == ["mse"] * len(trials.query("loss == 'mse'"))


@pytest.fixture
def large(tmp_path):
    """Ten thousand trials that nobody trained; some failed, with the same message."""
    trials = 10_000
    axes = {"seed": np.arange(trials) % 2500, "train.learning_rate": np.repeat([0.1, 0.2, 0.4, 0.8], trials // 4)}
    path = write_results(tmp_path / "large.h5", np.random.default_rng(1).normal(size=(trials, 2, 8)), axes)
    with h5py.File(path, "r+") as file:
        file["trials/outcome"][100:200] = OUTCOMES["failed"]
        put_text(file["trials/message"], slice(100, 200), b"out of memory")
    return path


def test_ten_thousand_trials_come_in_pages(browser, large, tmp_path):
    browser.open(made(large, tmp_path, "--no-figures"), PHONE)
    assert browser.run("told.textContent") == "10000 of 10000 trials, shown 1 to 25"
    browser.run("document.querySelectorAll('.pages button')[1].click()")
    assert shown(browser, "trial") == [str(trial) for trial in range(25, 50)]
    sort_by(browser, "trial")  # by which it was sorted: now the other way
    assert shown(browser, "trial")[0] == "9999" and browser.run("document.querySelector('.pages button').disabled")
    assert keep(browser, "failed") == "100 of 10000 trials, shown 1 to 25"
    assert keep(browser, "failed trial>=190") == "10 of 10000 trials"
    assert "100, 101, 102, 103, 104, 105, 106, 107, 108, 109, ..." in browser.run("document.querySelector('#what-ran').textContent")
    assert browser.errors() == []


def test_every_figure_says_how_to_read_it(everything):
    """Each figure of each analysis, and none for nothing."""
    names = {re.sub(r"&#?\w+;", "", name) for name in re.findall(r'role="img" aria-label="([^:]*): ', everything.read_text())}
    assert names >= {"curves-by-train.loss", "compare-test_accuracy", "variance", "margins-distribution", "margins-area", "overlap-by-size",
                     "memorization-curves", "memorization-index", "sample-loss-quantiles", "sample-loss-split", "interpolation-loss",
                     "interpolation-plateaus", "interpolation-layers-error", "stiffness-classes", "stiffness-epochs", "stiffness-distance",
                     "pairs-paths", "pairs-barriers", "curvature", "gradients", "reduction", "weights"}
    for module in ANALYSES:
        for start, words in module.READ.items():
            assert any(name.startswith(start) for name in names) or start == "stiffness-rates", start
            assert len(words) > 40 and words.endswith("."), start


def test_a_paper_is_judged_beside(everything):
    with open_results(everything.parent / "copy.h5") as results:
        table = reproduce.reproduce("D", [results])
    rows = re.findall(r"<tr>(.*?)</tr>", everything.read_text().split('id="paper-d"')[1].split("</section>")[0])[1:]
    found = [[html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]
    assert [[row[0], row[1], row[5]] for row in found] == table[["claim", "says", "verdict"]].values.tolist() and len(found) > 3


def test_a_page_needs_nothing_else(everything):
    text = re.sub(r'xmlns(:xlink)?="[^"]*"', "", everything.read_text())
    assert not re.search(r'(src|href)="(?!data:|#)', text) and "@import" not in text and "url(http" not in text
    assert "default-src 'none'" in text


def plain(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_a_page_on_a_running_sweep_shows_what_is_there(seedbed, binary, tmp_path):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONG)
    with Job([binary, "run", sweep, "-o", path]) as job:
        assert wait_until(lambda: path.exists() and committed(path))
        text = plain(made(path, tmp_path, "--no-figures").read_text())
        assert job.running(), "the sweep ended before it was looked at"
        assert re.search(r"still being written: [1-7] of 8 trials so far", text)
        assert re.search(r"8 in the sweep; [1-7] committed \([1-7] done\), 1 running", text)
    text = plain(made(path, tmp_path, "--no-figures").read_text())
    assert "still being written" in text  # it ended a moment ago, and did not say so
    times = path.stat()
    report.os.utime(path, (times.st_atime, times.st_mtime - 2 * report.ALIVE))
    assert "stopped without an end" in plain(made(path, tmp_path, "--no-figures").read_text())
    assert seedbed("run", sweep, "-o", path, "--resume").returncode == 0
    text = plain(made(path, tmp_path).read_text())
    assert "complete: 8 done" in text and "in 2 starts, 1 of them without an end" in text


def committed(path):
    with open_results(path) as results:
        return len(results)


def test_a_file_without_a_committed_trial_or_with_one(tmp_path, small_results):
    copy = tmp_path / "copy.h5"
    shutil.copy(small_results, copy)
    with h5py.File(copy, "r+") as file:
        file["trials/state"][:] = STATES["waiting"]
    assert "No committed trials yet (12 in the sweep)" in plain(made(copy, tmp_path).read_text())
    with h5py.File(copy, "r+") as file:
        file["trials/state"][4] = STATES["committed"]
    text = plain(made(copy, tmp_path).read_text())
    assert "consistency: needs two trials" in text and "12 in the sweep; 1 committed (1 done), 11 waiting" in text


def test_trials_that_failed_before_anything_are_in_the_table_alone(tmp_path, tiny_results):
    with h5py.File(tiny_results, "r+") as file:
        for name, item in {**file["trials"], **file["curves"]}.items():
            if item.dtype.kind == "f":
                item[...] = np.nan
        file["trials/outcome"][:] = OUTCOMES["failed"]
        put_text(file["trials/message"], slice(None), b"out of memory")
    text = plain(made(tiny_results, tmp_path).read_text())
    assert "curves: no trial came to the end of an epoch" in text and "trial failed 4 out of memory 0, 1, 2, 3" in text


@pytest.mark.parametrize("options, message", [
    (["--where", "depth == 3"], "cannot be understood"), (["-o", "FILE"], "is the results file"), (["-o", "FOLDER"], "is a folder")])
def test_a_page_that_cannot_be_made_gets_one_line(tmp_path, small_results, capsys, options, message):
    copy = tmp_path / "copy.h5"
    shutil.copy(small_results, copy)
    words = [{"FILE": str(copy), "FOLDER": str(tmp_path)}.get(word, word) for word in options]
    assert command.main(["report", str(copy), *words]) == 1
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["copy.h5"]


def test_a_choice_of_trials_is_said_and_alone_is_shown(tmp_path, small_results):
    text = made(small_results, tmp_path, "--no-figures", "--where", "loss == 'mse'").read_text()
    assert "6 trials where loss == 'mse': 6 done" in html.unescape(plain(text)) and '"cross_entropy"' not in text
    assert "complete: 12 trials" in text and "12 in the sweep; 12 committed" in text


def test_many_trials_are_compared_by_the_first_of_each_setting(large):
    with open_results(large) as results:
        some = report_figures.some_of_each(results, 300)
        assert some.trials.groupby("train.learning_rate").size().to_dict() == {0.1: 75, 0.2: 75, 0.4: 75, 0.8: 75}
        assert list(some.trials.query("train.learning_rate == 0.2")["seed"]) == list(range(75))
        assert len(report_figures.some_of_each(results.where([1, 2, 3, 5000]), 3)) == 2


@pytest.mark.parametrize("seconds, text", [(0.4234, "0.42 s"), (0, "0 s"), (35.4, "35 s"), (120, "2 min"), (11100, "3 h 5 min"),
                                          (200000, "2 d 7 h")])
def test_durations_read_as_people_say_them(seconds, text):
    assert report.duration(seconds) == text
