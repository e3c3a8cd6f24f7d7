"""The colours and sizes of type that every figure is drawn with, on a light and on a dark page."""

from __future__ import annotations

import dataclasses
from typing import Any

from matplotlib.rcsetup import cycler

SMALL = 12.25
"""The smallest type, in points: a thirtieth of a screen of which a picture 4.5 inches high takes eight ninths."""
HIGHLIGHT = 8
"""Of a theme's colours: the gold one, which none of the sets of a diagram has."""


@dataclasses.dataclass(frozen=True)
class Theme:
    """The colours of one background: `cycle` holds ten class colours that stay apart for colour-blind eyes."""

    name: str
    background: str
    foreground: str
    muted: str
    grid: str
    accent: str
    cycle: tuple[str, ...]

    @property
    def names(self) -> dict[str, str]:
        """Its colours by the names that scripts and styles have for them; those of a diagram's sets among them."""
        named = {name: getattr(self, name) for name in ("background", "foreground", "muted", "grid", "accent")}
        return named | {f"set{i}": self.cycle[i] for i in range(3)} | {"highlight": self.cycle[HIGHLIGHT]}

    @property
    def rc(self) -> dict[Any, Any]:
        """Matplotlib's settings for this theme; the type is large enough for the last row."""
        return {
            "figure.facecolor": self.background,
            "axes.facecolor": self.background,
            "axes.edgecolor": self.muted,
            "axes.labelcolor": self.foreground,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=self.cycle),
            "grid.color": self.grid,
            "grid.linewidth": 1.0,
            "text.color": self.foreground,
            "xtick.color": self.muted,
            "ytick.color": self.muted,
            "xtick.labelcolor": self.foreground,
            "ytick.labelcolor": self.foreground,
            "figure.constrained_layout.w_pad": 0.1,
            "figure.constrained_layout.h_pad": 0.08,
            "legend.frameon": False,
            "lines.linewidth": 2.0,
            "font.family": "DejaVu Sans",
            "font.size": 12.5,
            "axes.titlesize": 12.5,
            "axes.labelsize": 12.5,
            "xtick.labelsize": SMALL,
            "ytick.labelsize": SMALL,
            "legend.fontsize": SMALL,
        }


# The class colours were optimised for this project: to normal, protanope, deuteranope and tritanope eyes alike, the two
# nearest of the ten are at least 0.11 apart in Oklab (tab10: 0.007); each keeps its hue from one theme to the other.
LIGHT = Theme(
    name="light",
    background="#ffffff",
    foreground="#1b1f24",
    muted="#5d6670",
    grid="#e3e6ea",
    accent="#0b62b8",
    cycle=(
        "#1861d9",
        "#db5601",
        "#32a57e",
        "#9e0104",
        "#7e6883",
        "#7f1994",
        "#fe72c3",
        "#02574d",
        "#c6aa01",
        "#00b7ff",
    ),
)
DARK = Theme(
    name="dark",
    background="#161616",  # a pure grey passes through WebP unchanged, so that the picture has no edge
    foreground="#eeeff0",
    muted="#a8adb3",
    grid="#343638",
    accent="#7cb8ff",
    cycle=(
        "#4f78fa",
        "#ff7702",
        "#22ce8f",
        "#c72e0b",
        "#988a99",
        "#a23dae",
        "#f085e7",
        "#09775d",
        "#f2dc0e",
        "#97e6ff",
    ),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}
