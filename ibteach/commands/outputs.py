"""What several commands share: options of pictures, and files that take long to make."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibteach.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from ibteach.records import Record


def add_pictures(group: Any) -> None:
    """The options of data sets that are read from picture files."""
    group.add_argument("--size", type=int, metavar="N", help="height and width, pixels (default: 96)")
    group.add_argument("--convert", action="store_true", help="make RGB of grey and transparent pictures (default: no)")
    group.add_argument("--skip", action="store_true", help="leave out pictures that cannot be used (default: no)")


def pictures(options: argparse.Namespace) -> dict[str, Any]:
    """What was said of them."""
    return {name: getattr(options, name) for name in ("size", "convert", "skip")}


def check_new(path: Path, made: Path | None = None) -> None:
    """What takes long to make must not fail when it is written, and must not replace what took long to make.

    `made`: a folder that will be made before, with all above it.
    """
    from ibteach import files

    if made is not None and path.absolute().parent == made.absolute():
        while not path.parent.exists():
            path = path.parent
    files.check_writable(path)
    if path.exists():
        raise InvalidInput(f"{path}: is there already; choose another name, or remove it first.")


def keep(record: "Record", path: Path) -> Path:
    """Save what took long to make: where it cannot be written any more, among the temporary files. Returns where."""
    try:
        record.save(path)
    except Unavailable as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="ibteach-")) / path.name
        record.save(elsewhere)
        print(f"ibteach: {error} It is kept in {elsewhere} instead.", file=sys.stderr)
        return elsewhere
    return path
