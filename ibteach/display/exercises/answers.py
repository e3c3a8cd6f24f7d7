"""How an answer is compared with what is right: in every form that numbers have, and as exactly as it was given.

A number is right to the digits in which it is written, three of them at least: 0.242 and 0.24197 both are
1/√(2πe), 0.24 and 0.2421 are not. A function is right if it agrees with a reference on random inputs of several
sizes, given as torch or as numpy. What is wrong in a known way (bits, sign, factor 2, a swapped pair, a forgotten
`return`) is called by its name.
"""

import dis
import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ibteach.errors import IbteachError

DIGITS = 3  # significant digits that a number needs at least


class WrongAnswer(IbteachError, AssertionError):
    """The answer is not right yet: the message says what came, what kind of thing was expected, and a hint."""

    def _render_traceback_(self) -> list[str]:  # in a notebook: the message alone
        return [f"WrongAnswer: {self}"]


class Unanswered(Exception):
    """The answer still has ``...`` in it."""


def expect(condition: Any, message: str) -> None:
    """Raise `WrongAnswer` with that message unless the condition holds."""
    if not condition:
        raise WrongAnswer(message)


class agrees_with:
    """A check of numbers or arrays: `expected`, or a function without arguments that computes it.

    Any form of number is taken (Python, numpy, torch; axes of length 1 do not count). It has to be right to within
    `tolerance`, or rounded in its last digit, the third or a later one; a `whole` number has to be exact. What is
    said of bits is said of nats only: a number without that unit has ``unit=""``.

    >>> agrees_with(0.5)(torch.tensor([0.5]))
    >>> agrees_with(0.24197072)(0.242)
    >>> agrees_with(math.log(2))(1.0)
    Traceback (most recent call last):
    ...
    ibteach.display.exercises.answers.WrongAnswer: got 1, which would be right in bits: answer in nats.
    """

    def __init__(self, expected: Any, tolerance: float = 2e-5, unit: str = "nats", whole: bool = False) -> None:
        self._expected = functools.cache(expected if callable(expected) else lambda: expected)
        self._close = functools.partial(_rounded, tolerance=0.0 if whole else tolerance, digits=0 if whole else DIGITS)
        self.tolerance, self.unit, self.whole = tolerance, unit, whole

    def __call__(self, answer: Any) -> None:
        _compare(answer, self._expected(), self._close, self.unit, self.whole)

    def same(self, answer: Any, planted: Any) -> bool:
        """Whether the answer is this planted one."""
        planted = planted() if callable(planted) else planted
        try:
            _compare(answer, planted, self._close, self.unit)
        except WrongAnswer:
            return False
        return True


class function_agrees_with:
    """A check of a function: it must agree with `reference` on random inputs, given as torch or as numpy.

    ``inputs(draw)`` returns the arguments of one trial as a tuple; ``draw(*shape)`` is a float64 tensor of
    standard normal numbers. `reference` gets torch tensors. `tolerance` is relative to the largest expected value.
    """

    def __init__(
        self,
        reference: Callable,
        inputs: Callable[[Callable[..., torch.Tensor]], tuple],
        tolerance: float = 1e-4,
        trials: int = 6,
        unit: str = "nats",
    ) -> None:
        self.reference, self.inputs, self.trials, self.unit = reference, inputs, trials, unit
        self._close = functools.partial(_near, tolerance=tolerance)

    def arguments(self, seed: int = 0) -> list[tuple]:
        """The arguments of every trial."""
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        return [self.inputs(draw) for _ in range(self.trials)]

    def __call__(self, answer: Any) -> str | None:
        if not callable(answer):
            raise WrongAnswer(f"got {description(answer)}, expected a function.")
        with_tensors = self._refusal(answer, self.reference, lambda value: value)
        if with_tensors is None:
            return None
        with_arrays = self._refusal(answer, self.reference, as_numpy)
        if with_arrays is None:
            computed = with_tensors.__cause__ is None
            return "with numpy arrays: given tensors, it computes something else" if computed else None
        raise with_arrays if with_tensors.__cause__ is not None and with_arrays.__cause__ is None else with_tensors

    def same(self, answer: Callable, planted: Callable) -> bool:
        """Whether the answer computes what this planted function does."""
        try:
            return self._refusal(answer, planted, lambda value: value) is None
        except Exception:  # a planted function may fail, too
            return False

    def _refusal(self, answer: Callable, reference: Callable, given_as: Callable) -> WrongAnswer | None:
        for arguments in self.arguments():
            expected = reference(*map(_copy, arguments))
            try:
                _compare(
                    _call(answer, [given_as(argument) for argument in arguments]), expected, self._close, self.unit
                )
            except WrongAnswer as wrong:
                return wrong
        return None


def _call(function: Callable, arguments: list) -> Any:
    try:
        value = function(*map(_copy, arguments))
    except Exception as error:
        shapes = ", ".join(map(description, arguments))
        raise WrongAnswer(f"called with {shapes}, your function raised {type(error).__name__}: {error}.") from error
    if blank(value) or (value is None and _is_empty(function)):
        raise Unanswered
    expect(value is not None, "your function returned None: is a `return` missing?")
    return value


