"""What is on this machine, and what each chapter of the course will do on it.

`check` looks, and downloads and trains nothing. Chapter 00 shows what it finds.
"""

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform

import torch

from ibteach.course import CHAPTERS
from ibteach.data import cached, sources
from ibteach.training.devices import low_precision_of, pick_device

PACKAGES = ("ibteach", "torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "anywidget")
LEAST_MEMORY = 2.0  # GB: what the largest chapter takes, with its kernel


@dataclasses.dataclass(frozen=True)
class Machine:
    """What `check` found: names and versions, GB of memory, data sets that need no download, a line for each chapter.

    `free_memory` is None where nothing tells it. `advice` says what to mend, if anything; nothing there is an error.
    """

    python: str
    versions: dict[str, str]
    device: str
    cores: int
    free_memory: float | None
    data: dict[str, bool]
    chapters: dict[str, str]
    advice: tuple[str, ...]

    def _repr_markdown_(self) -> str:
        memory = "not known" if self.free_memory is None else f"{self.free_memory:.1f} GB free"
        here = {name: "here" if there else "not here yet" for name, there in self.data.items()}
        facts = {
            "Python": self.python,
            **self.versions,
            "networks are trained on": self.device,
            "cores": self.cores,
            "memory": memory,
            **here,
        }
        table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
        plans = "\n".join(f"| {chapter} | {self.chapters[chapter.number]} |" for chapter in CHAPTERS)
        advice = "".join(f"\n\n**{one}**" for one in self.advice)
        return f"| this machine | |\n|---|---|\n{table}\n\n| chapter | here it |\n|---|---|\n{plans}{advice}"


def check() -> Machine:
    """Look at this machine: versions, device, cores, memory, data sets, and what they mean for each chapter.

    >>> found = check()
    >>> found.data["digits"], sorted(found.chapters)[:3]
    (True, ['00', '01', '02'])
    """
    device = pick_device()
    there = {name: not source.files or cached(name).exists() for name, source in sources.SOURCES.items()}
    attacks = importlib.util.find_spec("foolbox") is not None
    memory = _free_memory()
    advice = []
    if memory is not None and memory < LEAST_MEMORY:
        advice.append(f"{memory:.1f} GB of memory are free, and chapters take up to {LEAST_MEMORY:g}: close something.")
    if not attacks:
        advice.append('Chapter 09 attacks networks with Foolbox: python -m pip install "ibteach[attacks]"')
    return Machine(
        python=platform.python_version(),
        versions={name: importlib.metadata.version(name) for name in PACKAGES if _installed(name)},
        device=_named(device),
        cores=_cores(),
        free_memory=memory,
        data=there,
        chapters={chapter.number: _plan(chapter.number, device, there, attacks) for chapter in CHAPTERS},
        advice=tuple(advice),
    )


def _plan(number: str, device: torch.device, there: dict[str, bool], attacks: bool) -> str:
    """What a chapter does here."""
    if number == "05":
        mnist = (
            "then on MNIST" if there["mnist"] else f"then fetches MNIST ({_size('mnist')}), or shows the digits again"
        )
        return f"trains on the digits, {mnist}"
    if number == "08" and device.type == "cuda":
        first = "" if there["cifar10"] else f"fetches CIFAR-10 ({_size('cifar10')}) and "
        of_device = low_precision_of(device)
        precision = f", in {str(of_device or torch.float32).removeprefix('torch.')}"
        return f"{first}trains a ResNet-18 on all of CIFAR-10{precision}"
    if number == "08":
        return "trains a narrow ResNet on the digits, and reads recorded ones"
    if number == "09" and not attacks:
        return "needs Foolbox"
    (seconds,) = (chapter.seconds for chapter in CHAPTERS if chapter.number == number)
    return f"runs as it stands, in about {seconds} s on two cores"


def _size(name: str) -> str:
    return f"{sources.SOURCES[name].megabytes / 1000:.1f} GB of disk must be free"


def _named(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {torch.cuda.mem_get_info(device)[0] / 1e9:.0f} GB free"
    return {"mps": "the GPU of this Mac", "cpu": "the CPU: no GPU is needed"}[device.type]


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_memory() -> float | None:
    """GB that programs can still have; psutil, which comes with Jupyter, knows it on every system."""
    if not _installed("psutil"):
        return None
    return importlib.import_module("psutil").virtual_memory().available / 1e9


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
