"""A chapter as slides: of the same cells a deck shows the question, predictions, figures, equations and answers.

`deck` turns an executed notebook into slides. What is shown of a cell is said in its metadata (``slideshow``, as
Jupyter has it; ``python notebooks/slides.py`` writes it), and what is said in words goes to the speaker's notes: on a
slide stand a heading, formulas, a question, a few lines of code, a live figure. `decks` writes a page for each chapter,
with reveal.js beside it, so that a deck asks no other host for anything and prints to PDF.
"""

from __future__ import annotations

import dataclasses
import html
import itertools
import re
import shutil
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from ibteach.course import Chapter
from ibteach.display.exercises.predictions import PREDICTIONS
from ibteach.site import extension, prepared
from ibteach.site.markdown import blocks, render

if TYPE_CHECKING:
    from ibteach.site.build import Site

MINUTES = {
    "question": 1.0,
    "predict": 1.0,
    "figure": 2.0,
    "equation": 1.5,
    "answer": 0.5,
    "code": 1.0,
    "recap": 1.5,
}
"""Kinds of slides, and what each takes in a lecture."""
LONGEST = 45
"""Minutes of a deck, at most."""
ANSWER = 320  # characters of an answer on a slide; the rest is said
PREDICT = re.compile(r"\*\*Predict[.*]")
FOLD = re.compile(r"<summary>.*?</summary>|</?details[^>]*>", re.S)
VOTE = re.compile(r"^exercises\.predict\(.*\)\n?", re.M)


@dataclasses.dataclass
class Slide:
    """One slide: its kind, its heading, what is on it as HTML, what its speaker reads, as Markdown."""

    kind: str
    heading: str
    body: str
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def minutes(self) -> float:
        return MINUTES[self.kind]


def deck(notebook: Any, chapter: Chapter) -> list[Slide]:
    """The slides of a chapter, in order."""
    slides: list[Slide] = []
    heading = chapter.title
    for place, cell in enumerate(notebook.cells):
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "skip")
        if kind == "skip":
            continue
        if kind == "notes":
            slides[-1].notes.append(cell.source)
        elif cell.cell_type == "markdown":
            heading = _of_prose(cell.source, heading, chapter, slides)
            if slides[-1].kind == "predict":
                _tell(slides[-1], cell, notebook.cells[place + 1 :])
        elif slide := _of_code(cell, heading):
            slides.append(slide)
    return slides


def minutes(slides: list[Slide]) -> float:
    """How long a deck takes."""
    return sum(slide.minutes for slide in slides)


def _of_prose(source: str, heading: str, chapter: Chapter, slides: list[Slide]) -> str:
    """Add the slides of a Markdown cell; returns the heading that is in force after it."""
    said: list[str] = []  # what belongs to the next slide's notes, or to the last one's
    fresh = True  # whether what comes first answers what was shown before
    for block in blocks(source):
        if re.match(r"#+ (Exercises|References)", block):
            break
        if block.startswith("# "):
            question = re.search(r"^\*\*(.+)\*\*$", source, re.M)
            aims = source.partition("Afterwards")[2]
            body = f'<p class="question">{render(question[1] if question else chapter.question, inline=True)}</p>'
            slides.append(Slide("question", chapter.title, body, [f"Afterwards{aims}"]))
            return chapter.title
        if block.startswith("#"):
            _say(slides, said, fresh)
            heading, said, fresh = block.lstrip("# "), [], False
        elif found := PREDICT.search(block):
            question = block[found.start() :]
            before = block[: found.start()].strip()
            context = _sentences([*said, before], 260, last=True)
            slides.append(Slide("predict", heading, render(context) + _question(question), [*said, before]))
            said, fresh = [], False
        elif block.startswith("$$"):
            body = (render(_sentences(said[-1:], 240, last=True)) if said and not fresh else "") + render(block)
            if slides and slides[-1].kind == "equation" and slides[-1].heading == heading and not said:
                slides[-1].body += render(block)
            else:
                slides.append(Slide("equation", heading, body, said))
            said, fresh = [], False
        elif block.startswith(("- ", "* ", "1. ")) and heading == "Recap":
            slides.append(Slide("recap", heading, render(block)))
        elif fresh and slides and slides[-1].kind in ("figure", "code", "predict"):
            answer = FOLD.sub("", block).strip()
            slides.append(Slide("answer", slides[-1].heading, render(_sentences([answer], ANSWER)), [answer]))
            fresh = False
        else:
            said.append(block)
    _say(slides, said, fresh)
    return heading


def _tell(slide: Slide, cell: Any, later: list[Any]) -> None:
    """What can be voted for, on the slide of a prediction; what comes out, in the speaker's notes."""
    choices, right = PREDICTIONS.get(cell.metadata.get("ibteach", {}).get("predict"), ((), None))
    if choices:
        slide.body += "<ul>" + "".join(f"<li>{html.escape(choice)}</li>" for choice in choices) + "</ul>"
    prose = next((blocks(other.source) for other in later if other.cell_type == "markdown"), [])
    answer = list(itertools.takewhile(lambda block: not (block.startswith("#") or PREDICT.search(block)), prose))
    answered = FOLD.sub("", "\n\n".join(answer)).strip() or "It is what the cell shows."
    slide.notes.insert(0, f"**Answer.** {f'*{right}.* ' if right else ''}{answered}")


def _say(slides: list[Slide], said: list[str], fresh: bool) -> None:
    """What is left over is said to the last slide."""
    if slides and said:
        slides[-1].notes += said


def _question(text: str) -> str:
    return f'<div class="ask">{render(text)}</div>'


