"""Networks with a bottleneck: an encoder to a latent of K dimensions, zero-entropy noise, a linear decoder.

The noise is drawn outside and passed in, so that a network is a plain function of its inputs: the same one can be
trained alone, or stacked with others in an `ibteach.networks.ensemble.Ensemble` under the same noise. The decoder is
the usual last layer; all that is nonlinear belongs to the encoder, so its decisions in latent space can be drawn.
"""

import contextlib
import inspect
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.networks.resnets import ResNet18


class Bottleneck(nn.Module):
    """x → f(x) → f(x) + ε → logits of q(y|z).

    With dropout in the encoder f is random too, and `stochastic` says so; `fit` tries it, and so finds out where the
    chance is in a function of the encoder's own, such as ``F.dropout``.

    Args:
        encoder: any module from images (N, ...) to features (N, K).
        latent_dimension: K ≥ 1.
        classes: C ≥ 2.

    `architecture` is what `from_architecture` needs to build its like: a dict that JSON can say, empty for an encoder
    of your own.
    With `low_precision`, such as ``torch.bfloat16``, the encoder multiplies in that; the latent, its noise and the
    decoder never do.
    """

    def __init__(self, encoder: nn.Module, latent_dimension: int, classes: int):
        super().__init__()
        self.latent_dimension = checks.whole("latent_dimension", latent_dimension)
        self.classes = checks.whole("classes", classes, minimum=2)
        self.encoder = encoder
        self.decoder = nn.Linear(latent_dimension, classes)
        self.architecture: dict = {}
        self.low_precision: torch.dtype | None = None
        self.stochastic = any(map(_takes_chances, encoder.modules()))

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Noiseless latents f(x), (N, K), and logits of the decoder at f(x) + noise, (N, C)."""
        if self.low_precision is not None:
            with torch.autocast(images.device.type, self.low_precision):
                latents = self.encoder(images).float()
        else:
            latents = self.encoder(images)
        return latents, self.decoder(latents + noise)

    @property
    def decoders(self) -> tuple[Tensor, Tensor]:
        """The linear decoder's weight (1, C, K) and bias (1, C), with the leading axis of an ensemble of one."""
        return self.decoder.weight[None], self.decoder.bias[None]


def mlp(
    inputs: int | Sequence[int],
    classes: int,
    latent_dimension: int = 2,
    hidden: Sequence[int] = (48, 48),
    dropout: float = 0.0,
) -> Bottleneck:
    """A multilayer perceptron on flattened images.

    Args:
        inputs: the shape of one image, or its number of values.
        classes, latent_dimension: C ≥ 2 and K ≥ 1.
        hidden: widths of the hidden layers.
        dropout: the share of hidden units that is left out at random, in [0, 1).

    >>> latents, logits = mlp((1, 8, 8), classes=10)(torch.zeros(5, 1, 8, 8), torch.zeros(5, 2))
    >>> latents.shape, logits.shape
    (torch.Size([5, 2]), torch.Size([5, 10]))
    """
    inputs = math.prod(inputs) if isinstance(inputs, (tuple, list, torch.Size)) and inputs else inputs
    widths = [
        checks.whole("inputs", inputs),
        *(checks.whole("hidden", width) for width in checks.several("hidden", hidden)),
    ]
    latent_dimension = checks.whole("latent_dimension", latent_dimension)
    _check_memory(sum(a * b for a, b in itertools.pairwise([*widths, latent_dimension])), latent_dimension, classes)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU(), *_dropout(dropout)]
    network = Bottleneck(nn.Sequential(*layers, nn.Linear(widths[-1], latent_dimension)), latent_dimension, classes)
    network.architecture = {"network": "mlp", "latent_dimension": latent_dimension, "hidden": widths[1:]}
    network.architecture["dropout"] = float(dropout)
    return network


