"""What training watches for: numbers that are none, found where they began, in the network whose they are."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble
from ibteach.training.runs import Run


class Guard:
    """Watches every network's loss and gradient, without waiting for the device in a step; `lost` says who is gone.

    Once one term of a network is NaN soon all are, so that after an epoch only the first tells where it began. The
    networks of an ensemble share nothing: one that is lost is laid to rest (all its parameters 0, so that no later
    number of it is none), and the others go on as if it had not been there.
    """

    TERMS = ("decoder cross-entropy", "surrogate", "gradient")

    def __init__(self, runs: Sequence[Run], model: Bottleneck | Ensemble, device: torch.device) -> None:
        self.runs, self.model = runs, model
        self.first = torch.full((len(self.TERMS), len(runs)), math.inf, device=device)
        self.lost: dict[int, tuple[int, str]] = {}  # number of the network -> in which epoch, and by what

    def look(self, step: int, fit_term: Tensor, surrogate: Tensor, scaled: bool = False) -> None:
        """Remember the first step in which something of a network was no number; after the backward pass of each.

        A gradient that is `scaled` may overflow: that step is skipped, and nothing is lost.
        """
        terms = [fit_term.detach().reshape(-1), surrogate.detach().reshape(-1)]
        if not scaled and not isinstance(self.model, Ensemble):
            gradients = [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]
            terms.append(torch.stack(torch._foreach_norm(gradients)).sum()[None])  # pyright: ignore[reportPrivateImportUsage]
        bad = ~torch.isfinite(torch.stack(terms))
        first = self.first[: len(terms)]
        torch.minimum(first, torch.where(bad, step, math.inf), out=first)

    def after_epoch(self, epoch: int) -> None:
        """Find who was lost in this epoch until now, and by what."""
        first = self.first.min(0)
        for m, (step, term) in enumerate(zip(first.values.tolist(), first.indices.tolist(), strict=True)):
            if step < math.inf:
                said = f"the {self.TERMS[term]} of {self.runs[m]} was no finite number from step {step:.0f} on"
                self._lose(m, epoch, said)
        for m, finite in enumerate(self._finite().tolist()):
            if not finite:  # by the last step, after which nobody looked
                said = f"a parameter of {self.runs[m]} was no finite number after its last step"
                self._lose(m, epoch, said)

    def after_measuring(self, epoch: int, values: dict[str, Tensor]) -> None:
        """Find whose measured values, name → (M,), are no finite numbers."""
        for name, value in values.items():
            for m in (~torch.isfinite(value)).nonzero()[:, 0].tolist():
                said = f"the {name} of {self.runs[m]} is {value[m].item()}"
                self._lose(m, epoch, said)

    @torch.no_grad()
    def lay_to_rest(self, optimizer: torch.optim.Optimizer) -> None:
        """Set parameters and optimiser of those who are lost to 0, in an ensemble where others are left."""
        for parameter in self.model.parameters() if self.left and self.lost else ():
            of = [tensor for tensor in optimizer.state[parameter].values() if isinstance(tensor, Tensor)]
            for tensor in (parameter, *(tensor for tensor in of if tensor.shape == parameter.shape)):
                tensor[list(self.lost)] = 0

    @property
    def left(self) -> list[int]:
        """The numbers of the networks that are not lost."""
        return [m for m in range(len(self.runs)) if m not in self.lost]

    def exhausted(self, epoch: int) -> None:
        """Gradients overflowed in step after step, though nothing scales them any longer."""
        for m, run in enumerate(self.runs):
            self._lose(m, epoch, f"the gradient of {run} overflows whatever its scale")

    def _lose(self, m: int, epoch: int, said: str) -> None:
        remedy = "lower learning_rate or gamma"
        if self.model.low_precision is torch.float16:
            remedy += ", or train with low_precision=False: numbers of float16 end at 65,504"
        self.lost.setdefault(m, (epoch, f"epoch {epoch}: {said}; {remedy}."))

    @torch.no_grad()
    def _finite(self) -> Tensor:
        shape = (len(self.runs), -1)
        return torch.stack([p.isfinite().reshape(shape).all(1) for p in self.model.parameters()]).all(0)
