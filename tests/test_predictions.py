"""Every *Predict* waits: it has a name, a vote that can be right, a cell that answers, and an answer that is folded."""

import copy
import html
import importlib.util
import json
import re
from pathlib import Path

import pytest

from ibteach.display.exercises.predictions import PREDICTIONS
from ibteach.display.live.predict import Prediction
from ibteach.errors import InvalidInput, UnknownName

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[0-9]_*.ipynb"))

_spec = importlib.util.spec_from_file_location("predictions", ROOT / "notebooks" / "predictions.py")
predictions = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(predictions)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_predict_of_a_chapter_waits(path):
    notebook = read(path)
    marked = copy.deepcopy(notebook)
    predictions.wait(marked, path.name[:2])
    assert marked == notebook, "run python notebooks/predictions.py, and execute the notebook"
    for question, code, answer in predictions.groups(notebook["cells"]):
        name = predictions.named(question)
        (waiting,) = (cell for cell in code if f'exercises.predict("{name}")' in predictions.source(cell))
        before = predictions.source(waiting).partition("exercises.predict(")[0].split("\n")
        assert all(line.startswith(("import ", "from ")) for line in before if line), (
            "what stands before it shows first"
        )
        asked = waiting["outputs"][0]
        assert "".join(asked["data"]["text/plain"]) == repr(Prediction(name, *PREDICTIONS[name]))
        said_elsewhere = question["metadata"]["ibteach"].get("answer") == "output"
        folds = re.findall(rf'<details class="answer answer-{name}"><summary>', predictions.source(answer))
        assert len(folds) == (not said_elsewhere)


def test_the_course_asks_what_the_table_has():
    asked = [predictions.named(cell) for path in NOTEBOOKS for cell in read(path)["cells"]]
    assert sorted(filter(None, asked)) == sorted(PREDICTIONS)


@pytest.mark.parametrize("choices", [["more"], ["more", "more"], ["more", ""], ["more", 3]])
def test_what_cannot_be_voted_for_is_refused(choices):
    with pytest.raises(InvalidInput, match="choices: got"):
        Prediction("x", choices, "more")


def test_a_right_answer_can_be_chosen():
    with pytest.raises(UnknownName, match="answer: got 'most', expected one of 'more', 'less'; did you mean"):
        Prediction("x", ["more", "less"], "most")
    with pytest.raises(UnknownName):
        Prediction("x", ["more", "less"])


def test_a_page_without_a_kernel_holds_the_place_of_the_vote(monkeypatch, tmp_path):
    monkeypatch.setenv("IBTEACH_SITE", str(tmp_path))
    data, _ = Prediction("x", ["more", "less"], "less")._repr_mimebundle_()
    (spec,) = re.findall(r'<div class="ibteach-predict" data-predict="([^"]*)"></div>', data["text/html"])
    assert json.loads(html.unescape(spec)) == {"id": "x", "choices": ["more", "less"], "answer": "less"}
