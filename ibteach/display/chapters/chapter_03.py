"""Explorers of decoder uncertainty: what dropout does to a cross-entropy, from one digit to all networks and epochs.

`one_digit` shows Jensen's inequality at work: a network's answers to one image under many dropout masks. `by_samples`
is the way from the decoder cross-entropy (S = 1) down to the prediction cross-entropy, for every dropout rate.
`error_bounds` holds both against the training error. All three draw what `ibteach.evaluation.sampling.draw` kept of
networks that were really trained, one set for each tick of the rate. Chapter 03 walks through them.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import UNITS, Axis, Scene
from ibteach.display.live.themes import SMALL, Theme
from ibteach.errors import InvalidInput
from ibteach.evaluation.sampling import Draws, grouped
from ibteach.objectives import training_error_bounds
from ibteach.records.record import Record


def one_digit(draws: Draws) -> Explorer:
    """One test digit under every draw of one network: dots on −ln q(y|z), their mean above it, the gap between."""
    return Explorer(OneDigitScene(_checked(draws)))


def by_samples(draws: Draws) -> Explorer:
    """Prediction cross-entropy against the number of samples S, and the gap it closes against the dropout rate."""
    return Explorer(BySamplesScene(_checked(draws)))


def error_bounds(draws: Draws) -> Explorer:
    """Training error and what bounds it while a network trains, and all networks at all epochs."""
    return Explorer(ErrorBoundsScene(_checked(draws)))


def _checked(draws: Draws) -> Draws:
    if not isinstance(draws, Draws):
        raise InvalidInput(f"draws: got {type(draws).__name__}, expected Draws: what sampling.draw returns.")
    return draws


def source(draws: Draws) -> str:
    """One line for a figure: how many networks, trained on what."""
    records = list(draws.records.values())
    networks = sum(len(record.runs) for record in records)
    return f"{records[0].source.rpartition(', ')[0]}, {networks} networks"


class RateScene(Scene):
    """A scene whose first control is the dropout rate."""

    def __init__(self, draws: Draws, *more_axes: Axis):
        self.draws = draws
        rates = Axis("rate", "dropout rate", draws.rates, start=len(draws.rates) * 5 // 8)
        self.axes = (rates, *more_axes)

    def rate(self, state: dict[str, Any]) -> int:
        return self.draws.rates.index(state["rate"])

    def sign(self, figure: Figure, theme: Theme, text: str | None = None) -> Text:
        return super().sign(figure, theme, source(self.draws) if text is None else text)


class OneDigitScene(RateScene):
    """Left: a test digit. Right: the probability of its label under each draw, on the curve −ln q."""

    title = "One digit, many answers"
    tall = (5.4, 7.4)
    DIGITS = 9
    TOP = 5  # nats; the figure says how many answers lie above

    def __init__(self, draws: Draws):
        # From the surest to the least sure test digit at the highest rate; most are sure, so steps shrink to the end.
        certainty = grouped(draws.log_likelihood["test"][-1, 0], draws.samples[-1])[0]
        ranks = len(certainty) - np.geomspace(len(certainty), 1, self.DIGITS)
        self.examples = certainty.argsort(descending=True)[ranks.round().astype(int)]
        numbers = tuple(range(1, len(self.examples) + 1))
        super().__init__(draws, Axis("digit", "digit, from sure to unsure", numbers, start=self._typical(draws)))

    def _typical(self, draws: Draws) -> int:
        """The tick of the digit whose gap follows the mean of all digits best: it grows at most steps of the rate."""
        log_q = draws.log_likelihood["test"][:, 0][..., self.examples].double()  # rate, draw, digit
        gaps = log_q.logsumexp(1) - np.log(log_q.shape[1]) - log_q.mean(1)
        grows = (gaps.diff(dim=0) > 0).sum(0).tolist()
        return max(range(len(self.examples)), key=lambda digit: (grows[digit], gaps[-1, digit].item()))

    def answers(self, state: dict[str, Any]) -> np.ndarray:
        """q(y|z_s) of the true label under each draw, (S,)."""
        example = self.examples[state["digit"] - 1]
        return self.draws.log_likelihood["test"][self.rate(state), 0, :, example].exp().numpy()

    def entropies(self, state: dict[str, Any]) -> tuple[float, float]:
        """This digit's share of decoder and of prediction cross-entropy, nats."""
        q = np.maximum(self.answers(state), np.finfo(float).tiny)
        return -np.log(q).mean(), -np.log(q.mean())

    def build(self, figure: Figure, theme: Theme) -> list:
        picture, curve = self.panels(figure, (1, 2.4), (1, 1.6))
        picture.axis("off")
        channels_last = self.draws.images[:1].permute(0, 2, 3, 1)[0].numpy()
        self.image = picture.imshow(self._pixels(channels_last), cmap="gray_r", vmin=0, vmax=1)
        self.label = picture.text(0, 1.03, "", transform=picture.transAxes, va="bottom")

        q = np.linspace(1e-4, 1, 400)
        curve.set(xlim=(0, 1.01), ylim=(0, self.TOP), xlabel="probability of the true label, q(y|z)", ylabel="nats")
        curve.grid(True)
        curve.plot(q, -np.log(q), color=theme.muted, lw=1.5, label="−ln q")
        style = {"ls": "", "mec": theme.background, "mew": 0.6}
        (self.dots,) = curve.plot([], [], "o", color=theme.cycle[0], ms=7, alpha=0.55, label="one draw", **style)
        (self.gap,) = curve.plot([], [], color=theme.cycle[1], lw=3)
        (self.decoder,) = curve.plot([], [], "^", color=theme.cycle[1], ms=12, label="mean of −ln q", **style)
        (self.prediction,) = curve.plot([], [], "v", color=theme.cycle[5], ms=12, label="−ln of mean q", **style)
        curve.legend(loc="upper right")
        self.numbers = curve.text(0, 1.02, "", transform=curve.transAxes, va="bottom")
        below = {"transform": curve.transAxes, "ha": "right", "va": "top", "size": SMALL, "color": theme.muted}
        self.beyond = curve.text(0.98, 0.62, "", **below)
        self.sign(figure, theme)
        return [self.image, self.label, self.dots, self.gap, self.decoder, self.prediction, self.numbers, self.beyond]

    def _pixels(self, channels_last):
        """In [0, 1]; one channel is shown as ink."""
        return channels_last.squeeze() / max(int(self.draws.images.max()), 1)

    def update(self, **state: Any) -> None:
        example = self.examples[state["digit"] - 1]
        self.image.set_data(self._pixels(self.draws.images[example].permute(1, 2, 0).numpy()))
        self.label.set_text(f"label: {int(self.draws.labels[example])}")
        q, (decoder, prediction) = self.answers(state), self.entropies(state)
        self.dots.set_data(q, -np.log(np.maximum(q, np.finfo(float).tiny)))
        self.gap.set_data([q.mean()] * 2, [prediction, decoder])
        self.decoder.set_data([q.mean()], [decoder])
        self.prediction.set_data([q.mean()], [prediction])
        beyond = int((q < np.exp(-self.TOP)).sum())
        self.beyond.set_text(f"{beyond} of {len(q)} answers lie above {self.TOP} nats" if beyond else "")
        upper, lower = round(decoder, 3), round(prediction, 3)  # so that what is shown can be subtracted
        self.numbers.set_text(f"{upper:.3f} − {lower:.3f}: a gap of {upper - lower:.3f} nats")

    def alt(self, **state: Any) -> str:
        q, (decoder, prediction) = self.answers(state), self.entropies(state)
        label = int(self.draws.labels[self.examples[state["digit"] - 1]])
        return (
            f"A handwritten {label}, and {len(q)} dots on the curve −ln q: under dropout of {state['rate']:g} its "
            f"label gets probabilities from {q.min():.3f} to {q.max():.3f}. The mean of −ln q is {decoder:.3f} nats, "
            f"−ln of the mean is {prediction:.3f} nats."
        )


