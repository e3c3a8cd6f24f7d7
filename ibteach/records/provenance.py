"""Where a `Record` comes from: data, device, versions, commit, command, and every setting that made it."""

import datetime
import functools
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import ibteach

RENAMED = {
    "subset": "eval_examples",
    "examples": "train_examples",
    "half": "low_precision",
    "averaging": "ema_decay",
    "averaged": "eot_samples",  # of attacks
}
"""Settings that went by another name in version 0.1.0: old -> new."""


def provenance(
    *, data: str, device: str | torch.device = "cpu", wall_seconds: float | None = None, **more: Any
) -> dict:
    """Where a result comes from: what is given here, and versions, commit, command, device name and time (UTC).

    `more` takes the configuration and the seed: anything that JSON can say, and what was asked for earlier, such as the
    `commit` at which a training began.

    >>> sorted(provenance(data="digits", seed=0))  # doctest: +NORMALIZE_WHITESPACE
    ['command', 'commit', 'created', 'data', 'device', 'device_name', 'kind', 'seed', 'versions', 'wall_seconds']
    """
    device = torch.device(device)
    return {
        "kind": "live",
        "data": data,
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper(),
        "versions": {
            "ibteach": ibteach.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "commit": more["commit"] if "commit" in more else commit(),
        "command": command_line(),
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "wall_seconds": wall_seconds,
        **more,
    }


def in_new_names(facts: dict) -> dict:
    """A provenance with its settings under the names that they have today.

    >>> in_new_names({"configuration": {"subset": 1000}})
    {'configuration': {'eval_examples': 1000}}
    """
    facts = dict(facts)
    if isinstance(facts.get("configuration"), dict):
        facts["configuration"] = _renamed(facts["configuration"])
    if isinstance(facts.get("trained"), dict):  # of networks that were measured once more
        facts["trained"] = in_new_names(facts["trained"])
    return facts


def _renamed(settings: dict) -> dict:
    """Settings, and those of attacks among them, under their new names."""
    return {
        RENAMED.get(name, name): _renamed(value) if name == "attacks" and isinstance(value, dict) else value
        for name, value in settings.items()
    }


def other_seeds(facts: dict) -> str | None:
    """What to say of a provenance whose seeds do not mean what seeds mean today, so that nothing can be the same again.

    Until version 0.2.0 the first parameters, the order of the examples and the noise came from one stream.

    >>> other_seeds(provenance(data="digits"))
    >>> other_seeds({"versions": {"ibteach": "0.1.0"}})
    'made by ibteach 0.1.0, whose seeds stood for other draws: made again, it differs as another seed does'
    """
    version = str((facts.get("versions") or {}).get("ibteach", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if not numbers or (int(numbers[1]), int(numbers[2])) >= (0, 2):
        return None
    return f"made by ibteach {version}, whose seeds stood for other draws: made again, it differs as another seed does"


def command_line() -> str:
    """What was typed to start this process, without this machine's folders."""
    if "ipykernel" in sys.modules:
        return "(in a notebook)"
    typed = [_without_folder(part) for part in sys.orig_argv[1:]]
    return shlex.join(typed if typed[:1] == ["ibteach"] else ["python", *typed])


def _without_folder(typed: str) -> str:
    """One word of it, which may be ``--option=value``."""
    option, equals, value = typed.partition("=") if typed.startswith("--") else ("", "", typed)
    return option + equals + (Path(value).name if Path(value).is_absolute() else value)


@functools.cache  # what was imported stays, whatever becomes of the checkout; git takes longer than a short training
def commit() -> str | None:
    """The commit of the checkout that this package was imported from, if it was; ``-dirty`` when it was changed."""
    folder = Path(__file__).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments):
        command = ["git", "-C", str(folder), *arguments]
        answer = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=10, check=True)
        return answer.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "provenance.py")  # else some other repository surrounds this folder
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "..")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None
