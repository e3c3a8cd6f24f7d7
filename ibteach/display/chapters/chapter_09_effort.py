"""The attack that was too weak: what a defence seems to gain, against the effort of the attacker.

Accuracy under PGD with few steps and many, from one start and from several, without compression and with it. What the
first steps leave is no property of the network.
"""

import re
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ibteach.display.live.scene import Axis, Scene, texts_of
from ibteach.display.live.themes import SMALL, Theme
from ibteach.display.live.trained import title_of
from ibteach.errors import InvalidInput
from ibteach.evaluation.attacks import quantity
from ibteach.records.record import Record


class EffortScene(Scene):
    """Left: accuracy against steps, with and without compression. Right: what compression seems to gain.

    Of a Record of `attacks.robustness` with several attacks ``pgd-STEPSxSTARTS``, and γ = 0 among its runs. Means over
    seeds with the standard errors of their spread; networks of a seed began alike, and gains are of pairs.
    Raises `InvalidInput` for another Record.
    """

    title = "The attack that was too weak"
    tall = (5.4, 8.4)

    def __init__(self, record: Record):
        if not isinstance(record, Record):
            raise InvalidInput(
                f"record: got {type(record).__name__}, expected a Record: what attacks.robustness returns."
            )
        attacked = (record.provenance.get("configuration") or {}).get("attacks") or {}
        efforts = [re.fullmatch(r"pgd-(\d+)x(\d+)", name) for name in attacked.get("attacks", {})]
        pairs = [tuple(map(int, effort.groups())) for effort in efforts if effort]
        self.steps, self.starts = (sorted({pair[axis] for pair in pairs}) for axis in (0, 1))
        plain = {run["seed"]: m for m, run in enumerate(record.runs) if run.get("gamma") == 0}
        compressed = [m for m, run in enumerate(record.runs) if run.get("gamma", 0) > 0]
        if len(pairs) < 2 or len(pairs) < len(self.steps) * len(self.starts) or not plain or not compressed:
            raise InvalidInput(
                f"record: got {record!r}, expected one of attacks.robustness with every combination of some "
                "pgd-STEPSxSTARTS, and with runs of γ = 0 and others."
            )
        if alone := sorted({record.runs[m]["seed"] for m in compressed} - set(plain)):
            raise InvalidInput(
                f"record: got no run of γ = 0 with the seed {', '.join(map(str, alone))}, expected one for every seed "
                "of the others, whose gain it measures; attack that network too, or leave the seed out."
            )
        self.record, self.plain, self.eval_examples = record, plain, attacked["eval_examples"]
        gammas = sorted({float(record.runs[m]["gamma"]) for m in compressed})
        texts = dict(zip(gammas, texts_of(gammas, digits=3), strict=True))
        self.of: dict[str, list[int]] = {}
        for m in compressed:
            run = record.runs[m]
            self.of.setdefault(f"{title_of(run['objective'])}, γ = {texts[run['gamma']]}", []).append(m)
        levels = attacked["levels"]
        sizes = [size for size in attacked["epsilons"] if 0 < size < 1]
        self.texts = {size: f"{size * levels:g}/{levels:.0f}" for size in sizes}
        self.axes = (
            Axis("network", "network", tuple(self.of)),
            Axis("epsilon", "ε", sizes, tuple(self.texts.values()), start=len(sizes) - 1),
            Axis("starts", "starts", self.starts),
            Axis("steps", "steps", self.steps),
        )

    def accuracy(self, networks: list[int], epsilon: float, steps: int, starts: int) -> np.ndarray:
        """Of each of these networks, in percent."""
        return 100 * (1 - self.record.value(quantity(f"pgd-{steps}x{starts}", epsilon))[networks].numpy())

    def pair(self, state: dict[str, Any], steps: int, starts: int) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy without compression and with it, seed by seed, in percent."""
        with_it = self.of[state["network"]]
        without = [self.plain[self.record.runs[m]["seed"]] for m in with_it]
        epsilon = state["epsilon"]
        return self.accuracy(without, epsilon, steps, starts), self.accuracy(with_it, epsilon, steps, starts)

    def gain(self, state: dict[str, Any], steps: int, starts: int) -> tuple[float, float]:
        """Points by which compression seems more accurate, and the standard error over seeds."""
        without, with_it = self.pair(state, steps, starts)
        return _mean(with_it - without)

    def build(self, figure: Figure, theme: Theme) -> list:
        falling, gains = self.panels(figure)
        x = np.arange(len(self.steps))
        for axes in (falling, gains):
            axes.set(xlim=(-0.3, len(self.steps) - 0.7), xlabel="steps of PGD")
            axes.set_xticks(x, map(str, self.steps))
            axes.grid(True)
        falling.set(ylim=(-2, 102), ylabel="accuracy, %")
        largest = max(abs(self.gain(state, *pair)[0]) for state in self._networks() for pair in self._pairs())
        gains.set(ylim=(-1.3 * largest - 3, 1.3 * largest + 3), ylabel="seeming gain, points")
        gains.axhline(0, color=theme.foreground, lw=1)
        style = {"fmt": "o-", "ms": 6, "elinewidth": 1.5, "capsize": 3}
        named = zip(("γ = 0", "compressed"), (theme.foreground, theme.cycle[1]), strict=True)
        self.lines = [falling.errorbar(x, 0 * x, 0 * x, label=name, color=color, **style) for name, color in named]
        self.gains = [
            gains.errorbar(x, 0 * x, 0 * x, label=f"{starts} start{'s' * (starts > 1)}", color=color, **style)
            for starts, color in zip(self.starts, theme.cycle, strict=False)
        ]
        for axes in (falling, gains):
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        self.cursors = [axes.axvline(0, color=theme.muted, lw=1.2, zorder=0.5) for axes in (falling, gains)]
        self.head = figure.suptitle("γ", size=SMALL, x=0.01, ha="left")
        self.sign(figure, theme, self.record.source)
        parts = [artist for line in (*self.lines, *self.gains) for artist in _parts(line)]
        return [*parts, *self.cursors, self.head]

    def update(self, **state: Any) -> None:
        pairs = [self.pair(state, steps, state["starts"]) for steps in self.steps]
        for number, line in enumerate(self.lines):
            _place(line, [_mean(pair[number]) for pair in pairs])
        for starts, line in zip(self.starts, self.gains, strict=True):
            _place(line, [self.gain(state, steps, starts) for steps in self.steps])
            line[0].set_alpha(1 if starts == state["starts"] else 0.35)
        for cursor in self.cursors:
            cursor.set_xdata([self.steps.index(state["steps"])] * 2)
        self.head.set_text(f"ε = {self.texts[state['epsilon']]}: compression {self._gained(state)}")

    def _gained(self, state):
        gain, error = self.gain(state, state["steps"], state["starts"])
        return f"seems to gain {gain:+.1f} ± {2 * error:.1f} points"

    def _said(self, state):
        effort = (
            f"{state['steps']} step{'s' * (state['steps'] > 1)}, {state['starts']} start{'s' * (state['starts'] > 1)}"
        )
        return f"{state['network']}, ε = {self.texts[state['epsilon']]}: after {effort} it {self._gained(state)}"

    def alt(self, **state: Any) -> str:
        without, with_it = (_mean(of)[0] for of in self.pair(state, state["steps"], state["starts"]))
        weakest, strongest = (self.gain(state, *pair) for pair in (self._pairs()[0], self._pairs()[-1]))
        return (
            f"Accuracy under PGD against its steps, without compression and with it, and what compression seems to "
            f"gain. {self._said(state)} (two standard errors over {len(self.of[state['network']])} seeds, "
            f"{self.eval_examples} images): {with_it:.0f} % are read with it and {without:.0f} % without. By the "
            f"weakest attack the gain is {weakest[0]:+.1f}, by the "
            f"strongest {strongest[0]:+.1f} ± {2 * strongest[1]:.1f} points."
        )

    def _pairs(self):
        return [(steps, starts) for steps in self.steps for starts in self.starts]

    def _networks(self):
        return [{"network": name, "epsilon": size} for name in self.of for size in self.texts]


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def _parts(container):
    line, caps, bars = container
    return [line, *caps, *bars]


def _place(container, values_and_errors):
    line, (low_caps, high_caps), (bars,) = container
    y, error = np.asarray(values_and_errors).T
    x = np.arange(len(y))
    line.set_ydata(y)
    low_caps.set_data(x, y - 2 * error)
    high_caps.set_data(x, y + 2 * error)
    bars.set_segments(np.stack([np.stack([x, y - 2 * error], -1), np.stack([x, y + 2 * error], -1)], 1))
