"""Launches lead to the address that pyproject.toml names, to no other, and what they run installs the course."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import ibteach
from ibteach import badges, cli, errors, launches

ROOT = Path(__file__).parents[1]
PYPROJECT = '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/some-one/a.repo"\n'
ENVIRONMENT = 'Environment = "https://github.com/some-one/image"\n'


@pytest.fixture
def checkout(tmp_path):
    code = {"cell_type": "code", "metadata": {}, "source": ["6 * 7"], "execution_count": 1}
    answer = {"output_type": "execute_result", "data": {"text/plain": ["42"]}, "metadata": {}, "execution_count": 1}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Surrogates γ\n", "\n", "Which?"]},
        code | {"outputs": [answer]},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "binder").mkdir()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (tmp_path / "README.md").write_text("# ibteach\n\nA promise.\n", encoding="utf-8")
    environment = (ROOT / "binder/environment.yml").read_text(encoding="utf-8")
    (tmp_path / "binder/environment.yml").write_text(environment, encoding="utf-8")
    (tmp_path / "notebooks/05_x.ipynb").write_text(
        json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cells(checkout):
    return json.loads((checkout / "notebooks/05_x.ipynb").read_text(encoding="utf-8"))["cells"]


# Badges


def test_badges_lead_to_the_repository_and_stamping_twice_changes_nothing(checkout, capsys):
    before = contents(checkout)
    assert cli.main(["badges", str(checkout)]) == 0
    said = capsys.readouterr().out
    assert said.count("stamped") == 2 and f"the tag v{ibteach.__version__} of some-one/a.repo" in said
    once = contents(checkout)
    first = "".join(cells(checkout)[0]["source"])
    assert first.startswith("# Surrogates γ\n\n<!-- badges -->\n[![Open in Colab](") and first.endswith("\n\nWhich?")
    assert "https://colab.research.google.com/github/some-one/a.repo/blob/main/notebooks/05_x.ipynb)" in first
    assert "https://mybinder.org/v2/gh/some-one/a.repo/main?urlpath=lab/tree/notebooks/05_x.ipynb)" in first
    assert "γ".encode() in once[checkout / "notebooks/05_x.ipynb"]
    readme = once[checkout / "README.md"].decode()
    assert readme.startswith("# ibteach\n\n<!-- badges -->\n") and readme.endswith("<!-- /badges -->\n\nA promise.\n")
    assert before[checkout / "pyproject.toml"] == once[checkout / "pyproject.toml"]

    assert cli.main(["badges", str(checkout)]) == 0
    assert "up to date" in capsys.readouterr().out
    assert contents(checkout) == once

    (checkout / "pyproject.toml").write_text(PYPROJECT.replace("some-one", "other"), encoding="utf-8")
    assert len(badges.stamp(checkout, branch="dev", tag="v9")) == 2  # a fork's own launches take their place
    assert "some-one" not in (checkout / "README.md").read_text(encoding="utf-8")
    assert (checkout / "README.md").read_text(encoding="utf-8").count("Launch on Binder") == 1
    assert "other/a.repo@v9" in "".join(cells(checkout)[1]["source"]) and len(cells(checkout)) == 3


def test_a_stamped_notebook_is_as_one_that_was_run_from_the_top(checkout):
    badges.stamp(checkout)
    launch, code = cells(checkout)[1:]
    assert (launch["execution_count"], code["execution_count"], code["outputs"][0]["execution_count"]) == (1, 2, 2)
    assert launch["outputs"] == [] and "remove-cell" in launch["metadata"]["tags"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("pyproject.toml", '[project]\nname = "x"\n', r"Add to it:\n\n\[project.urls\]\nRepository"),
        ("pyproject.toml", PYPROJECT.replace("github.com", "example.org"), "Colab and Binder read GitHub"),
        ("pyproject.toml", PYPROJECT.replace("/a.repo", ""), "Colab and Binder read GitHub"),
        ("pyproject.toml", PYPROJECT + 'Environment = "elsewhere"\n', "Environment: got 'elsewhere'"),
        ("pyproject.toml", "[project", "is not TOML"),
        ("README.md", "no heading", "expected a heading"),
        ("README.md", "# t\n<!-- badges -->\n", "without"),
        ("notebooks/05_x.ipynb", "{}", "is not a notebook"),
        ("notebooks/05_x.ipynb", "", "is not a notebook"),
        ("notebooks/06_y.ipynb", '{"cells": [{"cell_type": "code", "source": []}]}', "opens with a code cell"),
    ],
)
def test_badges_say_what_is_missing_before_anything_is_written(checkout, file, text, message):
    (checkout / file).write_text(text, encoding="utf-8")
    before = contents(checkout)
    with pytest.raises(errors.InvalidInput, match=message):
        badges.stamp(checkout)
    assert contents(checkout) == before


def test_badges_outside_a_checkout(tmp_path, capsys):
    assert cli.main(["badges", str(tmp_path)]) == 1
    assert "pyproject.toml: cannot be read" in capsys.readouterr().err


# Colab: the first cell of a chapter


@pytest.fixture
def asked_of_pip(monkeypatch):
    """Runs a cell as a notebook does; what it asks of pip."""
    shell, asked = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}})), []
    shell.register_magic_function(asked.append, magic_name="pip")

    def run(source):
        shell.run_cell(source).raise_error()
        return asked

    return run


def test_on_colab_the_first_cell_installs_the_course_at_its_tag(checkout, asked_of_pip, monkeypatch):
    badges.stamp(checkout)
    source = "".join(cells(checkout)[1]["source"])
    assert asked_of_pip(source) == []  # here, which is not Colab
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    # With the extra that chapter 09 needs; torch and the rest stay as Colab has them.
    wanted = f'install -q "ibteach[attacks] @ git+https://github.com/some-one/a.repo@v{ibteach.__version__}"'
    assert asked_of_pip(source) == [wanted]


def test_the_course_has_the_launches_of_the_address_that_it_names_or_none():
    try:
        cell = launches.addresses(ROOT).cell()
    except errors.InvalidInput:
        cell = None
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        first = next(cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        assert ("google.colab" in text) == (cell is not None)
        assert cell is None or "".join(first["source"]).partition("@v")[0] == cell.partition("@v")[0]


# Binder: an environment of its own


def test_binder_builds_the_environment_and_pulls_the_notebooks(checkout):
    (checkout / "pyproject.toml").write_text(PYPROJECT + ENVIRONMENT, encoding="utf-8")
    address = urlsplit(launches.addresses(checkout, "dev").binder("05_x.ipynb"))
    assert (address.netloc, address.path) == ("mybinder.org", "/v2/gh/some-one/image/HEAD")
    pull = urlsplit(parse_qs(address.query)["urlpath"][0])
    assert pull.path == "git-pull"
    assert parse_qs(pull.query) == {
        "repo": ["https://github.com/some-one/a.repo"],
        "branch": ["dev"],
        "urlpath": ["lab/tree/a.repo/notebooks/05_x.ipynb"],
    }
    badges.stamp(checkout, "dev")
    assert f"({address.geturl()})" in "".join(cells(checkout)[0]["source"])


def test_the_environments_repository_is_written_and_holds_nothing_else(checkout, tmp_path, capsys):
    folder = tmp_path / "image"
    assert cli.main(["badges", str(checkout), "--environment", str(folder), "--tag", "v2"]) == 0
    assert capsys.readouterr().out.count("written") == 3
    dependencies = yaml.safe_load((folder / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert any(str(entry).startswith("nbgitpuller") for entry in dependencies)
    build = (folder / "postBuild").read_text(encoding="utf-8")
    assert '--no-deps --no-build-isolation "ibteach @ git+https://github.com/some-one/a.repo@v2"' in build
    if os.name != "nt":
        assert os.access(folder / "postBuild", os.X_OK)
        assert subprocess.run(["bash", "-n", str(folder / "postBuild")]).returncode == 0
    assert cli.main(["badges", str(checkout), "--environment", str(folder), "--tag", "v2"]) == 0
    assert "up to date" in capsys.readouterr().out
    (folder / "thesis.tex").touch()
    before = contents(folder)
    assert cli.main(["badges", str(checkout), "--environment", str(folder), "--tag", "v3"]) == 1
    assert "holds 'thesis.tex'" in capsys.readouterr().err and contents(folder) == before


# A container


def test_the_container_installs_what_readme_says():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert container["image"].startswith("python:3.")
    installs = container["postCreateCommand"]
    assert "--torch-backend cpu torch torchvision" in installs and "-e '.[lab]'" in installs
    for file in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / file).exists()
