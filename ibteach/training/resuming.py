"""Where a training is, as tensors and JSON, and a training put back there: what a checkpoint holds.

Kept is all that the next step depends on, so that training that goes on leaves the numbers of training without a break.
"""

import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ibteach.training.checkpoints import optimizer_state, part, restore_optimizer
from ibteach.training.threads import Threads

if TYPE_CHECKING:
    from ibteach.training.loop import _Training

STATES = {"cuda": "device", "mps": "mps"}
"""Devices with a random state of their own, and what it is called."""


def size(model: nn.Module) -> int:
    """About how many bytes the checkpoint of a training of this model takes: three numbers for each parameter."""
    return 12 * sum(parameter.numel() for parameter in model.parameters())


def state(training: "_Training") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All that `restore` needs, after an epoch: tensors by name, and the rest as JSON can say it."""
    tensors, groups = optimizer_state(training.optimizer)
    tensors |= {f"model/{name}": tensor for name, tensor in training.model.state_dict().items()}
    for kind, table in zip(("quantities", "errors"), training.tables(), strict=True):
        tensors |= {f"{kind}/{name}": values for name, values in table.items()}
    tensors |= {"chance/batches": training.batches.state, "chance/dropout": torch.get_rng_state()}
    if training.device.type in STATES:
        tensors[f"chance/{STATES[training.device.type]}"] = torch.get_device_module(training.device).get_rng_state(
            training.device
        )
    return tensors, {
        "epoch": training.epoch,
        "measured": list(training.found),
        "groups": groups,
        "scale": training.scale.state,
        "threads": training.threads.count,
        "seconds": time.perf_counter() - training.started,
        "lost": [[m, *how] for m, how in training.guard.lost.items()],
        "whole": training.whole,
        "sittings": training.sittings,
    }


def restore(training: "_Training", tensors: dict[str, Tensor], content: dict[str, Any]) -> None:
    """Put a training that has not begun where `state` found another."""
    of = {kind: part(tensors, kind) for kind in ("model", "quantities", "errors", "chance")}
    training.model.load_state_dict(of["model"])
    restore_optimizer(training.optimizer, tensors, content["groups"])
    training.scale.restore(content["scale"])
    training.batches.restore(of["chance"]["batches"])
    torch.set_rng_state(of["chance"]["dropout"])
    known = of["chance"].get(STATES.get(training.device.type, ""))  # none where it began on another kind of device
    if known is not None:
        torch.get_device_module(training.device).set_rng_state(known, training.device)
    training.epoch, training.started = content["epoch"], training.started - content["seconds"]
    training.threads = Threads(content["threads"])  # sums are taken in another order on another number of them
    training.guard.lost.update({m: (epoch, why) for m, epoch, why in content["lost"]})
    training.whole = content["whole"]
    training.sittings = [*content["sittings"], *training.sittings]
    done = training.done = training.epoch * training.batches.per_epoch
    schedule = training.schedule
    schedule.load_state_dict({**schedule.state_dict(), "last_epoch": done, "_step_count": done + 1})
    for place, (epoch, step) in enumerate(content["measured"]):
        quantities, errors = (
            {name: values[:, place] for name, values in of[kind].items()} for kind in ("quantities", "errors")
        )
        training.found[epoch, step] = quantities, errors
