"""One source for each fact: versions, dependencies and chapters that stand in two places agree."""

import importlib
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import ibteach
from ibteach import badges, errors
from ibteach.display import exercises

ROOT = Path(__file__).parents[1]
PROJECT = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(
    (ROOT / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
CHAPTERS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))

# Where conda-forge has another name, and what the image needs beside the package's own dependencies
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
IMAGE_ALONE = {"python", "pip", "hatchling", "nbgitpuller"}


def floors(requirements):
    """Name -> version part, of requirements that hold for the image's Python."""
    named = {}
    for requirement in requirements:
        name, version = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?\s*([^;]*?)\s*(?:;.*)?", requirement).groups()
        named[name] = version
    return named


def image():
    """What Binder installs, from conda or with pip."""
    dependencies = binder()["dependencies"]
    [pip] = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    return floors([entry for entry in dependencies if isinstance(entry, str)] + pip)


def binder():
    return yaml.safe_load((ROOT / "binder/environment.yml").read_text(encoding="utf-8"))


def test_binder_has_the_versions_of_pyproject():
    wanted = [line for line in PROJECT["dependencies"] if "python_version < '3.11'" not in line]
    wanted += [line for extra in ("lab", "attacks") for line in PROJECT["optional-dependencies"][extra]]
    wanted.remove("ibteach[attacks]")  # of lab
    ours = {CONDA_NAMES.get(name, name): version for name, version in floors(wanted).items()}
    assert {name: version for name, version in image().items() if name not in IMAGE_ALONE} == ours
    assert set(image()) >= IMAGE_ALONE


def test_no_floor_is_above_what_colab_comes_with():
    lines = (ROOT / "tests/colab-constraints.txt").read_text(encoding="utf-8").splitlines()
    there = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"torch", "torchvision", "numpy", "matplotlib", "ipywidgets"} <= set(there)
    wanted = floors(PROJECT["dependencies"])
    for name, version in there.items():
        assert Version(version) in SpecifierSet(wanted[name]), name


def test_every_job_of_the_workflows_tests_and_one_tests_all():
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))["jobs"]
    ran = {name: " ".join(step.get("run", "") for step in job["steps"]) for name, job in jobs.items()}
    assert all("pytest" in text or "pyright" in text or ".ci/run" in text for text in ran.values())
    everything = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "ruff check . && ruff format --check ." in everything and "-m pytest" in everything
    assert '".[attacks]"' in ran["colab"] and "lowest-direct" in ran["lowest"]
    systems = {one["system"] for one in jobs["elsewhere"]["strategy"]["matrix"]["include"]}
    assert systems == {"macos-latest", "windows-latest", "ubuntu-latest"}


def test_binders_python_is_one_that_the_package_takes():
    python = tuple(map(int, image()["python"].removeprefix("=").split(".")))
    least = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    assert python >= least and python >= (3, 11)  # from 3.11 on, TOML is read without a dependency


def test_binder_takes_no_cuda_and_one_channel():
    environment = binder()
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert "pytorch-cpu" in image() and "torch" not in image()
    assert os.access(ROOT / "binder/postBuild", os.X_OK)


def test_the_version_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert "version" not in PROJECT and PROJECT["dynamic"] == ["version"]  # it is written in the package alone
    assert ibteach.__version__ == str(citation["version"])


def test_the_citation_is_valid_and_names_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["license"] == PROJECT["license"]
    for work in (citation, *citation["references"]):
        assert isinstance(work["title"], str) and work["authors"]
        for author in work["authors"]:
            assert {"family-names", "given-names"} <= set(author) or "name" in author
    assert isinstance(citation["message"], str)
    [paper] = [work for work in citation["references"] if "Unpacking Information Bottlenecks" in work["title"]]
    assert {author["family-names"] for author in paper["authors"]} == {"Kirsch", "Lyle", "Gal"}
    assert paper["year"] == 2020 and "2003.12537" in str(paper)


def test_addresses_are_of_what_is_there():
    """Of the repository there is none as long as nobody said where it is: badges refuse rather than lead nowhere."""
    assert PROJECT["urls"]["Paper"].removeprefix("https://arxiv.org/abs/") in (ROOT / "CITATION.cff").read_text(
        encoding="utf-8"
    )
    if "Repository" not in PROJECT["urls"]:
        with pytest.raises(errors.InvalidInput, match="names no repository"):
            badges.stamp(ROOT)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Names of what the wheel and the source distribution hold, and the text of the wheel's metadata."""
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    folder = str(tmp_path_factory.mktemp("built"))
    [wheel] = WheelBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    [source] = SdistBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        metadata = file.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    with tarfile.open(source) as file:
        return names, [name.partition("/")[2] for name in file.getnames()], metadata


def test_the_wheel_holds_all_that_the_package_reads(built):
    names, _, metadata = built
    assert f"\nVersion: {ibteach.__version__}\n" in metadata
    read = [path for path in (ROOT / "ibteach").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    wanted = {path.relative_to(ROOT).as_posix() for path in read}
    assert wanted <= set(names) and "ibteach/py.typed" in names
    assert {Path(name).suffix for name in wanted} >= {".py", ".pyi", ".js", ".css", ".safetensors"}


def test_the_source_distribution_holds_what_its_readme_shows(built):
    _, names, _ = built
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = [link for link in re.findall(r"\]\(([\w./-]+)\)", readme) if "://" not in link]
    assert "docs/latents.png" in shown and set(shown) <= set(names)


def test_readme_links_every_chapter_once_in_order():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.lstrip().startswith("|")]
    linked = re.findall(r"\(notebooks/([\w.-]+\.ipynb)\)", "\n".join(rows))
    assert linked == CHAPTERS


def test_readme_has_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 'python -m pip install ".[lab]" && jupyter lab notebooks' in readme
    assert 'python -m pip install ".[test]" && python -m pytest' in readme


@pytest.mark.parametrize("chapter", exercises.chapters())
def test_exercises_are_of_a_chapter_that_asks_each_of_them(chapter):
    [notebook] = [name for name in CHAPTERS if name.startswith(f"{chapter}_")]
    text = (ROOT / "notebooks" / notebook).read_text(encoding="utf-8")
    for exercise in exercises.exercises_of(chapter):
        assert exercise.name in text