def _sentences(parts: list[str], most: int, last: bool = False) -> str:
    """The first whole sentences of some prose, or the last, so many characters at most, and always one.

    >>> _sentences(["One is short. Two is longer. Three?"], 20), _sentences(["One. Two. Three:"], 12, last=True)
    ('One is short.', 'Two. Three:')
    """
    found = re.findall(r"\S.*?(?:[.?!:](?:\*\*|\))?(?=\s|$)|$)", " ".join(" ".join(parts).split()))
    sentences = [one for one in found if one]
    if last:  # what ends with a colon leads to what follows, and is no end
        sentences = re.findall(r"\S.*?(?:[.?!](?:\*\*|\))?(?=\s|$)|$)", " ".join(sentences))
    while len(sentences) > 1 and len(" ".join(sentences)) > most:
        sentences.pop(0 if last else -1)
    return " ".join(sentences)


def _of_code(cell: Any, heading: str) -> Slide | None:
    """A live figure, or a few lines with what they say."""
    shown = [output.get("data", {}) for output in cell.outputs]
    shown = [data for data in shown if not data.get("text/plain", "").startswith("Prediction ")]
    figures = [data["text/html"] for data in shown if "ibteach-live" in data.get("text/html", "")]
    if figures:
        alt = re.search(r'alt="([^"]*)"', figures[-1])
        notes = [html.unescape(alt[1])] if alt else []
        return Slide("figure", heading, "".join(figures), notes)
    pictures = [data["text/html"] for data in shown if data.get("text/html", "").startswith("<img")]
    if pictures:
        return Slide("figure", heading, "".join(pictures))
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    said = printed + "\n".join(data["text/plain"] for data in shown if "text/plain" in data)
    below = f"<pre>{html.escape(said.strip())}</pre>" if said else ""
    return Slide("code", heading, highlighted(VOTE.sub("", cell.source)) + below)


def highlighted(source: str) -> str:
    """Python as HTML, its words in colours that a style gives them."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter())


PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{number} {title}: slides</title>
<link rel="icon" href="../_static/ibteach/favicon.svg">
<link rel="stylesheet" href="../_static/reveal/reset.css">
<link rel="stylesheet" href="../_static/reveal/reveal.css">
<link rel="stylesheet" href="../_static/katex/katex.min.css">
<link rel="stylesheet" href="../_static/ibteach/figures.css">
<link rel="stylesheet" href="../_static/ibteach/deck.css">
<script src="../_static/katex/katex.min.js" defer></script>
<script src="../_static/ibteach/deck.js" type="module"></script>
</head>
<body>
<main>
<div class="reveal">
<div class="slides">
{slides}
</div>
</div>
</main>
</body>
</html>
"""

SECTION = """<section class="{kind}" data-minutes="{minutes:g}" aria-label="{label}">
<{level}>{heading}</{level}>
<div class="body">{body}</div>
<aside class="notes"><p><strong>{about}</strong></p>
{notes}</aside>
</section>"""

LIST = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides</title>
<link rel="stylesheet" href="../_static/ibteach/deck.css">
</head>
<body class="contents">
<main>
<h1>Slides</h1>
<p>Arrow keys turn the pages, and move a slider when it has the focus. S opens the speaker's view, F fills the screen,
and an address that ends with <code>?print-pdf</code> prints to PDF.</p>
<ul>
{entries}
</ul>
</main>
</body>
</html>
"""


def page(slides: list[Slide], chapter: Chapter) -> str:
    """The HTML of a deck, which lies one folder below the site's root."""
    begun, sections = 0.0, []
    for number, slide in enumerate(slides, 1):
        about = f"{slide.kind}: {slide.minutes:g} min, from minute {begun:g}"
        begun += slide.minutes
        sections.append(
            SECTION.format(
                kind="question-slide" if slide.kind == "question" else slide.kind,
                level="h1" if slide.kind == "question" else "h2",
                minutes=slide.minutes,
                label=html.escape(f"{number}. {slide.heading}: {slide.kind}"),
                heading=render(slide.heading, inline=True),
                body=slide.body,
                about=about,
                notes=render("\n\n".join(filter(None, slide.notes))),
            )
        )
    text = PAGE.format(number=chapter.number, title=html.escape(chapter.title), slides="\n".join(sections))
    text = text.replace('class="ibteach-live"', 'class="ibteach-live" data-presenting')
    return extension.relocated(re.sub(r'href="(\d\d_\w+)\.ipynb(?:#[^"]*)?', r'href="\1.html', text), 1)


def decks(site: Site) -> None:
    """A deck for each chapter into the site's folder ``slides``, with a page that lists them."""
    folder = site.output / "slides"
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    names = {chapter.file for chapter in site.chapters}
    for chapter, notebook in site.chapters.items():
        slides = deck(prepared.page(notebook, chapter, names, site.live / "images"), chapter)
        if len(slides) > 1:
            (folder / f"{chapter.number}_{chapter.name}.html").write_text(page(slides, chapter), encoding="utf-8")
            said = f"{len(slides)} slides, {minutes(slides):.0f} minutes"
            name = f"{chapter.number}_{chapter.name}.html"
            entries.append(f'<li><a href="{name}">{html.escape(str(chapter))}</a>: {said}</li>')
    (folder / "index.html").write_text(LIST.format(entries="\n".join(entries)), encoding="utf-8")
    _reveal(site)


def _reveal(site: Site) -> None:
    """reveal.js, as sphinx-revealjs ships it."""
    static = site.output / "_static" / "reveal"
    static.mkdir(parents=True, exist_ok=True)
    with as_file(files("sphinx_revealjs") / "_static" / "revealjs") as there:
        for name in ("LICENSE", "dist/reset.css", "dist/reveal.css", "dist/reveal.esm.js", "plugin/notes/notes.esm.js"):
            shutil.copy(there / name, static / name.rpartition("/")[2])
