"""From notebooks to a website in a folder: made beside it, and put in its place when all of it is whole."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat
import platformdirs

import ibteach
from ibteach import checks, files
from ibteach.course import CHAPTERS, Chapter
from ibteach.errors import BuildFailed, InvalidInput, Unavailable
from ibteach.files import PathLike, named
from ibteach.launches import Addresses, addresses
from ibteach.site import execution, exercises, extension, prepared, slides, written

MARK = ".ibteach-site"
"""A file in every site, by which a folder is known to be one: only then is it replaced."""


@dataclasses.dataclass(frozen=True)
class Site:
    """A site while it is made.

    `root` is the checkout, `source` what Sphinx reads, `output` what a reader gets; `live` has the figures' folders and
    is part of the output. `chapters` are the executed notebooks of the `course`'s chapters that are built, in order.
    """

    root: Path
    source: Path
    output: Path
    chapters: dict[Chapter, Any]

    @property
    def live(self) -> Path:
        return self.output / "live"


BEFORE: list[Callable[[Site], None]] = [
    written.front,
    written.notation,
    written.reference,
    written.figures,
    written.lecturers,
    written.citation,
]
"""What writes pages into `Site.source`, in the order of the table of contents."""
AFTER: list[Callable[[Site], None]] = [exercises.write_names, slides.decks]
"""What adds to `Site.output` when Sphinx has made the pages."""


def build(
    out: PathLike,
    root: PathLike = ".",
    chapters: Iterable[str] | None = None,
    cache: PathLike | None = None,
    workers: int | None = None,
    *,
    slides_alone: bool = False,
) -> Path:
    """Make the site of the checkout `root` in the folder `out`; returns the folder.

    With `slides_alone` it is a site without pages: the decks, in its folder ``slides``. Only the `chapters` with these
    numbers, or all of them. What was run before is taken from `cache`, by default one in the user's. The folder's old
    site is replaced when the new one is whole, and is as it was when anything fails.

    Raises, before any work, `InvalidInput` for a folder that holds anything but a site, `Unavailable` where there is no
    course or no Sphinx, and for a folder that cannot be written; `BuildFailed` for a chapter that fails, with its cell.
    """
    out, root = named(out).resolve(), named(root).resolve()
    _check(out)
    workers = None if workers is None else checks.whole("workers", workers)
    chosen = _chosen(root, chapters)
    cache = Path(cache) if cache else Path(platformdirs.user_cache_dir("ibteach")) / "site"
    paths = {chapter: root / "notebooks" / chapter.file for chapter in chosen}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{out.parent}: cannot be made ({error.strerror}); name another folder.") from error
    files.check_writable(out.parent / MARK)
    executed = execution.execute(list(paths.values()), cache.resolve(), workers)
    with files.temporary(out.parent) as work:
        site = Site(root, Path(work, "source"), Path(work, "site"), {c: executed[p] for c, p in paths.items()})
        for notebook in site.chapters.values():
            for name in execution.figures(notebook):
                shutil.copytree(cache / "live" / name, site.live / name, dirs_exist_ok=True)
        if slides_alone:
            extension.static_files(site.output / "_static")
            slides.decks(site)
        else:
            _pages(site, Path(work))
        facts = {"ibteach": ibteach.__version__, "chapters": [chapter.number for chapter in chosen]}
        (site.output / MARK).write_text(json.dumps(facts), encoding="utf-8")
        (site.output / ".nojekyll").touch()
        _swap(site.output, out, Path(work))
    return out


def _pages(site: Site, work: Path) -> None:
    site.source.mkdir()
    _write_chapters(site)
    for step in BEFORE:
        step(site)
    _sphinx(site, work)
    for step in AFTER:
        step(site)


def _check(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out}: is a file, expected a folder for the site, or a name that is free.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise InvalidInput(
            f"{out}: holds other things than a site; name an empty folder, one that is not there yet, or a site."
        )


def _chosen(root: Path, numbers: Iterable[str] | None) -> list[Chapter]:
    of = {chapter.number: chapter for chapter in CHAPTERS}
    wanted = of if numbers is None else [checks.known("chapter", number, of) for number in numbers]
    there = [
        chapter for number, chapter in of.items() if number in wanted and (root / "notebooks" / chapter.file).is_file()
    ]
    missing = sorted(set(wanted) - {chapter.number for chapter in there})
    if not there or (missing and numbers is not None):
        raise Unavailable(f"{root}: has no notebook of chapter {', '.join(missing)}. Name a checkout of the course.")
    return there


def _write_chapters(site: Site) -> None:
    """The notebooks as pages show them."""
    folder = site.source / "chapters"
    folder.mkdir()
    files = {chapter.file for chapter in site.chapters}
    launches = _launches(site.root)
    for chapter, notebook in site.chapters.items():
        page = prepared.page(notebook, chapter, files, site.live / "images", launches)
        nbformat.write(page, folder / chapter.file)


def _launches(root: Path) -> Addresses | None:
    """Where the chapters can be run; nowhere, which is said, while pyproject.toml names no repository."""
    try:
        return addresses(root)
    except (InvalidInput, Unavailable) as error:
        reason, _, _ = str(error).partition(" Add to it")
        print(f"launches are left out: {reason}", flush=True)
        return None


def _sphinx(site: Site, work: Path) -> None:
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError

    warnings = io.StringIO()
    begun = time.perf_counter()
    try:
        app = Sphinx(
            srcdir=site.source,
            confdir=None,
            outdir=site.output,
            doctreedir=work / "doctrees",
            buildername="html",
            confoverrides=dict(extension.CONFIGURATION),
            status=None,
            warning=warnings,
        )
        app.build(force_all=True)
    except (SphinxError, OSError) as error:
        raise BuildFailed(f"the pages could not be made: {error}") from error
    for line in warnings.getvalue().splitlines():
        if "WARNING" in line or "ERROR" in line:
            print(line.replace(f"{site.source}{os.sep}", ""), flush=True)
    print(f"pages: made in {time.perf_counter() - begun:.0f} s", flush=True)


def _swap(new: Path, out: Path, work: Path) -> None:
    """Put the new site in the place of the old one, which comes back if that fails."""
    old = work / "old"
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
