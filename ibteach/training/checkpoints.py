"""Checkpoints: where training was after an epoch, in one sealed file, so that a run that was killed goes on from there.

Kept are the parameters, the optimiser, the positions of all random generators and what was measured so far: training
that is resumed leaves on a CPU the same numbers, bit for bit, as training that was not interrupted. A network alone
is kept by `save_network`. Both are files of `ibteach.files`: replaced atomically, checked, never unpickled.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import ibteach
from ibteach import checks, files, networks
from ibteach.errors import DamagedFile, InvalidInput
from ibteach.records import shipped
from ibteach.seeds import untouched

VERSION = 4
NETWORK_VERSION = 1
LOW = {None: None, False: None, True: torch.bfloat16, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""What a network multiplied in, as its file says it; files of version 0.1.0 only said whether."""
SHARE = 0.05
"""At most this share of the time goes into writing checkpoints."""


class Checkpoint:
    """The file at `path` for a training of these `settings`, a dict that JSON can say, by this version of ibteach.

    What the training is belongs in the settings, by content: fingerprints, not names. Raises `InvalidInput` when the
    file there is of other settings, `DamagedFile` when it is not whole: before any work.
    """

    def __init__(self, path: files.PathLike, settings: dict[str, Any]):
        self.path = files.named(path)
        self.settings = json.loads(files.as_json("settings", {**settings, "ibteach": ibteach.__version__}))
        self._written = self._took = 0.0
        self._tensors: dict[str, Tensor] = {}
        self.content: dict[str, Any] = {}
        if os.path.lexists(self.path):
            remedy = "Remove it, to train from the start, or name another checkpoint."
            tensors, kept = files.load_tensors(self.path, "checkpoint", VERSION, remedy)
            if other := list(_differences(kept["settings"], self.settings)):
                raise InvalidInput(f"{self.path}: is the checkpoint of another training ({'; '.join(other)}). {remedy}")
            # Copies: a system may refuse to replace a file while its contents are mapped into memory.
            self._tensors = {name: tensor.clone() for name, tensor in tensors.items()}
            self.content = kept["content"]

    def taken(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and the content to go on from, which are not kept here any longer."""
        tensors, self._tensors = self._tensors, {}
        return tensors, self.content

    @property
    def due(self) -> bool:
        """Whether it is time to write again; writing takes at most `SHARE` of the time."""
        return time.perf_counter() - self._written >= self._took / SHARE

    def save(self, tensors: dict[str, Tensor], content: dict[str, Any]) -> None:
        """Write where training is, as `taken` is to return it; raises `Unavailable` when it cannot be written."""
        started = time.perf_counter()
        try:
            files.save_tensors(
                self.path, "checkpoint", VERSION, tensors, {"settings": self.settings, "content": content}
            )
        finally:  # a full disk takes its time too
            self._written = time.perf_counter()
            self._took = self._written - started


def _differences(was: Any, now: Any, name: str = "") -> Iterator[str]:
    """In words, what differs between two values that JSON can say; of dicts, by their keys."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _differences(was.get(key), now.get(key), f"{name} {key}".strip())
    elif was != now:
        short = [value[:12] if name.startswith("fingerprints") and value else value for value in (was, now)]
        yield f"{name} {short[0]!r}, now {short[1]!r}"


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict]]:
    """An optimiser's tensors by name, and its groups as JSON can say them."""
    state = optimizer.state_dict()
    return {
        f"optimizer/{index}/{name}": torch.as_tensor(value)
        for index, of_parameter in state["state"].items()
        for name, value in of_parameter.items()
        if value is not None
    }, state["param_groups"]


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], groups: list[dict]) -> None:
    """Put an optimiser where `optimizer_state` found it; whether its steps are fused is of the device that it is on."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part(tensors, "optimizer").items():
        index, _, entry = name.partition("/")
        like = parameters[int(index)].detach()
        if tensor.shape == like.shape:  # a fused step takes it for granted that both lie in the same order in memory
            tensor = torch.empty_like(like).copy_(tensor)
        state.setdefault(int(index), {})[entry] = tensor
    groups = [{**of, "fused": own["fused"]} for of, own in zip(groups, optimizer.param_groups, strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def part(tensors: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``kind/``, without it."""
    return {name.removeprefix(f"{kind}/"): t for name, t in tensors.items() if name.startswith(f"{kind}/")}


def save_network(
    path: files.PathLike, network: "networks.Bottleneck", inputs: tuple[int, int, int], *, half: bool = False
) -> None:
    """Write a trained network to one file, atomically; `inputs` is the shape of one image.

    With `half` its numbers are rounded to float16, for a file of half the size; it is loaded in float32 all the same.

    Raises `InvalidInput` for an encoder of your own, whose architecture cannot be said: keep its ``state_dict``; for an
    ensemble; for images of a shape that the network does not take; and, with `half`, for a number that float16 does not
    reach. `Unavailable` when the disk refuses.
    """
    half = checks.flag("half", half)
    if not isinstance(network, networks.Bottleneck):
        came = type(network).__name__
        raise InvalidInput(f"network: got {came}, expected a Bottleneck; of an ensemble, take one by .network(m).")
    if not network.architecture:
        raise InvalidInput(
            "network: got one without an architecture, expected one of ibteach.networks.bottleneck.NETWORKS; "
            "keep the state_dict of an encoder of your own."
        )
    shape = tuple(checks.whole("inputs", size) for size in checks.several("inputs", inputs))
    with torch.device("meta"):
        like = networks.from_architecture(network.architecture, shape, network.classes)
    if not _of_one_shape(like.state_dict(), network.state_dict()):
        raise InvalidInput(f"inputs: got {shape}, which is not the shape of the images that this network takes.")
    content = {"architecture": network.architecture, "inputs": list(shape), "classes": network.classes}
    content["low_precision"] = None if network.low_precision is None else str(network.low_precision).split(".")[-1]
    state = network.state_dict()
    if half:
        state = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        if beyond := [name for name, tensor in state.items() if tensor.isinf().any()]:
            raise InvalidInput(
                f"half: got numbers in {beyond[0]} that float16 does not reach; save it with half=False."
            )
    files.save_tensors(path, "network", NETWORK_VERSION, state, content)


def _of_one_shape(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    shapes = [{name: (tensor.shape, tensor.dtype) for name, tensor in state.items()} for state in (one, other)]
    return shapes[0] == shapes[1]


def load_network(path: files.PathLike) -> "networks.Bottleneck":
    """The network that `save_network` wrote, on the CPU, ready to be used: batch normalisation has its own statistics.

    One comes with the package, by its name: ``"cifar10-resnet"``, that of L2 at γ = 0.03 in the Record
    ``"cifar10-trained"``.

    Raises `DamagedFile` when the file is truncated, was changed, or is no network; `Unavailable` when it is not there;
    `UnknownName` for what is neither a file, nor looks like one, nor is a name.

    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "network.safetensors"
    >>> save_network(path, networks.mlp((1, 8, 8), classes=10), (1, 8, 8))
    >>> load_network(path).architecture["network"]
    'mlp'
    """
    remedy = "Train it again."
    path = shipped.find(path, shipped.NETWORK)
    tensors, content = files.load_tensors(path, "network", NETWORK_VERSION, remedy)
    try:
        with untouched():
            network = networks.from_architecture(content["architecture"], tuple(content["inputs"]), content["classes"])
        network.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
        network.low_precision = LOW[content["low_precision"]]
    except (LookupError, TypeError, RuntimeError, InvalidInput) as error:
        raise DamagedFile(f"{path}: is not a whole network ({error}). {remedy}") from error
    networks.use_running_statistics(network)
    return network
