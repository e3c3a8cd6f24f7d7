"""The predictions of the course: what a reader may vote for at each *Predict*, and what came out.

The cell whose output answers begins with ``exercises.predict("01b")``; `ibteach.display.live.predict` says how the rest
of it waits. Where the answer is not one of a few there is nothing to vote for, and the reader only asks to see.
`notebooks/predictions.py` writes cells and marks into the chapters; ``tests/test_predictions.py`` holds both together.
"""

from __future__ import annotations

from typing import NamedTuple

from ibteach.checks import known


class Choices(NamedTuple):
    """What can be voted for, of which `answer` is right; nothing, where the answer is not one of a few."""

    choices: tuple[str, ...] = ()
    answer: str | None = None


def _of(*choices: str) -> Choices:
    """Choices of which the right one is marked by a star."""
    (answer,) = (choice.removeprefix("*") for choice in choices if choice.startswith("*"))
    return Choices(tuple(choice.removeprefix("*") for choice in choices), answer)


PREDICTIONS: dict[str, Choices] = {
    "00a": _of("which digit it is", "*what tells one 3 from another 3", "both at once"),
    "01a": Choices(),
    "01b": _of("more", "*less"),
    "01c": _of("more than 0.1 nats", "*less than 0.1 nats"),
    "01d": _of("hardly any but a zero", "*a zero, three times in four", "any digit, about equally"),
    "01e": _of("H[X|Y]", "*H[Y|X]"),
    "01f": _of("in a corner", "at the very middle", "*left of the middle"),
    "01g": _of("exactly zero", "*a little above zero", "what it was before"),
    "01h": _of("nothing, and then nothing", "*nothing, and then everything", "half, and then everything"),
    "01i": _of("*H[Y|X]", "H[Z|X]", "I[X;Y|Z]", "I[X;Z|Y]"),
    "02a": _of("evenly", "*by steps, each at a β of its own"),
    "02b": Choices(),
    "02c": _of("β = 1", "β = 1.25", "*β = 1.5625"),
    "02d": _of("it rises from 0", "it jumps", "*it rises for two symbols and jumps for more"),
    "02e": _of("*η_KL", "they are equal"),
    "02f": _of("*for deterministic ones", "for those that keep nothing only", "for none"),
    "02g": _of("all from 0 to ln 2", "*0 and ln 2, nothing between", "ln 2 only"),
    "02h": _of("it rises", "*it falls"),
    "03a": _of("they stay equal", "*the mean of −ln q rises above the other", "−ln of the mean rises above the other"),
    "03b": _of("*hardly any", "about half", "nearly all"),
    "03c": _of("*2 draws", "8 draws", "32 draws"),
    "03d": _of("*that of the sampled label", "that of the likeliest label"),
    "04a": _of("that about the entropy", "that about the information", "*both"),
    "04b": _of("2.3 nats", "*4.6 nats", "10 nats"),
    "04c": _of("*ln 8 nats", "8 nats", "as large as you like"),
    "04d": _of("*log-variance", "L2", "both", "neither"),
    "04e": _of("*with noise", "without noise", "in both"),
    "05a": _of("*they shrink first", "they move together first", "they merge first"),
    "05b": _of("at γ = 0", "*further right"),
    "05c": _of("log-variance", "variance", "*L2"),
    "05d": Choices(),
    "05e": _of("*equal to four digits", "equal to one digit", "apart"),
    "05f": _of("about 3 bits", "*about 20 bits", "all that it can"),
    "05g": _of("all five", "*variance, log-variance, CEB", "L2 and VIB"),
    "06a": _of("4 nats, all of them", "*hardly any says 4 nats"),
    "06b": _of("a hundredth of the cloud", "a tenth of the cloud", "*nearly as large as the cloud"),
    "06c": _of("about the same", "*the narrower the bins, the more", "the wider the bins, the more"),
    "06d": _of("what Z knows about the label", "*the rest"),
    "06e": _of("for light ones", "*for heavy ones", "for all"),
    "06f": _of("yes", "*in few dimensions only", "no, in none"),
    "07a": _of("*what it tells about the image", "what it tells about the digit"),
    "07b": _of("near the origin", "at the top left", "*in the top right corner"),
    "07c": _of("*H[Y|Z]", "H[Z|Y]"),
    "07d": _of("next to none", "*two to four", "five or more"),
    "07e": _of("nowhere", "*on to the left", "back to the right"),
    "07f": _of("*it grows", "it does not change", "it shrinks"),
    "07g": _of("*yes", "no"),
    "07h": _of("*with noise it makes more errors", "without noise it makes more errors", "there is no difference"),
    "08a": Choices(),
    "08b": _of("nine times as long", "three times as long", "*hardly any longer"),
    "08c": _of("it trains once more", "it goes on for two epochs", "*it only reads the file"),
    "08d": _of("one, too", "about three", "*more than ten"),
    "08e": Choices(),
    "08f": Choices(),
    "08g": _of("it falls as far", "*it hardly moves", "it falls to nothing"),
    "09a": Choices(),
    "09b": Choices(),
    "09c": _of("about two", "*about eight", "more than twenty"),
    "09d": Choices(),
    "09e": _of("all three", "*L2", "none"),
    "09f": _of("confidence", "entropy", "*rate"),
    "09g": _of("one in ten", "one in four", "*half or more"),
    "09h": _of("*four at most", "about ten", "about twenty"),
    "09i": _of("batches", "*groups without compression", "groups with compression"),
}
"""Name -> what can be voted for."""


def predict(name: str) -> None:
    """Ask for the prediction of that name first: what else this cell shows waits for it.

    Raises `UnknownName` for one that the course does not have.

    >>> predict("01b")
    Prediction 01b: more or less?
    """
    from IPython.display import display

    from ibteach.display.live.predict import Prediction

    display(Prediction(name, *PREDICTIONS[known("prediction", name, PREDICTIONS)]))
