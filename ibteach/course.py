"""The course: its chapters in order, each with its question, what it needs, and how long it takes.

This is the one list of them. README's table, the map of the course, the website and the slides are made from it, and a
test holds the notebooks against it.
"""

import dataclasses
from collections.abc import Iterable

from ibteach import checks
from ibteach.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class Chapter:
    """One notebook of the course.

    `needs` are the numbers of the chapters to read before it. `seconds` is "Run all" on two CPU cores, `minutes` is
    about what a reader takes who predicts, slides and does the exercises. `data` is what it learns from where that is
    at hand.
    """

    number: str
    name: str
    title: str
    question: str
    needs: tuple[str, ...]
    seconds: int
    minutes: int
    data: tuple[str, ...] = ("digits",)

    @property
    def file(self) -> str:
        """The notebook's name, such as ``01_entropy_and_diagrams.ipynb``."""
        return f"{self.number}_{self.name}.ipynb"

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


CHAPTERS = (
    Chapter(
        "00",
        "start_here",
        "Start here",
        "What is this, and where do I begin?",
        needs=(),
        seconds=10,
        minutes=15,
    ),
    Chapter(
        "01",
        "entropy_and_diagrams",
        "Entropy and information diagrams",
        "How much does one thing tell about another?",
        needs=(),
        seconds=10,
        minutes=75,
    ),
    Chapter(
        "02",
        "the_bottleneck",
        "The bottleneck",
        "What of X is worth remembering, if only Y matters?",
        needs=("01",),
        seconds=30,
        minutes=90,
    ),
    Chapter(
        "03",
        "decoder_uncertainty",
        "Decoder uncertainty",
        "What does cross-entropy training do?",
        needs=("01",),
        seconds=40,
        minutes=60,
    ),
    Chapter(
        "04",
        "noise_and_differential_entropy",
        "Noise and differential entropy",
        "How small can the entropy of a latent become, and what stops it?",
        needs=("01",),
        seconds=20,
        minutes=60,
    ),
    Chapter(
        "05",
        "surrogate_objectives",
        "Surrogate objectives",
        "How does a network minimise an entropy that nobody can compute?",
        needs=("02", "03", "04"),
        seconds=40,
        minutes=90,
        data=("digits", "mnist"),
    ),
    Chapter(
        "06",
        "measuring_information",
        "Measuring information",
        "How much does a latent know, and how would one find out?",
        needs=("01", "04"),
        seconds=15,
        minutes=75,
    ),
    Chapter(
        "07",
        "information_plane",
        "The information plane",
        "What does a network do with information while it learns?",
        needs=("05", "06"),
        seconds=40,
        minutes=75,
    ),
    Chapter(
        "08",
        "resnets_on_gpu",
        "ResNets on a GPU",
        "What do the surrogates do to a network that people really use?",
        needs=("05", "07"),
        seconds=30,
        minutes=60,
        data=("digits", "cifar10"),
    ),
    Chapter(
        "09",
        "robustness",
        "Robustness",
        "Does a compressed network break less easily?",
        needs=("05", "07"),
        seconds=50,
        minutes=75,
    ),
)
"""Every chapter, in the order of the course."""


def chosen(numbers: Iterable[str] | None) -> list[Chapter]:
    """The chapters of these numbers, or all of them.

    Raises `UnknownName` for a number that no chapter has, and `InvalidInput` for none.

    >>> [chapter.name for chapter in chosen(["01", "06"])]
    ['entropy_and_diagrams', 'measuring_information']
    """
    of = {chapter.number: chapter for chapter in CHAPTERS}
    found = [of[checks.known("chapter", number, of)] for number in (of if numbers is None else numbers)]
    if not found:
        raise InvalidInput("chapters: got none, expected numbers such as '01', or None for all of them.")
    return found
