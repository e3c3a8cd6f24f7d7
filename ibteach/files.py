"""Files that are whole or not there: replaced atomically, and sealed by a checksum when they hold tensors.

Results that took hours stand on this: a crash, a full disk or a stop while writing leaves the old file or the
new one. A sealed file is one safetensors file whose metadata hold a SHA-256, and JSON; nothing in it is ever
unpickled, and it is memory-mapped when read. Records and data sets are both kept in this form.
"""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file  # unlike torch's, it takes tensors that share memory
from torch import Tensor

from ibteach.errors import DamagedFile, IbteachError, InvalidInput, Unavailable

PathLike: TypeAlias = str | os.PathLike[str]
"""What names a file."""


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """A new file beside `path` to write to: it takes the place of `path` when the block ends well, else it goes.

    Raises `Unavailable` when the system refuses (full disk, read-only folder); `path` is then as it was before.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "answer.txt"
    >>> with replacing(target) as part:
    ...     _ = part.write_text("42")
    >>> target.read_text()
    '42'
    """
    path = Path(os.path.realpath(path))  # the file a link points to is replaced, not the link
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.touch(exist_ok=False)
        mode = (path if path.exists() else part).stat().st_mode
        yield part
        part.chmod(mode)  # safetensors leaves files that only their owner can read
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        _flush_folder(path.parent)
    except IbteachError:
        raise
    except (OSError, SafetensorError) as error:
        raise Unavailable(
            f"{path}: could not be written ({error}); what was there before is untouched. "
            "Free some space, or choose a folder that can be written."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def save(path: PathLike, kind: str, version: int, tensors: dict[str, Tensor], content: dict[str, Any]) -> None:
    """Write tensors and JSON into one sealed file, atomically.

    `kind` and `version` say what the file is: `load` accepts no other. Raises `InvalidInput` when `content` is
    not JSON, and `Unavailable` when the file cannot be written; `path` is then as it was before.
    """
    text = as_json("content", {"kind": kind, "version": version, "content": content})
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    seal = f"{digest(tensors, text)} {text}"
    with replacing(path) as part:
        save_file({name: tensor.numpy() for name, tensor in tensors.items()}, part, metadata={"ibteach": seal})


def load(path: PathLike, kind: str, version: int, remedy: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors (memory-mapped: the first write to a page copies it) and the JSON of a sealed file, checked.

    Raises `DamagedFile` when the file is truncated, was changed or is of another kind or version, and
    `Unavailable` when it is not there or cannot be read; both end with `remedy`, what the reader can do.
    """
    path = Path(path)
    try:
        with path.open("rb"):  # the system's own words for a missing file, a folder, a lack of permission
            pass
        with safe_open(path, framework="pt") as file:
            seal = (file.metadata() or {}).get("ibteach", "")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise Unavailable(f"{path}: cannot be read ({error.strerror or error}). {remedy}") from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise DamagedFile(f"{path}: not a whole safetensors file ({error}). {remedy}") from error
    checksum, _, text = seal.partition(" ")
    try:
        head = json.loads(text)
        came = (head["kind"], head["version"])
        content = head["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedFile(f"{path}: its header is not one of ibteach's, or was changed. {remedy}") from error
    if came != (kind, version):
        raise DamagedFile(f"{path}: is {came[0]!r} version {came[1]!r}, expected {kind!r} version {version}. {remedy}")
    if checksum != digest(tensors, text):
        raise DamagedFile(f"{path}: its SHA-256 differs from its contents, so it was changed or damaged. {remedy}")
    return tensors, content


def as_json(name: str, value: Any) -> str:
    """`value` as JSON text, which has no NaN or infinity; raises `InvalidInput` for what JSON cannot say.

    >>> as_json("run", {"gamma": 0.5})
    '{"gamma": 0.5}'
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name}: cannot be kept as JSON ({error}); use plain finite numbers and text.") from error


def digest(tensors: dict[str, Tensor], text: str = "") -> str:
    """SHA-256 over names, types, shapes and contents of tensors on the CPU, and a text, as 64 hexadecimal digits."""
    checksum = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        checksum.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        checksum.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return checksum.hexdigest()


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can open a folder (not on Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
