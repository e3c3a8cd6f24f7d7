"""What every live figure of a notebook is: a widget whose state Python and the browser share.

A subclass says what a state is (`_resolved`) and how it looks as a picture with alt text; reading, setting and
following the state, the picture that a saved notebook keeps, and what `close` gives back are the same for all.
`Explorer`, `JointTable` and `Playground` are such figures.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from ibteach.display.live import published
from ibteach.display.live.scene import parsed
from ibteach.errors import InvalidInput


class State(dict[str, Any]):
    """A state that was set: a plain dict to read; a change is made by setting the figure's whole state."""

    def __setitem__(self, name: str, value: Any) -> None:
        raise InvalidInput(
            f"state[{name!r}]: a state is read only; set figure.state = {{{name!r}: {value!r}}} instead."
        )


class SharedState(traitlets.TraitType):
    """The full state of a `LiveFigure`; a dict or its JSON text that leaves something out leaves that as it was."""

    def validate(self, figure: LiveFigure, value: Any) -> State:
        return State(figure._resolved(parsed(value), figure._trait_values.get("state")))


class Exported(NamedTuple):
    """What `export` wrote: the file, how many pictures are in it, and its size."""

    path: Path
    pictures: int
    bytes: int


class LiveFigure(anywidget.AnyWidget):
    """A figure that lives in the notebook: `state` says what is on screen, and setting it moves the figure.

    ``figure.observe(act, "state")`` follows it. A saved notebook keeps the picture of the state with its alt text.
    """

    _spec = traitlets.Dict().tag(sync=True)
    state: Any = SharedState().tag(sync=True)
    _ipython_display_ = None  # ipywidgets 7 would show the live view alone

    def _resolved(self, value: Any, current: State | None) -> dict[str, Any]:
        """The full state that `value` asks for, where `current` is the one on screen, if there is one yet."""
        raise NotImplementedError

    def _still(self) -> tuple[str, int]:
        """The alt text of the current picture, and how many pixels wide it is shown."""
        raise NotImplementedError

    def picture(self, theme: str = "light") -> bytes:
        """The current state as a PNG that stands alone."""
        raise NotImplementedError

    @property
    def state_text(self) -> str:
        """The state as one line of JSON, to be kept, shared and set again."""
        return json.dumps(self.state, ensure_ascii=False)

    def _published(self) -> str:
        """Write the figure for a page of a site; returns the HTML of its place there (`published`)."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if published.folder():
            return published.shown(repr(self), self._published())
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # the front end was closed
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        png = base64.b64encode(self.picture()).decode()
        alt, width = self._still()  # after the picture, which may have failed
        shown = {"text/plain": repr(self), "image/png": png}  # whole; some versions of anywidget cut a long text
        return data | shown, metadata | {"image/png": {"alt": alt, "width": width}}
