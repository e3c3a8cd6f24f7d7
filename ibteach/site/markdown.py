"""The Markdown of a cell as HTML, with formulas for the page's script to set; and its blocks, one by one."""

import functools
import html
import re
from typing import Any


def render(text: str, inline: bool = False) -> str:
    """Markdown with $…$ and $$…$$ as HTML.

    >>> render("**so** $x < 1$", inline=True)
    '<strong>so</strong> <span class="ibteach-maths">x &lt; 1</span>'
    """
    found = _parser()
    return found.renderInline(text) if inline else found.render(text)


def blocks(source: str) -> list[str]:
    """The paragraphs, lists, formulas and headings of a cell: what empty lines part, formulas and details kept whole.

    >>> blocks("## A\\n\\nIt is so:\\n\\n$$x\\n\\n= 1$$\\n\\n- one\\n- two")
    ['## A', 'It is so:', '$$x\\n\\n= 1$$', '- one\\n- two']
    """
    parts: list[str] = []
    for part in re.split(r"\n\s*\n", source.strip()):
        if parts and _is_open(parts[-1]):
            parts[-1] += f"\n\n{part}"
        elif "\n" in part and part.startswith("#"):
            parts += part.split("\n", 1)
        else:
            parts.append(part)
    return [one.strip() for part in parts for one in _apart(part)]


def _is_open(part: str) -> bool:
    return part.count("$$") % 2 == 1 or part.count("<details") > part.count("</details>") or part.count("```") % 2 == 1


def _apart(part: str) -> list[str]:
    """A formula that stands in a paragraph is a block of its own."""
    if part.startswith(("<details", "```", "|", "- ")) or "$$" not in part:
        return [part]
    return [one for one in re.split(r"(\$\$.*?\$\$[.,;:]?)", part, flags=re.S) if one.strip()]


@functools.cache
def _parser() -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def maths(content: str, options: dict) -> str:
        display = options.get("display_mode")
        tag, more = ("div", " data-display") if display else ("span", "")
        return f'<{tag} class="ibteach-maths"{more}>{html.escape(content.strip())}</{tag}>'

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.use(dollarmath_plugin, allow_space=True, double_inline=True)
    parser.add_render_rule("math_inline", lambda _, tokens, i, *__: maths(tokens[i].content, {}))
    for rule in ("math_block", "math_inline_double", "math_block_label"):
        parser.add_render_rule(rule, lambda _, tokens, i, *__: maths(tokens[i].content, {"display_mode": True}))
    return parser
