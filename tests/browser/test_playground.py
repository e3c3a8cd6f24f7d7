"""The playground in a real Chromium: it computes what PyTorch does, trains while it is moved, and says what it did."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import pytest

from ibteach.display.playground import playground, widget

pytestmark = pytest.mark.browser


class Played:
    """A playground on a page."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".ibteach-playground")
        self.root.wait_for()

    def told(self, name):
        return self.root.get_attribute(f"data-{name}")

    def step(self):
        return int(self.told("step"))

    def until(self, condition, timeout=60_000):
        self.page.wait_for_function(
            f"() => {{ const data = document.querySelector('.ibteach-playground').dataset; return {condition}; }}",
            timeout=timeout,
        )

    def ready(self):
        self.until("data.pictures > 0")
        return self

    def press(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()

    def trained(self, steps):
        self.press("Train")
        self.until(f"data.step >= {steps}")
        self.press("Pause")
        self.until("data.running === 'false'")
        self.page.wait_for_timeout(200)

    def value(self, name):
        text = self.root.locator(f'[data-quantity="{name}"]').inner_text()
        return float(text.replace("−", "-").removesuffix(" %"))

    def state(self):
        return json.loads(self.root.get_by_label("State as text").input_value())

    def alt(self):
        return self.root.locator('[data-drawing="plane"]').get_attribute("aria-label")

    def pixels(self, drawing):
        return self.root.locator(f'[data-drawing="{drawing}"]').evaluate("node => node.toDataURL()")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return playground().export(tmp_path_factory.mktemp("page") / "playground.html").path


@pytest.fixture
def opened(exported, new_page):
    def open_at(address="", **options):
        page = new_page(**options)
        page.context.set_offline(True)
        page.goto(exported.as_uri() + address)
        return Played(page).ready()

    return open_at


def test_the_browser_computes_what_pytorch_does(new_page):
    source = Path(__file__).parents[1] / "display" / "playground_oracle.py"
    spec = importlib.util.spec_from_file_location("playground_oracle", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    both = module.Both()
    engine = json.dumps((widget.FOLDER / "engine.js").read_text(encoding="utf-8"))
    page = new_page()
    page.goto("about:blank")
    answer = page.evaluate(
        f"""async (question) => {{
            const url = URL.createObjectURL(new Blob([{engine}], {{ type: "text/javascript" }}));
            return ({module.PROGRAM})(await import(url), question);
        }}""",
        both.question(),
    )
    both.agrees(answer)


def test_gamma_moves_while_it_trains_and_the_picture_follows(opened):
    play = opened()
    first = [play.pixels(name) for name in ("plane", "bounds", "path")]
    play.press("Train")
    play.until("data.step > 300")
    gamma = play.root.locator('[data-axis="gamma"]')
    gamma.press("End")  # in one jump, which no network survives
    assert play.state()["gamma"] == 10
    step = play.step()
    play.until(f"data.running === 'true' && data.step > {step + 500}")
    play.press("Pause")
    play.until("data.running === 'false'")
    play.page.wait_for_timeout(300)
    assert all(play.pixels(name) != before for name, before in zip(("plane", "bounds", "path"), first, strict=True))
    assert play.value("H[Z|Y]") < 0.5 and play.value("error, test") > 50  # with γ = 10 nothing is left
    assert "γ = 10" in play.alt() and "error, test" in play.alt()
    assert play.root.locator("figcaption").inner_text() == play.alt()


def test_a_setting_moved_while_it_stands_is_not_said_to_be_trained_with(opened):
    play = opened()
    play.trained(20)
    assert ") with log-variance, γ = 0.01. In" in play.alt()
    play.root.locator('[data-axis="gamma"]').press("End")
    play.page.wait_for_timeout(200)
    assert "), trained with log-variance, γ = 0.01, now set to log-variance, γ = 10. In" in play.alt()
    step = play.step()
    play.press("One step")
    play.until(f"data.step === '{step + 1}'")
    play.page.wait_for_timeout(200)
    assert ") with log-variance, γ = 10. In" in play.alt()


def test_it_learns_and_says_so(opened):
    play = opened()
    assert play.step() == 0 and "step 0" in play.alt()
    play.press("One step")
    play.until("data.step === '1'")
    play.trained(600)
    assert play.value("error, test") < 10
    nats = play.value("I[X;Z]")
    play.root.get_by_text("bits", exact=True).click()
    assert play.value("I[X;Z]") == pytest.approx(nats / 0.6931, abs=0.02)
    weights = play.step()
    play.press("Start again")
    play.until("data.step === '0'")
    assert weights > 0 and play.value("error, test") > 60


def test_the_same_seed_is_the_same_training(opened):
    alts = []
    for _ in range(2):
        play = opened()
        for _ in range(5):
            play.press("One step")
        play.until("data.step === '5'")
        play.page.wait_for_timeout(200)
        alts.append(play.alt())
    assert alts[0] == alts[1]


def test_everything_is_reached_by_keys_and_stands_in_state_and_address(opened):
    play = opened()
    reached = []
    play.root.locator("summary").first.click()
    play.page.evaluate("document.activeElement.blur()")
    for _ in range(18):
        play.page.keyboard.press("Tab")
        reached.append(
            play.page.evaluate(
                "(({ activeElement: node }) => node.closest('[data-axis]')?.dataset.axis ?? node.dataset.drawing"
                " ?? node.textContent.trim())(document)"
            )
        )
    wanted = ["gamma", "objective", "noise", "unit", "Train", "One step", "Start again", "plane", "learning_rate",
              "batch_size", "dropout", "random_labels", "speed", "hidden", "seed"]  # fmt: skip
    assert [name for name in wanted if name not in reached] == []

    play.root.locator('[data-axis="objective"]').select_option(label="variance")
    play.root.locator('[data-axis="dropout"]').press("End")
    play.root.locator('[data-axis="seed"]').fill("7")
    play.root.locator('[data-axis="seed"]').press("Enter")
    play.until("data.version >= 3")
    play.page.wait_for_timeout(400)
    state = play.state()
    assert (state["objective"], state["dropout"], state["seed"]) == ("variance", 0.8, 7)
    again = opened("#" + play.page.evaluate("location.hash").removeprefix("#"))
    assert again.state() == state
    assert "variance" in again.alt() and "dropout 0.8" in again.alt()


def test_a_wrong_line_is_refused_with_what_is_wrong(opened):
    play = opened("#playground=%7B%22objective%22%3A%22nonsense%22%7D&other=1")
    before = play.state()
    assert before["objective"] == "log-variance"
    play.root.locator("summary").last.click()
    text = play.root.get_by_label("State as text")
    refused = [
        ("{", "not a state"),
        ('{"gamma": 100}', "gamma is a number"),
        ('{"noise": 1}', "noise is one of"),
        ('{"objective": "vib", "noise": false}', "needs the noise"),
    ]
    for wrong, said in refused:
        text.fill(wrong)
        text.press("Enter")
        assert said in text.evaluate("node => node.validationMessage")
    text.fill('{"gamma": 0.5}')
    text.press("Enter")
    assert play.state() == before | {"gamma": 0.5}


def test_without_noise_what_needs_it_is_not_offered(opened):
    play = opened()
    play.root.locator('[data-axis="objective"]').select_option(label="VIB")
    play.root.get_by_text("off", exact=True).click()
    assert play.state()["objective"] == "none" and not play.state()["noise"]
    assert "infinite" in play.root.locator(".ibteach-note").inner_text()
    assert play.root.locator('[data-axis="objective"] option[disabled]').count() == 5
    play.trained(50)
    assert play.root.locator('[data-quantity="I[X;Z]"]').count() == 0


def test_a_digit_is_shown_where_one_points(opened):
    play = opened()
    play.trained(200)
    before = play.pixels("plane")
    plane = play.root.locator('[data-drawing="plane"]')
    plane.press("ArrowRight")
    assert play.told("digit") == "0"
    assert re.fullmatch(r"Test digit 0: a \d, read as \d\.", play.root.locator("figcaption").inner_text())
    plane.press("ArrowDown")  # the next that is misread
    _, label, read = re.findall(r"\d+", play.root.locator("figcaption").inner_text())
    assert label != read and play.pixels("plane") != before
    box = plane.bounding_box()
    play.page.mouse.move(box["x"] + 3, box["y"] + 3)
    assert play.told("digit") == ""


def test_what_diverges_is_said(opened):
    state = {"objective": "l2", "gamma": 10, "learning_rate": 1}
    play = opened("#playground=" + json.dumps(state))
    play.press("Train")
    play.until("data.running === 'false' && data.step > 0")
    said = play.root.locator(".ibteach-note").inner_text()
    assert re.match(r"Stopped at step \d+: the surrogate .* Lower the learning rate or γ", said)
    assert play.root.get_by_role("button", name="Train", exact=True).is_visible()


@pytest.mark.parametrize(
    "lacking", ["delete window.Worker", "HTMLCanvasElement.prototype.getContext = () => null"], ids=["worker", "canvas"]
)
def test_a_browser_that_cannot_train_shows_the_picture(exported, new_page, lacking):
    page = new_page()
    page.add_init_script(lacking)
    page.goto(exported.as_uri())
    play = Played(page)
    assert "cannot train here" in play.root.locator(".ibteach-note").inner_text()
    image = play.root.locator(".ibteach-still img")
    assert image.evaluate("node => node.decode().then(() => node.naturalWidth)") > 500
    assert "after 20 epochs" in image.get_attribute("alt")


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 720, "light"), (390, 844, "dark")])
def test_it_fits_the_screen_and_follows_the_theme(opened, width, height, scheme):
    play = opened(color_scheme=scheme)
    play.page.set_viewport_size({"width": width, "height": height})
    play.page.wait_for_timeout(200)
    assert play.told("theme") == scheme
    assert play.page.evaluate("document.documentElement.scrollWidth") <= width
    before = play.pixels("plane")
    play.page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    play.until(f"data.theme !== '{scheme}'")
    assert play.pixels("plane") != before


