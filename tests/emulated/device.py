"""A device for torch that computes on the CPU and refuses what a GPU refuses: to find wrong devices without a GPU.

`build` makes the library from ``device.cpp``, which takes a C++ compiler; `load` brings it into this process, for good:
then `torch.device("emulated")` is there; `leave` ends that process. It has no speed of its own, and says nothing about
any real device's rounding.
"""

import ctypes
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import NoReturn

import torch


def build(compiler: str, library: Path) -> None:
    torch_is_in = Path(torch.__file__).parent
    include = [f"-I{torch_is_in / folder}" for folder in ("include", "include/torch/csrc/api/include")]
    link = [f"-L{torch_is_in / 'lib'}", f"-Wl,-rpath,{torch_is_in / 'lib'}", "-ltorch", "-ltorch_cpu", "-lc10"]
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    source = str(Path(__file__).with_suffix(".cpp"))
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-std=c++20", abi, *include, source, "-o", str(library), *link],
        check=True,
    )


def load(library: Path, *, float64: bool) -> None:
    """With `float64` it is like CUDA; without, like Apple's MPS."""
    if not float64:
        os.environ["EMULATED_WITHOUT_FLOAT64"] = "1"
    ctypes.CDLL(str(library))
    torch.utils.rename_privateuse1_backend("emulated")
    module = types.ModuleType("torch.emulated")
    module.is_available = module.is_initialized = lambda: True
    module.device_count, module.current_device = lambda: 1, lambda: 0
    module._is_in_bad_fork = lambda: False
    module.manual_seed = module.manual_seed_all = lambda seed: None  # it draws from the CPU's generator
    module.get_rng_state = lambda device=0: torch.zeros(1, dtype=torch.uint8)
    module.set_rng_state = lambda state, device=0: None
    module.synchronize = lambda device=None: None
    module.get_amp_supported_dtype = lambda: [torch.bfloat16, torch.float16]
    torch._register_device_module("emulated", module)


def leave() -> NoReturn:
    """End this process, which succeeded, without an end of the interpreter.

    Under it, the thread in which torch goes backward on a device may still ask for Python, and then all aborts
    (pytorch/pytorch issue 38228).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