def _is_empty(function: Callable) -> bool:
    """Whether a function's body is nothing but ``...``, `pass` or a docstring."""
    if not hasattr(function, "__code__"):
        return False
    return all(
        step.opname.startswith(("RESUME", "LOAD_CONST", "RETURN", "NOP")) for step in dis.get_instructions(function)
    )


def _compare(answer: Any, expected: Any, close: Callable, unit: str, whole: bool = False) -> None:
    expected = as_numbers(expected)
    came, wanted = description(answer), _kind(expected.shape)
    try:
        given = as_numbers(answer)
    except (TypeError, ValueError, RuntimeError):
        raise WrongAnswer(f"got {came}, expected {wanted}.") from None
    if given.shape != expected.shape and expected.ndim == 2 and given.shape == expected.T.shape:
        raise WrongAnswer(f"got {came}, expected {wanted}: rows and columns are swapped.")
    expect(given.shape == expected.shape, f"got {came}, expected {wanted}.")
    if (without := ~np.isfinite(expected)).any():  # a planted mistake: NaN and infinity where it has them
        same = np.array_equal(given[without], expected[without], equal_nan=True)
        expect(same, f"got {came}, with other values that are not finite.")
        given, expected = given[~without], expected[~without]
    expect(np.isfinite(given).all(), f"got {came} with NaN or infinite values, expected {wanted}, finite.")
    if close(given, expected):
        return
    if unit == "nats":
        expect(not close(given * math.log(2), expected), f"got {came}, which would be right in bits: answer in nats.")
    if expected.shape == (2,):
        expect(not close(given[::-1], expected), f"got {came}: both are right, in the other order.")
    expect(not close(-given, expected), f"got {came}, which would be right with the other sign.")
    expect(not close(given / 2, expected), f"got {came}, which is twice what is right.")
    expect(not close(given * 2, expected), f"got {came}, which is half of what is right.")
    if expected.ndim == 0 and whole and _near(given, expected, 5e-3):
        raise WrongAnswer(f"got {given:.10g}, which is near: expected a whole number, and exactly that one.")
    if expected.ndim == 0 and _near(given, expected, 5e-3):
        raise WrongAnswer(f"got {came}, which is near: compute it exactly, or round no further than three digits.")
    raise WrongAnswer(f"got {came}; that is the right kind of thing, with another value.")


def _near(given: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    scale = np.abs(expected).max(initial=0.0) or 1.0
    return bool(np.isfinite(scale) and np.abs(given - expected).max(initial=0.0) <= tolerance * scale)


def _rounded(given: np.ndarray, expected: np.ndarray, tolerance: float, digits: int) -> bool:
    """Each number within `tolerance` of the expected one, or that one rounded to the digits in which it is given."""
    scale = np.abs(expected).max(initial=0.0) or 1.0
    for value, right in zip(given.ravel(), expected.ravel(), strict=True):
        allowed = tolerance * (abs(right) or scale)
        if digits and right:
            exponent = math.floor(math.log10(abs(right)))
            shown = max(digits, _significant_digits(value))
            allowed = max(allowed, 0.5 * 10.0 ** (exponent + 1 - shown) * (1 + 1e-6))
        if abs(value - right) > allowed:
            return False
    return True


def _significant_digits(value: float) -> int:
    """How many digits a number is written with; one that came as float32 is read as such."""
    short = np.float32(value)
    text = np.format_float_scientific(short if float(short) == value else np.float64(value), trim="-")
    return len(text.partition("e")[0].strip("-").replace(".", ""))


def as_numbers(value: Any) -> np.ndarray:
    """As float64, without axes of length 1. Raises `TypeError` for what is no number, or not a real one."""
    if isinstance(value, list | tuple):
        value = [as_numbers(entry) for entry in value]
    array = np.asarray(as_numpy(value))
    if value is None or array.dtype.kind not in "iufO":  # numpy would read NaN, the digits of a text, True as 1
        raise TypeError("not a number")
    return np.squeeze(array.astype(np.float64))


def as_numpy(value: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _copy(value: Any) -> Any:
    """So that a function that changes its arguments changes nothing else."""
    return value.clone() if isinstance(value, torch.Tensor) else value.copy() if hasattr(value, "copy") else value


def blank(answer: Any) -> bool:
    """Whether there is a ``...`` where an answer should be."""
    return answer is ... or (isinstance(answer, list | tuple) and any(entry is ... for entry in answer))


def _kind(shape: tuple[int, ...]) -> str:
    return f"numbers of shape {shape}" if shape else "one number"


def description(value: Any) -> str:
    """What came, in a few words."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        if math.prod(value.shape) == 1:
            return description(value.item())
        return f"{'a tensor' if isinstance(value, torch.Tensor) else 'an array'} of shape {tuple(value.shape)}"
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{float(value):.6g}"
    if isinstance(value, complex):
        return f"{value:.6g}"
    if value is None or isinstance(value, bool | str):
        return repr(value)
    return "a function" if callable(value) else f"a {type(value).__name__}"
