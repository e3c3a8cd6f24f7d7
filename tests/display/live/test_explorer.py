"""The kernel's half of an explorer: state, answers to the browser, what is displayed and exported."""

import base64
import gc
import html.parser
import io
import json
import threading
import weakref

import pytest
from PIL import Image

from ibteach.display.live import explorer as live
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Scene, alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput, Unavailable, UnknownName


@pytest.fixture
def explorer(rings):
    return Explorer(rings())


@pytest.fixture
def answer(explorer, monkeypatch):
    """What the kernel says when the browser asks for states."""
    sent = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: sent.append((content, buffers)))

    def ask(asked, theme="light", layout="wide"):
        explorer._handle_custom_msg({"layout": layout, "theme": theme, "states": asked}, [])
        return sent.pop()

    return ask


# --- state --------------------------------------------------------------------------------------------------------


def test_setting_the_state_changes_the_picture_and_back(explorer):
    first, opening = explorer.picture(), explorer.state_text
    explorer.state = {"radius": 2.0}
    assert explorer.state == start_state(explorer.scene) | {"radius": 2.0}
    assert explorer.picture() != first
    explorer.state = opening  # the text that was copied
    assert explorer.picture() == first


def test_the_state_can_be_followed(explorer):
    seen = []
    explorer.observe(lambda change: seen.append((change["old"]["ring"], change["new"]["ring"])), "state")
    explorer.state = {"ring": "both"}
    explorer.state = {"ring": "both"}
    explorer.set_state({"state": dict(explorer.state) | {"ring": "right"}})  # as the browser sends it
    assert seen == [("left", "both"), ("both", "right")]


@pytest.mark.parametrize("state", [{"ring": "middle"}, {"radius": 0.15}, {"size": 1}, "radius = 1", None, [1]])
def test_a_bad_state_is_refused_and_nothing_moves(explorer, state):
    before = dict(explorer.state)
    with pytest.raises(InvalidInput):
        explorer.state = state
    assert explorer.state == before


def test_a_state_that_was_read_is_not_a_way_to_write(explorer):
    with pytest.raises(InvalidInput, match=r"figure\.state = \{'ring': 'both'\}"):
        explorer.state["ring"] = "both"


def test_it_opens_where_it_is_told(rings):
    explorer = Explorer(rings(), state={"radius": 1.0})
    assert explorer.state["radius"] == 1.0
    assert explorer._spec["opening"]["state"] == explorer.state
    with pytest.raises(UnknownName, match="left"):
        Explorer(rings(), state={"ring": "lft"})


def test_no_explorer_without_alt_text(rings):
    with pytest.raises(InvalidInput, match="alt text"):
        Explorer(type("Mute", (rings,), {"alt": Scene.alt})())


def test_a_closed_explorer_gives_its_memory_back(rings):
    explorer = Explorer(rings())
    shown = explorer.picture()
    drawings = [weakref.ref(canvas) for canvas in explorer._canvases.values()]
    explorer.close()
    gc.collect()
    assert drawings and not any(drawing() for drawing in drawings)
    assert explorer.picture() == shown  # drawn anew


# --- answers to the browser ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["wide", "screen"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_missing_picture_is_drawn(explorer, answer, theme, layout):
    state = states(explorer.scene)[77]
    content, (picture,) = answer([state], theme.name, layout)
    of = {"layout": layout, "theme": theme.name}
    assert content == of | {"states": [state], "alts": [alt_text(explorer.scene, state)]}
    assert picture == Canvas(explorer.scene, theme, layout).frame(state)


def test_the_kernel_listens_again_soon(explorer, answer, monkeypatch):
    asked = states(explorer.scene)[:4]
    monkeypatch.setattr(live, "BUSY_SECONDS", 1e9)
    assert len(answer(asked)[1]) == 4
    monkeypatch.setattr(live, "BUSY_SECONDS", 0)
    content, pictures = answer(asked)
    assert len(pictures) == len(content["alts"]) == 1
    assert content["states"] == asked


def test_an_error_while_drawing_is_told_to_the_reader(rings, monkeypatch):
    class Breaks(rings):
        def update(self, radius, ring, colour):
            if ring == "both":
                raise ValueError("no such ring")
            super().update(radius, ring, colour)

    explorer, sent = Explorer(Breaks()), []
    monkeypatch.setattr(live, "BUSY_SECONDS", 1e9)  # on a busy machine too
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: sent.append((content, buffers)))
    good, bad = dict(explorer.state), dict(explorer.state) | {"ring": "both"}
    explorer._handle_custom_msg({"layout": "wide", "theme": "light", "states": [good, bad, good]}, [])
    ((content, pictures),) = sent
    assert content["error"] == "ValueError: no such ring"
    assert len(pictures) == 1  # what came before the error is not lost


def test_threads_take_turns(explorer, answer):
    """A front end may ask from a thread of its own while a cell draws: no picture is a mixture of two states."""
    here, there = states(explorer.scene)[0], states(explorer.scene)[-1]
    expected = answer([there])[1]
    explorer.state = here
    alone, drawn = explorer.picture(), []
    other = threading.Thread(target=lambda: drawn.extend(answer([there])[1] for _ in range(10)))
    other.start()
    assert all(explorer.picture() == alone for _ in range(3))
    other.join()
    assert drawn == [expected] * 10


