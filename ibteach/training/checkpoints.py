"""Checkpoints: where training was after an epoch, in one sealed file, so that a run that was killed goes on from there.

Kept are the parameters, the optimiser, the positions of all random generators and what was measured so far: training
that is resumed leaves on a CPU the same numbers, bit for bit, as training that was not interrupted. A network alone
is kept by `save_network`. Both are files of `ibteach.files`: replaced atomically, checked, never unpickled.
"""

import json
import time
from pathlib import Path

import torch
from torch import Tensor

from ibteach import files, networks
from ibteach.errors import DamagedFile, InvalidInput

VERSION = 1
SHARE = 0.05
"""At most this share of the time goes into writing checkpoints."""


class Checkpoint:
    """The file at `path` for a training of these `settings`, a dict that JSON can say.

    Raises `InvalidInput` when the file there is of other settings, `DamagedFile` when it is not whole: before any work.
    """

    def __init__(self, path, settings: dict):
        self.path, self.settings = Path(path), json.loads(files.as_json("settings", settings))
        self._written = self._took = 0.0
        self.tensors, self.content = {}, {}
        if self.path.exists():
            remedy = "Remove it, to train from the start, or name another checkpoint."
            self.tensors, kept = files.load(self.path, "checkpoint", VERSION, remedy)
            was = kept["settings"]
            other = sorted(key for key in was.keys() | self.settings if was.get(key) != self.settings.get(key))
            if other:
                said = "; ".join(f"{key} {was.get(key)!r}, now {self.settings.get(key)!r}" for key in other)
                raise InvalidInput(f"{self.path}: is the checkpoint of another training ({said}). {remedy}")
            self.content = kept["content"]

    @property
    def due(self) -> bool:
        """Whether it is time to write again; writing takes at most `SHARE` of the time."""
        return time.perf_counter() - self._written >= self._took / SHARE

    def save(self, tensors: dict[str, Tensor], content: dict) -> None:
        started = time.perf_counter()
        files.save(self.path, "checkpoint", VERSION, tensors, {"settings": self.settings, "content": content})
        self._written = time.perf_counter()
        self._took = self._written - started


def optimizer_state(optimizer) -> tuple[dict[str, Tensor], list[dict]]:
    """An optimiser's tensors by name, and its groups as JSON can say them."""
    state = optimizer.state_dict()
    return {
        f"optimizer/{index}/{name}": torch.as_tensor(value)
        for index, of_parameter in state["state"].items()
        for name, value in of_parameter.items()
        if value is not None
    }, state["param_groups"]


def restore_optimizer(optimizer, tensors: dict[str, Tensor], groups: list[dict]) -> None:
    """Put an optimiser where `optimizer_state` found it."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part(tensors, "optimizer").items():
        index, _, entry = name.partition("/")
        like = parameters[int(index)].detach()
        if tensor.shape == like.shape:  # a fused step takes it for granted that both lie in the same order in memory
            tensor = torch.empty_like(like).copy_(tensor)
        state.setdefault(int(index), {})[entry] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def part(tensors: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``kind/``, without it; copies, so that the file may be replaced meanwhile."""
    return {name.removeprefix(f"{kind}/"): t.clone() for name, t in tensors.items() if name.startswith(f"{kind}/")}


def save_network(path, network: "networks.Bottleneck", inputs: tuple[int, int, int]) -> None:
    """Write a trained network to one file, atomically; `inputs` is the shape of one image.

    Raises `InvalidInput` for an encoder of your own, whose architecture cannot be said: keep its ``state_dict``.
    """
    if not getattr(network, "architecture", None):
        raise InvalidInput(
            "network: got one without an architecture, expected one of ibteach.networks.bottleneck.NETWORKS; "
            "keep the state_dict of an encoder of your own."
        )
    content = {"architecture": network.architecture, "inputs": list(inputs), "classes": network.classes}
    content["low_precision"] = network.low_precision
    files.save(path, "network", VERSION, network.state_dict(), content)


def load_network(path) -> "networks.Bottleneck":
    """The network that `save_network` wrote, on the CPU, ready to be used: batch normalisation has its own statistics.

    Raises `DamagedFile` when the file is truncated, was changed, or is no network; `Unavailable` when it is not there.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "network.safetensors"
    >>> save_network(path, networks.mlp((1, 8, 8), classes=10), (1, 8, 8))
    >>> load_network(path).architecture["network"]
    'mlp'
    """
    remedy = "Train it again."
    tensors, content = files.load(path, "network", VERSION, remedy)
    try:
        network = networks.make(content["architecture"], tuple(content["inputs"]), content["classes"])
        network.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
        network.low_precision = bool(content["low_precision"])
    except (LookupError, TypeError, RuntimeError, InvalidInput) as error:
        raise DamagedFile(f"{path}: is not a whole network ({error}). {remedy}") from error
    networks.settle(network)
    return network
