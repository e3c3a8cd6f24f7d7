"""The joint-table editor as the kernel sees it: presets, states, and what it refuses. `tests/browser` sees the rest."""

import json
import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import mutual_info_score

from ibteach.display.live.joint_table import OWN, JointTable, TableScene, digit_block, presets
from ibteach.errors import InvalidInput, UnknownName
from ibteach.information.diagram import i_measure
from ibteach.information.discrete import Joint


def test_presets_are_what_they_are_called():
    tables = presets()
    assert tables["independent"].I("X;Y").item() == pytest.approx(0, abs=1e-12)
    assert tables["copy"].H("Y|X") == 0
    assert tables["exclusive or"].I("A;B;Y").item() == pytest.approx(-math.log(2))
    noise = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert tables["noisy channel"].I("X;Y").item() == pytest.approx(math.log(2) - noise)


def test_the_digits_are_real():
    digits = load_digits()
    kept = digits.target < 4
    level = np.minimum(digits.images[kept, 3:5, 3:5].mean((1, 2)) // 4, 3)
    # The block is counted on the training images, two thirds of these.
    whole = mutual_info_score(level, digits.target[kept])
    assert digit_block().I("ink;digit").item() == pytest.approx(whole, abs=0.05)
    assert digit_block().table.shape == (4, 4)


def test_the_kernel_sets_what_is_on_screen():
    editor = JointTable()
    assert editor.state["preset"] == "noisy channel" and editor.joint.names == ("X", "Y")
    seen = []
    editor.observe(lambda change: seen.append(change["new"]["table"]), "state")
    editor.table = np.array([[0.5, 0.25], [0.25, 0]])
    assert seen == [[[0.5, 0.25], [0.25, 0.0]]] and editor.state["preset"] == "noisy channel"
    editor.table = torch.full((3, 4), 1 / 12, dtype=torch.float64)
    assert editor.state["preset"] == OWN and editor.joint.table.shape == (3, 4)
    editor.table = [[1, 1], [0, 2]]  # counts
    assert editor.table.tolist() == [[0.25, 0.25], [0, 0.5]]
    editor.state = json.dumps({"preset": "exclusive or"})
    assert editor.table.shape == (4, 2) and editor.joint.names == ("A", "B", "Y")
    assert i_measure("I[A;Y|B]", editor.joint).item() == pytest.approx(math.log(2))


def test_a_joint_of_ones_own_comes_first():
    mine = Joint(np.full((2, 3), 1 / 6), "cause effect")
    editor = JointTable(mine)
    assert editor.joint.names == ("cause", "effect") and editor.state["preset"] == "yours"
    assert repr(editor) == "JointTable: Joint(cause: 2, effect: 3)"
    before = mine.table.clone()
    editor.table = [[0.5, 0.5, 0], [0, 0, 0]]
    assert (mine.table == before).all()


def test_only_the_real_digits_have_words_for_rows():
    editor = JointTable(Joint(np.eye(2) / 2, "ink digit"))
    assert editor._labels() == (list("0123"), list("0123"))
    editor.state = {"preset": "real digits"}
    assert editor._labels() == (["none", "some", "more", "most"], list("0123"))


def test_a_saved_notebook_keeps_picture_and_words():
    editor = JointTable()
    data, metadata = editor._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(data)
    alt = metadata["image/png"]["alt"]
    assert "0.450 0.050; 0.050 0.450" in alt and f"I[X;Y] = {editor.joint.I('X;Y'):.3f}" in alt
    assert editor.picture("dark")[:4] == b"\x89PNG"


def test_every_preset_has_a_picture():
    for name, joint in presets().items():
        editor = JointTable()
        editor.state = {"preset": name}
        assert isinstance(editor.picture(), bytes)
        assert TableScene(joint, editor._labels()).alt()


BAD = {
    "no joint": (lambda editor: JointTable([[1.0]]), "two variables with 2 to 4 values"),
    "too large": (lambda editor: JointTable(Joint(np.full((5, 2), 0.1), "X Y")), "2 to 4 values"),
    "a batch": (lambda editor: JointTable(Joint(np.full((2, 2, 2), 0.25), "X Y")), "2 to 4 values"),
    "not a sum of one": (lambda editor: setattr(editor, "table", [[0.5, 0.1], [0.1, 0.1]]), "sum to 0.8"),
    "too large a table": (lambda editor: setattr(editor, "table", np.full((5, 5), 0.04)), "2 to 4 values"),
    "no state": (lambda editor: setattr(editor, "state", {"tabel": []}), "'preset' and 'table'"),
    "no JSON": (lambda editor: setattr(editor, "state", "{"), "JSON"),
    "bits of another shape": (
        lambda editor: setattr(editor, "state", {"preset": "exclusive or", "table": [[0.5, 0.5]]}),
        r"expected \(4, 2\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_table_is_refused_and_nothing_changes(case):
    call, message = BAD[case]
    editor = JointTable()
    with pytest.raises(InvalidInput, match=message):
        call(editor)
    assert editor.table.tolist() == [[0.45, 0.05], [0.05, 0.45]]


def test_an_unknown_preset_is_named():
    with pytest.raises(UnknownName, match="did you mean 'copy'"):
        JointTable().state = {"preset": "copie"}
