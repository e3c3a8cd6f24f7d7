"""The distribution of a latent of any dimension, drawn with seaborn: each dimension's density by class, or all pairs.

Chapter 05 looks at latents of two dimensions in their plane. Most have more: here each dimension stands by itself, with
the density of the noise alone beside it, to scale, because what is narrower than the noise cannot be told apart.
seaborn is imported when a picture is drawn, not before.
"""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from ibteach import seeds
from ibteach.checks import whole
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.themes import SMALL, Theme
from ibteach.display.live.trained import TrainedScene
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, zero_entropy_noise
from ibteach.records.record import Record, latents_of

MOST = 5
"""Dimensions that a picture has room for: those of the largest variance over all networks."""


def distribution(record: Record, *, pairs: bool = False, dimensions: int = MOST) -> Explorer:
    """Densities of the noisy latent given each class, in every dimension; with `pairs` a grid of all pairs of them.

    The controls choose objective, γ and seed of a Record with latents, of any dimension; of more than `dimensions` (at
    most 5) those of the largest variance are shown. Raises `InvalidInput` for a Record without latents.
    """
    return Explorer(DistributionScene(record, pairs, dimensions))


class DistributionScene(TrainedScene):
    """Kernel density estimates of Z = f(x) + ε, each class with the weight of its share; beside them the noise."""

    def __init__(self, record: Record, pairs: bool = False, dimensions: int = MOST):
        if not isinstance(record, Record) or record.latents is None:
            raise InvalidInput(f"record: got {record!r}, expected one with the latents that training leaves.")
        super().__init__(record)
        self.pairs = pairs
        kept = latents_of("record", record)
        latents = kept.latents.double()
        spread = latents.var(1).mean(0)
        shown = min(whole("dimensions", dimensions, maximum=MOST), len(spread))
        self.shown = sorted(spread.topk(shown).indices.tolist())
        self.labels = kept.labels.numpy()
        self.dimensions = latents.shape[-1]
        self.classes = np.unique(self.labels)
        noise = torch.zeros(latents.shape[1:], dtype=torch.float64)
        if self.noise_variance > 0:
            noise = zero_entropy_noise(tuple(latents.shape[1:]), seeds.generator(0, "shown noise")).double()
        self.noisy = (latents + noise)[..., self.shown].numpy()
        self.title = "Pairs of dimensions of the latent" if pairs else "Densities of the latent, dimension by dimension"
        self.size = (10.0, 1.9 * shown + 0.8) if pairs else (9.0, 3.8)
        self.tall = None if pairs else (5.4, 1.5 * shown + 0.8)

    def build(self, figure: Figure, theme: Theme) -> list:
        self.theme = theme
        count = len(self.shown)
        shape = (count, count) if self.pairs else (count, 1) if self.folded else (1, count)
        self.cells = figure.subplots(*shape, squeeze=False)
        self.head = figure.suptitle(" ", size=SMALL, x=0.01, ha="left")
        if self.pairs:
            for row, column in zip(*np.triu_indices(count, 1), strict=True):
                self.cells[row, column].set_visible(False)
        self.sign(figure, theme)
        return [self.head, *(cell for cell in self.cells.flat if cell.get_visible())]

    def update(self, **state: Any) -> None:
        import seaborn

        m = self.network(state)
        points = self.noisy[m]
        colours = [self.theme.cycle[c % 10] for c in self.classes]
        style = {"hue": self.labels, "palette": colours, "legend": False}
        with mpl.rc_context(self.theme.rc):
            for place, cell in np.ndenumerate(self.cells):
                row, column = place if self.pairs else (0, max(place))
                cell.clear()
                if self.pairs and row != column:
                    if row > column:
                        seaborn.scatterplot(x=points[:, column], y=points[:, row], s=9, lw=0, ax=cell, **style)
                        cell.set_aspect("auto")
                else:
                    self._density(seaborn, cell, points[:, column], style)
                cell.set(xlabel=self._name(column), ylabel=self._name(row) if self.pairs and row > column else "")
                cell.tick_params(labelsize=9 if self.pairs else SMALL)
                cell.set_yticks([] if not self.pairs or row == column else cell.get_yticks())
            self.head.set_text(self.wrapped(self.head.figure, f"{self.weight_text(m)}{self._left_out()}"))

    def _density(self, seaborn, cell, values, style):
        seaborn.kdeplot(x=values, fill=True, alpha=0.25, warn_singular=False, common_norm=True, ax=cell, **style)
        if self.noise_variance > 0:
            deviation = math.sqrt(self.noise_variance)
            at = np.linspace(-3 * deviation, 3 * deviation, 121)
            height = np.exp(-(at**2) / (2 * self.noise_variance)) / math.sqrt(2 * math.pi * self.noise_variance)
            cell.plot(at, height / len(self.classes), color=self.theme.accent, lw=2.2)

    def _name(self, place):
        return f"$z_{{{self.shown[place] + 1}}}$"

    def _left_out(self):
        widest = f"; {len(self.shown)} of {self.dimensions} dimensions, the widest"
        noise = "; blue line: the noise alone" if self.noise_variance else "; no noise"
        return noise if self.dimensions == len(self.shown) else widest + noise

    def alt(self, **state: Any) -> str:
        m = self.network(state)
        points = self.noisy[m]
        within = np.mean([points[self.labels == c].std(0) for c in self.classes], 0)
        said = ", ".join(
            f"z{self.shown[k] + 1} {points[:, k].std():.2g} in all and {within[k]:.2g} within a class"
            for k in range(len(self.shown))
        )
        what = "Grid of all pairs of dimensions" if self.pairs else "Densities"
        noise = f"; the noise alone has {math.sqrt(ZERO_ENTROPY_VARIANCE):.2g}" if self.noise_variance else "; no noise"
        return (
            f"{what} of {len(self.labels)} noisy test latents by class, for {self.run_text(m)}. "
            f"Standard deviations: {said}{noise}."
        )
