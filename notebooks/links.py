"""Make the chapters' links: "chapter 05" in their prose, the previous and the next chapter at their end, and the map.

`python notebooks/links.py` after a chapter came, went or was renamed. Running it again changes nothing.
"""

import json
import re
from pathlib import Path

from ibteach.course import CHAPTERS
from ibteach.rewriting import rewrite

FOLDER = Path(__file__).parent
UNLINKED = re.compile(r"(?<!\[)\b([Cc]hapter) (\d\d)\b(?!\]\()")


def chapters() -> dict[str, Path]:
    """The notebooks by their numbers, in order."""
    return {path.name[:2]: path for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))}


def title(path: Path) -> str:
    """A notebook's title, such as "05 · Surrogate objectives"."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def linked(prose: str, number: str) -> str:
    """Prose of chapter `number` in which every other chapter that is named is a link."""
    there = chapters()

    def as_link(found: re.Match) -> str:
        other = found[2]
        return f"[{found[0]}]({there[other].name})" if other in there and other != number else found[0]

    return UNLINKED.sub(as_link, prose)


def navigation(path: Path) -> str:
    """The last cell of a chapter."""
    order = list(chapters().values())
    here = order.index(path)
    before = [f"← [{title(other)}]({other.name})" for other in order[max(here - 1, 0) : here]]
    after = [f"[{title(other)}]({other.name}) →" for other in order[here + 1 : here + 2]]
    return " · ".join(before + after)


def course_map() -> str:
    """The table of all chapters, which stands in chapter 00."""
    rows = ["| chapter | the question it answers | needs | minutes | run all |", "|---|---|---|---|---|"]
    for chapter in CHAPTERS:
        if chapter.number == "00":
            continue
        needs = ", ".join(chapter.needs) or "nothing"
        name = f"[{chapter}]({chapter.file})"
        rows.append(f"| {name} | {chapter.question} | {needs} | {chapter.minutes} | {chapter.seconds} s |")
    return "\n".join(rows)


def link(notebook: dict, number: str) -> None:
    """Write the links into chapter `number`, where it lacks some."""
    cells = notebook["cells"]
    if cells[-1].get("id") != "neighbours":
        cells.append({"cell_type": "markdown", "id": "neighbours", "metadata": {}, "source": []})
    cells[-1]["source"] = [navigation(chapters()[number])]
    for cell in cells[:-1]:
        if cell.get("id") == "map":
            cell["source"] = course_map().splitlines(keepends=True)
        elif cell["cell_type"] == "markdown":
            cell["source"] = linked("".join(cell["source"]), number).splitlines(keepends=True)


if __name__ == "__main__":
    rewrite(chapters().values(), link)
