"""How a network is looked at: in evaluation mode, and whether its answers hang on chance or on their company.

What is measured exactly must be a function f(x) of each image alone. A module that drops something out may say so, a
function inside an encoder cannot: two passes of the same images tell. All that is drawn here leaves the caller's random
state alone.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ibteach.networks.bottleneck import running_statistics
from ibteach.seeds import untouched


@contextlib.contextmanager
def evaluated(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode, with nothing dropped out; afterwards each module is in the mode that it was in.

    >>> from ibteach.networks.bottleneck import mlp
    >>> network = mlp(64, classes=10, dropout=0.5)
    >>> with evaluated(network):
    ...     network.encoder.training
    False
    >>> network.encoder.training
    True
    """
    modules = [*model.modules(), *getattr(model, "template", nn.Module()).modules()]
    modes = [module.training for module in modules]
    try:
        yield model.eval()
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def answers_by_chance(model: nn.Module, images: Tensor, latent_dimension: int) -> bool:
    """Whether two passes of the same images, already normalised, give other latents: the encoder then draws something.

    Batch normalisation has its own statistics, and the caller's random state is left alone.

    >>> from ibteach.networks.bottleneck import Bottleneck
    >>> careless = Bottleneck(nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.5), nn.Linear(8, 2)), 2, 10)
    >>> answers_by_chance(careless, torch.ones(4, 1, 8, 8), 2)
    True
    """
    silence = torch.zeros(len(images), latent_dimension, device=images.device)
    with torch.no_grad(), evaluated(model), untouched(images.device):
        model.train()
        with running_statistics(model):
            return not torch.equal(model(images, silence)[0], model(images, silence)[0])


def answers_by_company(model: nn.Module, images: Tensor, latent_dimension: int) -> bool:
    """Whether an image's latent depends on which others are in its batch, also in evaluation mode.

    So it is where a batch is normalised by its own statistics; then there is no f(x).

    >>> from ibteach.networks.bottleneck import Bottleneck
    >>> def beside(images):
    ...     return images.flatten(1) - images.flatten(1).mean(0)
    >>> class Beside(nn.Module):
    ...     forward = staticmethod(beside)
    >>> answers_by_company(Bottleneck(Beside(), 2, classes=2), torch.rand(4, 1, 1, 2), 2)
    True
    """
    silence = torch.zeros(len(images), latent_dimension, device=images.device)
    with torch.no_grad(), evaluated(model), untouched(images.device):
        together = model(images, silence)[0]
        halves = [model(part, silence[: len(part)])[0] for part in images.split((len(images) + 1) // 2)]
    off = (torch.cat(halves, -2) - together).abs().amax()
    return bool(off > 1e-2 * together.abs().amax())  # more than rounding, in bfloat16 too
