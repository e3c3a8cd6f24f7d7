"""Exercises take every right form and refuse wrong answers; every chapter's own are run through that here."""

import math

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ibteach import errors
from ibteach.display import exercises
from ibteach.display.exercises import Exercise, WrongAnswer, agrees_with, expect, function_agrees_with

EVERY = [exercise for chapter in exercises.chapters() for exercise in exercises.exercises_of(chapter)]


def solved(exercise):
    scope = {"__name__": "notebook"}
    exec(exercise.setup, scope)
    exec(exercise.solution, scope)
    return scope["answer"]


def forms(answer):
    """The same answer as the other things that a reader may have in hand."""
    yield answer
    if isinstance(answer, torch.Tensor):
        answer = answer.detach()
        yield answer.requires_grad_() if answer.is_floating_point() else answer
        answer = answer.detach().numpy()
    if isinstance(answer, float | np.ndarray):
        array = np.asarray(answer)
        yield from (array, torch.as_tensor(array), torch.as_tensor(array).float(), array.tolist(), array[None])


# The chapters' exercises


@pytest.mark.parametrize("exercise", EVERY, ids=lambda exercise: exercise.name)
def test_each_solution_is_accepted_in_every_form(exercise, capsys):
    for form in forms(solved(exercise)):
        exercises.check(exercise.name, form)
        assert capsys.readouterr().out == f"✓ {exercise.name} {exercise.title}\n"


@pytest.mark.parametrize("exercise", EVERY, ids=lambda exercise: exercise.name)
def test_each_declared_wrong_answer_is_refused(exercise):
    assert len(exercise.wrong) >= 2
    for wrong in exercise.wrong:
        with pytest.raises(WrongAnswer) as refused:
            exercises.check(exercise.name, wrong)
        assert exercise.hint in str(refused.value)


@pytest.mark.parametrize("exercise", EVERY, ids=lambda exercise: exercise.name)
def test_each_unanswered_exercise_is_quiet(exercise, capsys):
    exercises.check(exercise.name, ...)
    assert capsys.readouterr().out == f"○ {exercise.name} not answered yet\n"


@pytest.mark.parametrize("chapter", exercises.chapters())
def test_names_are_unique_and_of_their_chapter(chapter):
    names = [exercise.name for exercise in exercises.exercises_of(chapter)]
    assert names == sorted(set(names), key=lambda name: [int(part) for part in name.split(".")])
    assert all(name.startswith(f"{chapter}.") for name in names)


# The engine


@pytest.fixture
def chapter(monkeypatch):
    """Install exercises as chapter 99."""

    def install(check, **more):
        facts = {"title": "T", "hint": "Look again.", "solution": "answer = 1\n", "wrong": (2, 3)} | more
        monkeypatch.setattr(exercises, "chapters", lambda: ["99"])
        monkeypatch.setattr(exercises, "exercises_of", lambda _: [Exercise(name="99.1", check=check, **facts)])
        return lambda answer: exercises.check("99.1", answer)

    return install


@pytest.fixture
def shell():
    return InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))


@pytest.mark.parametrize(
    "answer",
    [0.25, np.float32(0.25), torch.tensor(0.25), torch.tensor([[0.25]]), [0.25], np.array([0.25]), 0.250001],
    ids=repr,
)
def test_any_form_of_a_right_number(chapter, capsys, answer):
    chapter(agrees_with(0.25))(answer)
    assert capsys.readouterr().out == "✓ 99.1 T\n"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (0.3, "got 0.3; that is the right kind"),
        (0.2501, "got 0.2501"),
        (0.0, "got 0"),
        (-0.25, "other sign"),
        (0.25 / math.log(2), "right in bits"),
        ([0.25, 0.25], "got a list, expected one number"),
        (torch.ones(2, 3), r"got a tensor of shape \(2, 3\), expected one number"),
        (np.ones((1, 2)), r"got an array of shape \(1, 2\)"),
        (math.nan, "NaN"),
        (torch.tensor(math.inf), "infinite"),
        ("0.25", "got '0.25', expected one number"),
        (None, "got None, expected one number"),
        (print, "got a function, expected one number"),
        ({}, "got a dict, expected one number"),
        ([[1], [2, 3]], "got a list"),
    ],
    ids=repr,
)
def test_a_wrong_number_says_what_came_and_the_hint(chapter, answer, message):
    with pytest.raises(WrongAnswer, match=rf"99.1 is not right yet: .*{message}.*Hint: Look again\.") as refused:
        chapter(agrees_with(0.25))(answer)
    assert isinstance(refused.value, AssertionError) and isinstance(refused.value, errors.IbteachError)


