"""Explorers of trained networks: each shows one thing that a `Record` knows, as sliders move over its networks.

A slider never trains and never interpolates: each tick of γ is a network that was really trained. `latents` is the
latent space with the terms of the objective beside it, `bounds` the chain of upper bounds on H[Z|Y], `error_bound`
what the cross-entropy promises about the error. Chapter 05 walks through all three.
"""

import functools
import math

import numpy as np
import torch
from IPython.display import Markdown
from matplotlib import patheffects

from ibteach.display.figures import Axis, Scene
from ibteach.display.live import Explorer
from ibteach.errors import InvalidInput
from ibteach.information import mixture
from ibteach.information.continuous import TAU, ZERO_ENTROPY_VARIANCE
from ibteach.learning.records import Record
from ibteach.objectives import OBJECTIVES, moments, training_error_bounds

UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}


def latents(record: Record) -> Explorer:
    """Latent space of every network with its class ellipses and decisions, beside the terms of its objective."""
    return Explorer(LatentScene(record))


def bounds(record: Record) -> Explorer:
    """The bounds on H[Z|Y] from the tightest to the loosest, and the tangent that joins variance and log-variance."""
    return Explorer(BoundScene(record))


def error_bound(record: Record) -> Explorer:
    """Training error of a sampled prediction against the bound 1 − exp(−H), over training and over all networks."""
    return Explorer(ErrorBoundScene(record))


def objective_table() -> Markdown:
    """Every objective of `ibteach.objectives`, with its formula, its weight, what it bounds and its source."""
    rows = ["| objective | in nats | bounds | γ multiplies | γ / β′ | source |", "|---|---|---|---|---|---|"]
    for one in OBJECTIVES.values():
        weight, bounded = f"{one.gamma_per_beta_prime:.3g}", one.bounds.replace("|", r"\|")
        rows.append(f"| {one.title} | ${one.formula}$ | {bounded} | ${one.plain}$ | {weight} | {one.source} |")
    return Markdown("\n".join(rows))


