"""Scenes over the networks of a Record: the controls choose a network, and every one was really trained.

A slider never trains and never interpolates. `TrainedScene` turns the runs of a `Record` into controls and back; the
scenes of the chapters say what is drawn of the network chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from ibteach.display.live.scene import Axis, Scene, texts_of
from ibteach.display.live.themes import Theme
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.objectives import OBJECTIVES
from ibteach.records.record import Record, check_record

if TYPE_CHECKING:
    from jaxtyping import Float64


def title_of(objective: str) -> str:
    """What a reader sees of an objective's name, also where only the playground has it, such as ``"mixture"``.

    >>> title_of("l2"), title_of("mixture")
    ('L2', 'mixture')
    """
    return OBJECTIVES[objective].title if objective in OBJECTIVES else objective


def along_gamma(axes: Axes, gammas: Sequence[float], margin: float = 1.2) -> None:
    """Let the x-axis be that of γ, logarithmic; no compression at all, γ = 0, is a place of its own at its left."""
    positive = sorted(gamma for gamma in gammas if gamma > 0) or [1.0]
    if min(gammas) > 0:
        axes.set(xscale="log", xlim=(positive[0] / margin, positive[-1] * margin))
    else:
        axes.set_xscale("symlog", linthresh=positive[0])
        axes.set_xlim(-positive[0] / 5, positive[-1] * margin)


def missing(name: str, record: Record, quantities: Sequence[str]) -> None:
    """Raise `InvalidInput` where a Record does not have all of these quantities."""
    if lacking := [one for one in quantities if one not in record.quantities]:
        raise InvalidInput(f"{name}: got one without {', '.join(lacking)}, expected what training.fit measures.")


class TrainedScene(Scene):
    """A scene whose controls choose one network of a Record: objective, γ, and seed where there are several.

    `needs` are the quantities that it draws. Raises `InvalidInput` for a Record without one of them, or of other runs.
    """

    needs: Sequence[str] = ()

    def __init__(self, record: Record, *more_axes: Axis):
        check_record("record", record)
        missing("record", record, self.needs)
        self.record = record
        if lacking := {"objective", "gamma", "seed"}.difference(*record.runs):
            raise InvalidInput(
                f"record: got runs without {', '.join(sorted(lacking))}, expected those of training.fit; what one of "
                "another training has is in `record.quantities`."
            )
        self.objectives = list(dict.fromkeys(run["objective"] for run in record.runs))
        self.gammas = sorted({run["gamma"] for run in record.runs})
        seeds = sorted({run["seed"] for run in record.runs})
        self.of = {(run["objective"], run["gamma"], run["seed"]): m for m, run in enumerate(record.runs)}
        if len(self.of) < len(record.runs):
            raise InvalidInput(
                f"record: got {len(record.runs)} runs of which {len(self.of)} differ in objective, γ or seed, expected "
                "each once; leave out the others with record.take."
            )
        if len(self.of) < len(self.objectives) * len(self.gammas) * len(seeds):
            raise InvalidInput(
                f"record: got {len(self.of)} different runs, expected {len(self.objectives)} objectives × "
                f"{len(self.gammas)} γ × {len(seeds)} seeds, one network for every position of the sliders; "
                "make them with training.grid."
            )
        titles = {title_of(name): name for name in self.objectives}
        self.name_of = titles
        choose = Axis("objective", "objective", tuple(titles)) if len(titles) > 1 else None
        self.texts_of_gammas = dict(zip(self.gammas, texts_of(map(float, self.gammas), digits=3), strict=True))
        slide = Axis("gamma", "γ", self.gammas, tuple(self.texts_of_gammas.values()), start=len(self.gammas) // 3)
        seed = Axis("seed", "seed", seeds) if len(seeds) > 1 else None
        self.axes = tuple(axis for axis in (choose, slide, seed, *more_axes) if axis)

    def curve(self, state: dict[str, Any]) -> list[int]:
        """The networks of this objective and seed, in the order of γ."""
        seed = state.get("seed", self.record.runs[0]["seed"])
        return [self.of[self.objective(state), gamma, seed] for gamma in self.gammas]

    def objective(self, state: dict[str, Any]) -> str:
        return self.name_of[state["objective"]] if "objective" in state else self.objectives[0]

    def networks(self, state: dict[str, Any], gamma: float) -> list[int]:
        """The networks of that γ and of the state's objective: one for each seed."""
        return [m for (name, weight, _), m in self.of.items() if (name, weight) == (self.objective(state), gamma)]

    def shades(self, theme: Theme) -> Float64[np.ndarray, "gammas 4"]:
        """A colour for each γ, from dark to light, each at a contrast of 2.9 at least to the theme's background."""
        visible = (0.38, 1.0) if theme.name == "dark" else (0.0, 0.65)
        return mpl.colormaps["plasma"](np.linspace(*visible, len(self.gammas)))

    def network(self, state: dict[str, Any]) -> int:
        return self.curve(state)[self.gammas.index(state["gamma"])]

    def alike(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Two networks may look the same: without compression every objective trains the same one."""
        return True

    def setting(self, name: str, default: Any) -> Any:
        """A setting of the training, from the Record's provenance."""
        return (self.record.provenance.get("configuration") or {}).get(name, default)

    @property
    def noise_variance(self) -> float:
        """Of the noise that the networks were trained with, per dimension."""
        return ZERO_ENTROPY_VARIANCE if self.setting("noise", True) else 0.0

    def sign(self, figure: Figure, theme: Theme, text: str | None = None) -> Text:
        return super().sign(figure, theme, self.record.source if text is None else text)

    def weight_text(self, m: int) -> str:
        """What the controls do not say of a network: the weight of its surrogate in nats."""
        return f"β′ = {self.record.runs[m]['beta_prime']:.3g}"

    def legend_texts(self) -> list[str]:
        """What a legend says of each γ, the first with its name."""
        first, *others = self.texts_of_gammas.values()
        return [f"γ = {first}", *others]

    def run_text(self, m: int) -> str:
        run = self.record.runs[m]
        gamma = self.texts_of_gammas[run["gamma"]]
        return f"{title_of(run['objective'])}, γ = {gamma}, β′ = {run['beta_prime']:.3g}"

    def value(self, name: str, networks: Sequence[int] | None = None) -> Float64[np.ndarray, " networks"]:
        values = self.record.value(name).numpy()
        return values if networks is None else values[networks]
