"""What readers bring: more forms of a right answer, which a check must take, and wrong ones, which it must not.

Both are made from an exercise's own solution, by the transformations that mistakes are made of: another unit, a sign,
a factor, an input transposed or a class label ignored, a constant that fits the first input. What a transformation
leaves as it was (the transpose of a symmetric matrix) is no mistake and is left out; it is compared on other inputs
than those of the check.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from ibteach.display.exercises.answers import DIGITS, agrees_with, as_numbers, as_numpy, function_agrees_with


def right_forms(answer: Any, check: Callable) -> Iterator[tuple[str, Any]]:
    """A right answer as the other things that a reader may have in hand, each with its name."""
    if isinstance(check, function_agrees_with):
        yield from _forms_of_function(answer)
        return
    array = as_numbers(answer)
    whole = getattr(check, "whole", False)
    yield from {
        "as it is": answer,
        "numpy": array,
        "numpy, one axis more": array[None],
        "torch float64": torch.as_tensor(array),
        "torch, with a gradient": torch.as_tensor(array).clone().requires_grad_(),
        "Python": array.tolist(),
        "a list of numpy numbers": [np.float64(value) for value in array.ravel()] if array.ndim < 2 else list(array),
        "a list of tensors": [torch.tensor(value) for value in array.ravel()] if array.ndim < 2 else list(array),
    }.items()
    if isinstance(check, agrees_with):
        yield "torch float32", torch.as_tensor(array).float()
        yield "numpy float32", array.astype(np.float32)
        if not whole:
            for digits in (DIGITS, DIGITS + 1):
                yield f"{digits} digits", (rounded := _rounded(array, digits)).tolist()
                yield f"{digits} digits in float32", torch.as_tensor(rounded).float()


def _rounded(array: np.ndarray, digits: int) -> np.ndarray:
    return np.vectorize(lambda value: float(f"{value:.{digits - 1}e}"))(array)


def _forms_of_function(function: Callable) -> Iterator[tuple[str, Callable]]:
    def cast(kind: torch.dtype) -> Callable:
        return lambda *given: function(
            *(_cast(torch.as_tensor(value), kind) if _is_array(value) else value for value in given)
        )

    def only_numpy(*given: Any) -> Any:
        if any(isinstance(value, torch.Tensor) for value in given):
            raise TypeError("expected arrays")
        return as_numpy(function(*(torch.as_tensor(value) if _is_array(value) else value for value in given)))

    yield "torch float64", function
    yield "torch float32", cast(torch.float32)
    yield "numpy alone", only_numpy
    yield "numpy of tensors", lambda *given: np.asarray(as_numpy(function(*given)))
    yield "Python numbers", lambda *given: as_numbers(function(*given)).tolist()
    yield "one axis more", lambda *given: as_numbers(function(*given))[..., None]
    yield "numpy float32", lambda *given: as_numbers(function(*given)).astype(np.float32)


def _cast(value: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    return value.to(kind) if value.is_floating_point() else value


def _is_array(value: Any) -> bool:
    return isinstance(value, torch.Tensor | np.ndarray)


def wrong_relatives(answer: Any, check: Callable) -> Iterator[tuple[str, Any]]:
    """What mistakes make of a right answer, each with its name."""
    if isinstance(check, function_agrees_with):
        yield from _relatives_of_function(answer, check)
        return
    right = as_numbers(answer)
    yield "no answer", None
    yield "text", str(answer)
    yield "not a number", right * math.nan
    yield "a table", np.stack([right, right, right])
    for name, change in _CHANGES.items():
        with np.errstate(all="ignore"):
            wrong = np.asarray(change(right))
        if wrong.shape == right.shape and np.allclose(wrong, right, rtol=1e-9, atol=0):
            continue
        yield name, wrong.tolist()


_CHANGES: dict[str, Callable[[np.ndarray], Any]] = {
    "bits": lambda x: x / math.log(2),
    "from bits once too often": lambda x: x * math.log(2),
    "the other sign": lambda x: -x,
    "twice": lambda x: 2 * x,
    "half": lambda x: x / 2,
    "one more": lambda x: x + 1,
    "one less": lambda x: x - 1,
    "squared": lambda x: x**2,
    "its root": lambda x: np.abs(x) ** 0.5,
    "its inverse": lambda x: 1 / x,
    "one part in 200 too much": lambda x: 1.0051 * x,
    "in the other order": lambda x: x[::-1] if x.ndim else x,
    "the mean": lambda x: x.mean() if x.ndim else x,
}


def _relatives_of_function(function: Callable, check: function_agrees_with) -> Iterator[tuple[str, Callable]]:
    first = as_numbers(function(*check.arguments()[0]))

    def tensors(change: Callable) -> Callable:
        """Change what goes in."""

        def changed(*given: Any) -> Any:
            return function(*(change(torch.as_tensor(value)) if _is_array(value) else value for value in given))

        return changed

    yield "forgotten `return`", lambda *given: (function(*given), None)[1]
    yield "a constant that fits the first input", lambda *given: first
    relatives = {
        "bits": lambda *given: function(*given) / math.log(2),
        "the other sign": lambda *given: -function(*given),
        "twice": lambda *given: 2 * function(*given),
        "half": lambda *given: function(*given) / 2,
        "a tenth too much": lambda *given: function(*given) + 0.1,
        "a part in a hundred too much": lambda *given: function(*given) * 1.01,
        "transposed": tensors(lambda value: value.T if value.ndim == 2 else value),
        "arguments in the other order": lambda *given: function(*given[::-1]),
        "without the last one": tensors(lambda value: value[:-1] if value.ndim else value),
        "classes pooled": tensors(lambda value: value if value.is_floating_point() else torch.zeros_like(value)),
        "shifted": tensors(lambda value: value + 0.1 if value.is_floating_point() else value),
    }
    for name, wrong in relatives.items():
        if not _is_the_same(function, wrong, check.arguments(seed=1)):
            yield name, wrong


def _is_the_same(function: Callable, other: Callable, trials: list[tuple]) -> bool:
    for arguments in trials:
        try:
            right, came = as_numbers(function(*arguments)), as_numbers(other(*arguments))
        except Exception:  # it fails: not the same
            return False
        if came.shape != right.shape or not np.allclose(came, right, rtol=1e-9, atol=1e-12):
            return False
    return True
