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
from ibteach.course import CHAPTERS, Chapter, chosen
from ibteach.errors import BuildFailed, InvalidInput, Unavailable
from ibteach.files import PathLike, named
from ibteach.launches import Addresses, addresses
from ibteach.site import execution, exercises, extension, prepared, slides, written

MARK = ".ibteach-site"
"""A file in every site, which says what kind of site it is and what is in it: of nothing else is a folder replaced."""
KINDS = {False: "a site", True: "slides"}  # by whether they are slides alone


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

    Raises, before any work, `InvalidInput` for a folder that holds anything but a site of that kind, `Unavailable`
    where there is no course or no Sphinx, and for a folder that cannot be written; `BuildFailed` for a chapter that
    fails, with its cell.
    """
    out, root = named(out).resolve(), named(root).resolve()
    _bring_back(out)
    _check(out, KINDS[slides_alone])
    workers = None if workers is None else checks.whole("workers", workers)
    wanted = _there(root, chapters)
    cache = Path(cache) if cache else Path(platformdirs.user_cache_dir("ibteach")) / "site"
    paths = {chapter: root / "notebooks" / chapter.file for chapter in wanted}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{out.parent}: cannot be made ({error.strerror}); name another folder.") from error
    files.check_writable(out.parent / MARK)
    executed = execution.execute(list(paths.values()), cache.resolve(), workers)
    with files.temporary(out.parent) as work:
        site = Site(root, Path(work, "source"), Path(work, "site"), {c: executed[p] for c, p in paths.items()})
        site.live.mkdir(parents=True)
        for name in set().union(*map(execution.figures, site.chapters.values())):
            shutil.copytree(cache / "live" / name, site.live / name)
            (site.live / name).chmod(site.live.stat().st_mode)  # a cache may be its owner's alone
        if slides_alone:
            extension.static_files(site.output / "_static")
            slides.decks(site)
        else:
            _pages(site, Path(work))
        (site.output / ".nojekyll").touch()
        facts = {
            "kind": KINDS[slides_alone],
            "ibteach": ibteach.__version__,
            "chapters": [chapter.number for chapter in wanted],
            "files": sorted(path.name for path in site.output.iterdir()),
        }
        (site.output / MARK).write_text(json.dumps(facts), encoding="utf-8")
        _swap(site.output, out)
    return out


def _pages(site: Site, work: Path) -> None:
    site.source.mkdir()
    _write_chapters(site)
    for step in BEFORE:
        step(site)
    _sphinx(site, work)
    for step in AFTER:
        step(site)


def _check(out: Path, kind: str) -> None:
    """Raise `InvalidInput` for a folder that holds anything but what was written into it as a site of that kind."""
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out}: is a file, expected a folder for the site, or a name that is free.")
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    facts = _facts(out / MARK)
    others = sorted(there - {MARK, *facts.get("files", ())})
    if others:
        raise InvalidInput(
            f"{out}: holds other things than a site, such as {others[0]!r}; name an empty folder, one that is not "
            "there yet, or a site, and copy the site from there."
        )
    if there and facts.get("kind") != kind:
        raise InvalidInput(f"{out}: holds {facts.get('kind', 'an older site')}, expected {kind}; name another folder.")


def _facts(mark: Path) -> dict[str, Any]:
    """What the mark of a site says, or nothing."""
    try:
        return dict(json.loads(mark.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):
        return {}


def _there(root: Path, numbers: Iterable[str] | None) -> list[Chapter]:
    wanted = chosen(numbers)
    there = [chapter for chapter in CHAPTERS if chapter in wanted and (root / "notebooks" / chapter.file).is_file()]
    missing = sorted({chapter.number for chapter in wanted} - {chapter.number for chapter in there})
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


def _swap(new: Path, out: Path) -> None:
    """Put the new site in the place of the old one, which comes back if that fails, or with the next `build`."""
    old = _aside(out)
    try:
        if out.exists():
            out.rename(old)
        new.rename(out)
    finally:
        _bring_back(out)


def _aside(out: Path) -> Path:
    """Where the old site is while the new one takes its place."""
    return out.with_name(f"{files.PARTS}old-{out.name}")


def _bring_back(out: Path) -> None:
    """After a swap that did not come to its end, the old site is where it was; after one that did, it is gone."""
    old = _aside(out)
    if old.exists() and not out.exists():
        old.rename(out)
    shutil.rmtree(old, ignore_errors=True)
