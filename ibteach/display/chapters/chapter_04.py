"""Explorers of noise and differential entropy: what scaling does to a latent, and what the noise does about it.

`points` counts how many points can be told apart under zero-entropy noise, which is what an entropy of a noisy latent
means. `scaling` shrinks and stretches a real latent, with noise and without. `with_and_without` compares networks that
were trained both ways. Chapter 04 walks through all three.
"""

import math
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ibteach import checks, seeds
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Axis, Scene
from ibteach.display.live.themes import SMALL, Theme
from ibteach.display.live.trained import TrainedScene, along_gamma, missing
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.information.estimators import kozachenko_leonenko
from ibteach.information.mixture import measure
from ibteach.records.record import Record, check_record

SD = math.sqrt(ZERO_ENTROPY_VARIANCE)


def points() -> Explorer:
    """Points on a line, a distance apart: their density under zero-entropy noise, and its entropy in nats."""
    return Explorer(PointsScene())


def scaling(latents: Tensor, labels: Tensor) -> Explorer:
    """Latents (N, 2) and labels (N,), stretched by a: as the decoder sees them, and their entropy and information."""
    return Explorer(ScalingScene(latents, labels))


def with_and_without(noisy: Record, noiseless: Record) -> Explorer:
    """The same runs trained with zero-entropy noise and without: the log-variance bound, and the test error, over γ."""
    return Explorer(WithAndWithoutScene(noisy, noiseless))


class PointsScene(Scene):
    """Left: n equally likely points under the noise. Right: the entropy of what one sees, against their distance."""

    title = "How many points can be told apart?"
    tall = (5.4, 7.6)

    def __init__(self):
        self.counts = (1, 2, 3, 4, 6, 8)
        self.distances = tuple(round(d, 2) for d in np.arange(0, 2.01, 0.1))
        distance = Axis("distance", "distance", self.distances, start=4)
        self.axes = (Axis("count", "points", self.counts, start=3), distance)
        self.z = np.linspace(-8, 8, 4001)
        self.entropies = {n: [self._entropy(self.density(n, d)) for d in self.distances] for n in self.counts}

    def places(self, count: int, distance: float) -> np.ndarray:
        return distance * (np.arange(count) - (count - 1) / 2)

    def density(self, count: int, distance: float) -> np.ndarray:
        bumps = np.exp(-((self.z[:, None] - self.places(count, distance)) ** 2) / (2 * SD**2))
        return bumps.mean(1) / (SD * math.sqrt(2 * math.pi))

    def _entropy(self, density):
        return np.trapezoid(-density * np.log(np.maximum(density, 1e-300)), self.z)

    def entropy(self, state: dict[str, Any]) -> float:
        return self.entropies[state["count"]][self.distances.index(state["distance"])]

    def build(self, figure: Figure, theme: Theme) -> list:
        line, curve = self.panels(figure, (1.4, 1))
        line.set(xlim=(-8, 8), ylim=(-0.12, 1.75), xlabel="z", ylabel="density p(z)")
        line.grid(True)
        (self.seen,) = line.plot([], [], color=theme.cycle[0])
        (self.where,) = line.plot([], [], "|", color=theme.cycle[1], ms=16, mew=2.5)
        curve.set(xlim=(0, 2), ylim=(-0.05, 2.2), xlabel="distance", ylabel="H[Z + ε], nats")
        curve.grid(True)
        for n in self.counts:
            curve.plot(self.distances, self.entropies[n], color=theme.muted, lw=1)
            curve.text(1.98, math.log(n) + 0.02, f"ln {n}", ha="right", va="bottom", size=SMALL, color=theme.muted)
        (self.chosen,) = curve.plot([], [], color=theme.cycle[0])
        (self.here,) = curve.plot([], [], "o", color=theme.cycle[0], ms=10)
        self.said = line.text(0, 1.03, "", transform=line.transAxes, va="bottom")
        self.sign(figure, theme, "computed by quadrature")
        return [self.seen, self.where, self.chosen, self.here, self.said]

    def update(self, **state: Any) -> None:
        places, entropy = self.places(state["count"], state["distance"]), self.entropy(state)
        self.seen.set_data(self.z, self.density(state["count"], state["distance"]))
        self.where.set_data(places, np.full_like(places, -0.05))
        self.chosen.set_data(self.distances, self.entropies[state["count"]])
        self.here.set_data([state["distance"]], [entropy])
        self.said.set_text(f"{entropy:.3f} nats: as good as {math.exp(entropy):.2f} points far apart")

    def alt(self, **state: Any) -> str:
        n, entropy = state["count"], self.entropy(state)
        return (
            f"{n} equally likely point{'s' * (n > 1)} at distance {state['distance']:g} under zero-entropy noise of "
            f"standard deviation {SD:.2f}, and the density one sees. Its entropy is {entropy:.3f} nats; it rises with "
            f"the distance from 0 to ln {n} = {math.log(n):.3f}."
        )


