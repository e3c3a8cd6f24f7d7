"""Bounds at work in trained networks: the chain of surrogates over H[Z|Y], and the cross-entropy over the error."""

import functools
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ibteach.display.live.scene import UNITS, Axis
from ibteach.display.live.themes import Theme
from ibteach.display.live.trained import TrainedScene
from ibteach.errors import InvalidInput
from ibteach.information import mixture
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE
from ibteach.objectives import OBJECTIVES, moments, training_error_bounds
from ibteach.records.record import Record, latents_of

CHAIN = ["log-determinant", "log-variance", "pooled-log-variance", "isotropic-log-variance", "variance", "l2"]


class BoundScene(TrainedScene):
    """Left: the bounds on H[Z|Y] as bars, each with what it adds to the one before. Right: logarithm and tangent."""

    title = "A chain of upper bounds on H[Z|Y]"
    tall = (5.4, 8.2)

    def __init__(self, record: Record):
        self.kept = latents_of("record", record)
        super().__init__(record, Axis("unit", "unit", tuple(UNITS)))
        if self.noise_variance == 0 or self.setting("dropout", 0):
            raise InvalidInput(
                "record: got networks without noise or with dropout, whose H[Z|Y] is not known; expected networks "
                "trained with zero-entropy noise alone."
            )
        self.titles = ["H[Z|Y] ± 2 s.e.", *(OBJECTIVES[name].title for name in CHAIN)]
        classes = self.kept.decoder_weight.shape[1]
        m = moments(self.kept.latents.double(), self.kept.labels, classes)
        self.variance = m.variance.numpy()
        self.bounds = np.stack([OBJECTIVES[name].of_moments(m).numpy() for name in CHAIN], -1)  # of the same latents
        self.measured = functools.cache(self._measured)

    def _measured(self, m) -> tuple[float, float]:
        """H[Z|Y] of the mixture that the latents and the noise are, and its standard error, in nats."""
        found = mixture.measure(self.kept.latents[m], self.kept.labels, samples=20).reverse_decoder_uncertainty
        return found.value.item(), found.standard_error.item()

    def error(self, state: dict[str, Any]) -> float:
        """Two standard errors of the measured H[Z|Y], in the unit of the state."""
        return 2 * UNITS[state["unit"]] * self.measured(self.network(state))[1]

    def ladder(self, state: dict[str, Any]) -> list[float]:
        """H[Z|Y] and its bounds, tightest first, in the unit of the state."""
        m = self.network(state)
        return [UNITS[state["unit"]] * float(value) for value in (self.measured(m)[0], *self.bounds[m])]

    def build(self, figure: Figure, theme: Theme) -> list:
        ladder, curves = self.panels(figure, (1.25, 1))
        ladder.set_xscale("symlog", linthresh=1, linscale=0.7)
        most = UNITS["bits"] * self.bounds.max()
        ladder.set(xlim=(0, max(1e5, 10 * most)), yticks=range(len(self.titles)), ylim=(len(self.titles) - 0.5, -0.5))
        ladder.set_yticklabels(self.titles)
        ladder.tick_params(axis="y", length=0)
        ladder.grid(True, axis="x")
        places = range(len(self.titles))
        self.added = ladder.barh(places, [0] * len(self.titles), height=0.62, color=theme.cycle[1])
        self.before = ladder.barh(places, [0] * len(self.titles), height=0.62, color=theme.cycle[0])
        self.numbers = [ladder.text(0, place, "", va="center") for place in places]
        self.unit_text = ladder.text(0, 1.02, "", transform=ladder.transAxes, va="bottom")

        v = np.geomspace(ZERO_ENTROPY_VARIANCE / 3, 2 * self.variance.max(), 400)
        curves.set_xscale("log")
        curves.set_yscale("symlog", linthresh=1, linscale=1.2)
        curves.set(xlim=(v[0], v[-1]), ylim=(-0.8, 1.5 * (TWO_PI_E / 2 * v[-1])))
        curves.set(xlabel="variance $v_{iy}$ within a class", ylabel="its share of the surrogate")
        curves.grid(True)
        self.v = v
        (self.logarithm,) = curves.plot([], [], color=theme.cycle[0], label="½ ln 2πe v   (log-variance)")
        (self.tangent,) = curves.plot([], [], color=theme.cycle[1], label="πe v − ½   (variance)")
        curves.axvline(ZERO_ENTROPY_VARIANCE, color=theme.muted, lw=1.2, ls=":")
        at, beside = ZERO_ENTROPY_VARIANCE * 0.9, curves.get_xaxis_transform()
        said = {"rotation": 90, "ha": "right", "va": "top", "color": theme.muted, "transform": beside}
        curves.text(at, 0.97, "only noise: v = 1/2πe", **said)
        legend = {"handles": [self.logarithm, self.tangent], "ncols": 1 if self.folded else 2}
        figure.legend(loc="outside upper left", **legend)
        self.run = curves.text(0, 1.02, "", transform=curves.transAxes, va="bottom")
        (self.interval,) = ladder.plot([], [], color=theme.foreground, lw=2)
        style = {"ls": "", "marker": "o", "ms": 6, "mec": theme.background, "mew": 0.6}
        (self.on_log,) = curves.plot([], [], color=theme.cycle[0], **style)
        (self.on_line,) = curves.plot([], [], color=theme.cycle[1], **style)
        self.sign(figure, theme)
        bars = [*self.added, *self.before, self.interval, *self.numbers]
        return [*bars, self.logarithm, self.tangent, self.on_log, self.on_line, self.run, self.unit_text]

    def update(self, **state: Any) -> None:
        m, values = self.network(state), self.ladder(state)
        for place, value in enumerate(values):
            self.added[place].set_width(value)
            self.before[place].set_width(values[place - 1] if place else value)
            self.numbers[place].set_text(f" {value:,.0f}" if value >= 1000 else f" {value:.3g}")
            self.numbers[place].set_x(value)
        error, unit = self.error(state), UNITS[state["unit"]]
        self.interval.set_data([max(values[0] - error, 0), values[0] + error], [0, 0])
        self.numbers[0].set_text(f" {values[0]:.3g} ± {error:.1g}")
        self.numbers[0].set_x(max(values[0], 0) + error)
        lines = ((self.v, self.logarithm, self.tangent), (self.variance[m].ravel(), self.on_log, self.on_line))
        for v, on_log, on_line in lines:
            on_log.set_data(v, unit * 0.5 * np.log(TWO_PI_E * v))
            on_line.set_data(v, unit * (TWO_PI_E / 2 * v - 0.5))
        self.run.set_text(f"{self.weight_text(m)}; in {state['unit']}")
        self.unit_text.set_text(f"test, {state['unit']}; orange: what each adds")

    def alt(self, **state: Any) -> str:
        m = self.network(state)
        said = ", ".join(f"{title} {value:.3g}" for title, value in zip(self.titles, self.ladder(state), strict=True))
        return (
            f"Bars of the bounds on H[Z|Y] in {state['unit']}, tightest first, for {self.run_text(m)}: {said}. What is "
            f"measured has two standard errors of {self.error(state):.1g}. Beside "
            f"them the variances of the latent within each class, from {self.variance[m].min():.2g} to "
            f"{self.variance[m].max():.2g}, on a logarithm and on its tangent, which touches at the noise, 0.059."
        )


