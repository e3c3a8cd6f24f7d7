"""Exercises take every right form and refuse wrong answers; every chapter's own are run through that here."""

import math

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ibteach import errors
from ibteach.display import exercises
from ibteach.display.exercises import Exercise, WrongAnswer, agrees_with, expect, function_agrees_with, planted

EVERY = [exercise for chapter in exercises.chapters() for exercise in exercises.exercises_of(chapter)]


def solved(exercise):
    scope = {"__name__": "notebook"}
    exec(exercise.setup, scope)
    exec(exercise.solution, scope)
    return scope["answer"]


LIKE = {("01.2", "NaN where a row is zero"): "0 · log 0 as NaN"}  # all of either is NaN


def each_exercise(test):
    return pytest.mark.parametrize("exercise", EVERY, ids=lambda exercise: exercise.name)(test)


def planted_wrong(exercise):
    """The wrong answers of an exercise: those it names, and what mistakes make of its solution."""
    for name, wrong in exercise.mistakes.items():
        lazy = callable(wrong) and not isinstance(exercise.check, function_agrees_with)
        yield name, wrong() if lazy else wrong
    if hasattr(exercise.check, "same"):
        yield from planted.wrong_relatives(solved(exercise), exercise.check)


# The chapters' exercises


@each_exercise
def test_each_solution_is_accepted_in_every_form(exercise, capsys):
    forms = list(planted.right_forms(solved(exercise), exercise.check))
    assert len(forms) >= 6
    for name, form in forms:
        exercises.check(exercise.name, form)
        assert capsys.readouterr().out == f"✓ {exercise.name} {exercise.title}\n", name


@each_exercise
def test_every_planted_wrong_answer_is_refused(exercise):
    wrong = list(planted_wrong(exercise))
    assert len(wrong) >= 8 and len(exercise.mistakes) >= 5
    taken = [name for name, answer in wrong if not is_refused(exercise, answer)]
    assert taken == []


def is_refused(exercise, answer):
    try:
        exercises.check(exercise.name, answer)
    except WrongAnswer:
        return True
    return False


@each_exercise
def test_a_mistake_is_called_by_its_name(exercise):
    for name, wrong in exercise.mistakes.items():
        if exercise.name == "01.5":  # its check says what is wrong with a table
            continue
        with pytest.raises(WrongAnswer) as refused:
            exercises.check(
                exercise.name, wrong() if callable(wrong) and isinstance(exercise.check, agrees_with) else wrong
            )
        assert f"this looks like {LIKE.get((exercise.name, name), name)}." in str(refused.value)


@each_exercise
def test_hints_come_in_two_steps_and_the_first_is_not_the_answer(exercise, monkeypatch):
    monkeypatch.setattr(exercises, "_wrong_answers", {})
    said = []
    for _ in range(2):
        with pytest.raises(WrongAnswer) as refused:
            exercises.check(exercise.name, "no idea")
        said.append(str(refused.value))
    look, how = exercise.hint
    assert look in said[0] and how not in said[0] and look in said[1] and how in said[1]
    assert "?" in look or "." in look
    assert exercise.solution.strip().removeprefix("answer = ") not in look
    assert exercises.hint(exercise.name) == look and exercises.hint(exercise.name, 2) == how


@each_exercise
def test_functions_are_tried_on_two_sizes_of_every_axis(exercise):
    if isinstance(exercise.check, function_agrees_with):
        for column in zip(*exercise.check.arguments(), strict=True):
            if isinstance(column[0], torch.Tensor):
                for axis in range(column[0].ndim):
                    assert len({argument.shape[axis] for argument in column}) > 1
            else:
                assert len(set(column)) > 1


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
        facts = {"title": "T", "hint": ("Look again.", "Do so."), "solution": "answer = 1\n", "mistakes": {}} | more
        monkeypatch.setattr(exercises, "_wrong_answers", {})
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
        (np.array("0.25"), "got '0.25', expected one number"),
        (np.array(["0.25", "1"]), r"got an array of shape \(2,\), expected one number"),
        (0.25 + 0j, r"got 0.25\+0j, expected one number"),
        (np.array(0.25 + 5j), r"got 0.25\+5j, expected one number"),
        (torch.tensor([0.25 + 5j]), r"got 0.25\+5j, expected one number"),
        (True, "got True, expected one number"),
        (np.True_, "got True, expected one number"),
        (torch.tensor(True), "got True, expected one number"),
        ([True], "got a list, expected one number"),
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


