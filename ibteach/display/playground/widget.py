"""The playground in a notebook: its settings are the kernel's to read and set, what it trained the kernel's to use."""

import functools
import json
import math
import re
from pathlib import Path
from typing import Any

import torch
import traitlets

from ibteach import data
from ibteach.checks import known, number, whole
from ibteach.display.live import page, published
from ibteach.display.live.canvas import picture
from ibteach.display.live.scene import UNITS, alt_text, parsed
from ibteach.display.live.themes import THEMES
from ibteach.display.live.widget import Exported, LiveFigure
from ibteach.display.playground.still import StillScene, example
from ibteach.display.playground.trained import NONE, Trained, network, record, weights
from ibteach.errors import InvalidInput
from ibteach.files import PathLike, replacing
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.networks import Bottleneck
from ibteach.objectives import OBJECTIVES
from ibteach.records.record import Record

FOLDER = Path(__file__).parent
# A page that lies on a disk may start no worker from a module: there the engine is a plain script.
ENGINE = "".join(
    re.sub("^export ", "", FOLDER.joinpath(name).read_text(encoding="utf-8"), flags=re.M)
    for name in ("engine.js", "worker.js")
)
SCRIPT = "\n".join(
    [
        page.read("page.js"),
        f"const ENGINE = {json.dumps(ENGINE, ensure_ascii=False)};",
        *(FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("drawings.js", "figure.js")),
    ]
)
STYLE = page.STYLE + FOLDER.joinpath("figure.css").read_text(encoding="utf-8")

GAMMAS = (1e-4, 10.0)
LARGEST_SEED = 999_999
CHOICES = {
    "learning_rate": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "batch_size": (16, 32, 64, 128, 256),
    "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "random_labels": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "speed": (20, 200, 0),  # steps a second, 0: as many as there can be
    "hidden": ("16-16", "32-32", "64-64", "32", "32-32-32"),
}
START = {
    "objective": "log-variance",
    "gamma": 0.01,
    "noise": True,
    "unit": "nats",
    "learning_rate": 0.01,
    "batch_size": 64,
    "dropout": 0.0,
    "random_labels": 0.0,
    "speed": 0,
    "hidden": "32-32",
    "seed": 0,
}
_SNAKE = {"betaPrime": "beta_prime", "learningRate": "learning_rate", "batchSize": "batch_size"}
_SNAKE |= {"randomLabels": "random_labels"}


def playground(**settings: Any) -> "Playground":
    """The lesson's network, trained in the browser while its settings are moved by hand.

    Any of the settings may be given: `objective` (a name in `OBJECTIVES` or ``"none"``), `gamma` (its
    plain weight, 1e-4 to 10), `noise`, `unit`, `learning_rate`, `batch_size`, `dropout`, `random_labels` (a share),
    `speed` (steps a second, 0 for all it can), `hidden` (such as ``"32-32"``), `seed`.

    Raises `UnknownName` for a setting or an objective that there is not, `InvalidInput` for a value out of range.

    >>> playground(objective="variance", gamma=0.1)
    Playground(objective='variance', gamma=0.1; nothing trained yet)
    """
    return Playground(settings)


class Playground(LiveFigure):
    """The playground; made by `playground`.

    `state` is what its controls say, a dict to read and to set. `record` and `network` are what was trained, as soon as
    it pauses (and every two seconds before); `load` puts weights in. `export` writes it as a page of its own.
    """

    _esm = SCRIPT
    _css = STYLE
    _trained = traitlets.Dict().tag(sync=True)
    _given = traitlets.Dict().tag(sync=True)

    def __init__(self, settings=None):
        super().__init__(state=resolve(settings or {}, START), _spec=_spec())
        self.on_msg(self._answer)

    def __repr__(self):
        steps = f"{self._trained['steps'][-1]:,} steps trained" if self._trained else "nothing trained yet"
        return f"Playground(objective={self.state['objective']!r}, gamma={self.state['gamma']:g}; {steps})"

    @property
    def record(self) -> Record:
        """What was trained, measured by the library after each epoch that was kept: a Record for every explorer.

        Raises `InvalidInput` before anything was trained.
        """
        return record(self._returned())

    @property
    def network(self) -> Bottleneck:
        """The network as it was trained last. Raises `InvalidInput` before anything was trained."""
        returned = self._returned()
        return network(returned.parameters[-1], returned.hidden)

    def load(self, network: Bottleneck) -> None:
        """Put the weights of a network into the playground; training goes on from there.

        Raises `InvalidInput` for a network that the playground has no like of, or weights that are not finite.
        """
        parameters, hidden = weights(network)
        self.state = {"hidden": "-".join(map(str, hidden))}
        packed = parameters.numpy().tobytes()
        names = ("objective", "gamma", "noise", "dropout", "learning_rate", "batch_size", "random_labels")
        last = {name: self.state[name] for name in names} | {"step": 0, "beta_prime": _beta_prime(self.state)}
        trained = {"epochs": [0], "steps": [0], "step": 0, "hidden": list(hidden), "seed": self.state["seed"]}
        self._trained = trained | {"history": [last], "parameters": packed}
        self._given = {"parameters": packed, "time": self._given.get("time", 0) + 1}  # the same ones again are news

    def export(self, path: PathLike) -> Exported:
        """Write the playground as one HTML file that needs neither kernel nor network; it opens with these settings.

        Raises `Unavailable` if the file cannot be written; it is replaced atomically.
        """
        spec = self._spec | {"start": self.state}
        text = page.page(spec, [], self.picture(), self._still()[0], script=SCRIPT, style=STYLE)
        path = Path(path)
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
        return Exported(path, 0, len(text.encode()))

    def picture(self, theme: str = "light") -> bytes:
        """One training as a PNG that stands alone: the one in the playground, else one by the library."""
        known("theme", theme, THEMES)
        return picture(self._scene(), theme=THEMES[theme])

    def _resolved(self, value, current):
        return resolve(value, current or START)

    def _scene(self):
        state = dict(self.state)
        unit = state.pop("unit")
        del state["speed"]
        return StillScene(self.record if self._trained else example(**state), unit)

    def _still(self):
        return alt_text(self._scene(), {}), 900

    def _published(self):
        spec = self._spec | {"start": self.state}
        return published.place("playground", spec, self.picture(), *self._still())

    def _answer(self, _, wish, __):
        if wish.get("kind") == "still":  # a browser that cannot train
            self.send({"kind": "still", "alt": self._still()[0]}, [self.picture()])

    def _returned(self) -> Trained:
        trained = self._trained
        if not trained:
            raise InvalidInput("record: got nothing trained, expected some steps; press Train, then Pause.")
        history = [{_SNAKE.get(name, name): value for name, value in one.items()} for one in trained["history"]]
        flat = torch.frombuffer(bytearray(trained["parameters"]), dtype=torch.float32)
        labels = trained.get("labels")
        return Trained(
            epochs=list(trained["epochs"]),
            steps=list(trained["steps"]),
            parameters=flat.reshape(len(trained["epochs"]), -1),
            hidden=tuple(trained["hidden"]),
            seed=trained["seed"],
            history=history,
            train_labels=torch.frombuffer(bytearray(labels), dtype=torch.uint8).long() if labels else None,
        )


