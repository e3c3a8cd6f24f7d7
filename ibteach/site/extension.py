"""What Sphinx is told: maths is KaTeX's, figures lie beside the pages, and all scripts are the site's own."""

from __future__ import annotations

import html
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import ibteach
from ibteach.display.live import page, predict, published
from ibteach.display.live.joint_table import SCRIPT as TABLE
from ibteach.display.live.joint_table import STYLE as TABLE_STYLE
from ibteach.display.playground.widget import SCRIPT as PLAYGROUND
from ibteach.display.playground.widget import STYLE as PLAYGROUND_STYLE

CONFIGURATION: dict[str, Any] = {
    "project": "ibteach",
    "author": "",
    "copyright": "",
    "version": ibteach.__version__,
    "release": ibteach.__version__,
    "html_title": "Information bottlenecks you can move",
    "html_short_title": "ibteach",
    "language": "en",
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "ibteach.site.extension"],
    "html_theme": "furo",
    "html_theme_options": {"top_of_page_buttons": []},
    "html_math_renderer": "katex",
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_static_path": [],
    "html_favicon": str(files("ibteach.site") / "static" / "favicon.svg"),
    "html_css_files": ["katex/katex.min.css", "ibteach/figures.css", "ibteach/site.css", "ibteach/exercises.css"],
    "html_js_files": [
        ("katex/katex.min.js", {"defer": "defer"}),
        ("ibteach/site.js", {"type": "module"}),
        ("ibteach/exercises.js", {"type": "module"}),
    ],
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "myst_enable_extensions": ["dollarmath", "amsmath", "deflist"],
    "myst_heading_anchors": 4,
    "myst_heading_slug_func": "ibteach.site.extension.slug",
    "default_role": "py:obj",
    "autodoc_member_order": "bysource",
    "autodoc_typehints": "none",
    "suppress_warnings": ["myst.header", "autodoc.import_object", "ref.python"],
}


def slug(heading: str) -> str:
    """What a heading is called in an address, as Jupyter spells it.

    >>> slug("Which weight is which")
    'Which-weight-is-which'
    """
    return heading.strip().replace(" ", "-")


def setup(app: Any) -> dict[str, bool]:
    app.add_html_math_renderer("katex", (_inline, None), (_displayed, None))
    app.connect("autodoc-process-docstring", _bars)
    app.connect("html-page-context", _at_home)
    app.connect("build-finished", _scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(f'<span class="ibteach-maths">{html.escape(node.astext())}</span>')
    raise _skip()


def _displayed(translator: Any, node: Any) -> None:
    translator.body.append(f'<div class="ibteach-maths" data-display>{html.escape(node.astext())}</div>')
    raise _skip()


def _skip() -> Exception:
    from docutils import nodes

    return nodes.SkipNode()


def relocated(text: str, depth: int) -> str:
    """HTML whose figures and pictures are found from a page so many folders below the site's root.

    >>> relocated('<img src="live:/1/still.png">', 1)
    '<img src="../live/1/still.png">'
    """
    return text.replace(published.ADDRESS, "../" * depth + "live/")


def _bars(app: Any, what: str, name: str, of: object, options: Any, lines: list[str]) -> None:
    """The bar of H[Y|Z] is no mark of reStructuredText."""
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            parts = line.split("``")
            lines[i] = "``".join(part if j % 2 else part.replace("|", r"\|") for j, part in enumerate(parts))


def _at_home(app: Any, name: str, template: str, context: dict, doctree: Any) -> None:
    if "body" in context:
        context["body"] = relocated(context["body"], name.count("/"))


def _scripts(app: Any, exception: Exception | None) -> None:
    """The scripts and styles, into the site's static files; pages as everyone can read them."""
    if exception is None:
        static_files(Path(app.outdir) / "_static")
        for path in sorted(Path(app.outdir).rglob("*.html")):
            text = path.read_text(encoding="utf-8")
            path.write_text(accessible(text), encoding="utf-8")


SAID = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer"': '<aside aria-label="Pages" class="sidebar-drawer"',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    '<div id="search-results">': '<h1>Search</h1><div id="search-results">',
}
"""What the theme leaves unsaid to a reader who does not see the page, and what says it."""


def accessible(page: str) -> str:
    """The text of a page in which headings have levels and landmarks names."""
    for text, said in SAID.items():
        page = page.replace(text, said)
    return page


def static_files(static: Path) -> None:
    """Write what pages and decks load into their folder of static files: ``ibteach/`` and ``katex/``."""
    ours = static / "ibteach"
    ours.mkdir(parents=True, exist_ok=True)
    scripts = {"explorer.js": page.SCRIPT + page.read("files.js"), "table.js": TABLE, "playground.js": PLAYGROUND}
    scripts["predict.js"] = predict.SCRIPT
    style = (
        predict.STYLE + page.STYLE + TABLE_STYLE.removeprefix(page.STYLE) + PLAYGROUND_STYLE.removeprefix(page.STYLE)
    )
    for name, text in (scripts | {"figures.css": style}).items():
        (ours / name).write_text(text, encoding="utf-8")
    with as_file(files("ibteach.site")) as here:
        for path in sorted((here / "static").iterdir()):
            shutil.copy(path, ours / path.name)
        shutil.copytree(here / "katex", static / "katex", dirs_exist_ok=True)
