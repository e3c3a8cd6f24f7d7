"""The playground as a picture, for those without scripts: latent plane, bounds and path of one training."""

import functools
import math

import numpy as np
from matplotlib import patheffects
from matplotlib.figure import Figure

from ibteach import data, networks, training
from ibteach.display.live.scene import UNITS, Scene
from ibteach.display.live.themes import SMALL, Theme
from ibteach.display.live.trained import title_of
from ibteach.display.playground.trained import NONE
from ibteach.errors import Diverged
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.objectives import OBJECTIVES
from ibteach.records.record import Record, latents_of
from ibteach.training.settings import Settings

EPOCHS = 20
"""How long the network of the picture was trained, where nobody has trained one yet."""
USUAL = Settings()
"""What a training has where nothing else was chosen, and no words are made of it."""


@functools.lru_cache(maxsize=8)
def example(
    objective: str,
    gamma: float,
    noise: bool,
    hidden: str,
    seed: int,
    learning_rate: float = USUAL.learning_rate,
    batch_size: int = USUAL.batch_size,
    dropout: float = 0.0,
    random_labels: float = 0.0,
) -> Record:
    """A network trained by the library with these settings, for the picture of a playground where none was yet.

    What diverges gives way to no compression, and to the other settings as they are at the start.
    """
    digits = data.load("digits")
    if random_labels:
        digits = data.with_random_labels(digits, random_labels, seed)
    name = "l2" if objective == NONE else objective
    run = training.Run.of(name, gamma=0.0 if objective == NONE else gamma, seed=seed)
    widths = [int(width) for width in hidden.split("-")]
    model = training.build(lambda: networks.mlp(digits.shape, classes=10, hidden=widths, dropout=dropout), run)
    settings = {"epochs": EPOCHS, "measure_every": 2, "learning_rate": learning_rate, "batch_size": batch_size}
    settings |= {"noise": noise, "information": noise and not dropout, "progress": False}
    try:
        return training.fit(model, digits, run, **settings)
    except Diverged:
        return example(NONE, gamma, noise, hidden, seed)