def test_the_front_end_starts_with_a_picture(explorer):
    spec = explorer.get_state("_spec")["_spec"]
    assert spec["opening"]["picture"] == Canvas(explorer.scene).frame(explorer.state)
    assert [axis["kind"] for axis in spec["axes"]] == ["slider", "choice", "choice"]
    assert set(spec["themes"]) == {"light", "dark"}


# --- what is displayed --------------------------------------------------------------------------------------------


def test_one_bundle_holds_the_live_view_and_a_picture_with_alt_text(explorer):
    explorer.state = {"ring": "both", "radius": 1.5}
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert base64.b64decode(data["image/png"]) == explorer.picture()
    assert data["text/plain"] == "Explorer 'Two rings': radius × ring × colour (720 pictures)"
    assert metadata["image/png"] == {"alt": "Both rings are drawn in colour 0 with radius 1.5.", "width": 600}


def test_a_long_text_is_shown_whole(rings):
    explorer = Explorer(type("Long", (rings,), {"title": "Rings " * 30})())
    assert explorer._repr_mimebundle_()[0]["text/plain"] == repr(explorer) and len(repr(explorer)) > 110


def test_ipython_asks_for_the_bundle(explorer):
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(explorer)
    assert {"image/png", "application/vnd.jupyter.widget-view+json", "text/plain"} <= set(data)


def test_a_scene_without_controls_is_a_picture(rings):
    class Still(rings):
        axes = ()

        def update(self):
            super().update(1.0, "both", "colour 1")

        def alt(self):
            return "Two rings."

    explorer = Explorer(Still())
    assert repr(explorer) == "Explorer 'Two rings': (1 picture)"
    assert Image.open(io.BytesIO(explorer.picture())).format == "PNG"


# --- the exported page --------------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """What matters of an exported page: the data in it, its images, and every address it names."""

    def __init__(self, path):
        super().__init__()
        self.images, self.addresses, self.inside, self.data = [], [], None, ""
        self.feed(path.read_text(encoding="utf-8"))
        self.figure = json.loads(self.data)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.inside = attributes.get("id")
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag == "img":
            self.images.append(attributes)

    def handle_data(self, data):
        if self.inside == "live-figure":
            self.data += data
            self.inside = None


def test_the_page_holds_everything(explorer, tmp_path):
    explorer.state = {"ring": "both"}
    written = explorer.export(tmp_path / "rings.html", fixed={"colour": "colour 2", "radius": 2.0})
    page = Page(written.path)
    assert written.pictures == 6
    assert written.bytes == written.path.stat().st_size
    shown = [(one["theme"], one["state"]["ring"]) for one in page.figure["pictures"]]
    assert shown == [(theme, ring) for theme in ("light", "dark") for ring in ("left", "right", "both")]
    for one in page.figure["pictures"]:
        assert one["alt"] == alt_text(explorer.scene, one["state"])
        assert Image.open(io.BytesIO(base64.b64decode(one["picture"]))).format == "WEBP"
    assert page.figure["spec"]["start"] == {"radius": 2.0, "ring": "both", "colour": "colour 2"}
    assert [image["alt"] for image in page.images] == ["Both rings are drawn in colour 2 with radius 2."]
    assert all(address.startswith("data:") for address in page.addresses)
    assert "url(" not in live.page.STYLE
    namespace = "http://www.w3.org/2000/svg"  # a name, of which nothing is fetched
    assert "http" not in (live.page.SCRIPT + live.page.STYLE).replace(namespace, "")


def test_words_of_a_scene_do_not_break_the_page(rings, tmp_path):
    class Sly(rings):
        title = "</script><b>&\"'"

        def alt(self, **state):
            return '</script> "quoted" <b>'

    path = tmp_path / "sly.html"
    Explorer(Sly()).export(path, themes="light", fixed={"ring": "left", "colour": "colour 0"})
    page = Page(path)
    assert page.figure["spec"]["title"] == Sly.title
    assert page.images[0]["alt"] == '</script> "quoted" <b>'
    assert path.read_text(encoding="utf-8").count("</script>") == 2


def test_a_page_that_would_be_too_long_to_open_is_refused(explorer, tmp_path):
    with pytest.raises(InvalidInput, match=r"720 states in 2 themes \(ticks: radius 24, ring 3, colour 10\)"):
        explorer.export(tmp_path / "rings.html")
    with pytest.raises(UnknownName, match="did you mean 'dark'"):
        explorer.export(tmp_path / "rings.html", themes=["drak"])
    with pytest.raises(UnknownName, match="did you mean 'radius'"):
        explorer.export(tmp_path / "rings.html", fixed={"radios": 1})
    with pytest.raises(InvalidInput, match="0 themes"):
        explorer.export(tmp_path / "rings.html", themes=())
    assert not list(tmp_path.iterdir())


def test_a_page_that_cannot_be_written_leaves_the_old_one(explorer, tmp_path, monkeypatch):
    path = tmp_path / "rings.html"
    fixed = {"colour": "colour 2", "radius": 2.0}
    explorer.export(path, themes="light", fixed=fixed)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    explorer.state = {"ring": "both"}
    with pytest.raises(Unavailable, match="disk full"):
        explorer.export(path, themes="light", fixed=fixed)
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["rings.html"]
    with pytest.raises(Unavailable):
        explorer.export(tmp_path / "no folder" / "rings.html", themes="light", fixed=fixed)
