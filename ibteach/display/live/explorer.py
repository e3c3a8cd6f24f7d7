"""A scene with its controls beside it: moved by hand or by keyboard, in a notebook or in a page without a kernel.

`Explorer` stands on `scene`: the browser keeps every picture it has seen, so that a tick that was seen costs no
round trip; what is missing is drawn by the kernel, a bounded piece at a time. `Explorer.export` writes the same
controls and pictures as one file that needs neither kernel nor network (`page`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ibteach.checks import known, several
from ibteach.display.live import page, published
from ibteach.display.live.scene import (
    LIGHT,
    THEMES,
    Axis,
    Canvas,
    Scene,
    alt_text,
    picture,
    resolve,
    start_state,
    states,
)
from ibteach.display.live.widget import Exported, LiveFigure, State
from ibteach.errors import InvalidInput
from ibteach.files import PathLike, replacing

BUSY_SECONDS = 0.05  # how long the kernel draws ahead before it listens again
PAGE_PICTURES = 400  # about 15 MB: more than a reader waits for


class Explorer(LiveFigure):
    """A live figure: one control per axis of `scene`, and its picture.

    `state` is where it opens (a dict or its JSON text; axes it leaves out are at their start), and afterwards where it
    is: reading tells what is on screen, setting moves the controls, and ``explorer.observe(act, "state")`` follows
    them. Without `preload` the browser asks for a picture only when it is looked at. A saved notebook keeps the picture
    with its alt text. Raises `InvalidInput` for a scene without alt text, and for a state that the scene does not have.
    """

    _esm = page.SCRIPT
    _css = page.STYLE

    def __init__(self, scene: Scene, state: dict[str, Any] | str | None = None, preload: bool = True):
        self.scene = scene
        self._drawing = threading.Lock()  # a front end may ask from another thread while a cell draws
        self._canvases: dict[str, Canvas] = {LIGHT.name: Canvas(scene, LIGHT)}
        opening = resolve(scene, {} if state is None else state, start_state(scene))
        shown = {"theme": LIGHT.name, **self._drawn(opening, LIGHT.name)}
        super().__init__(state=opening, _spec=_spec(scene, THEMES) | {"preload": bool(preload), "opening": shown})
        self.on_msg(self._answer)

    def close(self) -> None:
        """Take the figure off the screen, and give back the memory that its drawings held."""
        super().close()
        if hasattr(self, "_canvases"):  # a scene that was refused has none
            with self._drawing:
                self._canvases.clear()

    def __repr__(self) -> str:
        names = " × ".join(axis.name for axis in self.scene.axes)
        count = math.prod(len(axis.values) for axis in self.scene.axes)
        return f"Explorer {self.scene.title!r}: {names + ' ' if names else ''}({count} picture{'s' * (count != 1)})"

    def picture(self, theme: str = "light") -> bytes:
        """The current state as a PNG that stands alone, with title and state written above it."""
        known("theme", theme, THEMES)
        with self._drawing:
            return picture(self.scene, self.state, THEMES[theme], self._canvas(theme))

    def export(
        self,
        path: PathLike,
        themes: str | Iterable[str] = ("light", "dark"),
        fixed: dict[str, Any] | None = None,
    ) -> Exported:
        """Write one HTML file with the same controls and every picture inside: no kernel, no network.

        `fixed` holds some axes at a value, ``{"unit": "bits"}``, and leaves their controls away. The file is replaced
        atomically. Raises `InvalidInput` before anything is drawn if there would be more than 400 pictures, and
        `Unavailable` if the file cannot be written.
        """
        path, fixed = Path(path), {} if fixed is None else fixed
        if not isinstance(fixed, dict):
            raise InvalidInput(f"fixed: got {fixed!r}, expected a dict such as {{'unit': 'bits'}}.")
        themes = (themes,) if isinstance(themes, str) else several("themes", themes)
        for theme in themes:
            known("theme", theme, THEMES)
        start = resolve(self.scene, fixed, self.state)
        free = [axis for axis in self.scene.axes if axis.name not in fixed]
        count = math.prod(len(axis.values) for axis in free)
        if not 0 < count * len(themes) <= PAGE_PICTURES:
            counts = ", ".join(f"{axis.name} {len(axis.values)}" for axis in free)
            raise InvalidInput(
                f"export: got {count} states in {len(themes)} themes (ticks: {counts}), expected 1 to "
                f"{PAGE_PICTURES} pictures; hold an axis with fixed={{name: value}} or take one theme."
            )
        wanted = [(theme, state) for theme in themes for state in states(self.scene, fixed)]
        with replacing(path) as part, self._drawing:
            pictures = [
                {"theme": theme, **self._drawn(state, theme, quality=82, method=4)}
                for theme, state in tqdm(wanted, desc=path.name, leave=False, delay=2)
            ]
            still = picture(self.scene, start, THEMES[themes[0]], self._canvas(themes[0]))
            spec = _spec(self.scene, themes, fixed) | {"preload": True, "start": start}
            text = page.page(spec, pictures, still, alt_text(self.scene, start))
            part.write_text(text, encoding="utf-8")
        return Exported(path, len(pictures), len(text.encode()))

    def _resolved(self, value: Any, current: State | None) -> dict[str, Any]:
        return resolve(self.scene, value, current or start_state(self.scene))

    def _still(self) -> tuple[str, int]:
        return alt_text(self.scene, self.state), round(self.scene.size[0] * 100)

    def _published(self) -> str:
        spec = _spec(self.scene, THEMES) | {"preload": True, "start": self.state}
        with self._drawing:
            still = picture(self.scene, self.state, LIGHT, self._canvas(LIGHT.name))
            return published.place("explorer", spec, still, *self._still(), self._states())

    def _states(self) -> Iterator[dict[str, Any]]:
        """Every state's words, targets and pictures, in the order of its axes."""
        for state in tqdm(states(self.scene), desc=self.scene.title, leave=False, delay=2):
            drawn = {theme: self._drawn(state, theme, quality=82, method=4) for theme in THEMES}
            one = drawn[LIGHT.name]
            said = {name: one[name] for name in ("alt", "targets") if name in one}
            yield said | {"pictures": {f"wide-{theme}": drawn[theme]["picture"] for theme in THEMES}}

    def _canvas(self, theme: str) -> Canvas:
        if theme not in self._canvases:
            self._canvases[theme] = Canvas(self.scene, THEMES[theme])
        return self._canvases[theme]

    def _drawn(self, state: dict[str, Any], theme: str, **packing: int) -> dict[str, Any]:
        frame = self._canvas(theme).frame(state, **packing)
        targets = self._canvas(theme).targets(state)
        message = {"state": state, "alt": alt_text(self.scene, state)} | ({"targets": targets} if targets else {})
        return message | {"picture": frame}

    def _answer(self, _: object, wish: dict[str, Any], __: object) -> None:
        """Draw what the browser lacks, at least one picture, and no more once the time is up."""
        begun, drawn, failed = time.perf_counter(), [], {}
        with self._drawing:
            for state in wish["states"]:
                try:
                    drawn.append(self._drawn(resolve(self.scene, state, self.state), wish["theme"]))
                except Exception as error:  # shown where the picture would be: a message handler has no cell to fail in
                    failed = {"error": f"{type(error).__name__}: {error}"}
                if failed or time.perf_counter() - begun > BUSY_SECONDS:
                    break
        states_and_alts = {"states": wish["states"], "alts": [one["alt"] for one in drawn]}
        targets = {"targets": [one["targets"] for one in drawn]} if "targets" in (drawn or [{}])[0] else {}
        self.send({"theme": wish["theme"], **states_and_alts, **targets, **failed}, [one["picture"] for one in drawn])


def _spec(scene: Scene, themes: Iterable[str], fixed: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the script knows of a scene, its pictures apart. An axis that is held has one tick, and so no control."""
    colours = ("background", "foreground", "muted", "grid", "accent")
    return {
        "title": scene.title,
        "width": round(scene.size[0] * 100),
        "height": round(scene.size[1] * 100),
        "axes": [_axis(axis, fixed or {}) for axis in scene.axes],
        "themes": {theme: {colour: getattr(THEMES[theme], colour) for colour in colours} for theme in themes},
    }


def _axis(axis: Axis, fixed: dict[str, Any]) -> dict[str, Any]:
    ticks = [axis.index(fixed[axis.name])] if axis.name in fixed else range(len(axis.values))
    values, texts = [axis.values[tick] for tick in ticks], [axis.shown(tick) for tick in ticks]
    return {"name": axis.name, "label": axis.label, "kind": axis.kind, "values": values, "texts": texts}
