"""Building a site: what is refused, what is run again, and that the old site stays whole when something fails."""

import importlib
import json
import os
import shutil
import time
from pathlib import Path

import nbformat
import pytest

from ibteach import cli
from ibteach.course import CHAPTERS
from ibteach.errors import BuildFailed, InvalidInput, Unavailable, UnknownName
from ibteach.site import build, execution, extension, prepared
from ibteach.site.build import MARK

ROOT = Path(__file__).parents[2]
FIRST = next(chapter for chapter in CHAPTERS if chapter.number == "01")


@pytest.fixture
def course(tmp_path):
    """Writes a course of one short chapter with these cells of code; returns its root."""

    def write(*code):
        root = tmp_path / "course"
        (root / "notebooks").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "CITATION.cff", root)
        cells = [nbformat.v4.new_markdown_cell("# 01 · Entropy\n\nSee [another](02_the_bottleneck.ipynb).")]
        cells += [nbformat.v4.new_code_cell(one, id=f"cell-{i}") for i, one in enumerate(code)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, root / "notebooks" / FIRST.file)
        return root

    return write


def test_a_folder_of_other_things_is_left_alone(tmp_path, course, capsys):
    out = tmp_path / "documents"
    out.mkdir()
    (out / "thesis.tex").write_text("all of it", encoding="utf-8")
    with pytest.raises(InvalidInput, match="holds other things than a site"):
        build(out, course("1 / 0"))
    assert cli.main(["site", "build", "--out", str(out)]) == 1
    assert "name an empty folder" in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="is a file"):
        build(out / "thesis.tex", ROOT)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def older(out, kind="a site"):
    """A site that was built before."""
    out.mkdir()
    (out / MARK).write_text(json.dumps({"kind": kind, "files": ["index.html"]}), encoding="utf-8")
    (out / "index.html").write_text("the old one", encoding="utf-8")
    return out


@pytest.mark.parametrize("name", [".git", "CNAME", "thesis.tex"])
def test_what_a_site_did_not_write_is_never_replaced(tmp_path, monkeypatch, name):
    monkeypatch.setattr(execution, "execute", lambda *_: pytest.fail("run"))
    out = older(tmp_path / "out")
    (out / name).mkdir()
    with pytest.raises(InvalidInput, match=rf"other things than a site, such as '{name}'; name an empty folder"):
        build(out, ROOT)
    assert {path.name for path in out.iterdir()} == {MARK, "index.html", name}


def test_slides_do_not_replace_a_site_nor_a_site_slides(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "execute", lambda *_: pytest.fail("run"))
    with pytest.raises(InvalidInput, match="one: holds a site, expected slides; name another folder"):
        build(older(tmp_path / "one"), ROOT, slides_alone=True)
    with pytest.raises(InvalidInput, match="two: holds slides, expected a site"):
        build(older(tmp_path / "two", "slides"), ROOT)
    (older(tmp_path / "three") / MARK).write_text("[", encoding="utf-8")
    with pytest.raises(InvalidInput, match="other things than a site"):
        build(tmp_path / "three", ROOT)


def test_a_swap_that_is_interrupted_or_killed_leaves_the_old_site(tmp_path, monkeypatch):
    module, rename = importlib.import_module("ibteach.site.build"), Path.rename
    out, new = older(tmp_path / "out"), tmp_path / "new"
    new.mkdir()

    def interrupted(path, to):
        if path == new:
            raise KeyboardInterrupt
        return rename(path, to)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            module._swap(new, out)
        assert (out / "index.html").exists()
        patched.setattr(module, "_bring_back", lambda _: None)  # killed: nothing more is done
        with pytest.raises(KeyboardInterrupt):
            module._swap(new, out)
        assert not out.exists()
    with pytest.raises(Unavailable, match="no notebook"):  # the next build brings it back, whatever becomes of it
        build(out, tmp_path, ["01"])
    assert (out / "index.html").read_text(encoding="utf-8") == "the old one"
    module._swap(new, out)
    assert not list(out.iterdir()) and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_no_chapter_is_said_before_any_work(tmp_path, course):
    with pytest.raises(UnknownName, match="chapter"):
        build(tmp_path / "out", ROOT, ["1"])
    with pytest.raises(Unavailable, match="no notebook of chapter 02"):
        build(tmp_path / "out", course("1"), ["02"])
    with pytest.raises(Unavailable, match="Name a checkout"):
        build(tmp_path / "out", tmp_path)
    with pytest.raises(InvalidInput, match="chapters: got none, expected numbers such as '01'"):
        build(tmp_path / "out", ROOT, [])
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_and_workers_that_are_none_are_said_before_any_work(tmp_path, course, monkeypatch):
    monkeypatch.setattr(execution, "execute", lambda *_: pytest.fail("run"))
    root = course("1")
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="file: cannot be made"):
        build(tmp_path / "file" / "out", root)
    for workers in (-1, 0):
        with pytest.raises(InvalidInput, match=f"workers: got {workers}, expected a whole number >= 1"):
            build(tmp_path / "above" / "out", root, workers=workers)
    assert not (tmp_path / "above").exists()


def test_a_chapter_that_fails_is_named_with_its_cell_and_the_old_site_is_whole(tmp_path, course):
    out = older(tmp_path / "site")
    with pytest.raises(
        BuildFailed, match=rf"{FIRST.file}: cell 3 \(cell-1\), which begins '1 / 0', fails with ZeroDiv"
    ):
        build(out, course("2 + 2", "1 / 0"), cache=tmp_path / "cache")
    assert sorted(path.name for path in out.iterdir()) == [MARK, "index.html"]
    assert {path.name for path in tmp_path.iterdir()} == {"course", "cache", "site"}  # nothing half done is left