def convnet(
    inputs: tuple[int, int, int], classes: int, latent_dimension: int = 2, width: int = 16, dropout: float = 0.0
) -> Bottleneck:
    """A small convolutional encoder: three 3×3 convolutions, each but the first halving the picture, then a linear map.

    Args:
        inputs: (channels, height, width) of one image.
        classes, latent_dimension: C ≥ 2 and K ≥ 1.
        width: channels of the first convolution; doubled twice.
        dropout: the share of the last features that is left out at random, in [0, 1).

    >>> network = convnet((1, 28, 28), classes=10, latent_dimension=3)
    >>> latents, logits = network(torch.zeros(5, 1, 28, 28), torch.zeros(5, 3))
    >>> latents.shape, logits.shape
    (torch.Size([5, 3]), torch.Size([5, 10]))
    """
    channels, height, breadth = (checks.whole("inputs", size) for size in checks.several("inputs", inputs, 3))
    width, latent_dimension = checks.whole("width", width), checks.whole("latent_dimension", latent_dimension)
    features = 4 * width * math.ceil(height / 4) * math.ceil(breadth / 4)
    _check_memory(90 * width**2 + features * latent_dimension, latent_dimension, classes)
    encoder = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        *_dropout(dropout),
        nn.Linear(features, latent_dimension),
    )
    network = Bottleneck(encoder, latent_dimension, classes)
    network.architecture = {"network": "convnet", "latent_dimension": latent_dimension, "width": width}
    network.architecture["dropout"] = float(dropout)
    return network


def resnet(
    inputs: tuple[int, int, int],
    classes: int,
    latent_dimension: int | None = None,
    width: int = 64,
    norm: str = "batch",
) -> Bottleneck:
    """ResNet-18 with pre-activation (`ibteach.networks.resnets`), the network of the paper's experiments.

    Args:
        inputs: (channels, height, width) of one image, from 8 pixels; larger pictures are brought to 32 by the stem.
        classes: C ≥ 2.
        latent_dimension: K ≥ 1, by a linear map of the features; by default the 8 · width features are the latent.
        width: channels of the first stage, 64 in the usual network.
        norm: ``"batch"``, or ``"group"`` for networks that are to be stacked in an ensemble.

    >>> network = resnet((3, 32, 32), classes=10, width=8)
    >>> latents, logits = network(torch.zeros(5, 3, 32, 32), torch.zeros(5, 64))
    >>> latents.shape, logits.shape
    (torch.Size([5, 64]), torch.Size([5, 10]))
    """
    features = 8 * checks.whole("width", width)
    if latent_dimension is not None:
        latent_dimension = checks.whole("latent_dimension", latent_dimension)
    _check_memory(2700 * width**2 + features * (latent_dimension or 0), latent_dimension or features, classes)
    encoder = ResNet18(inputs, width, norm)
    if latent_dimension is not None:
        encoder = nn.Sequential(encoder, nn.Linear(features, latent_dimension))
    network = Bottleneck(encoder, latent_dimension or features, classes)
    network.architecture = {"network": "resnet", "latent_dimension": latent_dimension, "width": width, "norm": norm}
    return network


def from_backbone(backbone: nn.Module, inputs: tuple[int, int, int], classes: int) -> Bottleneck:
    """A bottleneck around a backbone of your own, such as a torchvision or timm model without its last layer.

    Args:
        backbone: any module from images (N, C, H, W) to features (N, K); K is found by trying it.
        inputs: (channels, height, width) of one image.
        classes: C ≥ 2.

    Raises `InvalidInput` for a backbone that does not take such images, or whose result is not (N, K).

    >>> from torchvision.models import resnet18
    >>> backbone = resnet18()
    >>> backbone.fc = nn.Identity()
    >>> from_backbone(backbone, (3, 32, 32), classes=10).latent_dimension
    512
    """
    shape = tuple(checks.whole("inputs", size) for size in checks.several("inputs", inputs))
    if not isinstance(backbone, nn.Module):
        raise InvalidInput(f"backbone: got {type(backbone).__name__}, expected a torch.nn.Module.")
    where = next((parameter.device for parameter in backbone.parameters()), None)
    try:
        with torch.no_grad(), running_statistics(backbone), torch.random.fork_rng(devices=[]):
            features = backbone(torch.zeros(2, *shape, device=where))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InvalidInput(f"backbone: does not take images of shape {shape} ({error}).") from error
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != 2:
        came = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise InvalidInput(
            f"backbone: made {came} of 2 images, expected features (2, K); "
            "replace its last layer by torch.nn.Identity(), or flatten what it returns."
        )
    return Bottleneck(backbone, features.shape[1], classes)


