"""Pictures for a page: small files, each with four states side by side, in the colours of both themes.

Both themes draw the same lines in other colours, and neighbouring states share most of them. So what differs from the
still background is kept, as a picture of at most 128 colours that is transparent elsewhere, with a palette for each
theme: a PNG in the light colours, whose palette the page replaces by the dark one that lies beside it (`files.js`).
A state takes a tenth of the bytes that it would as two pictures in WebP.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import Scene, states
from ibteach.display.live.themes import THEMES

if TYPE_CHECKING:
    from jaxtyping import UInt8

COLOURS = 128
STRIP = 4
"""States in one file."""
DPI = 120
PROCESSES = 4  # that draw one figure; chapters are drawn at the same time, too
DARK = b"daRk"
"""The chunk that holds the other palette, as a whole ``PLTE`` chunk: readers that do not know it pass over it."""


class Strips:
    """The pictures of all states of a scene, in some of its layouts: an iterable of them, and their backgrounds."""

    def __init__(self, scene: Scene, layouts: Sequence[str]):
        self.scene = scene
        self.canvases = {
            layout: [Canvas(scene, theme, layout, dpi=DPI) for theme in THEMES.values()] for layout in layouts
        }
        self.stills = {layout: [canvas.still() for canvas in both] for layout, both in self.canvases.items()}

    @property
    def backgrounds(self) -> dict[str, bytes]:
        """What is behind the states, as lossless WebP, by ``"layout-theme"``."""
        return {
            f"{layout}-{theme}": _webp(still)
            for layout, both in self.stills.items()
            for theme, still in zip(THEMES, both, strict=True)
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """For each state: the file it is in, of each layout, and which part of it."""
        every = states(self.scene)
        strips = [every[start : start + STRIP] for start in range(0, len(every), STRIP)]
        for some, files in zip(strips, side_by_side(self._files, strips), strict=True):
            yield from ({"pictures": files, "part": [at, len(some)]} for at in range(len(some)))

    def _files(self, some: list[dict[str, Any]]) -> dict[str, bytes]:
        """One strip in each layout."""
        return {layout: self._file(layout, some) for layout in self.canvases}

    def _file(self, layout: str, some: list[dict[str, Any]]) -> bytes:
        drawn = [np.concatenate([canvas.pixels(state) for state in some], 1) for canvas in self.canvases[layout]]
        return packed(*drawn, *(np.tile(still, (1, len(some), 1)) for still in self.stills[layout]))


def side_by_side(work: Callable[[Any], Any], pieces: Sequence[Any]) -> Iterator[Any]:
    """What `work` makes of each piece, in their order; some at a time, where the system can copy a whole process.

    >>> list(side_by_side(len, ["one", "three"]))
    [3, 5]
    """
    count = min(os.cpu_count() or 1, PROCESSES, len(pieces) // 2)
    if count < 2 or sys.platform != "linux":
        yield from map(work, pieces)
        return
    _work.append(work)  # the copies find it there
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a kernel has other threads; the copies draw only
            pool = multiprocessing.get_context("fork").Pool(count)
        with pool:
            yield from pool.imap(_done, pieces)
    finally:
        _work.clear()


_work: list[Callable[[Any], Any]] = []


def _done(piece: Any) -> Any:
    return _work[0](piece)


def packed(
    light: UInt8[np.ndarray, "H W 3"],
    dark: UInt8[np.ndarray, "H W 3"],
    light_background: UInt8[np.ndarray, "H W 3"],
    dark_background: UInt8[np.ndarray, "H W 3"],
) -> bytes:
    """The pixels in which a picture differs from its background, as a PNG with the palettes of both themes.

    The paper, the colour of the background's corner, stays as it is: what is wiped out leaves no trace.
    """
    differs = (light != light_background) | (dark != dark_background)
    moved = differs[..., 0] | differs[..., 1] | differs[..., 2]  # a fifth of the time of any(-1)
    paper = np.stack([light_background[0, 0], dark_background[0, 0]])
    palettes = np.repeat(paper[:, None], 2, axis=1)
    drawn = (light != paper[0]) | (dark != paper[1])
    index = moved.astype(np.uint8)  # 0 is what is transparent, 1 is paper
    where = np.flatnonzero(moved & (drawn[..., 0] | drawn[..., 1] | drawn[..., 2]))
    if where.size:
        colours = [theme.reshape(-1, 3)[where] for theme in (light, dark)]
        fewer = Image.fromarray(colours[0][None]).quantize(
            COLOURS - 2, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        chosen = np.asarray(fewer)[0]
        count = np.maximum(np.bincount(chosen), 1)
        means = [np.stack([np.bincount(chosen, c) / count for c in theme.T], axis=1) for theme in colours]
        palettes = np.concatenate([palettes, np.rint(means).astype(np.uint8)], axis=1)
        index.reshape(-1)[where] = chosen + 2
    image = Image.fromarray(index, "P")
    image.putpalette(palettes[0].tobytes())
    png = io.BytesIO()
    image.save(png, "png", transparency=0, compress_level=9)
    found = png.getvalue()
    before = found.index(b"IDAT") - 4
    return found[:before] + _chunk(DARK, _chunk(b"PLTE", palettes[1].tobytes())) + found[before:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _webp(pixels: UInt8[np.ndarray, "H W 3"]) -> bytes:
    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "webp", lossless=True)
    return kept.getvalue()