class TrainedScene(Scene):
    """A scene whose controls choose one network of a Record: objective, γ, and seed where there are several."""

    def __init__(self, record: Record, *more_axes: Axis):
        self.record = record
        self.objectives = list(dict.fromkeys(run["objective"] for run in record.runs))
        self.gammas = sorted({run["gamma"] for run in record.runs})
        seeds = sorted({run["seed"] for run in record.runs})
        self.of = {(run["objective"], run["gamma"], run["seed"]): m for m, run in enumerate(record.runs)}
        if len(self.of) < len(self.objectives) * len(self.gammas) * len(seeds):
            raise InvalidInput(
                f"record: got {len(self.of)} different runs, expected {len(self.objectives)} objectives × "
                f"{len(self.gammas)} γ × {len(seeds)} seeds, one network for every position of the sliders; "
                "make them with training.grid."
            )
        titles = {OBJECTIVES[name].title: name for name in self.objectives}
        self.name_of = titles
        choose = Axis("objective", "objective", tuple(titles)) if len(titles) > 1 else None
        slide = Axis("gamma", "γ", self.gammas, [f"{g:.3g}" for g in self.gammas], start=len(self.gammas) // 3)
        seed = Axis("seed", "seed", seeds) if len(seeds) > 1 else None
        self.axes = tuple(axis for axis in (choose, slide, seed, *more_axes) if axis)

    def curve(self, state) -> list[int]:
        """The networks of this objective and seed, in the order of γ."""
        objective = self.name_of[state["objective"]] if "objective" in state else self.objectives[0]
        seed = state.get("seed", self.record.runs[0]["seed"])
        return [self.of[objective, gamma, seed] for gamma in self.gammas]

    def network(self, state) -> int:
        return self.curve(state)[self.gammas.index(state["gamma"])]

    def sign(self, figure, theme) -> None:
        """Say on the figure where its numbers come from."""
        figure.supxlabel(self.record.source, x=0.998, ha="right", size=10, color=theme.muted)

    def run_text(self, m) -> str:
        run = self.record.runs[m]
        return f"{OBJECTIVES[run['objective']].title}, γ = {run['gamma']:.3g}, β′ = {run['beta_prime']:.3g}"

    def value(self, name, networks=None):
        values = self.record.value(name).numpy()
        return values if networks is None else values[networks]


class LatentScene(TrainedScene):
    """Left: test latents in the plane, decisions, ellipses, the noise to scale. Right: loss terms and error over γ."""

    title = "Latent space under compression"
    size = (11.0, 5.2)
    GRID = 260

    def __init__(self, record: Record):
        if record.latents is None:
            raise InvalidInput("record: got one without latents, expected those that training leaves.")
        units = Axis("unit", "unit", tuple(UNITS))
        super().__init__(record, Axis("scale", "scale", ("zoom in", "same for all γ")), units)
        self.labels = record.labels.numpy()
        self.classes = record.decoder_weight.shape[1]
        self.points, self.projection = self._project(record.latents.double())
        self.m_covariance = self._covariances(record)

    def _project(self, z):
        if z.shape[-1] == 2:
            return z.numpy(), None
        if z.shape[-1] == 1:
            return torch.cat([z, torch.zeros_like(z)], -1).numpy(), None
        pooled = z.flatten(0, 1)
        _, s, vh = torch.linalg.svd(pooled - pooled.mean(0), full_matrices=False)
        share = (s[:2].square().sum() / s.square().sum()).item()
        self.directions = vh[:2].T
        return (
            z @ self.directions
        ).numpy(), f"first two principal components over all networks\n({share:.0%} of variance)"

    def _covariances(self, record):
        """Mean and covariance of Z given each class, in the plane: (M, C, 2) and (M, C, 2, 2)."""
        points, labels = torch.from_numpy(self.points), record.labels
        members = torch.nn.functional.one_hot(labels, self.classes).double()
        mean = (members.T @ points) / members.sum(0).clamp_min(1)[:, None]
        return mean.numpy(), moments(points, labels, self.classes).covariance.numpy()

    def build(self, figure, theme):
        grid = figure.add_gridspec(2, 2, width_ratios=[1.05, 1])
        self.theme = theme
        plane = figure.add_subplot(grid[:, 0])
        plane.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[], aspect="equal")
        plane.set_xlabel(self.projection or "$z_1$", color=theme.muted)
        plane.set_ylabel("" if self.projection else "$z_2$", color=theme.muted)
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
        self.noise_text = plane.text(-0.96, -0.95, "", color=theme.accent, size=12, va="bottom", zorder=7)
        self.run = plane.text(-1, 1.02, "", size=13, va="bottom")

        self.terms, self.error = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
        limits = self.gammas[0] / 1.2, self.gammas[-1] * 1.2
        for axes in (self.terms, self.error):
            axes.set(xscale="log", xlim=limits)
            axes.grid(True)
        self.terms.tick_params(labelbottom=False)
        self.terms.set_ylim(0, 4.2)
        self.error.set_xlabel("γ")
        self.error.set(ylim=(0, 100), ylabel="error, %")
        self.lines = {
            "train/decoder_cross_entropy": self._line(self.terms, theme.cycle[0], "H$_q$[Y|Z], train", "-"),
            "test/decoder_cross_entropy": self._line(self.terms, theme.cycle[0], "H$_q$[Y|Z], test", "--"),
            "weighted surrogate": self._line(self.terms, theme.cycle[1], "β′ · surrogate, train", "-"),
            "train/argmax_error": self._line(self.error, theme.cycle[5], "train", "-"),
            "test/argmax_error": self._line(self.error, theme.cycle[5], "test", "--"),
        }
        self.terms.legend(loc="upper left")
        self.error.legend(loc="upper left")
        self.unit_text = self.terms.text(-0.02, 1.03, "", transform=self.terms.transAxes, va="bottom", size=13)
        self.cursors = [axes.axvline(1, color=theme.muted, lw=1.2) for axes in (self.terms, self.error)]
        self.error_text = self.error.text(
            0.99, 1.03, "", transform=self.error.transAxes, ha="right", va="bottom", size=13
        )
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

    def update(self, **state):
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
        self.run.set_text(self.run_text(m))
        self.unit_text.set_text(f"loss terms, {unit}")
        test = 100 * self.value("test/argmax_error", m)
        self.error_text.set_text(f"test error {test:.1f} %")

    def _series(self, name, networks):
        if name != "weighted surrogate":
            return self.value(name, networks)
        runs = [self.record.runs[m] for m in networks]
        return np.array(
            [
                run["beta_prime"] * self.value("train/" + run["objective"], m)
                for run, m in zip(runs, networks, strict=True)
            ]
        )

    def _centre(self, m):
        return (self.points[m].min(0) + self.points[m].max(0)) / 2

    def _span(self, networks):
        reach = max(np.abs(self.points[m] - self._centre(m)).max() for m in networks)
        offset = 0 if len(networks) == 1 else max(np.abs(self._centre(m)).max() for m in networks)
        return 1.08 * (reach + offset) + 2 * math.sqrt(ZERO_ENTROPY_VARIANCE)

    def _update_plane(self, m, centre, span):
        place = lambda points: ((points - centre) / span).T  # noqa: E731
        circle = _circle()
        mean, covariance = (of[m] for of in self.m_covariance)
        for c in range(self.classes):
            mine = self.points[m][self.labels == c]
            self.dots[c].set_data(*place(mine))
            spread = np.linalg.cholesky(covariance[c])
            self.ellipses[c].set_data(*place(mean[c] + 2 * circle @ spread.T))
        self._name_clusters(place(mean).T)
        radius = 2 * math.sqrt(ZERO_ENTROPY_VARIANCE) / span
        self.noise.set_data(*(np.array([-0.96, -0.84])[:, None] + radius * (circle.T + 1)))
        self.noise_text.set_text("noise, 2σ")
        if self.projection is None:
            side = np.linspace(-1, 1, self.GRID)
            grid = np.stack(np.meshgrid(side, side), -1) * span + centre
            weight, bias = self.record.decoder_weight[m].numpy(), self.record.decoder_bias[m].numpy()
            decision = (grid[..., : weight.shape[1]] @ weight.T + bias).argmax(-1)
            self.regions.set_data(self.tint[decision])

    def _name_clusters(self, means):
        """Write the classes at their means; those that fell together share one place."""
        for name in self.names:
            name.set_text("")
        for c, mean in enumerate(means):
            first = int((np.abs(means - mean).max(-1) < 0.05).argmax())
            self.names[first].set_text(self.names[first].get_text() + str(c))
            self.names[first].set_position(means[first])

    def alt(self, **state):
        m = self.network(state)
        span = float(np.abs(self.points[m]).max())
        cross_entropy = self.value("test/decoder_cross_entropy", m) * UNITS[state["unit"]]
        return (
            f"Scatter plot of {len(self.labels)} test latents of the network trained with {self.run_text(m)}, reaching "
            f"{span:.2g} from the origin where the noise has a standard deviation of 0.24. Decoder cross-entropy on "
            f"the test set is {cross_entropy:.2f} {state['unit']}, "
            f"test error {self.value('test/argmax_error', m):.1%}. Beside it, both over all γ."
        )


