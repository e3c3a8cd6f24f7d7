"""Exercises that check themselves: a right answer in any form is taken, a wrong one is met with a hint.

A reader of chapter 05 writes ``check("05.1", answer)`` and, on request, ``solution("05.1")``. An exercise that is
still ``...`` says so and raises nothing, so that an unanswered notebook runs to its end. The first wrong answer is
told where to look, the second how to go on; a known mistake is called by its name.

Chapter NN keeps its exercises in ``chapter_NN.py`` beside this file, as a list named ``EXERCISES``:

    from ibteach.display.exercises import Exercise, agrees_with, function_agrees_with, size

    EXERCISES = [
        Exercise(
            name="05.1",
            title="The entropy of the noise",
            check=agrees_with(lambda: scipy.stats.norm.entropy()),  # an independent computation, run when asked
            hint=("What is the density of N(0, 1)?", "Its differential entropy is ½ log(2πeσ²)."),
            setup="import math\\n",                                  # what the notebook has defined by then
            solution="answer = 0.5 * math.log(2 * math.pi * math.e)",
            mistakes={"without the ½": math.log(2 * math.pi * math.e)},
        ),
        Exercise(
            name="05.2",
            title="A rate, as a function",
            check=function_agrees_with(lambda mu: (mu**2).sum(-1) / 2, lambda draw: (draw(size(draw), size(draw)),)),
            hint=("How many rates has a batch?", "Sum over the dimensions, not over the examples."),
            solution="def rate(mu):\\n    return (mu**2).sum(-1) / 2\\n\\nanswer = rate",
            mistakes={"a sum over the examples": lambda mu: (mu**2).sum(0) / 2},
        ),
    ]

`mistakes` are wrong answers by name: a reader who gives one is told its name. `check` may also be any function of the
answer that calls `expect(condition, "what is not right yet")`. The last statement of a solution binds `answer`.
`planted` makes from every solution more forms of it, which must be taken, and more wrong answers, which must not;
``tests/display/test_exercises.py`` tries them all.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ibteach import checks
from ibteach.display.exercises.answers import (
    Unanswered,
    WrongAnswer,
    agrees_with,
    blank,
    description,
    expect,
    function_agrees_with,
)
from ibteach.display.exercises.predictions import predict

__all__ = [
    "Exercise", "Solution", "WrongAnswer", "agrees_with", "chapters", "check", "exercises_of", "expect", "find",
    "function_agrees_with", "hint", "predict", "size", "solution",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise; the module's docstring shows how to write it."""

    name: str
    title: str
    check: Callable[[Any], str | None]
    hint: tuple[str, str]
    solution: str
    mistakes: Mapping[str, Any]
    setup: str = ""


class Solution(str):
    """Source code that a notebook shows highlighted."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}\n```"


_wrong_answers: dict[str, int] = {}


def check(name: str, answer: Any) -> None:
    """Print whether the answer to exercise `name` is right; ``...`` stands for an answer not given yet.

    Raises `WrongAnswer`, at first with a hint of what to look at and from the second wrong answer on with how to go
    on as well, and `UnknownName` for an exercise that does not exist.
    """
    exercise = find(name)
    try:
        if blank(answer):
            raise Unanswered
        note = exercise.check(answer)
    except Unanswered:
        print(f"○ {name} not answered yet")
        return
    except WrongAnswer as wrong:
        named = _mistake(exercise, answer)
        came = str(wrong) if named is None else f"this looks like {named}."
        raise WrongAnswer(f"{name} is not right yet: {came} {_next_hint(exercise)}") from wrong.__cause__
    except Exception as error:
        came = f"{description(answer)} led to {type(error).__name__}: {error}."
        raise WrongAnswer(f"{name} is not right yet: {came} {_next_hint(exercise)}") from error
    _wrong_answers.pop(name, None)
    print(f"✓ {name} {exercise.title}" + (f" ({note})" if note else ""))


def hint(name: str, step: int = 1) -> str:
    """The first hint to exercise `name`, what to look at, or the second, how to go on."""
    return find(name).hint[checks.whole("step", step, minimum=1, maximum=2) - 1]


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
    found = (module.name for module in pkgutil.iter_modules(__path__, ""))
    return sorted(name.removeprefix("chapter_") for name in found if name.startswith("chapter_"))


def exercises_of(chapter: str) -> list[Exercise]:
    """The exercises of one chapter, loaded when first asked for."""
    return importlib.import_module(f"{__name__}.chapter_{chapter}").EXERCISES


def size(draw: Callable[..., torch.Tensor], smallest: int = 2) -> int:
    """Another length of an axis in each trial, of `smallest` and more."""
    return int(smallest + abs(4 * draw(1).item()))


def _mistake(exercise: Exercise, answer: Any) -> str | None:
    same = getattr(exercise.check, "same", None)
    planted = exercise.mistakes.items()
    return next((name for name, wrong in planted if same and same(answer, wrong)), None)


def _next_hint(exercise: Exercise) -> str:
    """What to look at; from the second wrong answer on, how to go on, too."""
    first, second = exercise.hint
    _wrong_answers[exercise.name] = tries = _wrong_answers.get(exercise.name, 0) + 1
    return f"Hint: {first}" if tries == 1 else f"Hint: {first} {second}"
