"""What training watches for: numbers that are none, found where they began and named."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ibteach.errors import Diverged
from ibteach.networks.ensemble import Ensemble
from ibteach.training.runs import Run


class Guard:
    """Watches the terms of the loss and its gradient without waiting for the device: the first step that is no number.

    Once one of them is NaN soon all are, so that after an epoch only the first tells where it began.
    """

    TERMS = ("decoder cross-entropy", "surrogate", "gradient")

    def __init__(self, runs, device):
        self.runs, self.steps = runs, 0
        self.first = torch.full((len(self.TERMS), len(runs)), math.inf, device=device)

    def look(self, fit_term, surrogate, model):
        self.steps += 1
        terms = [fit_term.detach().reshape(-1), surrogate.detach().reshape(-1)]
        if not isinstance(model, Ensemble):
            gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
            terms.append(torch.stack(torch._foreach_norm(gradients)).sum()[None])
        bad = ~torch.isfinite(torch.stack(terms))
        first = self.first[: len(terms)]
        torch.minimum(first, torch.where(bad, self.steps, math.inf), out=first)

    def check(self, epoch):
        """Raises `Diverged` that names the network and the term that was first."""
        step = self.first.min().item()
        if step < math.inf:
            term, network = (self.first == step).nonzero()[0].tolist()
            raise Diverged(
                f"epoch {epoch}: the {self.TERMS[term]} of {self.runs[network]} was no finite number from step "
                f"{step:.0f} on; lower learning_rate or gamma."
            )


def refuse_infinite(name: str, values: Tensor, runs: Sequence[Run], when: str) -> None:
    """Raises `Diverged` that names the first of the networks whose value, (M,), is no finite number."""
    if not torch.isfinite(values).all():
        worst = int((~torch.isfinite(values)).nonzero()[0])
        raise Diverged(f"{when}: the {name} of {runs[worst]} is {values[worst].item()}; lower learning_rate or gamma.")
