"""A scene with its controls beside it: moved by hand or by keyboard, in a notebook or in a page without a kernel.

`Explorer` stands on `scene`: the browser keeps every picture it has seen, so that a tick that was seen costs no
round trip; what is missing is drawn by the kernel, a bounded piece at a time. `Explorer.export` writes the same
controls and pictures as one file that needs neither kernel nor network (`page`).
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ibteach.checks import known, several
from ibteach.display.live import kept, page, published, vector
from ibteach.display.live.canvas import LAYOUTS, Canvas, layouts_of, picture
from ibteach.display.live.memory import give_back
from ibteach.display.live.packed import Strips
from ibteach.display.live.scene import Axis, DrawnScene, Scene, alt_text, resolve, start_state, states
from ibteach.display.live.themes import LIGHT, THEMES
from ibteach.display.live.widget import Exported, LiveFigure, State
from ibteach.errors import InvalidInput
from ibteach.files import PathLike, replacing

BUSY_SECONDS = 0.05  # how long the kernel draws ahead before it listens again
PAGE_PICTURES = 400  # 16 MB of chapter 05's busiest figure: more than a reader waits for
PAGE_DPI = 120
SITE_STATES = 3000  # pictures of one figure on a site, which has room for 150 MB
PAGE_LAYOUTS = ("wide", "tall")  # a screen shows the wide one, whose type is as large there


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
        self._canvases: dict[tuple[str, str], Canvas] = {("wide", LIGHT.name): Canvas(scene, LIGHT)}
        opening = resolve(scene, {} if state is None else state, start_state(scene))
        shown = {"layout": "wide", "theme": LIGHT.name, **self._drawn(opening, "wide", LIGHT.name)}
        spec = spec_of(scene, THEMES, layouts_of(scene)) | {"preload": bool(preload), "opening": shown}
        super().__init__(state=opening, _spec=spec)
        self.on_msg(self._answer)

    def close(self) -> None:
        """Take the figure off the screen, and give back the memory that its drawings held."""
        super().close()
        if hasattr(self, "_canvases"):  # a scene that was refused has none
            with self._drawing:
                self._canvases.clear()
            give_back()

    def __repr__(self) -> str:
        names = " × ".join(axis.name for axis in self.scene.axes)
        count = math.prod(len(axis.values) for axis in self.scene.axes)
        return f"Explorer {self.scene.title!r}: {names + ' ' if names else ''}({count} picture{'s' * (count != 1)})"

    def picture(self, theme: str = "light", format: str = "png") -> bytes:
        """The current state as a file that stands alone, with title and state written above it.

        A PNG, or with `format` ``"svg"`` or ``"pdf"`` a drawing that is sharp at any size and has the alt text in it.
        """
        known("theme", theme, THEMES)
        if known("format", format, ("png", *vector.FORMATS)) != "png":
            return vector.drawing(self.scene, self.state, format, THEMES[theme])
        with self._drawing:
            return picture(self.scene, self.state, THEMES[theme], self._canvas("wide", theme))

    def export(
        self,
        path: PathLike,
        themes: str | Iterable[str] = ("light", "dark"),
        fixed: dict[str, Any] | None = None,
        layouts: str | Iterable[str] = "wide",
    ) -> Exported:
        """Write one HTML file with the same controls and every picture inside: no kernel, no network.

        `fixed` holds some axes at a value, ``{"unit": "bits"}``, and leaves their controls away. Of the `layouts` those
        are written that the scene has; without ``"tall"`` a phone shows the wide one, and without ``"screen"`` a full
        screen does. The file is replaced atomically. Raises `InvalidInput` before anything is drawn if there would be
        more than 400 pictures, and `Unavailable` if the file cannot be written.
        """
        path, fixed = Path(path), {} if fixed is None else fixed
        if not isinstance(fixed, dict):
            raise InvalidInput(f"fixed: got {fixed!r}, expected a dict such as {{'unit': 'bits'}}.")
        themes = (themes,) if isinstance(themes, str) else several("themes", themes)
        for theme in themes:
            known("theme", theme, THEMES)
        layouts = (layouts,) if isinstance(layouts, str) else several("layouts", layouts)
        for layout in layouts:
            known("layout", layout, LAYOUTS)
        layouts = [layout for layout in layouts if layout in layouts_of(self.scene)] or ["wide"]
        if isinstance(self.scene, DrawnScene):
            return self._export_drawn(path, themes, fixed)
        start = resolve(self.scene, fixed, self.state)
        free = [axis for axis in self.scene.axes if axis.name not in fixed]
        count = math.prod(len(axis.values) for axis in free)
        if not 0 < count * len(themes) * len(layouts) <= PAGE_PICTURES:
            counts = ", ".join(f"{axis.name} {len(axis.values)}" for axis in free)
            raise InvalidInput(
                f"export: got {count} states in {len(themes)} themes (ticks: {counts}) and {len(layouts)} layouts, "
                f"expected 1 to {PAGE_PICTURES} pictures; hold an axis with fixed={{name: value}}, or take one theme "
                "or layout."
            )
        wanted = [
            (layout, theme, state) for layout in layouts for theme in themes for state in states(self.scene, fixed)
        ]
        of = itertools.product(layouts, themes)
        canvases = {(layout, theme): Canvas(self.scene, THEMES[theme], layout, dpi=PAGE_DPI) for layout, theme in of}
        with replacing(path) as part, self._drawing:
            pictures = [
                {"layout": layout, "theme": theme, **self._drawn(state, canvas=canvases[layout, theme], colours=96)}
                for layout, theme, state in tqdm(list(wanted), desc=path.name, leave=False, delay=2)
            ]
            still = picture(self.scene, start, THEMES[themes[0]], self._canvas("wide", themes[0]))
            spec = spec_of(self.scene, themes, layouts, fixed) | {"preload": True, "start": start}
            text = page.page(spec, pictures, still, alt_text(self.scene, start))
            part.write_text(text, encoding="utf-8")
        return Exported(path, len(pictures), len(text.encode()))

    def _export_drawn(self, path: Path, themes: Iterable[str], fixed: dict[str, Any]) -> Exported:
        start = resolve(self.scene, fixed, self.state)
        with replacing(path) as part, self._drawing:
            drawings = [{"layout": "wide", "theme": "", **self._drawn(state)} for state in self._places(fixed)]
            spec = spec_of(self.scene, themes, ["wide"], fixed) | {"preload": True, "start": start}
            still = picture(self.scene, start, LIGHT, self._canvas("wide", LIGHT.name))
            text = page.page(spec, drawings, still, alt_text(self.scene, start))
            part.write_text(text, encoding="utf-8")
        return Exported(path, 0, len(text.encode()))

    def _places(self, fixed: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Of a scene that the browser draws: a state for each of its drawings, in the order of its axes."""
        held = {axis.name: self.state[axis.name] for axis in self.scene.axes if axis not in self._drawn_by()}
        return states(self.scene, held | (fixed or {}))

    def _drawn_by(self) -> list[Axis]:
        """The axes that have pictures: all, or of a scene that the browser draws those that change the numbers."""
        scene = self.scene
        return [axis for axis in scene.axes if not isinstance(scene, DrawnScene) or axis.name in scene.places]

    def _resolved(self, value: Any, current: State | None) -> dict[str, Any]:
        return resolve(self.scene, value, current or start_state(self.scene))

    def _still(self) -> tuple[str, int]:
        return alt_text(self.scene, self.state), round(self.scene.size[0] * 100)

    def _published(self) -> str:
        self._check_page()
        return kept.once(self.scene, self.state, self._written)

    def _written(self) -> str:
        """Draw every picture of a page; returns the HTML of the figure's place there."""
        spec = spec_of(self.scene, THEMES, self._page_layouts()) | {"preload": True, "start": self.state}
        backgrounds: dict[str, bytes] = {}
        with self._drawing:
            still = picture(self.scene, self.state, LIGHT, self._canvas("wide", LIGHT.name))
            if isinstance(self.scene, DrawnScene):
                shown: Iterable[dict[str, Any]] = ({"drawing": self._drawn(one)["drawing"]} for one in self._places())
            else:
                strips = Strips(self.scene, self._page_layouts())
                backgrounds, shown = strips.backgrounds, self._with_words(strips)
            return published.place("explorer", spec, still, *self._still(), shown, backgrounds)

    def _check_page(self) -> None:
        """Before anything is drawn: whether a site has room for all pictures."""
        axes = self._drawn_by()
        count = math.prod(len(axis.values) for axis in axes)
        if count > SITE_STATES:
            longest = max(axes, key=lambda axis: len(axis.values))
            counts = ", ".join(f"{axis.name} {len(axis.values)}" for axis in axes)
            raise InvalidInput(
                f"{self.scene.title!r}: got {count} pictures for a page (ticks: {counts}), expected at most "
                f"{SITE_STATES}. Let the browser draw {longest.name!r} instead, with a DrawnScene whose `places` leave "
                "it out, or give it fewer ticks."
            )

    def _with_words(self, strips: Strips) -> Iterator[dict[str, Any]]:
        """Every state's words and pictures, in the order of its axes."""
        every = states(self.scene)
        many = tqdm(zip(every, strips, strict=True), desc=self.scene.title, total=len(every), leave=False, delay=2)
        for state, found in many:
            yield {"alt": alt_text(self.scene, state)} | self._targets(state) | found

    def _targets(self, state: dict[str, Any]) -> dict[str, Any]:
        found = {layout: self._canvas(layout, LIGHT.name).targets(state) for layout in self._page_layouts()}
        return {"targets": found} if any(found.values()) else {}

    def _page_layouts(self) -> list[str]:
        """The layouts that a page has pictures of."""
        if isinstance(self.scene, DrawnScene):
            return ["wide"]
        return [layout for layout in PAGE_LAYOUTS if layout in layouts_of(self.scene)]

    def _canvas(self, layout: str, theme: str) -> Canvas:
        if (layout, theme) not in self._canvases:
            self._canvases[layout, theme] = Canvas(self.scene, THEMES[theme], layout)
        return self._canvases[layout, theme]

    def _drawn(
        self,
        state: dict[str, Any],
        layout: str = "wide",
        theme: str = LIGHT.name,
        canvas: Canvas | None = None,
        **packing: int,
    ) -> dict[str, Any]:
        if isinstance(self.scene, DrawnScene):
            place = {name: state[name] for name in self.scene.places}
            return {"state": state, "drawing": self.scene.drawing(**place)}
        canvas = canvas or self._canvas(layout, theme)
        frame, targets = canvas.frame(state, **packing), canvas.targets(state)
        message = {"state": state, "alt": alt_text(self.scene, state)} | ({"targets": targets} if targets else {})
        return message | {"picture": frame}

    def _answer(self, _: object, wish: dict[str, Any], __: object) -> None:
        """Draw what the browser lacks, at least one picture, and no more once the time is up."""
        begun, drawn, failed = time.perf_counter(), [], {}
        of = {name: wish[name] for name in ("layout", "theme")}
        with self._drawing:
            for state in wish["states"]:
                try:
                    drawn.append(self._drawn(resolve(self.scene, state, self.state), **of))
                except Exception as error:  # shown where the picture would be: a message handler has no cell to fail in
                    failed = {"error": f"{type(error).__name__}: {error}"}
                if failed or time.perf_counter() - begun > BUSY_SECONDS:
                    break
        if isinstance(self.scene, DrawnScene):
            drawings = {"states": wish["states"], "drawings": [one["drawing"] for one in drawn]}
            self.send(of | drawings | failed)
            return
        states_and_alts = {"states": wish["states"], "alts": [one["alt"] for one in drawn]}
        targets = {"targets": [one["targets"] for one in drawn]} if "targets" in (drawn or [{}])[0] else {}
        self.send(of | states_and_alts | targets | failed, [one["picture"] for one in drawn])


def spec_of(
    scene: Scene, themes: Iterable[str], layouts: Iterable[str], fixed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What the script knows of a scene, its pictures apart. An axis that is held has one tick, and so no control."""
    shapes = layouts_of(scene)
    return {
        "title": scene.title,
        "layouts": {name: [round(100 * inches) for inches in shapes[name].size] for name in layouts},  # CSS pixels
        "axes": [_axis(axis, fixed or {}) for axis in scene.axes],
        "themes": {theme: THEMES[theme].names for theme in themes},
    } | ({"drawn": scene.payload()} if isinstance(scene, DrawnScene) else {})


def _axis(axis: Axis, fixed: dict[str, Any]) -> dict[str, Any]:
    ticks = [axis.index(fixed[axis.name])] if axis.name in fixed else range(len(axis.values))
    values, texts = [axis.values[tick] for tick in ticks], [axis.shown(tick) for tick in ticks]
    return {"name": axis.name, "label": axis.label, "kind": axis.kind, "values": values, "texts": texts}