class BySamplesScene(RateScene):
    """Left: −ln of the mean of S probabilities, against S. Right: its two ends against the dropout rate."""

    title = "From decoder to prediction cross-entropy"
    tall = (5.4, 7.8)
    TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

    def __init__(self, draws: Draws):
        super().__init__(draws, Axis("unit", "unit", tuple(UNITS)))
        self.curves = {  # (R, M, number of S), nats
            split: np.stack([draws.cross_entropy(split, s).numpy() for s in draws.samples], -1)
            for split in draws.log_likelihood
        }

    def ends(self, split: str, state: dict[str, Any]) -> tuple[float, float]:
        """H_q[Y|Z] and H_q[Y|X], the mean over networks, at the rate and in the unit of the state."""
        curve = self.curves[split][self.rate(state)].mean(0) * UNITS[state["unit"]]
        return curve[0], curve[-1]

    def build(self, figure: Figure, theme: Theme) -> list:
        falling, gap = self.panels(figure)
        samples, rates = self.draws.samples, self.draws.rates
        most = max(curve.max() for curve in self.curves.values()) * UNITS["bits"]
        least = self.curves["test"].mean(1).min()
        falling.set(xscale="log", yscale="log", xlim=(0.85, samples[-1] * 1.2))
        falling.set(xlabel="samples S, averaged before the log")
        falling.set_xticks(samples, [str(s) for s in samples])
        falling.set_yticks(self.TICKS, [f"{tick:g}" for tick in self.TICKS])
        falling.minorticks_off()
        falling.set_ylim(least / 1.3, most * 1.3)
        falling.grid(True)
        gap.set(xlim=(rates[0] - 0.03, rates[-1] + 0.03), ylim=(0, most * 1.05), xlabel="dropout rate")
        gap.grid(True)
        self.others = [falling.plot([], [], color=theme.muted, lw=1, alpha=0.6)[0] for _ in rates]
        (self.chosen,) = falling.plot([], [], "o-", color=theme.accent, ms=5)
        colors = {"H$_q$[Y|Z], S = 1": ("^", theme.cycle[1]), f"H$_q$[Y|X], S = {samples[-1]}": ("v", theme.cycle[5])}
        self.marks = [falling.plot([], [], marker, color=color, ms=11)[0] for marker, color in colors.values()]
        self.lines = {
            (split, end): gap.plot([], [], style, color=color, label=f"{name}, {split}")[0]
            for end, (name, (_, color)) in zip((0, -1), colors.items(), strict=True)
            for split, style in (("test", "-"), ("train", "--"))
        }
        self.networks = {
            end: gap.plot([], [], marker, color=color, ms=5, alpha=0.6, mew=0)[0]
            for end, (marker, color) in zip((0, -1), colors.values(), strict=True)
        }
        (self.between,) = gap.plot([], [], color=theme.foreground, lw=4, solid_capstyle="butt")
        gap.legend(loc="upper left")
        self.said = [axes.text(0, 1.02, "", transform=axes.transAxes, va="bottom") for axes in (falling, gap)]
        self.sign(figure, theme)
        lines = [*self.lines.values(), *self.networks.values()]
        return [*self.others, self.chosen, *self.marks, *lines, self.between, *self.said]

    def update(self, **state: Any) -> None:
        factor, samples, rates = UNITS[state["unit"]], self.draws.samples, np.array(self.draws.rates)
        means = {split: curve.mean(1) * factor for split, curve in self.curves.items()}
        for line, values in zip(self.others, means["test"], strict=True):
            line.set_data(samples, values)
        decoder, prediction = self.ends("test", state)
        self.chosen.set_data(samples, means["test"][self.rate(state)])
        self.marks[0].set_data([samples[0]], [decoder])
        self.marks[1].set_data([samples[-1]], [prediction])
        for (split, end), line in self.lines.items():
            line.set_data(rates, means[split][:, end])
        for end, dots in self.networks.items():
            each = self.curves["test"][..., end] * factor
            dots.set_data(np.repeat(rates, each.shape[1]), each.ravel())
        self.between.set_data([state["rate"]] * 2, [prediction, decoder])
        self.said[0].set_text(f"test, {state['unit']}; grey: the other rates")
        self.said[1].set_text(f"{state['unit']}; gap at {state['rate']:g}: {decoder - prediction:.3f}")

    def alt(self, **state: Any) -> str:
        (decoder, prediction), (fitted, averaged) = (self.ends(split, state) for split in ("test", "train"))
        return (
            f"At a dropout rate of {state['rate']:g} the test cross-entropy falls from {decoder:.3f} {state['unit']} "
            f"with one sample to {prediction:.3f} with {self.draws.samples[-1]}; on training examples from "
            f"{fitted:.3f} to {averaged:.3f}. Beside it both ends over all rates, mean of "
            f"{self.curves['test'].shape[1]} networks."
        )


