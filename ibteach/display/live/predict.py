"""What a reader expects, before it is seen: a vote above a cell's outputs, which wait until it is given or waived.

A cell that begins with a `Prediction` shows nothing else until the reader asks: the script folds the outputs that
follow its own, and opens the answer in the prose (``<details class="answer answer-NAME">``) with them. That is done
where the outputs are, because JupyterLab opens what the cell metadata ``jupyter.outputs_hidden`` folds as soon as the
cell runs, so that "Run all" would show every answer; the metadata fold what was saved, for a reader without a kernel.
Where neither is understood, as on code hosts, all outputs are open. Votes are kept in the reader's browser.
"""

import html
import json
from collections.abc import Sequence

import anywidget
import traitlets

from ibteach.checks import known
from ibteach.display.live import page, published
from ibteach.errors import InvalidInput

SCRIPT = page.read("page.js") + page.read("predict.js")
STYLE = page.read("predict.css")


class Prediction(anywidget.AnyWidget):
    """The vote on one question: `choices`, of which `answer` is right; or none, where the answer is not one of a few.

    `vote` is what the reader chose: "" for one who only asked to see, None before. Raises `InvalidInput` for choices
    that are not distinct words, and `UnknownName` for an answer that is none of them.

    >>> Prediction("01b", ["more", "less"], "less")
    Prediction 01b: more or less?
    """

    _esm = SCRIPT
    _css = STYLE
    _spec = traitlets.Dict().tag(sync=True)
    vote = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    _ipython_display_ = None  # ipywidgets 7 would show the live view alone

    def __init__(self, name: str, choices: Sequence[str] = (), answer: str | None = None):
        choices = list(choices)
        if len(set(choices)) < len(choices) or len(choices) == 1 or not all(isinstance(c, str) and c for c in choices):
            raise InvalidInput(f"choices: got {choices!r}, expected two or more words, all distinct, or none.")
        if choices or answer is not None:
            known("answer", answer, choices)
        self.name = name
        super().__init__(_spec={"id": name, "choices": choices, "answer": answer})

    def __repr__(self) -> str:
        *others, last = self._spec["choices"] or ("", "")
        return f"Prediction {self.name}" + (f": {', '.join(others)} or {last}?" if last else "")

    def _repr_mimebundle_(self, **kwargs):
        if published.folder():  # the page's script fills the place (`upgradeAll`)
            spec = html.escape(json.dumps(self._spec, ensure_ascii=False))
            return published.shown(repr(self), f'<div class="ibteach-predict" data-predict="{spec}"></div>')
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # the front end was closed
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return data | {"text/plain": repr(self)}, metadata
