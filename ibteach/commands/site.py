"""`ibteach site`: the course as a website, slides and handouts."""

import argparse
from typing import Any

OVERVIEW = """\
Makes a website, decks of slides or handouts of the course; `ibteach site ACTION --help` says what each of them is.
"""

SITE = """\
Makes the whole course a static website: every chapter a page, run while it is built, its figures live without a kernel.
It asks no other host for anything; look at it with

  ibteach site build --out site && python -m http.server --bind 127.0.0.1 --directory site

What did not change since the last time is not run again. The old site stays until the new one is whole.
"""

SLIDES = """\
Makes a deck of each chapter, from the same cells as its page: question, predictions, live figures, equations, answers,
and what to say in the speaker's notes. It needs no network; arrow keys turn the pages, and move a slider that has the
focus; S opens the speaker's view, and an address that ends with ?print-pdf prints to PDF.

  ibteach site slides --out decks --chapters 05 && python -m http.server --bind 127.0.0.1 --directory decks

Then open slides/ at the address that it prints.
"""

HANDOUT = """\
Writes the exercises of each chapter as notebooks, without solutions into students/ and with them into lecturers/, and
each chapter as PDF into chapters/, which takes Chromium. Nothing is run. Sheets of an older handout are replaced or
removed, with what was written into them; other files stay.

  ibteach site handout --out handout --chapters 01 02
"""


def add(commands: Any, **layout: Any) -> None:
    """The command, and an action for each thing that is made."""
    site = commands.add_parser(
        "site", help="the course as a website, slides and handouts", description=OVERVIEW, **layout
    )
    made = site.add_subparsers(metavar="ACTION", required=True)
    for action, run, what, older, text in [
        ("build", build, "make the website", "an older site", SITE),
        ("slides", slides, "a deck of slides for each chapter", "older slides", SLIDES),
        ("handout", handout, "exercises without and with solutions, and PDF", "an older handout", HANDOUT),
    ]:
        command = made.add_parser(action, help=what, description=text, **layout)
        command.add_argument("--out", metavar="FOLDER", required=True, help=f"a new one, or {older}, which is replaced")
        command.add_argument("--root", default=".", help="a checkout of the course (default: this folder)")
        command.add_argument("--chapters", nargs="+", metavar="NUMBER", help="such as 01 05 (default: all)")
        if action == "handout":
            command.add_argument("--no-pdf", action="store_true", help="notebooks alone")
        else:
            command.add_argument("--cache", metavar="FOLDER", help="what was run before (default: in your user cache)")
            command.add_argument("--workers", type=int, metavar="N", help="chapters at a time (default: one per core)")
        command.set_defaults(run=run)


def build(options: argparse.Namespace) -> None:
    """The website."""
    from ibteach import site

    out = site.build(options.out, options.root, options.chapters, options.cache, options.workers)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {size / 1e6:.0f} MB; look at it with python -m http.server --bind 127.0.0.1 --directory {out}")


def slides(options: argparse.Namespace) -> None:
    """The decks."""
    from ibteach import site

    chosen = (options.chapters, options.cache, options.workers)
    out = site.build(options.out, options.root, *chosen, slides_alone=True)
    print(f"{out}: look at it with python -m http.server --bind 127.0.0.1 --directory {out}, in its folder slides")


def handout(options: argparse.Namespace) -> None:
    """The exercises, and the chapters to print."""
    from ibteach.site.handout import build as written

    for path in written(options.out, options.root, options.chapters, paper=not options.no_pdf):
        print(path)