def test_with_reduced_motion_pictures_are_few(opened):
    """At most two a second, however fast or slow the machine is: counted against the page's own clock."""
    play = opened(reduced_motion="reduce")
    before, start = int(play.told("pictures")), play.page.evaluate("performance.now()")
    play.press("Train")
    play.until("data.step > 300")
    pictures, now = int(play.told("pictures")), play.page.evaluate("performance.now()")
    assert pictures - before <= (now - start) / 500 + 2  # one at the click, and one under way


def test_the_kernel_has_what_was_trained(tmp_path, open_notebook):
    cells = [
        "from ibteach.display.playground import playground\nplay = playground(gamma=0.05)\nplay",
        "play.state = {'objective': 'variance'}",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, tmp_path / "play.ipynb")
    notebook = open_notebook(tmp_path / "play.ipynb")
    notebook.run_all()
    assert not notebook.errors()
    play = Played(notebook.page).ready()
    play.page.wait_for_function(
        "document.querySelector('[data-axis=objective]').selectedOptions[0].text === 'variance'"
    )
    play.trained(300)
    play.page.wait_for_timeout(800)
    step = play.step()
    shown = play.value("I[X;Z]")
    code = "r = play.record; print(r.runs[0]['objective'], r.provenance['steps'], len(r.epochs) > 5, "
    code += "r.value('test/preserved_information').item())"
    name, steps, several, found = notebook.run(code).split()
    assert (name, int(steps), several) == ("variance", step, "True")
    assert float(found) == pytest.approx(shown, abs=0.1)  # of two draws of the noise each
    notebook.run("play.load(play.network); print('loaded')")
    play.until("data.step === '0'")
    assert play.value("I[X;Z]") == pytest.approx(shown, abs=0.011)