class StillScene(Scene):
    """Plane, bounds and path of a Record with one run; `unit` is what information is counted in."""

    title = "Playground: γ moves while the network trains"

    def __init__(self, record: Record, unit: str = "nats"):
        self.record, self.unit, self.factor = record, unit, UNITS[unit]
        self.kept = latents_of("record", record)
        self.points, self.labels = self.kept.latents[0].double().numpy(), self.kept.labels.numpy()
        self.configuration = record.provenance.get("configuration") or {}
        self.noise_variance = ZERO_ENTROPY_VARIANCE if self.configuration.get("noise", True) else 0.0

    def build(self, figure: Figure, theme: Theme) -> list:
        grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.1])
        self._plane(figure.add_subplot(grid[:, 0]), theme)
        self._bounds(figure.add_subplot(grid[0, 1]), theme)
        self._path(figure.add_subplot(grid[1, 1]), theme)
        return []

    def _plane(self, axes, theme):
        low, high = self.points.min(0), self.points.max(0)
        centre, reach = (low + high) / 2, 0.54 * (high - low).max() + 2 * math.sqrt(self.noise_variance)
        corner = np.array([centre - reach, centre + reach]).T
        side = [np.linspace(start, end, 240) for start, end in corner]
        at = np.stack(np.meshgrid(*side), -1)
        weight, bias = self.kept.decoder_weight[0].numpy(), self.kept.decoder_bias[0].numpy()
        decision = (at @ weight.T + bias).argmax(-1)
        rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (*theme.cycle, theme.background)])
        tint = (0.25 * rgb[:-1] + 0.75 * rgb[-1]).astype(np.uint8)
        axes.imshow(tint[decision], extent=corner.ravel(), origin="lower", interpolation="nearest")
        halo = [patheffects.withStroke(linewidth=3, foreground=theme.background)]
        for label in np.unique(self.labels):
            mine = self.points[self.labels == label]
            axes.plot(*mine.T, "o", ms=3.5, mew=0, alpha=0.85, color=theme.cycle[label])
            text = {"ha": "center", "va": "center", "weight": "bold", "path_effects": halo}
            axes.text(*mine.mean(0), str(label), color=theme.foreground, **text)
        axes.set(xlim=corner[0], ylim=corner[1], xticks=[], yticks=[], aspect="equal")
        axes.set_xlabel(f"latents of {len(self.labels)} test digits", color=theme.muted)

    def _ladder(self):
        """Titles and values of the chain of bounds on H[Z|Y], the tightest first; before them H[Z|Y] itself."""
        found = []
        if "test/reverse_decoder_uncertainty" in self.record.quantities:
            found.append(("H[Z|Y]", self.record.value("test/reverse_decoder_uncertainty").item()))
        for name, objective in OBJECTIVES.items():
            if objective.bounds.startswith("H[Z|Y]") and f"test/{name}" in self.record.quantities:
                found.append((objective.title, self.record.value(f"test/{name}").item()))
        return [(title, value * self.factor) for title, value in found]

    def _bounds(self, axes, theme):
        titles, values = zip(*self._ladder(), strict=True)
        chosen = title_of(self.record.runs[0]["objective"])
        colours = [theme.accent if title == chosen else theme.muted for title in titles]
        axes.barh(range(len(values)), values, color=colours, height=0.65)
        axes.set_yticks(range(len(titles)), titles)
        axes.invert_yaxis()
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(min(0, 1.5 * min(values)), max(1, 3 * max(values)))
        for place, value in enumerate(values):
            axes.text(max(value, 0), place, f" {value:.3g}", va="center", size=SMALL)
        axes.set_title(f"bounds on H[Z|Y], {self.unit}")

    def _path(self, axes, theme):
        axes.set(xlabel=f"I[X;Z], {self.unit}", ylabel="I[Y;Z]")
        ceiling, most = math.log(len(self.labels)) * self.factor, math.log(10) * self.factor
        axes.set(xlim=(0, 1.05 * ceiling), ylim=(0, 1.1 * most))
        axes.axvline(ceiling, color=theme.muted, ls="--", lw=1.2)
        axes.axhline(most, color=theme.muted, ls="--", lw=1.2)
        path = self._walk()
        if path is None:
            why = "not with dropout" if self.noise_variance else "not without noise"
            axes.text(0.5, 0.5, why, ha="center", transform=axes.transAxes, color=theme.muted)
            return
        axes.plot(*path, "-", color=theme.accent)
        axes.plot(*path[:, -1], "o", ms=8, color=theme.accent)

    def _walk(self):
        names = ["test/preserved_information", "test/preserved_relevant_information"]
        if names[0] not in self.record.quantities:
            return None
        return np.stack([self.record.quantities[name][0].numpy() * self.factor for name in names])

    def update(self) -> None:
        """Nothing moves."""

    def _how(self):
        """The objective, and every setting that is not as at the start."""
        run, set_to = self.record.runs[0], self.configuration
        said = ["no compression" if run["gamma"] == 0 else f"{title_of(run['objective'])}, γ = {run['gamma']:.3g}"]
        said += [] if self.noise_variance else ["no noise"]
        starts = {"learning_rate": USUAL.learning_rate, "batch_size": USUAL.batch_size, "dropout": 0.0}
        said += [
            f"{name.replace('_', ' ')} {set_to[name]:g}" for name, start in starts.items() if set_to[name] != start
        ]
        _, _, labels = self.record.provenance["data"].partition(", ")  # such as 50% random labels
        return ", ".join([*said, labels] if labels else said)

    def alt(self) -> str:
        epoch = int(self.record.epochs[-1])
        how = f"after {epoch} epochs with {self._how()}" if epoch else "weights as they were put in, not trained here"
        bars = ", ".join(f"{title} {value:.3g}" for title, value in self._ladder())
        path = self._walk()
        where = (
            f" In the information plane it ends at ({path[0, -1]:.2f}, {path[1, -1]:.2f})." if path is not None else ""
        )
        return (
            f"Playground, {how}: {len(self.labels)} test digits in a plane of ten regions, "
            f"test error {self.record.value('test/argmax_error').item():.1%}. Bars in {self.unit}: {bars}.{where}"
        )