def resolve(asked: Any, current: dict[str, Any]) -> dict:
    """All settings after `asked`, a dict or its JSON text, changed some of `current`.

    >>> resolve('{"gamma": 0.1}', START)["gamma"]
    0.1
    """
    asked = parsed(asked)
    if not isinstance(asked, dict):
        raise InvalidInput(f"state: got {type(asked).__name__} {asked!r}, expected a dict such as {{'gamma': 0.1}}.")
    for name in asked:
        known("setting", name, START)
    state = {name: _value(name, asked.get(name, current[name])) for name in START}
    if not state["noise"] and _needs_noise(state["objective"]):
        raise InvalidInput(
            f"noise: got False with the objective {state['objective']!r}, which can be infinite without noise; "
            "expected True, or another objective."
        )
    return state


def _value(name, value):
    if name == "objective":
        return known(name, value, [NONE, *OBJECTIVES])
    if name == "unit":
        return known(name, value, UNITS)
    if name == "noise":
        if not isinstance(value, bool):
            raise InvalidInput(f"noise: got {value!r}, expected True or False.")
        return value
    if name == "seed":
        return whole(name, value, minimum=0, maximum=LARGEST_SEED)
    if name == "gamma":
        return number(name, value, minimum=GAMMAS[0], maximum=GAMMAS[1])
    if name == "hidden":
        return known(name, value, CHOICES[name])
    value = number(name, value)
    near = [choice for choice in CHOICES[name] if math.isclose(choice, value, rel_tol=1e-9, abs_tol=1e-12)]
    if not near:
        raise InvalidInput(f"{name}: got {value!r}, expected one of {', '.join(map(str, CHOICES[name]))}.")
    return near[0]


def _needs_noise(objective):
    return objective != NONE and OBJECTIVES[objective].needs_noise


def _beta_prime(state) -> float:
    objective = state["objective"]
    return 0.0 if objective == NONE else OBJECTIVES[objective].beta_prime(gamma=state["gamma"])


@functools.lru_cache(maxsize=1)
def _digits() -> dict:
    """All digits as text: a pixel is a letter from a (0) to q (16), a label its digit."""
    digits = data.load("digits")
    images = torch.cat([digits.train_images, digits.test_images]).flatten()
    return {
        "pixels": bytes(97 + images.numpy()).decode("ascii"),
        "labels": "".join(map(str, torch.cat([digits.train_labels, digits.test_labels]).tolist())),
        "train": len(digits.train_labels),
        "classes": len(digits.classes),
        "mean": digits.mean.item(),
        "deviation": digits.std.item(),
        "ceiling": math.log(len(digits.test_labels)),
        "label_entropy": math.log(len(digits.classes)),  # fifty of each
    }


def _spec() -> dict:
    """What the script knows."""
    rows = [
        {"name": name, "title": one.title, "bounds": one.bounds, "gamma_per_beta_prime": one.gamma_per_beta_prime}
        | {"needs_noise": one.needs_noise}
        for name, one in OBJECTIVES.items()
    ]
    none = {"name": NONE, "title": "none", "bounds": "", "gamma_per_beta_prime": 1.0, "needs_noise": False}
    colours = ("background", "foreground", "muted", "grid", "accent", "cycle")
    return _digits() | {
        "title": StillScene.title,
        "width": 1180,
        "noise_variance": ZERO_ENTROPY_VARIANCE,
        "objectives": [none, *rows],
        "choices": {"gamma": GAMMAS, **CHOICES},
        "themes": {name: {one: getattr(theme, one) for one in colours} for name, theme in THEMES.items()},
    }
