"""Exercises on a page: a place to write a number, checked in the browser, without the answer in the page.

What a page holds of an answer are salted hashes of it, rounded to three significant digits, to four and to five: it is
compared to as many as were typed. So it is with wrong answers that are met with a word (bits for nats, a sign, a factor
of 2, the mistakes that the exercise names). `asked` makes that of an exercise, ``exercises.js`` shows it and checks. An
exercise that wants a function or a table is answered in a notebook: there the page leads to a place that runs it, where
there is one.
"""

from __future__ import annotations

import decimal
import hashlib
import html
import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np

from ibteach.display import exercises
from ibteach.display.exercises.answers import DIGITS, agrees_with, as_numbers
from ibteach.errors import InvalidInput
from ibteach.launches import Addresses

if TYPE_CHECKING:
    from ibteach.site.build import Site

MOST = 3  # numbers that are asked for one by one; more are a table
MOST_DIGITS = 5  # that are compared: what is computed is right to 2e-5
TINY = 1e-5  # what is smaller is zero
NEAR = "That is near: compute it exactly, or round no further than three digits."
CHECK = re.compile(r"exercises\.check\(\s*[\"'](\d\d\.\d+)[\"']")


def canonical(values: Any, whole: bool = False) -> str:
    """Numbers as they are hashed: each with the digits that it has, from three to five, rounded as a browser does it.

    What is counted, `whole`, is not rounded.

    >>> canonical([0.2419707, -2.125]), canonical(0), canonical(162755.0, whole=True)
    ('2.4197e-1 -2.125e+0', '0.00e+0', '162755')
    """
    return " ".join(_written(number, whole) for number in np.atleast_1d(as_numbers(values)).tolist())


def _written(number: float, whole: bool) -> str:
    number = 0.0 if abs(number) < TINY else number
    if whole and number.is_integer() and abs(number) < 2**53:
        return f"{number:.0f}"
    digits = len(decimal.Decimal(repr(number)).normalize().as_tuple().digits)
    return _rounded(decimal.Decimal(number), min(max(digits, DIGITS), MOST_DIGITS))


def _rounded(exact: decimal.Decimal, digits: int) -> str:
    """To so many digits, halves away from zero."""
    if not exact:
        return f"{0:.{digits - 1}f}e+0"
    rounded = exact
    for _ in range(2):  # 9.996 becomes 10.0, which has another exponent
        step = decimal.Decimal(1).scaleb(rounded.adjusted() - digits + 1)
        rounded = exact.quantize(step, decimal.ROUND_HALF_UP)
    exponent = rounded.adjusted()
    return f"{rounded.scaleb(-exponent):.{digits - 1}f}e{exponent:+d}"


def _taken(value: float, whole: bool, tolerance: float) -> set[str]:
    """How all numbers are written that are taken for this one: it, rounded, and what is within the tolerance."""
    if abs(value) < TINY or (whole and value.is_integer()):
        return {_written(value, whole)}
    texts = set()
    for digits in range(DIGITS, MOST_DIGITS + 1):
        exponent = math.floor(math.log10(abs(value))) - digits + 1
        count = value / 10.0**exponent
        allowed = tolerance * abs(count)
        slack = (0.5 + allowed if digits == MOST_DIGITS else max(0.5, allowed)) + 1e-6  # the last may have been longer
        for near in range(math.ceil(count - slack), math.floor(count + slack) + 1):
            texts.add(_rounded(decimal.Decimal(near).scaleb(exponent), digits))
    return texts


def hashes(salt: str, values: np.ndarray, whole: bool, tolerance: float = 0.0) -> set[str]:
    """The hashes of all answers that are taken for this one: 16 hexadecimal digits of SHA-256 over salt and numbers."""
    taken = [_taken(value, whole, tolerance) for value in np.atleast_1d(values).tolist()]
    texts = map(" ".join, itertools.product(*taken))
    return {hashlib.sha256(f"{salt} {text}".encode()).hexdigest()[:16] for text in texts}


