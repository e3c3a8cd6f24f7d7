"""Files that are whole or not there: replaced atomically, and sealed by a checksum when they hold tensors.

Results that took hours stand on this: a crash, a full disk or a stop while writing leaves the old file or the
new one. A sealed file is one safetensors file whose metadata hold a SHA-256, and JSON; nothing in it is ever
unpickled, and it is memory-mapped when read. Records, networks, checkpoints and data sets are kept in this form.
What a writer leaves that was killed is removed by the next that writes to the folder.
"""

import contextlib
import errno
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
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
PARTS = ".ibteach-"
"""What the folders begin with in which files are written; then come the machine, the process, and chance."""
LEFT = re.compile(re.escape(PARTS) + r"([0-9a-f]{8})-(\d+)-\w+")
"""Such a name, whole: a folder that is called otherwise is somebody's."""
OLD = 86400
"""After so many seconds nobody writes to such a folder any more."""
READS = 100
"""How often a file is read that is replaced while it is read."""


def named(path: Any, what: str = "path") -> Path:
    """What names a file or folder, as a Path; raises `InvalidInput` for anything else, such as None.

    >>> named("runs/one.safetensors").name
    'one.safetensors'
    """
    try:
        path = Path(path)
    except TypeError as error:
        raise InvalidInput(f"{what}: got {path!r}, expected the name of a file or folder.") from error
    if "\0" in str(path):
        raise InvalidInput(f"{what}: got {str(path)!r}, expected the name of a file or folder, without zero byte.")
    return path


def expanded(path: Any, what: str = "path") -> Path:
    """The same, where ``~`` and ``~user`` are the folders of users; raises `InvalidInput` where there is no such user.

    >>> expanded("~nobody-here/runs")
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: path: got '~nobody-here/runs', expected a user with a folder; write it out from /.
    """
    path = named(path, what)
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InvalidInput(f"{what}: got {str(path)!r}, expected a user with a folder; write it out from /.") from error


@contextlib.contextmanager
def temporary(folder: PathLike) -> Iterator[Path]:
    """A new folder in `folder` to work in, gone afterwards; where this process is killed, the next one removes it."""
    _sweep(Path(folder))
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{PARTS}{_machine()}-{os.getpid()}-") as made:
        yield Path(made)


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """A new file beside `path` to write to: it takes the place of `path` when the block ends well, else it goes.

    Raises `Unavailable` when the system refuses (full disk, read-only folder), and where `path` is a folder, a device
    or a pipe; it is then as it was before.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "answer.txt"
    >>> with replacing(target) as part:
    ...     _ = part.write_text("42", encoding="utf-8")
    >>> target.read_text(encoding="utf-8")
    '42'
    """
    path = Path(os.path.realpath(named(path)))  # the file a link points to is replaced, not the link
    try:
        there = path.exists()
        if there and not path.is_file():
            raise OSError(errno.EISDIR if path.is_dir() else errno.EINVAL, f"is {_kind(path)}, no file")
        # A folder of its own, because safetensors writes to another file beside the one that it is told.
        with temporary(path.parent) as folder:
            part = folder / path.name
            part.touch(exist_ok=False)
            mode = (path if there else part).stat().st_mode
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


def check_writable(path: PathLike, size: int = 0) -> None:
    """Raise `Unavailable` unless a file of `size` bytes can be written there: asked before it takes long to make.

    >>> check_writable("no such folder/run.checkpoint")
    Traceback (most recent call last):
    ...
    ibteach.errors.Unavailable: no such folder: cannot be written (No such file or directory); choose another folder.
    """
    path = _in_utf8(path)
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EISDIR if path.is_dir() else errno.EINVAL, f"{path.name} is {_kind(path)}, no file")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        reason = error.strerror or error
        raise Unavailable(f"{str(path.parent)[:200]}: cannot be written ({reason}); choose another folder.") from error
    if free < size:
        raise Unavailable(
            f"{path.parent}: has {free / 1e6:,.0f} MB left, and {path.name} takes {size / 1e6:,.0f} MB; "
            "free some space, or choose another folder."
        )