CHAIN = ["log-determinant", "log-variance", "pooled-log-variance", "isotropic-log-variance", "variance", "l2"]


class BoundScene(TrainedScene):
    """Left: the bounds on H[Z|Y] as bars, each with what it adds to the one before. Right: logarithm and tangent."""

    title = "A chain of upper bounds on H[Z|Y]"
    size = (11.0, 4.8)

    def __init__(self, record: Record):
        if record.latents is None:
            raise InvalidInput("record: got one without latents, expected those that training leaves.")
        super().__init__(record, Axis("unit", "unit", tuple(UNITS)))
        self.titles = ["H[Z|Y], measured", *(OBJECTIVES[name].title for name in CHAIN)]
        classes = record.decoder_weight.shape[1]
        self.variance = moments(record.latents.double(), record.labels, classes).variance.numpy()
        self.measured = functools.cache(self._measured)

    def _measured(self, m) -> float:
        """H[Z|Y] of the mixture that the latents and the noise are, in nats."""
        return mixture.measure(self.record.latents[m], self.record.labels).reverse_decoder_uncertainty.value.item()

    def ladder(self, state) -> list[float]:
        """H[Z|Y] and its bounds, tightest first, in the unit of the state."""
        m = self.network(state)
        nats = [self.measured(m), *(float(self.value(f"test/{name}", m)) for name in CHAIN)]
        return [UNITS[state["unit"]] * max(value, 0.0) for value in nats]

    def build(self, figure, theme):
        ladder, curves = figure.subplots(1, 2, width_ratios=[1.25, 1])
        ladder.set_xscale("symlog", linthresh=1, linscale=0.7)
        ladder.set(xlim=(0, 1e5), yticks=range(len(self.titles)), ylim=(len(self.titles) - 0.5, -0.5))
        ladder.set_yticklabels(self.titles)
        ladder.tick_params(axis="y", length=0)
        ladder.grid(True, axis="x")
        places = range(len(self.titles))
        self.added = ladder.barh(places, [0] * len(self.titles), height=0.62, color=theme.cycle[1])
        self.before = ladder.barh(places, [0] * len(self.titles), height=0.62, color=theme.cycle[0])
        self.numbers = [ladder.text(0, place, "", va="center", size=12) for place in places]
        self.unit_text = ladder.text(0, 1.02, "", transform=ladder.transAxes, va="bottom", size=13)

        v = np.geomspace(ZERO_ENTROPY_VARIANCE / 3, 300, 400)
        curves.set(
            xscale="log", xlim=(v[0], v[-1]), ylim=(-1.2, 6.5), xlabel="variance $v_{iy}$ of a latent within a class"
        )
        curves.grid(True)
        curves.plot(v, 0.5 * np.log(TAU * v), color=theme.cycle[0], label="½ ln 2πe v   (log-variance)")
        curves.plot(v, TAU / 2 * v - 0.5, color=theme.cycle[1], label="πe v − ½   (variance)")
        curves.axvline(ZERO_ENTROPY_VARIANCE, color=theme.muted, lw=1.2, ls=":")
        curves.text(
            ZERO_ENTROPY_VARIANCE * 0.9,
            3.4,
            "only noise: v = 1/2πe",
            rotation=90,
            ha="right",
            va="center",
            color=theme.muted,
            size=12,
        )
        curves.legend(loc="lower right")
        self.run = curves.text(0, 1.02, "", transform=curves.transAxes, va="bottom", size=13)
        style = {"ls": "", "marker": "o", "ms": 6, "mec": theme.background, "mew": 0.6}
        (self.on_log,) = curves.plot([], [], color=theme.cycle[0], **style)
        (self.on_line,) = curves.plot([], [], color=theme.cycle[1], **style)
        self.sign(figure, theme)
        return [*self.added, *self.before, *self.numbers, self.on_log, self.on_line, self.run, self.unit_text]

    def update(self, **state):
        m, values = self.network(state), self.ladder(state)
        for place, value in enumerate(values):
            self.added[place].set_width(value)
            self.before[place].set_width(values[place - 1] if place else value)
            self.numbers[place].set_text(f" {value:,.0f}" if value >= 1000 else f" {value:.3g}")
            self.numbers[place].set_x(value)
        v = self.variance[m].ravel()
        self.on_log.set_data(v, 0.5 * np.log(TAU * v))
        self.on_line.set_data(v, TAU / 2 * v - 0.5)
        self.run.set_text(self.run_text(m))
        self.unit_text.set_text(f"test set, {state['unit']}; orange: what each bound adds")

    def alt(self, **state):
        m = self.network(state)
        said = ", ".join(f"{title} {value:.3g}" for title, value in zip(self.titles, self.ladder(state), strict=True))
        return (
            f"Bars of the bounds on H[Z|Y] in {state['unit']}, tightest first, for {self.run_text(m)}: {said}. Beside "
            f"them the variances of the latent within each class, from {self.variance[m].min():.2g} to "
            f"{self.variance[m].max():.2g}, on a logarithm and on its tangent, which touches at the noise, 0.059."
        )


