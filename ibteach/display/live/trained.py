"""Scenes over the networks of a Record: the controls choose a network, and every one was really trained.

A slider never trains and never interpolates. `TrainedScene` turns the runs of a `Record` into controls and back; the
scenes of the chapters say what is drawn of the network chosen.
"""

import matplotlib as mpl
import numpy as np

from ibteach.display.live.scene import Axis, Scene
from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.objectives import OBJECTIVES
from ibteach.records.record import Record


def title_of(objective: str) -> str:
    """What a reader sees of an objective's name, also where only the playground has it, such as ``"mixture"``.

    >>> title_of("l2"), title_of("mixture")
    ('L2', 'mixture')
    """
    return OBJECTIVES[objective].title if objective in OBJECTIVES else objective


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
        titles = {title_of(name): name for name in self.objectives}
        self.name_of = titles
        choose = Axis("objective", "objective", tuple(titles)) if len(titles) > 1 else None
        slide = Axis("gamma", "γ", self.gammas, [f"{g:.3g}" for g in self.gammas], start=len(self.gammas) // 3)
        seed = Axis("seed", "seed", seeds) if len(seeds) > 1 else None
        self.axes = tuple(axis for axis in (choose, slide, seed, *more_axes) if axis)

    def curve(self, state) -> list[int]:
        """The networks of this objective and seed, in the order of γ."""
        seed = state.get("seed", self.record.runs[0]["seed"])
        return [self.of[self.objective(state), gamma, seed] for gamma in self.gammas]

    def objective(self, state) -> str:
        return self.name_of[state["objective"]] if "objective" in state else self.objectives[0]

    def networks(self, state, gamma) -> list[int]:
        """The networks of that γ and of the state's objective: one for each seed."""
        return [m for (name, weight, _), m in self.of.items() if (name, weight) == (self.objective(state), gamma)]

    def shades(self, theme) -> np.ndarray:
        """A colour for each γ, from dark to light, each at a contrast of 2.9 at least to the theme's background."""
        visible = (0.38, 1.0) if theme.name == "dark" else (0.0, 0.65)
        return mpl.colormaps["plasma"](np.linspace(*visible, len(self.gammas)))

    def network(self, state) -> int:
        return self.curve(state)[self.gammas.index(state["gamma"])]

    def setting(self, name, default):
        """A setting of the training, from the Record's provenance."""
        return (self.record.provenance.get("configuration") or {}).get(name, default)

    @property
    def noise_variance(self) -> float:
        """Of the noise that the networks were trained with, per dimension."""
        return ZERO_ENTROPY_VARIANCE if self.setting("noise", True) else 0.0

    def sign(self, figure, theme) -> None:
        """Say on the figure where its numbers come from."""
        figure.supxlabel(self.record.source, x=0.998, ha="right", size=10, color=theme.muted)

    def run_text(self, m) -> str:
        run = self.record.runs[m]
        return f"{title_of(run['objective'])}, γ = {run['gamma']:.3g}, β′ = {run['beta_prime']:.3g}"

    def value(self, name, networks=None):
        values = self.record.value(name).numpy()
        return values if networks is None else values[networks]
