"""One state of a scene as a drawing that stays sharp at any size, for slides and papers of your own: SVG or PDF."""

from __future__ import annotations

import copy
import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from ibteach.display.live.scene import Scene, alt_text, caption, resolve, start_state
from ibteach.display.live.themes import LIGHT, Theme

FORMATS = ("svg", "pdf")
HEADING, LINE = 0.65, 0.25  # inches, above the drawing, and for each line of the state after the first
# The same state is the same file.
STABLE: dict[Any, Any] = {"svg.hashsalt": "ibteach", "pdf.fonttype": 42, "svg.fonttype": "path"}


def drawing(scene: Scene, state: dict[str, Any], format: str, theme: Theme = LIGHT) -> bytes:
    """The state as a file of that format, with title and state above it and its alt text in the file's metadata."""
    scene, state = copy.copy(scene), resolve(scene, state, start_state(scene))
    width, height = scene.size
    with mpl.rc_context(theme.rc | STABLE):
        figure = Figure(figsize=scene.size, layout="constrained")
        scene.build(figure, theme)
        scene.update(**start_state(scene))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        scene.update(**state)
        said = scene.wrapped(figure, caption(scene, state))
        heading = HEADING + LINE * said.count("\n")
        above = Rectangle((0, 1), 1, heading / height, transform=figure.transFigure, facecolor=theme.background, lw=0)
        figure.add_artist(above, clip=False)
        figure.text(0.012, 1 + (heading - 0.065) / height, scene.title, size=15, weight="bold", va="top")
        style = {"size": 13, "color": theme.muted, "va": "bottom", "linespacing": 1.3}
        figure.text(0.012, 1 + 0.04 / height, said, **style)
        about = {"Title": scene.title, {"svg": "Description", "pdf": "Subject"}[format]: alt_text(scene, state)}
        undated = {{"svg": "Date", "pdf": "CreationDate"}[format]: None}
        file = io.BytesIO()
        whole = Bbox([[0, 0], [width, height + heading]])
        figure.savefig(file, format=format, bbox_inches=whole, facecolor=theme.background, metadata=about | undated)
    return file.getvalue()
