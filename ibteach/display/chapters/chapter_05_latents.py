"""The latent space of trained networks, and what their objective was worth, as γ moves."""

import math
from typing import Any

import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.figure import Figure

from ibteach.display.live.scene import UNITS, Axis
from ibteach.display.live.themes import Theme
from ibteach.display.live.trained import TrainedScene, along_gamma
from ibteach.objectives import OBJECTIVES, moments
from ibteach.records.record import Record, latents_of


class LatentScene(TrainedScene):
    """Left: test latents in the plane, decisions, ellipses, the noise to scale. Right: loss terms and error over γ."""

    title = "Latent space under compression"
    tall = (5.4, 9.4)
    GRID = 260

    def __init__(self, record: Record):
        self.kept = latents_of("record", record)
        units = Axis("unit", "unit", tuple(UNITS))
        super().__init__(record, Axis("scale", "scale", ("zoom in", "same for all γ")), units)
        self.labels = self.kept.labels.numpy()
        self.classes = self.kept.decoder_weight.shape[1]
        self.points, self.projection = self._project(self.kept.latents.double())
        self.spread = self._covariances(self.kept.labels)
        self.numbered = list(enumerate(record.runs))
        self.weighted = self._weighted()

    def _project(self, z):
        if z.shape[-1] == 2:
            return z.numpy(), None
        if z.shape[-1] == 1:
            return torch.cat([z, torch.zeros_like(z)], -1).numpy(), None
        pooled = z.flatten(0, 1)
        _, s, vh = torch.linalg.svd(pooled - pooled.mean(0), full_matrices=False)
        share = (s[:2].square().sum() / s.square().sum()).item()
        directions = vh[:2].T
        named = f"first two principal components\nover all networks ({share:.0%} of variance)"
        return (z @ directions).numpy(), named

    def _covariances(self, labels):
        """Mean and covariance of Z given each class, in the plane: (M, C, 2) and (M, C, 2, 2)."""
        points = torch.from_numpy(self.points)
        members = torch.nn.functional.one_hot(labels, self.classes).double()
        mean = (members.T @ points) / members.sum(0).clamp_min(1)[:, None]
        return mean.numpy(), moments(points, labels, self.classes, self.noise_variance).covariance.numpy()

    def build(self, figure: Figure, theme: Theme) -> list:
        self.theme = theme
        if self.folded:
            plane, self.terms, self.error = figure.subplots(3, 1, height_ratios=[2.4, 1, 1])
        else:
            grid = figure.add_gridspec(2, 2, width_ratios=[1, 1])
            plane, self.terms, self.error = (figure.add_subplot(grid[at]) for at in ((slice(2), 0), (0, 1), (1, 1)))
        plane.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[], aspect="equal")
        plane.set_xlabel(self.projection or "$z_1$", color=theme.muted)
        plane.set_ylabel("$z_2$" if self.kept.latents.shape[-1] == 2 else "", color=theme.muted)
        rgb = np.array([_rgb(theme.cycle[c % 10]) for c in range(self.classes)])
        self.tint = np.rint(255 * (0.25 * rgb + 0.75 * _rgb(theme.background))).astype(np.uint8)
        blank = np.zeros((self.GRID, self.GRID, 3), np.uint8)
        self.regions = plane.imshow(blank, extent=(-1, 1, -1, 1), origin="lower", interpolation="nearest", zorder=0)
        self.regions.set_visible(self.projection is None)
        style = {"ls": "", "marker": "o", "ms": 4, "mew": 0, "alpha": 0.85}
        self.dots = [plane.plot([], [], color=theme.cycle[c % 10], **style)[0] for c in range(self.classes)]
        self.ellipses = [plane.plot([], [], color=theme.foreground, lw=1.2, alpha=0.8)[0] for _ in range(self.classes)]
        halo = [patheffects.withStroke(linewidth=3, foreground=theme.background)]
        bold = {"ha": "center", "va": "center", "size": 14, "weight": "bold", "path_effects": halo, "zorder": 6}
        self.names = [plane.text(0, 0, "", color=theme.foreground, **bold) for _ in range(self.classes)]
        (self.noise,) = plane.plot([], [], color=theme.accent, lw=2.5, zorder=7)
        self.noise_text = plane.text(-0.96, -0.95, "", color=theme.accent, va="bottom", zorder=7)
        self.run = plane.text(-1, 1.02, "", va="bottom")

        for axes in (self.terms, self.error):
            along_gamma(axes, self.gammas)
            axes.grid(True)
        self.terms.tick_params(labelbottom=False)
        fits = [self.value(f"{split}/decoder_cross_entropy").max() for split in ("train", "test")]
        lowest = 0 if self.noise_variance else min(0, self.weighted.min())  # without noise there is no floor
        scale = 1.08 * UNITS["bits"]
        self.terms.set_ylim(scale * lowest, scale * max(*fits, self.weighted.max()))
        weighted = "β′ · surrogate above floor" if self.noise_variance else "β′ · surrogate"
        self.error.set_xlabel("γ")
        self.error.set(ylim=(0, 100), ylabel="error, %")
        self.lines = {
            "train/decoder_cross_entropy": self._line(self.terms, theme.cycle[0], "H$_q$[Y|Z]", "-"),
            "test/decoder_cross_entropy": self._line(self.terms, theme.cycle[0], "", "--"),
            "weighted surrogate": self._line(self.terms, theme.cycle[1], weighted, "-"),
            "train/argmax_error": self._line(self.error, theme.cycle[5], "train", "-"),
            "test/argmax_error": self._line(self.error, theme.cycle[5], "test", "--"),
        }
        self.terms.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=2, columnspacing=1, handlelength=1.2)
        self.error.legend(loc="upper left")
        beside = {"rotation": 90, "ha": "right", "va": "center", "transform": self.terms.transAxes}
        self.unit_text = self.terms.text(-0.09, 0.5, "nats", **beside)
        self.cursors = [axes.axvline(1, color=theme.muted, lw=1.2, zorder=0.5) for axes in (self.terms, self.error)]
        self.error_text = self.error.text(0.99, 1.03, "", transform=self.error.transAxes, ha="right", va="bottom")
        self.sign(figure, theme)
        lines = [artist for pair in self.lines.values() for artist in pair]
        return [
            *(self.regions, *self.dots, *self.ellipses, *self.names, self.noise, self.noise_text, self.run),
            *(*lines, *self.cursors, self.unit_text, self.error_text),
        ]

    def _line(self, axes, color, label, style):
        (line,) = axes.plot([], [], style, color=color, label=label)
        (dot,) = axes.plot([], [], "o", color=color, ms=8)
        return line, dot

    def update(self, **state: Any) -> None:
        m, curve = self.network(state), self.curve(state)
        span = self._span([m] if state["scale"] == "zoom in" else curve)
        centre = np.zeros(2) if state["scale"] != "zoom in" else self._centre(m)
        self._update_plane(m, centre, span)
        unit, factor = state["unit"], UNITS[state["unit"]]
        for name, (line, dot) in self.lines.items():
            values = self._series(name, curve) * (100 if "error" in name else factor)
            line.set_data(self.gammas, values)
            dot.set_data([state["gamma"]], [values[self.gammas.index(state["gamma"])]])
        for cursor in self.cursors:
            cursor.set_xdata([state["gamma"]] * 2)
        self.run.set_text(self.weight_text(m))
        self.unit_text.set_text(unit)
        test = 100 * self.value("test/argmax_error")[m]
        self.error_text.set_text(f"test error {test:.1f} %")

    def _series(self, name, networks):
        return self.weighted[networks] if name == "weighted surrogate" else self.value(name, networks)

    def _weighted(self) -> np.ndarray:
        """β′ times the surrogate of each network above its value for nothing but noise, (M,): the rest is constant."""
        dimension = self.kept.latents.shape[-1]
        nothing = torch.zeros(2, dimension).double()
        collapsed = moments(nothing, torch.zeros(2).long(), 1, self.noise_variance, nothing)
        floor = {
            name: OBJECTIVES[name].of_moments(collapsed).item() if self.noise_variance and name in OBJECTIVES else 0
            for name in self.objectives
        }
        above = [self.value(f"train/{run['objective']}")[m] - floor[run["objective"]] for m, run in self.numbered]
        return np.array([run["beta_prime"] * value for (_, run), value in zip(self.numbered, above, strict=True)])

    def _centre(self, m):
        return (self.points[m].min(0) + self.points[m].max(0)) / 2

    def _span(self, networks):
        reach = max(np.abs(self.points[m] - self._centre(m)).max() for m in networks)
        offset = 0 if len(networks) == 1 else max(np.abs(self._centre(m)).max() for m in networks)
        return 1.08 * (reach + offset) + 2 * math.sqrt(self.noise_variance)

    def _update_plane(self, m, centre, span):
        place = lambda points: ((points - centre) / span).T  # noqa: E731
        circle = _circle()
        mean, covariance = (of[m] for of in self.spread)
        for c in range(self.classes):
            mine = self.points[m][self.labels == c]
            self.dots[c].set_data(*place(mine))
            eigenvalues, eigenvectors = np.linalg.eigh(covariance[c])
            spread = eigenvectors * np.sqrt(np.maximum(eigenvalues, 0))
            self.ellipses[c].set_data(*place(mean[c] + 2 * circle @ spread.T) if len(mine) else ([], []))
        self._name_clusters(place(mean).T)
        radius = 2 * math.sqrt(self.noise_variance) / span
        self.noise.set_data(*(np.array([-0.96, -0.84])[:, None] + radius * (circle.T + 1)))
        self.noise_text.set_text("noise, 2σ" if radius > 0 else "no noise")
        if self.projection is None:
            side = np.linspace(-1, 1, self.GRID)
            grid = np.stack(np.meshgrid(side, side), -1) * span + centre
            weight, bias = self.kept.decoder_weight[m].numpy(), self.kept.decoder_bias[m].numpy()
            decision = (grid[..., : weight.shape[1]] @ weight.T + bias).argmax(-1)
            self.regions.set_data(self.tint[decision])

    def _name_clusters(self, means):
        """Write the classes at their means; those that fell together share one place."""
        for name in self.names:
            name.set_text("")
        present = np.unique(self.labels)
        for c in present:
            first = next(other for other in present if np.abs(means[other] - means[c]).max() < 0.05)
            self.names[first].set_text(self.names[first].get_text() + str(c))
            self.names[first].set_position(means[first])

    def alt(self, **state: Any) -> str:
        m = self.network(state)
        reach = np.linalg.norm(self.points[m], axis=-1).max()
        cross_entropy = self.value("test/decoder_cross_entropy")[m] * UNITS[state["unit"]]
        return (
            f"Scatter plot of {len(self.labels)} test latents of the network trained with {self.run_text(m)}, reaching "
            f"{reach:.2g} from the origin, with noise of standard deviation {math.sqrt(self.noise_variance):.2g}. "
            f"Decoder cross-entropy on the test set is {cross_entropy:.2f} {state['unit']}, "
            f"test error {self.value('test/argmax_error')[m]:.1%}. Beside it, both over all γ."
        )


def _circle():
    angle = np.linspace(0, 2 * np.pi, 61)
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def _rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
