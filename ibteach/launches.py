"""One click that opens a chapter elsewhere: on Colab, on Binder, in a container of Codespaces or VS Code.

A repository's address is written down in one place, ``[project.urls]`` of pyproject.toml, and all that leads there
follows from it: `addresses` reads it, `ibteach.badges` writes it into the course. Where there is no address there are
no launches.
"""

import dataclasses
import importlib
import re
import sys
from pathlib import Path
from urllib.parse import quote

import ibteach
from ibteach.errors import InvalidInput, Unavailable
from ibteach.files import PathLike, replacing

WANTED = '[project.urls]\nRepository = "https://github.com/OWNER/REPO"'

CELL = """\
import sys

if "google.colab" in sys.modules:  # elsewhere there is nothing to install
    %pip install -q "ibteach[attacks] @ git+https://github.com/{repository}@{tag}"
"""
"""The first cell of a chapter: a hosted notebook has torch and the rest, and keeps them as they are."""

POST_BUILD = """\
#!/bin/bash
# Everything it needs is in the image already, at the versions of environment.yml.
set -e
python -m pip install --no-deps --no-build-isolation "ibteach @ git+https://github.com/{repository}@{tag}"
python -c "from ibteach import data; print(data.load('digits'))"
"""

ENVIRONMENT = """\
# The image in which ibteach runs on Binder

These files were written by `ibteach badges --environment` for https://github.com/{repository}, at {tag}. Binder builds
an image of this repository, and pulls the notebooks into it when it starts: a chapter that changes needs no new image.
Write the files anew when the versions in the course's `binder/environment.yml` change, or with a new tag.
"""


@dataclasses.dataclass(frozen=True)
class Addresses:
    """Where the chapters of one copy of the course are opened.

    `repository` is OWNER/REPO, `branch` what Colab and Binder open, `tag` what is installed there, `environment` the
    OWNER/REPO/REF of the repository that Binder builds; without one, it builds the course itself.
    """

    repository: str
    branch: str
    tag: str
    environment: str | None = None

    def colab(self, notebook: str = "") -> str:
        """The address at which Colab opens a notebook, or lists all of them.

        >>> Addresses("some-one/course", "main", "v1").colab("05_x.ipynb")
        'https://colab.research.google.com/github/some-one/course/blob/main/notebooks/05_x.ipynb'
        """
        place = f"blob/{self.branch}/notebooks/{quote(notebook)}" if notebook else ""
        return f"https://colab.research.google.com/github/{self.repository}/{place}"

    def binder(self, notebook: str = "") -> str:
        """The address at which Binder opens a notebook, or the folder of all.

        With an environment of its own the image knows nothing of the notebooks: nbgitpuller fetches them, so that a
        change of a chapter builds no image.

        >>> Addresses("some-one/course", "main", "v1").binder("05_x.ipynb")
        'https://mybinder.org/v2/gh/some-one/course/main?urlpath=lab/tree/notebooks/05_x.ipynb'
        """
        place = "/".join(filter(None, ["notebooks", quote(notebook)]))
        if self.environment is None:
            return f"https://mybinder.org/v2/gh/{self.repository}/{self.branch}?urlpath=lab/tree/{place}"
        folder = self.repository.partition("/")[2]  # what git clones into
        source = quote(f"https://github.com/{self.repository}", safe="")
        opened = quote(f"lab/tree/{folder}/{place}", safe="")
        pulled = quote(f"git-pull?repo={source}&branch={self.branch}&urlpath={opened}", safe="")
        return f"https://mybinder.org/v2/gh/{self.environment}?urlpath={pulled}"

    def cell(self) -> str:
        """The code of a chapter's first cell, which installs the course on Colab and does nothing elsewhere."""
        return CELL.format(**dataclasses.asdict(self)).strip()


def addresses(root: PathLike = ".", branch: str = "main", tag: str | None = None) -> Addresses:
    """What the pyproject.toml of a checkout says; `tag` is that of this version unless another is named.

    Raises `InvalidInput` where it names no repository, or one that Colab and Binder cannot read, and `Unavailable`
    where there is no such file.
    """
    path = Path(root) / "pyproject.toml"
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        urls = toml.loads(text(path)).get("project", {}).get("urls", {})
    except ValueError as error:
        raise InvalidInput(f"{path}: is not TOML ({error}).") from error
    if "Repository" not in urls:
        raise InvalidInput(f"{path}: names no repository, so launches have nowhere to lead. Add to it:\n\n{WANTED}")
    environment = None
    if "Environment" in urls:
        environment = "/".join(_github(path, "Environment", urls["Environment"]))
    return Addresses(
        repository=_github(path, "Repository", urls["Repository"])[0],
        branch=branch,
        tag=f"v{ibteach.__version__}" if tag is None else tag,
        environment=environment,
    )


def _github(path: Path, name: str, address: object) -> tuple[str, str]:
    """OWNER/REPO and branch of an address on GitHub."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?:/tree/([\w./-]+?))?/?", str(address))
    if not found or (name == "Repository" and found[2]):
        raise InvalidInput(f"{path}: {name}: got {address!r}; Colab and Binder read GitHub, expected\n\n{WANTED}")
    return found[1], found[2] or "HEAD"


def write_environment(folder: PathLike, root: PathLike, of: Addresses) -> list[Path]:
    """The files of the repository that Binder builds, written to a folder; returns those that changed.

    Raises `InvalidInput` for a folder that holds something else, before anything is written.
    """
    folder, root = Path(folder), Path(root)
    said = dataclasses.asdict(of)
    new = {
        folder / "environment.yml": text(root / "binder/environment.yml"),
        folder / "postBuild": POST_BUILD.format(**said),
        folder / "README.md": ENVIRONMENT.format(**said),
    }
    others = [path.name for path in folder.glob("*") if path not in new] if folder.is_dir() else []
    others = [name for name in others if name not in (".git", "LICENSE")]
    if others:
        raise InvalidInput(f"{folder}: holds {others[0]!r}, expected a folder for Binder's environment alone.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{folder}: cannot be made ({error.strerror}); name another folder.") from error
    changed = write(new)
    (folder / "postBuild").chmod(0o755)
    return changed


def text(path: Path) -> str:
    """What a file of a checkout holds. Raises `Unavailable` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{path}: cannot be read ({error}). Name the folder of a checkout of ibteach.") from error


def write(new: dict[Path, str]) -> list[Path]:
    """Write each text to its file, where it holds another one; returns the files that changed."""
    changed = [path for path, content in new.items() if not path.exists() or content != text(path)]
    for path in changed:
        with replacing(path) as part:
            part.write_text(new[path], encoding="utf-8", newline="\n")
    return changed