class ScalingScene(Scene):
    """Left: a·Z as a decoder sees it that divides by a. Right: entropy and information about the label, against a."""

    title = "A latent, scaled"
    tall = (5.4, 9.0)

    def __init__(self, latents: Tensor, labels: Tensor):
        if checks.real("latents", latents, "N K").shape[1] != 2:
            raise InvalidInput(f"latents: got shape {tuple(latents.shape)}, expected (N, 2), to be drawn in a plane.")
        powers = range(-8, 5)
        self.factors = tuple(2.0**power for power in powers)
        self.texts = [f"1/{2**-power}" if power < 0 else str(2**power) for power in powers]
        scale = Axis("scale", "scale a", self.factors, self.texts, start=self.texts.index("1"))
        self.axes = (Axis("noise", "noise", ("without", "with"), start=1), scale)
        self.latents, self.labels = latents.double(), labels
        scaled = torch.stack([factor * self.latents for factor in self.factors])
        self.found = measure(scaled, labels, samples=8)
        # Without noise there is no mixture: the entropy is estimated once, and scaling shifts it by K ln a exactly.
        self.entropy = kozachenko_leonenko(self.latents) + 2 * np.log(self.factors)
        self.noise = SD * torch.randn(self.latents.shape, generator=seeds.generator(0, "shown noise")).double()

    def value(self, state: dict[str, Any]) -> tuple[float, float]:
        """Entropy of the latent and its information about the label, nats."""
        i = self.factors.index(state["scale"])
        if state["noise"] == "without":
            return self.entropy[i], self.found.label_entropy
        return self.found.latent_entropy.value[i].item(), self.found.preserved_relevant_information.value[i].item()

    def build(self, figure: Figure, theme: Theme) -> list:
        plane, curve = self.panels(figure, (1, 1.15), (1.1, 1))
        low, high = self.latents.min(0).values, self.latents.max(0).values
        centre, self.reach = (low + high) / 2, 0.62 * (high - low).max().item()
        limits = [(c - self.reach, c + self.reach) for c in centre.tolist()]
        plane.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], aspect="equal")
        plane.set_xlabel("z / a, as a decoder sees it", color=theme.muted)
        style = {"ls": "", "marker": "o", "ms": 4, "mew": 0, "alpha": 0.8}
        classes = range(int(self.labels.max()) + 1)
        self.dots = [plane.plot([], [], color=theme.cycle[c % 10], **style)[0] for c in classes]
        self.corner = limits[0][0] + 0.12 * self.reach, limits[1][0] + 0.15 * self.reach
        (self.bar,) = plane.plot([], [], color=theme.foreground, lw=3, solid_capstyle="butt")
        self.bar_text = plane.text(self.corner[0], self.corner[1] + 0.04 * self.reach, "")
        self.plane_text = plane.text(0, 1.02, "", transform=plane.transAxes, va="bottom")

        found, a = self.found, self.factors
        drawn = [found.ceiling, *self.entropy]
        limits = min(-7, min(drawn) - 0.5), max(9, max(drawn) + 0.5)
        curve.set(xlim=(a[0] / 1.2, a[-1] * 1.2), ylim=limits, xlabel="scale a", ylabel="nats")
        curve.set_xscale("log", base=2)
        curve.set_xticks(a[::2], self.texts[::2])
        curve.grid(True)
        curve.axhline(0, color=theme.foreground, lw=1)
        curve.axhline(found.ceiling, color=theme.muted, lw=1.2, ls=":")
        curve.text(a[0], found.ceiling + 0.1, f"ln N = {found.ceiling:.2f}", size=SMALL, color=theme.muted, va="bottom")
        entropy, information = theme.cycle[0], theme.cycle[1]
        curve.plot(a, self.entropy, "--", color=entropy, label="H[aZ], no noise")
        curve.plot(a, found.latent_entropy.value.numpy(), color=entropy, label="H[aZ + ε]")
        curve.plot(a, [found.label_entropy] * len(a), "--", color=information, label="I[Y;aZ], no noise")
        curve.plot(a, found.preserved_relevant_information.value.numpy(), color=information, label="I[Y;aZ + ε]")
        curve.legend(loc="lower right")
        (self.here,) = curve.plot([], [], "o", color=entropy, ms=10)
        (self.there,) = curve.plot([], [], "o", color=information, ms=10)
        self.cursor = curve.axvline(1, color=theme.muted, lw=1.2, zorder=0.5)
        self.said = curve.text(0, 1.02, "", transform=curve.transAxes, va="bottom")
        text = f"computed now: {len(self.labels)} inputs, mixture measure; dashed entropy: Kozachenko–Leonenko + 2 ln a"
        self.sign(figure, theme, text)
        return [
            *(*self.dots, self.bar, self.bar_text, self.plane_text),
            *(self.cursor, self.here, self.there, self.said),
        ]

    def update(self, **state: Any) -> None:
        a, noisy = state["scale"], state["noise"] == "with"
        seen = self.latents + self.noise / a if noisy else self.latents
        for c, dots in enumerate(self.dots):
            dots.set_data(*seen[self.labels == c].T.numpy())
        length = 2.0 ** math.floor(math.log2(0.5 * a * self.reach))
        self.bar.set_data([self.corner[0], self.corner[0] + length / a], [self.corner[1]] * 2)
        self.bar_text.set_text(f"{length:g}")
        self.plane_text.set_text("a·Z + noise, in units of a" if noisy else "a·Z, in units of a")
        entropy, information = self.value(state)
        self.here.set_data([a], [entropy])
        self.there.set_data([a], [information])
        self.cursor.set_xdata([a, a])
        said = f"entropy {entropy:.2f}, about the label {information:.2f} nats"
        self.said.set_text(said.replace("-", "−"))

    def alt(self, **state: Any) -> str:
        entropy, information = self.value(state)
        text = self.texts[self.factors.index(state["scale"])]
        picture = "the classes blur into each other as a falls" if state["noise"] == "with" else "the same at every a"
        return (
            f"Latents of {len(self.labels)} inputs scaled by {text}, {state['noise']} noise, seen by a decoder that "
            f"divides by a: {picture}. Entropy {entropy:.2f} nats, information about the label {information:.2f} nats. "
            f"Without noise the entropy falls without end and the information stays; with noise both stop at 0."
        )


