"""Training in float16, whose numbers end at 65,504 and at 6e-8: the loss is scaled, so that gradients lie in between.

The scale doubles while all goes well; where a gradient overflows, that step is skipped and the scale halved
(Micikevicius et al. 2018). Only what overflows whatever the scale is lost. In other precisions nothing is scaled.
"""

from typing import Any

import torch
from torch import Tensor

FIRST = 2.0**16
"""The scale to begin with; too large at first, as a rule, which costs a step or two."""


class Scale:
    """What the loss is multiplied by before its gradient is taken, and the step that is taken by it."""

    def __init__(self, device: torch.device, low_precision: torch.dtype | None):
        self.used = low_precision is torch.float16
        self._scaler = torch.amp.GradScaler(device.type, init_scale=FIRST, enabled=self.used)

    def backward(self, loss: Tensor) -> None:
        self._scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """A step of the optimiser, which is skipped where a gradient overflowed."""
        self._scaler.step(optimizer)
        self._scaler.update()

    @property
    def exhausted(self) -> bool:
        """Whether gradients overflow although nothing scales them any longer: then it is not the scale."""
        return self.used and self._scaler.get_scale() < 1

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, as JSON can say it."""
        return self._scaler.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was; from where nothing was scaled, as on another device, begin."""
        if self.used and state:
            self._scaler.load_state_dict(state)
