"""What a training runs on: the device, its precision, how images lie in its memory, and how many fit there."""

from collections.abc import Callable

import torch
from torch import nn

from ibteach.errors import InvalidInput, Unavailable


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


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 itself: a CPU that has to imitate it takes twenty times as long."""
    if device.type == "cpu":
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def memory_format(model: nn.Module) -> torch.memory_format:
    """Channels last where a network of its own convolves: about a quarter faster on a CPU, more on a GPU.

    Only for channels in eights: of fewer, torch 2.15 without AVX-512 writes beyond its memory in the backward pass of a
    1×1 convolution with a stride.
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