def test_arrays_and_zeros():
    agrees_with(np.zeros((2, 1)))(torch.zeros(2))
    agrees_with(lambda: torch.arange(3))([torch.tensor(0), np.float32(1), 2.0])
    for expected, wrong in [(np.zeros(2), [0.0, 0.1]), (np.ones(3), np.ones((3, 3)))]:
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
        (lambda mu: rate(mu) * 2, "twice what is right"),
        (lambda mu: rate(mu) + 1, "another value"),
        (lambda mu: -rate(mu), "other sign"),
        (lambda mu: rate(mu) / math.log(2), "right in bits"),
        (lambda mu: [rate(mu), None][1], "is a `return` missing"),
        (lambda mu: mu.missing, r"called with a tensor of shape \(5, 3\), your function raised AttributeError"),
        (lambda: 0, "TypeError"),
        (3.0, "got 3, expected a function"),
    ],
)
def test_a_wrong_function(chapter, message, answer):
    with pytest.raises(WrongAnswer, match=message):
        chapter(function_agrees_with(rate, normal_batch))(answer)


def test_right_with_arrays_alone_is_right_and_says_so(chapter, capsys):
    """As what uses `var`, which divides by N in numpy and by N − 1 in torch."""
    check = chapter(function_agrees_with(lambda x: x.var(0, correction=0), normal_batch))
    check(lambda x: x.var(0))
    assert capsys.readouterr().out == "✓ 99.1 T (with numpy arrays: given tensors, it computes something else)\n"
    check(lambda x: np.var(np.asarray(x), axis=0))
    assert capsys.readouterr().out == "✓ 99.1 T\n"
    with pytest.raises(WrongAnswer):
        check(lambda x: x.var(0, 1))


@pytest.mark.parametrize("answer", [0.242, 0.24197, "0.2420", np.float32(0.242), torch.tensor(0.241971)], ids=repr)
def test_numbers_are_as_exact_as_they_are_written(answer):
    agrees_with(0.24197072)(float(answer) if isinstance(answer, str) else answer)


@pytest.mark.parametrize("answer", [0.24, 0.2421, 0.241, 0.24190, np.float32(0.2425)], ids=repr)
def test_a_digit_that_is_wrong_is_wrong(answer):
    with pytest.raises(WrongAnswer, match=r"near|another value"):
        agrees_with(0.24197072)(answer)


def test_whole_numbers_are_exact_and_what_has_no_unit_is_not_in_bits():
    agrees_with(162_755, unit="", whole=True)(162_755.0)
    for wrong in (162_754, 162_750, 163_000, 162_754.79):
        with pytest.raises(WrongAnswer):
            agrees_with(162_755, unit="", whole=True)(wrong)
    with pytest.raises(WrongAnswer, match=r"got -0\.9999999, which is near: expected a whole number"):
        agrees_with(-1, whole=True)(-0.9999999)
    with pytest.raises(WrongAnswer) as refused:
        agrees_with(0.25, unit="")(0.25 / math.log(2))
    assert "bits" not in str(refused.value)


def test_known_mistakes_are_named():
    with pytest.raises(WrongAnswer, match="in the other order"):
        agrees_with([1.0, 2.0])([2.0, 1.0])
    with pytest.raises(WrongAnswer, match="rows and columns are swapped"):
        agrees_with(np.ones((2, 3)))(np.ones((3, 2)))


def test_a_mistake_without_a_value_is_named(chapter):
    """NaN and infinity, where the planted answer has them, and its numbers where it has some."""
    planted = {"a logarithm of nothing": [math.nan, 2.0, -math.inf], "no sum": [1.0, 2.0, 3.5]}
    check = chapter(agrees_with([1.0, 2.0, 3.0]), mistakes=planted)
    for answer, said in [
        ([math.nan, 2.0, -math.inf], "this looks like a logarithm of nothing."),
        (torch.tensor([math.nan, 2.0, -math.inf]), "this looks like a logarithm of nothing."),
        ([math.nan, 4.0, -math.inf], "with NaN or infinite values"),
        ([math.nan, 2.0, math.inf], "with NaN or infinite values"),
        ([1.0, 2.0, 3.5], "this looks like no sum."),
    ]:
        with pytest.raises(WrongAnswer, match=said):
            check(answer)


def unfinished(mu): ...


def described(mu):
    """It says what it will do."""


UNANSWERED = {
    "ellipsis": ...,
    "in a list": [..., 1],
    "in a pair": (1, ...),
    "body": unfinished,
    "docstring": described,
    "lambda": lambda mu: ...,
}


@pytest.mark.parametrize("answer", UNANSWERED.values(), ids=UNANSWERED)
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
