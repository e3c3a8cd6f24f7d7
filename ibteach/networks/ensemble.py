"""Many networks as one: their parameters are stacked, and one mapped forward pass runs them all.

A slider over γ needs a network per tick. Small networks leave a processor idle, because starting an operation costs
more than doing it; stacked, each operation does the work of all. The mapping is `torch.func.vmap` of the forward pass
alone: gradients come from ordinary autograd (each network's loss depends on its own parameters only, so the gradient
of the sum is every network's own) and one optimiser steps the stack.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.fingerprints import fingerprint


def stackable(network: nn.Module) -> bool:
    """Whether an `Ensemble` takes such networks: parameters alone, no buffers (running statistics)."""
    return not any(True for _ in network.buffers())


class Ensemble(nn.Module):
    """M networks of one architecture, run together.

    Args:
        networks: built alike: the same layers with the same settings.

    Called on images (N, ...) and noise (N, K) that all networks share, or on images (M, N, ...) and noise (M, N, K)
    of their own, it returns latents (M, N, K) and logits (M, N, C).
    Raises `InvalidInput` when the networks differ in more than their parameters, or have buffers (running statistics).

    >>> from ibteach.networks.bottleneck import mlp
    >>> several = Ensemble([mlp(64, classes=10) for _ in range(32)])
    >>> latents, logits = several(torch.zeros(5, 64), torch.zeros(5, 2))
    >>> latents.shape, logits.shape
    (torch.Size([32, 5, 2]), torch.Size([32, 5, 10]))
    """

    def __init__(self, networks: Sequence[Bottleneck]):
        super().__init__()
        networks = checks.several("networks", networks)
        if not all(isinstance(network, Bottleneck) for network in networks):
            raise InvalidInput(f"networks: got {networks!r}, expected Bottlenecks, such as networks.mlp makes.")
        built = [fingerprint(network) for network in networks]
        if not networks or any(other != built[0] for other in built):
            raise InvalidInput(
                f"networks: got {len(set(built))} different kinds, expected at least one, all built alike."
            )
        if not all(map(stackable, networks)):
            raise InvalidInput("networks: got buffers (batch normalisation?), expected parameters only; use GroupNorm.")
        self.latent_dimension, self.classes = networks[0].latent_dimension, networks[0].classes
        self.stochastic, self.architecture = networks[0].stochastic, networks[0].architecture
        self._names = [name for name, _ in networks[0].named_parameters()]
        self._stacked = nn.ParameterList(
            nn.Parameter(torch.stack([network.get_parameter(name).detach() for network in networks]), one.requires_grad)
            for name, one in networks[0].named_parameters()
        )
        # Stands for the computation; in a list, so that its parameters are not ours.
        self._template = [copy.deepcopy(networks[0]).train()]

    def __len__(self) -> int:
        return len(self._stacked[0])

    @property
    def template(self) -> Bottleneck:
        """The network that stands for the computation of all; the values of its own parameters mean nothing."""
        return self._template[0]

    def stacked(self, name: str) -> Tensor:
        """A parameter of all networks, (M, ...), by its name in one network, such as ``"decoder.weight"``."""
        return self._stacked[self._names.index(name)]

    def forward(self, images: Tensor, noise: Tensor, members: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latents and logits of all networks, or of those with the numbers `members`."""

        def one(parameters, images, noise):
            return functional_call(self._template[0], parameters, (images, noise))

        axis = None if noise.ndim == 2 else 0
        stacked = self._stacked if members is None else [parameter[members] for parameter in self._stacked]
        parameters = dict(zip(self._names, stacked, strict=True))
        return vmap(one, in_dims=(0, axis, axis), randomness="different")(parameters, images, noise)

    @property
    def low_precision(self) -> torch.dtype | None:
        """In which type the encoders multiply, where it is not that of their parameters."""
        return self._template[0].low_precision

    @low_precision.setter
    def low_precision(self, chosen: torch.dtype | None) -> None:
        self._template[0].low_precision = chosen

    def train(self, mode: bool = True) -> "Ensemble":
        """Training or evaluation mode, where nothing is dropped out."""
        self._template[0].train(mode)
        return super().train(mode)

    def network(self, m: int) -> Bottleneck:
        """The network of number m alone: a copy.

        Raises `InvalidInput` where there is no such network.

        >>> from ibteach.networks.bottleneck import mlp
        >>> one = Ensemble([mlp(64, classes=10) for _ in range(32)]).network(7)
        >>> one(torch.zeros(5, 64), torch.zeros(5, 2))[1].shape
        torch.Size([5, 10])
        """
        m = checks.whole("m", m, minimum=0, maximum=len(self) - 1)
        network = copy.deepcopy(self._template[0]).to(self._stacked[0].device)
        network.stochastic = self.stochastic  # which `fit` may have found out
        with torch.no_grad():
            for name, stacked in zip(self._names, self._stacked, strict=True):
                network.get_parameter(name).copy_(stacked[m])
        return network

    @property
    def decoders(self) -> tuple[Tensor, Tensor]:
        """The linear decoders' weights (M, C, K) and biases (M, C)."""
        return self.stacked("decoder.weight"), self.stacked("decoder.bias")