def test_a_kernel_that_dies_is_a_chapter_that_fails(tmp_path, course, capfd):
    with pytest.raises(
        BuildFailed, match=r"cell 2 \(cell-0\), which begins 'import os, sys', does not come to an end.*gone"
    ):
        build(tmp_path / "out", course("import os, sys\nos.write(2, b'gone')\nos._exit(3)"), cache=tmp_path / "cache")
    assert not (tmp_path / "out").exists() and "Kernel" not in capfd.readouterr().err


def test_what_did_not_change_is_not_run_again(tmp_path, course):
    path = course("import time\ntime.time_ns()") / "notebooks" / FIRST.file

    def run():
        [notebook] = execution.execute([path], tmp_path / "cache").values()
        return notebook.cells[-1].outputs[0]["data"]["text/plain"]

    first = run()
    assert run() == first
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += " More prose."
    nbformat.write(notebook, path)
    assert run() == first  # prose is no code
    course("import time\ntime.time_ns() + 1")
    assert run() != first


FIGURE = "from ibteach.display import chapter_00\nchapter_00.course_map()"
OWN = """from ibteach.display import explore
def line(axes, slope):
    axes.plot([0, 1], [0, slope])
explore(line, slope=[1, 2], alt="A line that rises by {slope}.")"""


def test_figures_that_did_not_change_are_not_drawn_again(tmp_path, course):
    cache = tmp_path / "cache"

    def run(*code):
        [notebook] = execution.execute([course(*code) / "notebooks" / FIRST.file], cache).values()
        return notebook, {path: path.stat().st_mtime_ns for path in (cache / "live").rglob("*") if path.is_file()}

    first, written = run(FIGURE, OWN)
    assert (
        len(execution.figures(first)) == 2 and len(list((cache / "live").glob("*.of"))) == 1
    )  # code of one's own is drawn
    second, again = run("2 + 2", FIGURE, OWN)
    assert execution.figures(second) == execution.figures(first) and again == written
    old = time.time() - 2 * execution.DAY
    for path in (cache / "live").iterdir():
        os.utime(path, (old, old))
    _, left = run("2 + 2", FIGURE)
    assert set(left) < set(written) and {path.suffix for path in (cache / "live").iterdir()} == {"", ".of"}
    assert len([path for path in (cache / "live").iterdir() if path.is_dir()]) == 1


def test_everyone_can_read_the_figures_of_a_site(tmp_path, course):
    cache, root = tmp_path / "cache", course(OWN)
    out = build(tmp_path / "out", root, cache=cache, slides_alone=True)
    [figure] = (cache / "live").iterdir()
    assert figure.stat().st_mode == out.stat().st_mode == (out / "live" / figure.name).stat().st_mode
    figure.chmod(0o700)  # as older versions left it
    build(out, root, cache=cache, slides_alone=True)
    assert (out / "live" / figure.name).stat().st_mode == out.stat().st_mode


def test_a_page_has_no_progress_bars_and_no_links_to_nowhere(tmp_path):
    picture = {"image/png": "iVBORw0KGgo=", "text/plain": "x"}
    widget = {prepared.WIDGET: {}, "text/plain": "Progress()"}
    code = nbformat.v4.new_code_cell(
        "x",
        outputs=[
            nbformat.v4.new_output("stream", name="stderr", text="10 %"),
            nbformat.v4.new_output("stream", name="stdout", text="3 networks on cpu: 100%|████| 3/3 [00:01<00:00]\n"),
            nbformat.v4.new_output("stream", name="stdout", text="\r 9%|▏ | 1/9\r100%|██| 9/9 [00:01]\nDone: 100%.\n"),
            nbformat.v4.new_output("display_data", widget),
            nbformat.v4.new_output("display_data", picture, metadata={"image/png": {"alt": 'A "curve"', "width": 9}}),
        ],
    )
    words = nbformat.v4.new_markdown_cell("# 01 · Entropy\n\n[a](02_the_bottleneck.ipynb#Here) [b](03_x.ipynb)")
    notebook = nbformat.v4.new_notebook(cells=[words, code])
    page = prepared.page(notebook, FIRST, {"02_the_bottleneck.ipynb"}, tmp_path)
    assert "[a](02_the_bottleneck.ipynb#Here) b" in page.cells[0].source
    assert f"{FIRST.minutes} minutes" in page.cells[0].source
    shown = [output for cell in page.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.get("text") or set(output["data"]) for output in shown] == [
        "Done: 100%.\n",
        {"text/html", "text/plain"},
    ]
    assert 'alt="A &quot;curve&quot;"' in shown[1]["data"]["text/html"]


def test_bars_of_conditions_are_no_marks():
    lines = ["H[Y|Z] and ``a|b``", "", ">>> 'x|y'", "x|y"]
    extension._bars(None, "", "", None, None, lines)
    assert lines == [r"H[Y\|Z] and ``a|b``", "", ">>> 'x|y'", "x|y"]


def test_the_mark_says_what_the_site_holds(tmp_path, course, monkeypatch, capsys):
    module = importlib.import_module("ibteach.site.build")
    monkeypatch.setattr(module, "BEFORE", [lambda site: (site.source / "index.md").write_text("# One\n", "utf-8")])
    monkeypatch.setattr(module, "AFTER", [])
    out = build(tmp_path / "site", course("2 + 2"), cache=tmp_path / "cache")
    assert "launches are left out" in capsys.readouterr().out  # this course has no pyproject.toml
    assert json.loads((out / MARK).read_text(encoding="utf-8"))["chapters"] == ["01"]
    assert build(out, course("2 + 2"), cache=tmp_path / "cache") == out  # a site is replaced