class ErrorBoundScene(TrainedScene):
    """Left: error and bounds while one network trains. Right: every network at every epoch, under the diagonal."""

    title = "What a cross-entropy promises about the training error"
    size = (11.0, 4.6)

    def build(self, figure, theme):
        over_time, all_of_them = figure.subplots(1, 2)
        self.epochs = self.record.epochs.numpy()
        over_time.set(xlim=(0, self.epochs[-1]), ylim=(0, 1.02), xlabel="epoch")
        over_time.grid(True)
        styles = {
            "bound by H$_q$[Y|Z]": (theme.cycle[3], "--"),
            "bound by H$_q$[Y|X]": (theme.cycle[1], "-"),
            "error, sampled prediction": (theme.cycle[0], "-"),
        }
        self.lines = [
            over_time.plot([], [], style, marker="o", color=color, label=label)[0]
            for label, (color, style) in styles.items()
        ]
        over_time.legend(loc="upper right")
        self.run = over_time.text(0, 1.02, "", transform=over_time.transAxes, va="bottom", size=13)

        self.bound, self.error = (
            self._of("train/prediction_cross_entropy"),
            self.record.quantities["train/sampled_error"].numpy(),
        )
        lowest = max(min(self.error[self.error > 0].min(), self.bound.min()) / 1.5, 1e-4)
        all_of_them.set(xscale="log", yscale="log", xlim=(lowest, 1.15), ylim=(lowest, 1.15))
        all_of_them.set(xlabel="bound 1 − exp(−H$_q$[Y|X])", ylabel="error of a sampled prediction")
        all_of_them.grid(True)
        all_of_them.fill_between([lowest, 1.15], [lowest, 1.15], 1.15, color=theme.grid, lw=0)
        all_of_them.text(lowest * 1.4, 0.75, "impossible", color=theme.muted, size=13, va="top")
        all_of_them.plot(self.bound.ravel(), self.error.ravel(), "o", ms=3.5, mew=0, color=theme.muted, alpha=0.5)
        (self.mine,) = all_of_them.plot([], [], "o-", color=theme.cycle[1], lw=1.5)
        self.sign(figure, theme)
        return [*self.lines, self.run, self.mine]

    def _of(self, name):
        return training_error_bounds(self.record.quantities[name]).sampled.numpy()

    def update(self, **state):
        m = self.network(state)
        decoder = self._of("train/decoder_cross_entropy")
        for line, values in zip(self.lines, (decoder, self.bound, self.error), strict=True):
            line.set_data(self.epochs, values[m])
        self.mine.set_data(self.bound[m], self.error[m])
        self.run.set_text(self.run_text(m))

    def alt(self, **state):
        m = self.network(state)
        bound = self._of("train/prediction_cross_entropy")[m, -1]
        error = self.value("train/sampled_error", m)
        return (
            f"For {self.run_text(m)}, the training error of a sampled prediction ends at {error:.3g}, under its bound "
            f"{bound:.3g}. Beside it, {len(self.record.runs)} networks at {len(self.record.epochs)} epochs each: "
            "all lie under the diagonal."
        )


def _circle():
    angle = np.linspace(0, 2 * np.pi, 61)
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def _rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