def is_numeric(exercise: exercises.Exercise) -> bool:
    """Whether the answer is a number, or a few."""
    return isinstance(exercise.check, agrees_with) and 0 < _expected(exercise.check).size <= MOST


def asked(exercise: exercises.Exercise) -> dict[str, Any]:
    """What a page knows of an exercise whose answer is a number: hashes of it, and of what is plausible and wrong."""
    check = exercise.check
    if not isinstance(check, agrees_with):
        raise InvalidInput(f"exercise: got {exercise.name}, which numbers do not answer; expected one that they do.")
    right = _expected(check)
    salt = hashlib.sha256(f"ibteach {exercise.name} {exercise.title}".encode()).hexdigest()[:16]
    hashes_right = hashes(salt, right, check.whole, check.tolerance)
    known, wrong = set(hashes_right), {}
    for value, said in _plausible(exercise, right, check.unit):
        if value.shape == right.shape and np.isfinite(value).all():
            new = hashes(salt, value, check.whole) - known
            wrong[said] = sorted(new.union(wrong.get(said, ())))
            known |= new
    return {
        "name": exercise.name,
        "title": exercise.title,
        "unit": check.unit,
        "count": right.size,
        "whole": check.whole,
        "salt": salt,
        "right": sorted(hashes_right),
        "wrong": wrong,
        "near": NEAR,
        "hints": list(exercise.hint),
    }


def _expected(check: agrees_with) -> np.ndarray:
    return as_numbers(check._expected())


def _to_digits(value: np.ndarray, digits: int) -> np.ndarray:
    return np.vectorize(lambda x: float(f"{x:.{digits - 1}e}"))(value)


def _plausible(exercise: exercises.Exercise, right: np.ndarray, unit: str):
    """Wrong answers, each with what is said to it; the exercise's own mistakes go by their names."""
    for name, wrong in exercise.mistakes.items():
        yield as_numbers(wrong() if callable(wrong) else wrong), f"This looks like {name}."
    if unit == "nats":
        yield right / math.log(2), "That would be right in bits: answer in nats."
        yield right * math.log(2), "That is a factor of ln 2 too small: were nats taken for bits?"
    if right.shape == (2,):
        yield right[::-1], "Both are right, in the other order."
    yield -right, "That would be right with the other sign."
    yield right * 2, "That is twice what is right."
    yield right / 2, "That is half of what is right."
    yield _to_digits(right, DIGITS - 1), NEAR


def widget(name: str, launches: Addresses | None, notebook: str) -> str:
    """The HTML that stands below the cell of an exercise."""
    exercise = exercises.find(name)
    if is_numeric(exercise):
        return _element(asked(exercise))
    return _element({"name": name, "title": exercise.title, "launch": launches.colab(notebook) if launches else None})


def _element(said: dict[str, Any]) -> str:
    text = json.dumps(said, ensure_ascii=False)
    return f'<div class="ibteach-exercise" data-exercise="{html.escape(text, quote=True)}"></div>'


def add_widgets(notebook: Any, file: str, launches: Addresses | None = None) -> None:
    """A place to answer below the cell of each exercise, instead of the line that says that it was not answered."""
    for cell in notebook.cells:
        found = CHECK.search(cell.source) if cell.cell_type == "code" else None
        if found:
            shown = {"text/html": widget(found[1], launches, file), "text/plain": f"Exercise {found[1]}"}
            cell.outputs = [nbformat.v4.new_output("display_data", shown)]


def write_names(site: Site) -> None:
    """The exercises of each chapter that can be answered on its page: what progress is counted of."""
    names = {
        chapter: names
        for chapter in exercises.chapters()
        if (names := [one.name for one in exercises.exercises_of(chapter) if is_numeric(one)])
    }
    path = site.output / "_static/ibteach/exercises.json"
    path.write_text(json.dumps(names), encoding="utf-8")
