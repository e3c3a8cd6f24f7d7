"""Every link of the chapters leads somewhere, every chapter that is named is a link, and references have addresses."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|<(https?://[^>\s]+)>")

_spec = importlib.util.spec_from_file_location("links", ROOT / "notebooks" / "links.py")
links = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(links)


def prose(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def anchors(path: Path) -> set[str]:
    """As Jupyter makes them: a heading with hyphens for its spaces."""
    headings = re.findall(r"^#+ (.+)$", "\n".join(prose(path)), re.M)
    return {heading.strip().replace(" ", "-") for heading in headings}


def broken(path: Path, text: str) -> list[str]:
    """The links of a text in `path` that lead nowhere; addresses elsewhere only have to look like one."""
    wrong = []
    for match in LINK.finditer(re.sub(r"`[^`]*`|\$[^$]*\$", "", text)):
        target = match[1] or match[2]
        if target.startswith("http"):
            if not re.fullmatch(r"https://[\w.-]+\.\w+(/\S*)?", target):
                wrong.append(target)
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file) if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path):
    assert [target for text in prose(path) for target in broken(path, text)] == []


def test_the_readme_and_contributing_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        targets = [target for target, _ in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.S))]
        inside = [target.partition("#")[0] for target in targets if not target.startswith(("http", "#"))]
        assert [target for target in inside if target and not (ROOT / target).exists()] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_that_is_named_is_a_link(path):
    bare = [text for text in prose(path) if links.linked(text, path.name[:2]) != text]
    assert bare == [], "run python notebooks/links.py"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_chapter_ends_with_its_neighbours(path):
    assert prose(path)[-1] == links.navigation(path), "run python notebooks/links.py"


def test_the_map_has_every_chapter():
    assert links.course_map() in prose(ROOT / "notebooks/00_start_here.ipynb"), "run python notebooks/links.py"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_references_have_addresses(path):
    for text in prose(path):
        _, found, listed = text.partition("## References")
        for reference in re.split(r"\n(?=- )", listed.strip()) if found else []:
            assert re.search(r"https://\S+", reference), reference
            for number, address in re.findall(r"\[arXiv ([\w./-]+)\]\(([^)]+)\)", reference):
                assert address == f"https://arxiv.org/abs/{number}"
            for number, address in re.findall(r"\[doi:([^\]]+)\]\(([^)]+)\)", reference):
                assert address == f"https://doi.org/{number}"


def test_what_is_wrong_is_found(tmp_path):
    there = tmp_path / "01_a.ipynb"
    cells = [{"cell_type": "markdown", "source": ["# 01 · A\n", "## Two words"]}]
    there.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    good = "[a](01_a.ipynb) [b](01_a.ipynb#Two-words) [c](#01-·-A) <https://arxiv.org/abs/1>"
    assert broken(there, good) == []
    bad = "[a](02_b.ipynb) [b](01_a.ipynb#three) <https://nowhere>"
    assert broken(there, bad) == ["02_b.ipynb", "01_a.ipynb#three", "https://nowhere"]
    assert links.linked("chapter 05 and [chapter 05](x) and exercise 05.1", "01").count("](") == 2
    assert links.linked("chapter 05", "05") == "chapter 05"