def save_tensors(path: PathLike, kind: str, version: int, tensors: dict[str, Tensor], content: dict[str, Any]) -> None:
    """Write tensors and JSON into one sealed file, atomically.

    `kind` and `version` say what the file is: `load` accepts no other. Raises `InvalidInput` when `content` is
    not JSON, and `Unavailable` when the file cannot be written; `path` is then as it was before.
    """
    path = _in_utf8(path)
    text = as_json("content", {"kind": kind, "version": version, "content": content})
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    seal = f"{digest(tensors, text)} {text}"
    with replacing(path) as part:
        save_file({name: tensor.numpy() for name, tensor in tensors.items()}, part, metadata={"ibteach": seal})


def load_tensors(path: PathLike, kind: str, version: int, remedy: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors (memory-mapped: the first write to a page copies it) and the JSON of a sealed file, checked.

    Raises `DamagedFile` when the file is truncated, was changed or is of another kind or version, and
    `Unavailable` when it is not there or cannot be read; both end with `remedy`, what the reader can do.
    """
    path = _in_utf8(path)
    for _ in range(READS):
        seal, tensors, damage = "", {}, None
        try:
            if path.exists() and not path.is_file():  # to open a pipe would be to wait for its other end
                raise OSError(errno.EISDIR if path.is_dir() else errno.EINVAL, f"it is {_kind(path)}, no file")
            with path.open("rb") as held:  # no other file can get its number while it is open
                try:
                    seal, tensors = _mapped(path)
                except (SafetensorError, RuntimeError, ValueError) as error:
                    damage = str(error)
                # safetensors opens a file twice: between the two it may have been replaced.
                if os.path.samestat(os.fstat(held.fileno()), path.stat()):
                    break
        except OSError as error:
            raise Unavailable(f"{path}: cannot be read ({error.strerror or error}). {remedy}") from error
    else:
        raise Unavailable(f"{path}: cannot be read, because it is replaced all the time. Try again later.")
    if damage is not None:
        raise DamagedFile(f"{path}: not a whole safetensors file ({damage}). {remedy}")
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
        flat = tensor.reshape(-1).contiguous()
        if len(flat) < 2:  # which may have any stride, and counts as contiguous
            flat = flat.as_strided((len(flat),), (1,))
        checksum.update(flat.view(torch.uint8).numpy().data)
    return checksum.hexdigest()


def _mapped(path: Path) -> tuple[str, dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        return (file.metadata() or {}).get("ibteach", ""), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _in_utf8(path: PathLike) -> Path:
    """A name that safetensors takes; it writes to others, too, but does not read what it wrote there."""
    path = named(path)
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise Unavailable(
            f"{str(path)!r}: cannot be read or written, as its name is not UTF-8 ({error.reason}); rename it."
        ) from error
    return path


def _kind(path: Path) -> str:
    return "a folder" if path.is_dir() else "a pipe" if path.is_fifo() else "a device or a socket"


def _sweep(folder: Path) -> None:
    """Remove what writers left in `folder` that were killed: of processes that are gone, or older than a day."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            left = LEFT.fullmatch(entry.name)
            if left and entry.is_dir(follow_symlinks=False):
                machine, process = left.groups()
                gone = machine == _machine() and not _lives(int(process))
                if gone or time.time() - entry.stat().st_mtime > OLD:
                    shutil.rmtree(entry, ignore_errors=True)


def _lives(process: int) -> bool:
    """Whether there is a process of that number; on Windows, where to ask means to end it, there is."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        pass
    return True


@functools.cache
def _machine() -> str:
    """What tells machines apart on which one number means different processes: containers too, and after a restart."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):  # on Linux
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8"), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can open a folder (not on Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
