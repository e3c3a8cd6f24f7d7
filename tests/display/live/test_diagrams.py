"""Information diagrams on screen: what is highlighted, hatched and empty, and what the words beside it say."""

import itertools
import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ibteach.display.live.canvas import Canvas
from ibteach.display.live.diagrams import HIGHLIGHT, DiagramScene, diagram, quantities
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT, THEMES
from ibteach.errors import InvalidInput, UnknownName
from ibteach.information.diagram import i_measure
from ibteach.information.discrete import Joint

XOR = Joint([[[0.25, 0], [0, 0.25]], [[0, 0.25], [0.25, 0]]], "A B C")
XY = Joint([[0.4, 0.1], [0.1, 0.4]], "X Y")


def chain(noise):
    return XY.encode("Z|X", [[1 - noise, noise], [noise, 1 - noise]])


def share(pixels, colour):
    """Which part of a picture has this colour."""
    return (np.abs(pixels.astype(int) - np.rint(255 * np.array(to_rgb(colour)))).max(-1) <= 2).mean()


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_the_highlighted_area_is_the_quantity(theme):
    scene = DiagramScene(XY)
    canvas = Canvas(scene, theme, dpi=80)
    gold = theme.cycle[HIGHLIGHT]
    areas = {q: share(canvas.pixels({"quantity": q, "unit": "nats"}), gold) for q in quantities("X Y")}
    for quantity, area in areas.items():
        wanted = i_measure(quantity, XY) / i_measure("H[X,Y]", XY)
        assert area / areas["H[X,Y]"] == pytest.approx(wanted.item(), abs=0.06)  # numbers stand on the regions


def test_an_empty_region_has_nothing_to_highlight():
    canvas = Canvas(DiagramScene({0.1: chain(0.1), 0.2: chain(0.2)}, "noise"), LIGHT, dpi=80)
    empty, full = (
        share(canvas.pixels({"noise": 0.2, "quantity": q, "unit": "nats"}), LIGHT.cycle[HIGHLIGHT])
        for q in ("I[Y;Z|X]", "I[Y;Z]")
    )
    assert empty < 1e-3 < full


def test_a_negative_region_is_hatched():
    canvas = Canvas(DiagramScene(XOR), DARK)
    centre, pair = (
        share(canvas.pixels({"quantity": q, "unit": "nats"}), DARK.cycle[HIGHLIGHT]) for q in ("I[A;B;C]", "I[A;B|C]")
    )
    assert 0.2 * pair < centre < 0.8 * pair  # stripes leave about half of a region of the same size


def test_the_words_are_the_numbers():
    scene = DiagramScene(chain(0.1))
    said = alt_text(scene, {"quantity": "H[Y|Z]", "unit": "nats"})
    joint = chain(0.1)
    for number in (joint.H("Y|Z"), joint.H("Y|X"), joint.I("X;Y|Z")):
        assert f"{number:.3f}" in said
    assert "decoder uncertainty" in said and "H[Y|X] = 0.500" in said and "true to the measure" in said
    assert "I[A;B;C] = −1.000" in alt_text(DiagramScene(XOR), {"quantity": "I[A;B]", "unit": "bits"})
    assert f"{math.log(2):.3f} nats is negative" in alt_text(DiagramScene(XOR), {"quantity": "H[A]", "unit": "nats"})


def test_paper_names_are_given_to_markov_chains_alone():
    assert "uncertainty" not in str(DiagramScene(Joint(XOR.table, "X Y Z")).axes)
    assert "decoder uncertainty" in str(DiagramScene(chain(0.1)).axes)


def test_every_state_can_be_drawn_and_said():
    for scene in (DiagramScene(XY), DiagramScene(XOR), DiagramScene({0.0: chain(0.0), 0.5: chain(0.5)}, "noise")):
        canvas = Canvas(scene, dpi=40)
        for state in states(scene, {"unit": "bits"}):
            assert canvas.pixels(state).any() and alt_text(scene, state)


@pytest.mark.parametrize("joint", [XY, XOR, chain(0.0), chain(0.1)], ids=["two", "xor", "chain without noise", "chain"])
def test_no_words_lie_over_others_or_outside(joint):
    canvas = Canvas(DiagramScene(joint), dpi=80)
    for state in states(canvas._scene):
        canvas.pixels(state)
        scene, figure = canvas._scene, canvas._figure
        words = [scene.head, scene.definition, scene.name, scene.meaning, scene.formula, scene.note]
        boxes = [(text, text.get_window_extent()) for text in words if text.get_text()]
        for text, box in boxes:
            assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, (state, text)
            assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, (state, text)
        for (text, box), (other, lower) in itertools.combinations(boxes, 2):
            assert not box.overlaps(lower), (state, text, other)


def test_formulas_have_the_logarithm_of_their_unit():
    canvas = Canvas(DiagramScene(XY), dpi=40)
    for unit, log in (("nats", "ln"), ("bits", "log₂")):
        canvas.pixels({"quantity": "I[X;Y]", "unit": unit})
        assert canvas._scene.definition.get_text() == f"= Σ p(x,y) {log} [p(x,y) / (p(x) p(y))]"


def test_an_explorer_starts_where_it_is_told():
    shown = diagram(XY, state={"quantity": "H[Y|X]"})
    assert shown.state == {"quantity": "H[Y|X]", "unit": "nats"}
    assert start_state(shown.scene)["quantity"] == "I[X;Y]"
    with pytest.raises(UnknownName, match="quantity"):
        diagram(XY, state={"quantity": "H[Z]"})


@pytest.mark.parametrize(
    "joints", [{}, {1: XY, 2: XOR}, "XY", Joint([1.0], "X"), Joint(np.full((2, 1, 1), 1.0), "X Y")]
)
def test_what_cannot_be_drawn_is_told(joints):
    with pytest.raises(InvalidInput, match="two or three"):
        diagram(joints)


def test_the_browser_is_given_the_numbers_of_a_place_and_what_sums_them_up():
    scene = DiagramScene({0.1: chain(0.1), 0.2: chain(0.2)}, "noise")
    payload, drawing = scene.payload(), scene.drawing(noise=0.2)
    assert payload["places"] == ("noise",)  # which quantity is looked at, and in which unit, is no other drawing
    for quantity, known in payload["quantities"].items():
        value = sum(drawing["atoms"][i] for i in known["atoms"])
        assert value == pytest.approx(i_measure(quantity, chain(0.2)).item(), abs=1e-12)
    found = scene.layout(0.2)
    for region, anchor in zip(payload["regions"], drawing["anchors"], strict=True):
        if anchor:  # a number stands in its own region
            assert found.anchors[region["name"]] == pytest.approx(anchor, abs=1e-3)
            inside = [level < 0 for level in found.inside(*anchor[:2]).values()]
            assert sum(1 << i for i, yes in enumerate(inside) if yes) == region["mask"]