class ErrorBoundsScene(RateScene):
    """Left: training errors and their bounds while one network trains. Right: all networks at every epoch."""

    title = "What a cross-entropy promises about the training error"
    tall = (5.4, 8.6)
    FLOOR = 1e-4

    def __init__(self, draws: Draws):
        count = len(next(iter(draws.records.values())).runs)
        super().__init__(draws, *[Axis("network", "network", tuple(range(1, count + 1)))] * (count > 1))

    def course(self, record: Record) -> dict[str, np.ndarray]:
        """Errors on the training examples and their bounds, from the loosest, (M, E) each."""
        of = {
            name: record.quantities[f"train/{name}"] for name in ("decoder_cross_entropy", "prediction_cross_entropy")
        }
        decoder, prediction = (training_error_bounds(of[name]) for name in of)
        return {
            "argmax bound": prediction.argmax.numpy(),
            "linear bound": decoder.linear.numpy(),
            "decoder bound": decoder.sampled.numpy(),
            "prediction bound": prediction.sampled.numpy(),
            "sampled": record.quantities["train/sampled_error"].numpy(),
            "argmax": record.quantities["train/argmax_error"].numpy(),
        }

    def build(self, figure: Figure, theme: Theme) -> list:
        over_time, all_of_them = self.panels(figure)
        epochs = next(iter(self.draws.records.values())).epochs.numpy()
        over_time.set(yscale="log", xlim=(0, epochs[-1]), xlabel="epoch", xticks=epochs)
        over_time.grid(True)
        sampled, argmax = theme.cycle[0], theme.cycle[2]
        styles = {
            "linear bound": ("H$_q$[Y|Z]", ":", sampled),
            "decoder bound": ("1 − exp(−H$_q$[Y|Z])", "--", sampled),
            "prediction bound": ("1 − exp(−H$_q$[Y|X])", "-.", sampled),
            "sampled": ("error, sampled label", "o-", sampled),
            "argmax bound": ("H$_q$[Y|X] / ln 2", "-.", argmax),
            "argmax": ("error, likeliest label", "o-", argmax),
        }
        self.lines = {
            name: over_time.plot([], [], style, color=color, ms=5, label=label)[0]
            for name, (label, style, color) in styles.items()
        }
        self.epochs = epochs
        figure.legend(handles=list(self.lines.values()), loc="outside upper left", ncols=2 if self.folded else 3)
        over_time.set(ylim=(self.FLOOR, 4), ylabel="training examples")

        lowest, highest = self.FLOOR, 4.0
        all_of_them.set(xscale="log", yscale="log", xlim=(lowest, highest), ylim=(lowest, highest))
        all_of_them.set(xlabel="bound, from H$_q$[Y|X]", ylabel="training error")
        all_of_them.grid(True)
        all_of_them.fill_between([lowest, highest], [lowest, highest], highest, color=theme.grid, lw=0)
        all_of_them.text(lowest * 1.5, 1.5, "impossible", color=theme.muted, va="top")
        self.mine = {}
        for error, bound, color in (("sampled", "prediction bound", sampled), ("argmax", "argmax bound", argmax)):
            courses = [self.course(record) for record in self.draws.records.values()]
            x, y = (np.concatenate([course[name].ravel() for course in courses]) for name in (bound, error))
            all_of_them.plot(x, y, "o", ms=3.5, mew=0, color=color, alpha=0.35)
            self.mine[error, bound] = all_of_them.plot([], [], "o-", color=color, lw=1.5)[0]
        self.sign(figure, theme)
        return [*self.lines.values(), *self.mine.values()]

    def _chosen(self, state) -> dict[str, np.ndarray]:
        course = self.course(self.draws.records[state["rate"]])
        return {name: values[state.get("network", 1) - 1] for name, values in course.items()}

    def update(self, **state: Any) -> None:
        course = self._chosen(state)
        for name, line in self.lines.items():
            line.set_data(self.epochs, course[name])
        for (error, bound), line in self.mine.items():
            line.set_data(course[bound], course[error])

    def alt(self, **state: Any) -> str:
        last = {name: values[-1] for name, values in self._chosen(state).items()}
        return (
            f"At a dropout rate of {state['rate']:g} the training error of a sampled label ends at "
            f"{last['sampled']:.2g}, under its bounds {last['prediction bound']:.2g} from H_q[Y|X], "
            f"{last['decoder bound']:.2g} from H_q[Y|Z] and {last['linear bound']:.2g}; that of the likeliest label at "
            f"{last['argmax']:.2g}, under {last['argmax bound']:.2g}. Beside it all networks at all measured epochs: "
            "every error lies under its bound."
        )
