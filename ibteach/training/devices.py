"""What a training runs on: the device, its precision, how images lie in its memory, and how many fit there."""

from collections.abc import Callable

import torch
from torch import nn

from ibteach.errors import InvalidInput, Unavailable
from ibteach.networks.ensemble import Ensemble


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or else the best there is: CUDA, then Apple's MPS, then the CPU.

    Raises `InvalidInput` for what names no device, `Unavailable` when the device asked for is not there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return torch.device(next(kind for kind, available in there.items() if available))
    if not isinstance(device, str | torch.device):
        raise InvalidInput(f"device: got {device!r}, expected 'cuda', 'mps' or 'cpu'.")
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise InvalidInput(f"device: got {device!r}, expected 'cuda', 'mps' or 'cpu'.") from error
    if not there.get(device.type, False) or (
        device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    ):
        found = ", ".join(kind for kind, available in there.items() if available)
        raise Unavailable(f"device: got {str(device)!r}, which this machine does not have; it has {found}.")
    return device


def low_precision_of(device: torch.device) -> torch.dtype | None:
    """In what the device multiplies faster than in float32, by itself; None where in nothing.

    bfloat16 has the range of float32: newer CPUs and GPUs from Ampere on. A CPU that has to imitate it takes twenty
    times as long. Older GPUs with tensor cores (the T4 that is lent for nothing, say) have float16, which ends at
    65,504 and needs its gradients scaled (`ibteach.training.scaling`).
    """
    if device.type == "cpu":
        return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else None
    if device.type != "cuda":
        return None
    capability = torch.cuda.get_device_capability(device)
    return torch.bfloat16 if capability >= (8, 0) else torch.float16 if capability >= (7, 0) else None


def low_precision_for(model: nn.Module, device: torch.device) -> torch.dtype | None:
    """In what a model is trained in low precision there: float16 for a network alone.

    Networks of an ensemble would share the scale of their gradients, and one that overflows would halt the others.
    """
    found = low_precision_of(device)
    return None if found is torch.float16 and isinstance(model, Ensemble) else found


def memory_format(model: nn.Module) -> torch.memory_format:
    """Channels last where a network of its own convolves: about a quarter faster on a CPU, more on a GPU.

    Only for channels in eights: of fewer, torch 2.15 without AVX-512 writes beyond its memory in the backward pass of a
    1×1 convolution with a stride.

    >>> from ibteach import networks
    >>> [memory_format(networks.convnet((3, 32, 32), classes=10, width=width)) for width in (4, 8)]
    [torch.preserve_format, torch.channels_last]
    """
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    in_eights = all(module.out_channels % 8 == 0 for module in convolutions)
    return torch.channels_last if convolutions and in_eights else torch.preserve_format


def batch_that_fits(batch_size: int, attempt: Callable[[int], None]) -> int:
    """The largest of the halves of a batch that does not fit with which `attempt` finds memory enough; 0 for none."""
    for power in range(1, batch_size.bit_length()):
        torch.cuda.empty_cache()
        try:
            attempt(batch_size >> power)
        except torch.cuda.OutOfMemoryError:
            continue
        return batch_size >> power
    return 0
