"""Exercises that check themselves: a right answer in any form is taken, a wrong one is met with a hint.

A reader of chapter 05 writes ``check("05.1", answer)`` and, on request, ``solution("05.1")``. An exercise that is
still ``...`` says so and raises nothing, so that an unanswered notebook runs to its end.

Chapter NN keeps its exercises in ``chapter_NN.py`` beside this file, as a list named ``EXERCISES``:

    from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, expect

    EXERCISES = [
        Exercise(
            name="05.1",
            title="The entropy of the noise",
            check=agrees_with(lambda: scipy.stats.norm.entropy()),  # an independent computation, run when asked
            hint="Differential entropy of N(0, σ²) is ½ log(2πeσ²).",
            setup="import math\\n",                                  # what the notebook has defined by then
            solution="answer = 0.5 * math.log(2 * math.pi * math.e)",
            wrong=(0.0, 2.047),                                     # at least two, for the tests
        ),
        Exercise(
            name="05.2",
            title="A rate, as a function",
            check=function_agrees_with(lambda mu: (mu**2).sum(-1) / 2, lambda draw: (draw(5, 3),)),
            hint="Sum over the dimensions, not over the examples.",
            solution="def rate(mu):\\n    return (mu**2).sum(-1) / 2\\n\\nanswer = rate",
            wrong=(lambda mu: (mu**2).sum(0) / 2, lambda mu: (mu**2).mean(-1)),
        ),
    ]

`check` may also be any function of the answer that calls `expect(condition, "what is not right yet")`.
The last statement of a solution binds `answer`. ``tests/display/test_exercises.py`` runs every chapter's solutions
and wrong answers.
"""

import dataclasses
import importlib
import math
import numbers
import pkgutil
from collections.abc import Callable

import numpy as np
import torch

from ibteach import checks
from ibteach.errors import IbteachError


class WrongAnswer(IbteachError, AssertionError):
    """The answer is not right yet: the message says what came, what kind of thing was expected, and a hint."""

    def _render_traceback_(self):  # in a notebook: the message alone
        return [f"WrongAnswer: {self}"]


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise; the module's docstring shows how to write it."""

    name: str
    title: str
    check: Callable[[object], None]
    hint: str
    solution: str
    wrong: tuple
    setup: str = ""


class Solution(str):
    """Source code that a notebook shows highlighted."""

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return f"```python\n{self}\n```"


def check(name: str, answer) -> None:
    """Print whether the answer to exercise `name` is right; ``...`` stands for an answer not given yet.

    Raises `WrongAnswer` with a hint, and `UnknownName` for an exercise that does not exist.
    """
    exercise = find(name)
    try:
        if _blank(answer):
            raise _Unanswered
        exercise.check(answer)
    except _Unanswered:
        print(f"○ {name} not answered yet")
        return
    except WrongAnswer as wrong:
        raise WrongAnswer(f"{name} is not right yet: {wrong} Hint: {exercise.hint}") from wrong.__cause__
    except Exception as error:
        raise WrongAnswer(
            f"{name} is not right yet: {_description(answer)} led to {type(error).__name__}: {error}. "
            f"Hint: {exercise.hint}"
        ) from error
    print(f"✓ {name} {exercise.title}")


def solution(name: str) -> Solution:
    """The solution of exercise `name`, as code. Raises `UnknownName` for an exercise that does not exist."""
    return Solution(find(name).solution.strip())


def find(name: str) -> Exercise:
    """The exercise called `name`, such as ``"05.1"``."""
    chapter = checks.known("chapter", str(name).partition(".")[0], chapters())
    exercises = {exercise.name: exercise for exercise in exercises_of(chapter)}
    return exercises[checks.known("exercise", name, exercises)]


def chapters() -> list[str]:
    """The chapters that have exercises, such as ``"05"``."""
    return sorted(found.name.removeprefix("chapter_") for found in pkgutil.iter_modules(__path__, ""))


def exercises_of(chapter: str) -> list[Exercise]:
    """The exercises of one chapter, loaded when first asked for."""
    return importlib.import_module(f"{__name__}.chapter_{chapter}").EXERCISES


# What a check is made of


def expect(condition, message: str) -> None:
    """Raise `WrongAnswer` with that message unless the condition holds."""
    if not condition:
        raise WrongAnswer(message)


