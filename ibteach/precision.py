"""Where float64 is: small differences and long sums are taken in it, and not every device has it.

A device without it (Apple's MPS) trains in float32; what is measured exactly is then measured on the CPU.
"""

import functools

import torch
from torch import Tensor


def has_float64(device: torch.device) -> bool:
    """Whether tensors on this device can be float64.

    >>> has_float64(torch.device("cpu"))
    True
    """
    return device.type in ("cpu", "cuda") or _makes_float64(device)


@functools.cache
def _makes_float64(device: torch.device) -> bool:
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return False
    return True


def movable(tensor: Tensor) -> Tensor:
    """The tensor where it can become float64: on its own device, or on the CPU where that has none.

    >>> movable(torch.ones(3)).device
    device(type='cpu')
    """
    return tensor if has_float64(tensor.device) else tensor.cpu()


def exactly(tensor: Tensor) -> Tensor:
    """The tensor in float64, on the CPU where its own device has none; gradients flow back.

    >>> exactly(torch.ones(3)).dtype
    torch.float64
    """
    return movable(tensor).double()
