"""Seeds: from the one number that a run is told, a stream of random numbers of its own for each purpose.

Two generators of one seed draw the same numbers, whatever they are for: the first parameters of a network would say in
which order it sees its examples, and the noise that it is measured with would be the noise that it was trained with.
So nobody seeds a generator with the number itself, but asks here, and says what for.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Literal

import torch

Purpose = Literal[
    "first parameters",
    "order",  # of the training examples
    "noise",  # of training
    "dropout",
    "augmentation",
    "random labels",
    "measured noise",  # while training
    "mixture noise",  # of `ibteach.information`
    "held-out noise",
    "channel",
    "predicted noise",  # of `ibteach.evaluation`
    "sampled noise",
    "sampled dropout",
    "attack",
    "resampled labels",
    "foreign inputs",
    "shown noise",  # of `ibteach.display`
]
"""What chance is needed for: all that there is."""


def stream(seed: int, purpose: Purpose) -> int:
    """A seed of its own for each purpose, below 2⁵⁶.

    >>> stream(0, "noise") != stream(0, "order")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{purpose} {seed}".encode()).digest()[:7], "big")


def generator(seed: int, purpose: Purpose) -> torch.Generator:
    """A generator at the beginning of that stream; on the CPU, so that a seed means the same on every device.

    >>> bool(torch.rand((), generator=generator(0, "noise")) == torch.rand((), generator=generator(0, "order")))
    False
    """
    return torch.Generator().manual_seed(stream(seed, purpose))


@contextlib.contextmanager
def drawing(seed: int, purpose: Purpose, device: torch.device | None = None) -> Iterator[None]:
    """What draws from the global random state within, as layers do, draws from that stream; afterwards it is put back.

    `device`: a GPU whose random state is meant too.

    >>> with drawing(0, "dropout"):
    ...     one = torch.rand(3)
    >>> with drawing(0, "dropout"):
    ...     torch.equal(torch.rand(3), one)
    True
    """
    with untouched(device):
        torch.default_generator.manual_seed(stream(seed, purpose))
        if device is not None and device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(stream(seed, purpose))
        elif device is not None and device.type == "mps":
            torch.mps.manual_seed(stream(seed, purpose))
        yield


def untouched(device: torch.device | None = None) -> contextlib.AbstractContextManager[None]:
    """Whatever is drawn within, here and on a `device`, the random state afterwards is what it was before.

    >>> before = torch.get_rng_state()
    >>> with untouched():
    ...     _ = torch.rand(3)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    if device is None or device.type not in ("cuda", "mps"):  # the others draw from that of the CPU
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device], device_type=device.type)