class ErrorBoundScene(TrainedScene):
    """Left: error and bounds while one network trains. Right: every network at every epoch, under the diagonal."""

    title = "What a cross-entropy promises about the training error"
    tall = (5.4, 7.8)
    needs = ("train/decoder_cross_entropy", "train/prediction_cross_entropy", "train/sampled_error")

    def build(self, figure: Figure, theme: Theme) -> list:
        over_time, all_of_them = self.panels(figure)
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
        figure.legend(handles=self.lines, loc="outside upper left", ncols=2 if self.folded else 3)
        self.run = over_time.text(0.98, 0.97, "", transform=over_time.transAxes, ha="right", va="top")

        self.bound, self.error = (
            self._of("train/prediction_cross_entropy"),
            self.record.quantities["train/sampled_error"].numpy(),
        )
        lowest = np.clip(min(self.error.min(), self.bound.min()) / 1.5, 1e-4, 0.5)
        all_of_them.set(xscale="log", yscale="log", xlim=(lowest, 1.15), ylim=(lowest, 1.15))
        all_of_them.set(xlabel="bound 1 − exp(−H$_q$[Y|X])", ylabel="error of a sampled prediction")
        all_of_them.grid(True)
        all_of_them.fill_between([lowest, 1.15], [lowest, 1.15], 1.15, color=theme.grid, lw=0)
        all_of_them.text(lowest * 1.4, 0.75, "impossible", color=theme.muted, va="top")
        all_of_them.plot(self.bound.ravel(), self.error.ravel(), "o", ms=3.5, mew=0, color=theme.muted, alpha=0.5)
        (self.mine,) = all_of_them.plot([], [], "o-", color=theme.cycle[1], lw=1.5)
        self.sign(figure, theme)
        return [*self.lines, self.run, self.mine]

    def _of(self, name):
        return training_error_bounds(self.record.quantities[name]).sampled.numpy()

    def update(self, **state: Any) -> None:
        m = self.network(state)
        decoder = self._of("train/decoder_cross_entropy")
        for line, values in zip(self.lines, (decoder, self.bound, self.error), strict=True):
            line.set_data(self.epochs, values[m])
        self.mine.set_data(self.bound[m], self.error[m])
        self.run.set_text(self.weight_text(m))

    def alt(self, **state: Any) -> str:
        m = self.network(state)
        bound = self._of("train/prediction_cross_entropy")[m, -1]
        error = self.value("train/sampled_error")[m]
        return (
            f"For {self.run_text(m)}, the training error of a sampled prediction ends at {error:.3g}, under its bound "
            f"{bound:.3g}. Beside it, {len(self.record.runs)} networks at {len(self.record.epochs)} epochs each: "
            "all lie under the diagonal."
        )