def use_running_statistics(model: nn.Module) -> nn.Module:
    """Let batch normalisation use the statistics that it gathered in training; dropout stays as it is."""
    for module in _normalising(model):
        module.eval()
    return model


@contextlib.contextmanager
def running_statistics(model: nn.Module) -> Iterator[nn.Module]:
    """The model with its own statistics in batch normalisation, which neither depend on a batch nor are changed by it.

    >>> network = resnet((3, 32, 32), classes=10, width=8)
    >>> with running_statistics(network):
    ...     latents, _ = network(torch.zeros(1, 3, 32, 32), torch.zeros(1, 64))
    >>> network.encoder.norm.num_batches_tracked
    tensor(0)
    """
    gathering = [module for module in _normalising(model) if module.training]
    try:
        yield use_running_statistics(model)
    finally:
        for module in gathering:
            module.train()


def _takes_chances(layer: nn.Module) -> bool:
    """Whether a layer drops something out at random: torch's, torchvision's StochasticDepth, timm's DropPath."""
    if type(layer).__name__ in ("StochasticDepth", "DropPath", "DropBlock2d", "DropBlock3d"):
        return (getattr(layer, "p", None) or getattr(layer, "drop_prob", None) or 0) > 0
    return isinstance(layer, _DropoutNd) and layer.p > 0


def _normalising(model):
    return [module for module in model.modules() if isinstance(module, _NormBase)]


NETWORKS = {"mlp": mlp, "convnet": convnet, "resnet": resnet}
SETTINGS = ("network", "latent_dimension", "hidden", "width", "norm", "dropout")
"""The keys of an `architecture`."""


def from_architecture(architecture: dict[str, Any], inputs: Any, classes: int) -> Bottleneck:
    """A new network of that `architecture`, for images of shape `inputs`.

    Raises `UnknownName` for a network that is not in `NETWORKS`, `InvalidInput` for sizes that it does not have.

    >>> from_architecture(mlp(64, classes=10, hidden=(32,)).architecture, (1, 8, 8), classes=10).architecture
    {'network': 'mlp', 'latent_dimension': 2, 'hidden': [32], 'dropout': 0.0}
    """
    if not isinstance(architecture, Mapping) or not all(isinstance(key, str) for key in architecture):
        raise InvalidInput(f"architecture: got {architecture!r}, expected a dict such as {{'network': 'mlp'}}.")
    sizes = dict(architecture)
    kind = checks.known("network", sizes.pop("network", None), NETWORKS)
    unknown = sizes.keys() - inspect.signature(NETWORKS[kind]).parameters.keys()
    if unknown:
        raise InvalidInput(f"architecture: got {', '.join(sorted(unknown))}, which no {kind} has.")
    return NETWORKS[kind](inputs, classes, **sizes)


def _check_memory(encoder: int, latent_dimension: int, classes: int) -> None:
    """Of so many weights of an encoder, about, and of its decoder: before the machine is asked for them."""
    checks.memory("network", 4 * (encoder + latent_dimension * checks.whole("classes", classes, minimum=2)))


def _dropout(rate) -> list[nn.Module]:
    rate = checks.number("dropout", rate, minimum=0, below=1)
    return [nn.Dropout(rate)] if rate > 0 else []
