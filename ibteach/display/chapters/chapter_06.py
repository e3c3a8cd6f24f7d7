"""Explorers of measures of information: which of them tell the truth where it is known, and what they say of networks.

`playground` runs every measure of `ibteach.information.comparison` on a channel whose information is known. `bracket`
is for latents of networks: what their own mixture says about inputs that it has not seen. `comparison_table` is the
playground in numbers. Chapter 06 walks through them.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from IPython.display import Markdown
from matplotlib.figure import Figure
from torch import Tensor

from ibteach import checks
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Axis, Scene, texts_of
from ibteach.display.live.themes import SMALL, Theme
from ibteach.display.live.trained import along_gamma
from ibteach.errors import InvalidInput
from ibteach.information.comparison import gaussian_channel
from ibteach.information.mixture import pairwise_bounds
from ibteach.information.population import population_bracket


def playground() -> Explorer:
    """Every measure on Gaussian channels of known information, against the truth and against the dimension."""
    return Explorer(PlaygroundScene(), preload=False)


def bracket(latents: Tensor, gammas: Sequence[float]) -> Explorer:
    """Bounds on the population's H[Z] as N grows, for networks trained with M weights γ.

    `latents`: (M, N, K), of inputs that they were not trained on (`population_bracket`).
    """
    return Explorer(BracketScene(latents, gammas))


def comparison_table(
    channel: Callable[..., dict[str, float]], amount: float, dimensions: Iterable[int], count: int, **options: Any
) -> Markdown:
    """A row for each measure, a column for each dimension: a channel of `ibteach.information.comparison`, in nats."""
    tables = [channel(amount, dimension, count, **options) for dimension in dimensions]
    rows = ["| nats | " + " | ".join(f"K = {d}" for d in dimensions) + " |", "|---|" + "--:|" * len(tables)]
    rows += [f"| {name} | " + " | ".join(_two_digits(table[name]) for table in tables) + " |" for name in tables[0]]
    return Markdown("\n".join(rows))


def _two_digits(value):
    return f"{round(value, 2) + 0.0:.2f}"  # never −0.00


class PlaygroundScene(Scene):
    """Left: what each measure says against the truth, in one dimension. Right: at one truth, over all dimensions."""

    title = "Measures of information, where the truth is known"
    tall = (5.4, 8.4)
    TRUTHS = (0.25, 1, 2, 4, 6, 8, 10, 12)
    AT = 4  # nats, on the right
    VISIBLE = 0.1  # nats that the bracket is drawn wide at least, and the figure says so
    SHOWN = ("KSG 1", "Kozachenko–Leonenko", "binning", "Gaussian")

    def __init__(self):
        self.dimensions = (1, 2, 4, 8, 16, 32, 64)
        self.axes = (
            Axis("dimension", "dimension K", self.dimensions),
            Axis("count", "samples N", (100, 300, 1000), start=2),
            Axis("k", "neighbours k", (1, 3, 10), start=1),
            Axis("width", "bin width", (0.1, 0.3, 1.0, 3.0), start=2),
        )
        self.table = functools.cache(  # a state that was drawn once costs nothing
            lambda truth, dimension, count, k, width: gaussian_channel(truth, dimension, count, k=k, width=width)
        )

    def tables(self, state: dict[str, Any]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
        """The tables of all truths at this dimension, and of one truth at all dimensions."""
        rest = state["count"], state["k"], state["width"]
        at_dimension = [self.table(truth, state["dimension"], *rest) for truth in self.TRUTHS]
        return at_dimension, [self.table(self.AT, dimension, *rest) for dimension in self.dimensions]

    def build(self, figure: Figure, theme: Theme) -> list:
        against, over = self.panels(figure)
        # The largest measured are 26.3 and 18.2: Kozachenko–Leonenko at K = 64, from 100 samples with 10 neighbours.
        against.set(xlim=(0, 12.4), ylim=(-1, 28), xlabel="true I[X;Z], nats", ylabel="measured, nats")
        over.set(xlim=(0.85, 75), ylim=(-1, 20), xlabel=f"dimension K, at a true {self.AT} nats")
        over.locator_params(axis="y", nbins=5)
        over.set_xscale("log", base=2)
        over.set_xticks(self.dimensions, [str(d) for d in self.dimensions])
        against.plot([0, 16], [0, 16], color=theme.foreground, lw=1.2)
        over.axhline(self.AT, color=theme.foreground, lw=1.2)
        moving = []
        self.lines, self.fills = [], []
        styles = ["o-", "s-", "^-", "D-"]
        for axes, x in ((against, self.TRUTHS), (over, self.dimensions)):
            axes.grid(True)
            fill = axes.fill_between(
                x, 0, 0, color=theme.cycle[0], alpha=0.35, lw=0, label=f"bracket by mixture, ≥ {self.VISIBLE:g} wide"
            )
            lines = {
                name: axes.plot([], [], style, color=theme.cycle[i + 1], ms=5, lw=1.6, label=name)[0]
                for i, (name, style) in enumerate(zip(self.SHOWN, styles, strict=True))
            }
            self.fills.append((fill, x))
            self.lines.append((lines, x))
            moving += [fill, *lines.values()]
        self.ceilings = [axes.axhline(1, color=theme.muted, ls=":", lw=1.2) for axes in (against, over)]
        self.ceiling_text = against.text(12.3, 1, "", color=theme.muted, size=SMALL, ha="right", va="bottom")
        figure.legend(*against.get_legend_handles_labels(), loc="outside upper left", ncols=2 if self.folded else 3)
        self.cursor = over.axvline(1, color=theme.muted, lw=1.2, zorder=0.5)
        self.lacking = over.text(0.02, 0.97, "", color=theme.muted, size=SMALL, va="top", transform=over.transAxes)
        self.said = over.text(0, 1.02, "", transform=over.transAxes, va="bottom")
        self.sign(figure, theme, "computed now, Gaussian channels")
        return [*moving, *self.ceilings, self.ceiling_text, self.cursor, self.lacking, self.said]

    def update(self, **state: Any) -> None:
        for tables, (lines, x), (fill, _) in zip(self.tables(state), self.lines, self.fills, strict=True):
            for name, line in lines.items():
                line.set_data(x, [table[name] for table in tables])
            low = [table["mixture"] for table in tables]
            high = [max(table["population at most"], table["mixture"] + self.VISIBLE) for table in tables]
            fill.set_data(x, low, high)
        ceiling = math.log(state["count"])
        for line in self.ceilings:
            line.set_ydata([ceiling] * 2)
        self.ceiling_text.set_y(ceiling)
        self.ceiling_text.set_text(f"ln N = {ceiling:.2f}")
        self.cursor.set_xdata([state["dimension"]] * 2)
        table = self.table(self.AT, state["dimension"], state["count"], state["k"], state["width"])
        self.said.set_text(f"KSG {_two_digits(table['KSG 1'])}, bracket {self._bracket(table)}")
        lacking = [f"K = {dimension}" for dimension in self.dimensions if 2 * dimension >= state["count"]]
        self.lacking.set_text(f"no Gaussian at {', '.join(lacking)}: N ≤ 2K" if lacking else "")

    def _bracket(self, table):
        return f"{_two_digits(table['mixture'])} to {_two_digits(table['population at most'])}"

    def alt(self, **state: Any) -> str:
        table = self.table(self.AT, state["dimension"], state["count"], state["k"], state["width"])
        unknown = f"cannot be computed, for a covariance of 2K = {2 * state['dimension']} units needs more samples"
        said = ", ".join(
            f"{name} {unknown if math.isnan(table[name]) else _two_digits(table[name])}" for name in self.SHOWN
        )
        return (
            f"Information of a Gaussian channel with K = {state['dimension']}, from {state['count']} samples "
            f"(k = {state['k']}, bins of width {state['width']:g}). Where the truth is {self.AT} nats: {said}; the "
            f"mixture brackets it from {self._bracket(table)}. ln N is {math.log(state['count']):.2f}."
        )


class BracketScene(Scene):
    """Left: bounds on the population's H[Z] of one network as N grows. Right: the bracket of all networks at most N."""

    title = "From these inputs to all of them"
    tall = (5.4, 8.4)

    def __init__(self, latents: Tensor, gammas):
        gammas = [checks.number("gammas", gamma, minimum=0) for gamma in checks.several("gammas", gammas)]
        checks.real("latents", latents, "M N K")
        if len(gammas) != len(latents) or latents.shape[1] < 100:
            raise InvalidInput(
                f"latents: got shape {tuple(latents.shape)} and {len(gammas)} γ, expected (M, N, K), N >= 100 and M γ."
            )
        order = sorted(range(len(gammas)), key=gammas.__getitem__)
        gammas, latents = [gammas[m] for m in order], latents[order]
        self.gammas = gammas
        self.axes = (Axis("gamma", "γ", gammas, texts_of(gammas, digits=3), start=len(gammas) // 2),)
        self.shape = latents.shape[1:]
        every = len(latents[0])
        self.counts = [*(n for n in (25, 50, 100, 200, 400, 800, 1600, 3200) if 1.4 * n < every), every]  # apart
        brackets = [population_bracket(latents[:, :n]) for n in self.counts]
        bounds = [pairwise_bounds(latents[:, :n]) for n in self.counts]
        self.found = {  # (M, number of N)
            "mixture of these N": torch.stack([b.lower.value for b in brackets], -1).numpy(),
            "that mixture, at other inputs": torch.stack([b.mixture_upper.value for b in brackets], -1).numpy(),
            "a Gaussian, at other inputs": torch.stack([b.gaussian_upper.value for b in brackets], -1).numpy(),
            "pairwise bound, lower": torch.stack([b.lower for b in bounds], -1).numpy(),
            "pairwise bound, upper": torch.stack([b.upper for b in bounds], -1).numpy(),
        }
        self.low = self.found["mixture of these N"]
        # The mixture at other inputs is one upper bound, the Gaussian another: the lower of the two counts.
        self.high = np.minimum(self.found["that mixture, at other inputs"], self.found["a Gaussian, at other inputs"])

    def build(self, figure: Figure, theme: Theme) -> list:
        growing, all_of_them = self.panels(figure, (1.25, 1))
        top = 1.08 * max(14, self.high[:, -1].max(), np.log(self.counts[-1]))
        growing.set(xscale="log", xlim=(self.counts[0] / 1.2, self.counts[-1] * 1.2), ylim=(0, top))
        growing.set(xlabel="inputs N", ylabel="H[Z], nats")
        growing.set_xticks(self.counts, [str(n) for n in self.counts], minor=False)
        growing.minorticks_off()
        growing.grid(True)
        growing.plot(self.counts, np.log(self.counts), ":", color=theme.muted, lw=1.5, label="ln N")
        self.fill = growing.fill_between(self.counts, 0, 0, color=theme.cycle[0], alpha=0.25, lw=0)
        styles = [("o-", theme.cycle[0]), ("v-", theme.cycle[1]), ("s-", theme.cycle[5]), *[("--", theme.muted)] * 2]
        self.lines = {
            name: growing.plot([], [], style, color=color, ms=5, lw=1.6, label=name)[0]
            for name, (style, color) in zip(self.found, styles, strict=True)
        }
        self.lines["pairwise bound, lower"].set_label("pairwise bounds")
        along_gamma(all_of_them, self.gammas, margin=1.4)
        all_of_them.set(ylim=(0, top), xlabel="γ")
        all_of_them.grid(True)
        ceiling = math.log(self.counts[-1])
        all_of_them.axhline(ceiling, color=theme.muted, ls=":", lw=1.5)
        text = f"ln N = {ceiling:.2f}"
        all_of_them.text(self.gammas[-1] * 1.3, ceiling, text, color=theme.muted, size=SMALL, ha="right", va="bottom")
        all_of_them.vlines(self.gammas, self.low[:, -1], self.high[:, -1], color=theme.muted, lw=3)
        for ends in (self.low, self.high):
            all_of_them.plot(self.gammas, ends[:, -1], "_", color=theme.muted, ms=10, mew=2)
        key = [line for line in growing.get_lines() if line is not self.lines["pairwise bound, upper"]]
        figure.legend(handles=key, loc="outside upper left", ncols=1 if self.folded else 3)
        self.chosen = all_of_them.plot([], [], color=theme.cycle[0], lw=8, solid_capstyle="butt")[0]
        self.said = [a.text(0, 1.02, "", transform=a.transAxes, va="bottom") for a in (growing, all_of_them)]
        self.sign(figure, theme, f"computed now, latents of {self.shape[1]} dimensions")
        return [self.fill, *self.lines.values(), self.chosen, *self.said]

    def update(self, **state: Any) -> None:
        m = self.gammas.index(state["gamma"])
        for name, line in self.lines.items():
            line.set_data(self.counts, self.found[name][m])
        low, high = self.low[m], np.maximum(self.low[m], self.high[m])
        self.fill.set_data(self.counts, low, high)
        self.chosen.set_data([state["gamma"]] * 2, [low[-1], high[-1]])
        self.said[0].set_text("bounds on the entropy of all inputs")
        self.said[1].set_text(f"N = {self.counts[-1]}: {_two_digits(low[-1])} to {_two_digits(high[-1])} nats")

    def alt(self, **state: Any) -> str:
        m = self.gammas.index(state["gamma"])
        (axis,) = self.axes
        first, last = self.counts[0], self.counts[-1]
        return (
            f"Bounds on H[Z] of a network trained with γ = {axis.shown(m)}, {self.shape[1]} latent dimensions. "
            f"From {first} inputs it lies between {self.low[m, 0]:.2f} and {self.high[m, 0]:.2f} nats, from {last} "
            f"between {self.low[m, -1]:.2f} and {self.high[m, -1]:.2f}, where ln N is {math.log(last):.2f}. Beside it "
            "the same bracket for every γ."
        )
