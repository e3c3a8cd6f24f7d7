"""How many threads take a step on a CPU: one where a network is small, for there two gain little and may lose much.

Threads meet at the end of every operation. Operations of a small network take microseconds, and where another program
has the processor just then, all threads wait until it lets go of it. On one thread the numbers are also the same on
every machine of a kind, however many processors it has.
"""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ibteach.data.datasets import Dataset
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble
from ibteach.networks.modes import evaluated

SMALL = 100e6
"""Up to so many multiplications and additions in the forward pass of a step, all networks together, one thread does."""


class Threads:
    """So many threads for what happens within, on this thread of the program; the number from before is put back.

    >>> with Threads(1):
    ...     torch.get_num_threads()
    1
    """

    def __init__(self, count: int):
        self.count = count

    def __enter__(self) -> "Threads":
        self._before = torch.get_num_threads()
        if self.count != self._before:
            torch.set_num_threads(self.count)
        return self

    def __exit__(self, *_: object) -> None:
        if self.count != self._before:
            torch.set_num_threads(self._before)


def for_steps(model: Bottleneck | Ensemble, data: Dataset, batch_size: int) -> Threads:
    """The threads for training steps of that many examples: one where they are small, else all that torch has."""
    return Threads(1 if forward_flops(model, data) * batch_size <= SMALL else torch.get_num_threads())


def forward_flops(model: Bottleneck | Ensemble, data: Dataset) -> float:
    """Multiplications and additions in the products and convolutions of all networks for one example.

    >>> from ibteach import data, networks
    >>> digits = data.load("digits")
    >>> network = networks.mlp(digits.shape, 10, hidden=(32,))
    >>> forward_flops(network, digits)  # 2 · (64 · 32 + 32 · 2 + 2 · 10)
    4264.0
    >>> forward_flops(Ensemble([network] * 3), digits) / 3
    4264.0
    """
    network: nn.Module = model.template if isinstance(model, Ensemble) else model
    count = len(model) if isinstance(model, Ensemble) else 1
    where = next(network.parameters()).device
    images = data.normalize(data.train_images[:2].to(where))
    with torch.no_grad(), evaluated(network), FlopCounterMode(display=False) as counter:
        network(images, torch.zeros(2, model.latent_dimension, device=where))
    return count * counter.get_total_flops() / len(images)