class WithAndWithoutScene(TrainedScene):
    """Left: the log-variance bound on H[Z|Y]. Right: test error. Each for networks with noise and without, over γ."""

    title = "Trained with noise, and without"
    tall = (5.4, 7.8)
    needs = ("test/log-variance", "test/argmax_error")

    def __init__(self, noisy: Record, noiseless: Record):
        super().__init__(noisy)
        check_record("noiseless", noiseless)
        missing("noiseless", noiseless, self.needs)
        if len(noisy.runs) != len(noiseless.runs) or any(run not in noiseless.runs for run in noisy.runs):
            raise InvalidInput("noiseless: got a record of other runs, expected the runs of the noisy one.")
        noiseless = noiseless.take([noiseless.runs.index(run) for run in noisy.runs])
        self.records = {"with noise": noisy, "without noise": noiseless}

    def series(self, name: str, which: str, networks: Any) -> np.ndarray:
        return self.records[which].value(name).numpy()[networks]

    def build(self, figure: Figure, theme: Theme) -> list:
        bound, error = self.panels(figure)
        for axes in (bound, error):
            along_gamma(axes, self.gammas)
            axes.set_xlabel("γ")
            axes.grid(True)
        bound.set_yscale("symlog", linthresh=10)
        drawn = np.stack([record.value("test/log-variance").numpy() for record in self.records.values()])
        low, high = min(-1500, 1.5 * drawn.min()), max(30, 1.5 * drawn.max())
        powers = [sign * 10**n for sign, end in ((-1, -low), (1, high)) for n in range(1, int(np.log10(end)) + 1)]
        ticks = sorted([-5, 0, 5, *powers])
        bound.set(ylim=(low, high), ylabel="bound on H[Z|Y], nats")
        bound.set_yticks(ticks, [f"{tick}".replace("-", "−") for tick in ticks])
        bound.axhline(0, color=theme.foreground, lw=1)
        error.set(ylim=(0, 100), ylabel="test error, %")
        self.lines = {}
        for which, color, style in [("with noise", theme.cycle[0], "o-"), ("without noise", theme.cycle[1], "s--")]:
            for name, axes in [("test/log-variance", bound), ("test/argmax_error", error)]:
                (line,) = axes.plot([], [], style, color=color, ms=5, label=which)
                (dot,) = axes.plot([], [], style[0], color=color, ms=11)
                self.lines[which, name] = line, dot
        key = [line for line, _ in self.lines.values()][::2]  # a line of each kind
        figure.legend(handles=key, loc="outside upper left", ncols=2)
        self.cursors = [axes.axvline(1, color=theme.muted, lw=1.2, zorder=0.5) for axes in (bound, error)]
        self.said = [axes.text(0, 1.02, "", transform=axes.transAxes, va="bottom") for axes in (bound, error)]
        self.sign(figure, theme)
        return [*(artist for pair in self.lines.values() for artist in pair), *self.cursors, *self.said]

    def update(self, **state: Any) -> None:
        curve, at = self.curve(state), self.gammas.index(state["gamma"])
        for (which, name), (line, dot) in self.lines.items():
            values = self.series(name, which, curve) * (100 if "error" in name else 1)
            line.set_data(self.gammas, values)
            dot.set_data([state["gamma"]], [values[at]])
        for cursor in self.cursors:
            cursor.set_xdata([state["gamma"]] * 2)
        bounds, errors = self._both("test/log-variance", state), self._both("test/argmax_error", state)
        self.said[0].set_text("with {:.1f}, without {:.1f} nats".format(*bounds))
        self.said[1].set_text("with {:.1%}, without {:.1%}".format(*errors))

    def _both(self, name, state):
        return [self.series(name, which, self.network(state)) for which in self.records]

    def alt(self, **state: Any) -> str:
        (bound, bare), (error, bare_error) = (self._both(f"test/{n}", state) for n in ("log-variance", "argmax_error"))
        return (
            f"{self.run_text(self.network(state))}: trained with noise the log-variance bound is {bound:.1f} nats and "
            f"the test error {error:.1%}; without noise {bare:.1f} nats and {bare_error:.1%}. "
            "With noise the bound never goes below 0."
        )