def agrees_with(expected, tolerance: float = 1e-4) -> Callable[[object], None]:
    """A check of numbers, arrays or text: `expected`, or a function without arguments that computes it.

    Any form of number is taken (Python, numpy, torch; axes of length 1 do not count), to within `tolerance`
    relative to the largest expected value; text is compared without regard to case.

    >>> agrees_with(0.5)(torch.tensor([0.5]))
    >>> agrees_with(math.log(2))(1.0)
    Traceback (most recent call last):
    ...
    ibteach.display.exercises.WrongAnswer: got 1, which would be right in bits: answer in nats.
    """
    return lambda answer: _compare(answer, expected() if callable(expected) else expected, tolerance)


def function_agrees_with(reference, inputs, tolerance: float = 1e-4, trials: int = 5) -> Callable[[object], None]:
    """A check of a function: it must agree with `reference` on random inputs, given as torch or as numpy.

    ``inputs(draw)`` returns the arguments of one trial as a tuple; ``draw(*shape)`` is a float64 tensor of
    standard normal numbers. `reference` gets torch tensors.
    """

    def check_function(answer):
        if not callable(answer):
            raise WrongAnswer(f"got {_description(answer)}, expected a function.")
        generator = torch.Generator().manual_seed(0)
        for _ in range(trials):
            arguments = inputs(lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64))
            expected = reference(*(_copy(argument) for argument in arguments))
            try:
                _compare(_call(answer, arguments), expected, tolerance)
            except WrongAnswer as first:
                if first.__cause__ is None:  # it takes tensors, and computes something else
                    raise
                try:
                    _compare(_call(answer, [_as_numpy(argument) for argument in arguments]), expected, tolerance)
                except WrongAnswer:
                    raise first from first.__cause__

    return check_function


class _Unanswered(Exception):
    """The answer still has ``...`` in it."""


def _call(function, arguments):
    try:
        value = function(*(_copy(argument) for argument in arguments))
    except Exception as error:
        shapes = ", ".join(_description(argument) for argument in arguments)
        raise WrongAnswer(f"called with {shapes}, your function raised {type(error).__name__}: {error}.") from error
    if value is None or _blank(value):
        raise _Unanswered
    return value


def _compare(answer, expected, tolerance):
    if isinstance(expected, str):
        expect(isinstance(answer, str), f"got {_description(answer)}, expected text.")
        expect(answer.strip().casefold() == expected.casefold(), f"got {answer!r}, which is not it.")
        return
    expected = _numbers(expected)
    came, wanted = _description(answer), _kind(expected.shape)
    try:
        given = _numbers(answer)
    except (TypeError, ValueError, RuntimeError):
        raise WrongAnswer(f"got {came}, expected {wanted}.") from None
    expect(given.shape == expected.shape, f"got {came}, expected {wanted}.")
    expect(np.isfinite(given).all(), f"got {came} with NaN or infinite values, expected {wanted}, finite.")
    scale = tolerance * (np.abs(expected).max(initial=0.0) or 1.0)

    def close(values):
        return np.abs(values - expected).max(initial=0.0) <= scale

    if close(given):
        return
    expect(not close(given * math.log(2)), f"got {came}, which would be right in bits: answer in nats.")
    expect(not close(-given), f"got {came}, which would be right with the other sign.")
    raise WrongAnswer(f"got {came}; that is the right kind of thing, with another value.")


def _numbers(value) -> np.ndarray:
    """As float64, without axes of length 1."""
    if value is None or isinstance(value, str | bytes):  # numpy would read NaN, or the digits
        raise TypeError("not a number")
    if isinstance(value, list | tuple):
        value = [_numbers(entry) for entry in value]
    return np.squeeze(np.asarray(_as_numpy(value), dtype=np.float64))


def _as_numpy(value):
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _copy(value):
    """So that a function that changes its arguments changes nothing else."""
    return value.clone() if isinstance(value, torch.Tensor) else value.copy() if hasattr(value, "copy") else value


def _blank(answer) -> bool:
    return answer is ... or (isinstance(answer, list | tuple) and any(entry is ... for entry in answer))


def _kind(shape) -> str:
    return f"numbers of shape {shape}" if shape else "one number"


def _description(value) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        if value.size == 1 if isinstance(value, np.ndarray) else value.numel() == 1:
            return f"{value.item():.6g}"
        return f"{'a tensor' if isinstance(value, torch.Tensor) else 'an array'} of shape {tuple(value.shape)}"
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{float(value):.6g}"
    if value is None or isinstance(value, bool | str):
        return repr(value)
    return "a function" if callable(value) else f"a {type(value).__name__}"