def test_arrays_zero_and_text():
    agrees_with(np.zeros((2, 1)))(torch.zeros(2))
    agrees_with(lambda: torch.arange(3))([torch.tensor(0), np.float32(1), 2.0])
    agrees_with("CEB")(" ceb ")
    for expected, wrong in [(np.zeros(2), [0.0, 0.1]), ("CEB", "VIB"), ("CEB", 3), (np.ones(3), np.ones((3, 3)))]:
        with pytest.raises(WrongAnswer):
            agrees_with(expected)(wrong)


def rate(mu):
    return (mu**2).sum(-1) / 2


def normal_batch(draw):
    return (draw(5, 3),)


@pytest.mark.parametrize(
    "answer",
    [
        rate,
        lambda mu: 0.5 * np.square(np.asarray(mu)).sum(axis=-1),
        lambda mu: torch.linalg.vector_norm(mu.float(), dim=-1).square() / 2,
        lambda mu: np.sum(mu.astype(np.float32) ** 2, axis=-1, keepdims=True) / 2,  # numpy only
        lambda mu: [sum(float(x) ** 2 for x in row) / 2 for row in mu],
        lambda mu: mu.mul_(mu).sum(-1) / 2,  # in place: must not spoil the expected value
    ],
)
def test_any_form_of_a_right_function(chapter, capsys, answer):
    chapter(function_agrees_with(rate, normal_batch))(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda mu: rate(mu).mean(), r"expected numbers of shape \(5,\)"),
        (lambda mu: rate(mu) * 2, "another value"),
        (lambda mu: mu.missing, r"called with a tensor of shape \(5, 3\), your function raised AttributeError"),
        (lambda: 0, "TypeError"),
        (3.0, "got 3, expected a function"),
        # right with numpy's variance only: what a tensor gives is what counts
        (lambda mu: mu.var(-1) * 0 + rate(mu) * (1 if isinstance(mu, np.ndarray) else 2), "another value"),
    ],
)
def test_a_wrong_function(chapter, message, answer):
    with pytest.raises(WrongAnswer, match=message):
        chapter(function_agrees_with(rate, normal_batch))(answer)


def unfinished(mu): ...


@pytest.mark.parametrize("answer", [..., [..., 1], (1, ...), unfinished, lambda mu: ...], ids=repr)
def test_not_answered_yet(chapter, capsys, answer):
    chapter(function_agrees_with(rate, normal_batch))(answer)
    assert capsys.readouterr().out == "○ 99.1 not answered yet\n"


def test_a_check_of_ones_own(chapter, capsys):
    check = chapter(lambda answer: expect(answer["gamma"] > 0, "γ must be positive."))
    check({"gamma": 1})
    with pytest.raises(WrongAnswer, match=r"γ must be positive\. Hint"):
        check({"gamma": 0})
    with pytest.raises(WrongAnswer, match="a dict led to KeyError"):
        check({})


def test_unknown_exercises_name_the_nearest(chapter):
    chapter(agrees_with(1))
    with pytest.raises(errors.UnknownName, match=r"did you mean '99\.1'"):
        exercises.check("99.2", 1)
    with pytest.raises(errors.UnknownName, match="chapter"):
        exercises.solution("98.1")
    with pytest.raises(errors.UnknownName):
        exercises.check(99.1j, 1)


def test_the_solution_is_shown_as_code(chapter, shell):
    chapter(agrees_with(1))
    shown = shell.display_formatter.format(exercises.solution("99.1"))[0]
    assert shown["text/markdown"] == "```python\nanswer = 1\n```"
    assert shown["text/plain"] == "answer = 1"


def test_a_notebook_shows_the_message_without_the_stack(chapter, shell, capsys):
    shell.user_ns["check"] = chapter(agrees_with(1))
    shell.run_cell("check(2)")
    out = capsys.readouterr().out
    assert "WrongAnswer: 99.1 is not right yet: got 2" in out and "Traceback" not in out
