"""What a network is, in 64 hexadecimal digits: its modules, their settings and code, but not its parameters' values.

Two networks of one fingerprint compute the same function of their parameters, as far as Python lets that be seen. A
checkpoint goes by it: an encoder with Tanh is not the one with ReLU, though their parameters have the same names.
"""

import collections
import contextlib
import dis
import enum
import functools
import hashlib
import inspect
import site
import sys
import sysconfig
import types
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ibteach import files

CHANGES = {"training", "low_precision"}
"""Attributes that training sets."""
PLAIN = {"argparse", "builtins", "collections", "decimal", "fractions", "operator", "pathlib", "re", "types"}
"""Modules of the standard library whose objects are plain values, such as settings."""
MACHINERY = set(vars(nn.Module()))
"""Attributes of every module; what lies in them is described by itself."""


def fingerprint(model: nn.Module) -> str:
    """SHA-256 over all that a network computes by, except its parameters' values; of an ensemble, that of its template.

    In it are, by their names: each module's class, its settings (``extra_repr`` and attributes), names, shapes and
    types of parameters and buffers, and the code of classes and functions that belong to no installed library, with
    the functions and constants that they refer to, also in modules of one's own. Not in it is what Python hides: code
    and objects in C, files, other machines.

    >>> from ibteach import networks
    >>> def ending_in(activation):
    ...     return networks.Bottleneck(nn.Sequential(nn.Flatten(), nn.Linear(64, 2), activation), 2, classes=10)
    >>> fingerprint(ending_in(nn.ReLU())) == fingerprint(ending_in(nn.ReLU()))
    True
    >>> fingerprint(ending_in(nn.ReLU())) == fingerprint(ending_in(nn.Tanh()))
    False
    """
    from ibteach.networks.ensemble import Ensemble  # which compares its networks by this

    description = _Description()
    description.add(model.template if isinstance(model, Ensemble) else model)
    return description.checksum.hexdigest()


class _Description:
    """A checksum over values, each described by what is the same in every process."""

    def __init__(self):
        self.checksum, self.seen = hashlib.sha256(), {}

    def add(self, *values):
        for value in values:
            if value is None or isinstance(value, bool | int | float | complex | str | bytes | torch.dtype):
                self.say(type(value).__name__, repr(value))
            elif id(value) in self.seen:  # also ends circles
                self.say("again", self.seen[id(value)][0])
            else:
                if not isinstance(value, tuple | frozenset | types.CodeType):  # constants, which Python may share
                    self.seen[id(value)] = len(self.seen), value  # held, so that no other comes to have this id
                self.describe(value)

    def say(self, *words):
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            self.checksum.update(b"%d:%s" % (len(word), word))

    def describe(self, value):
        match value:
            case nn.Module():
                self.module(value)
            case Tensor():
                self.say("tensor", files.digest({"": value.detach().cpu().contiguous()}))
            case np.ndarray() if value.dtype.hasobject:
                self.add(value.shape, value.ravel().tolist())
            case np.ndarray() | np.generic():
                self.say("array", value.dtype, value.shape, value.tobytes())
            case Mapping():
                self.say("mapping", len(value))
                self.add(*(part for pair in value.items() for part in pair))
            case list() | tuple() | collections.deque():
                self.say("sequence", len(value))
                self.add(*value)
            case set() | frozenset():
                self.say("set", *sorted(map(repr, value)))
            case enum.Enum() | types.ModuleType():  # of a module, what a function refers to in it
                self.say(type(value).__name__, getattr(value, "__name__", value))
            case functools.partial():
                self.add("partial", value.func, value.args, value.keywords)
            case types.MethodType():
                self.add("method", value.__func__, value.__self__)
            case types.FunctionType():
                self.function(value)
            case types.CodeType():
                self.say("code", value.co_code, value.co_names, value.co_varnames, value.co_freevars)
                self.add(*value.co_consts)
            case type():
                self.class_(value)
            case torch.device():
                self.say("device")  # where it computes is no setting
            case _:
                self.say("object", getattr(value, "__qualname__", ""))  # a function in C has one
                self.add(type(value), _state(value))

    def module(self, network):
        for name, module in network.named_modules():
            self.seen.setdefault(id(module), (len(self.seen), module))
            self.add(name, type(module), module.extra_repr())
            self.add(list(module._forward_pre_hooks.values()), list(module._forward_hooks.values()))
            self.add({key: value for key, value in vars(module).items() if key not in MACHINERY | CHANGES})
            for key, tensor in module._parameters.items():
                self.add(key, None if tensor is None else [tuple(tensor.shape), tensor.dtype, tensor.requires_grad])
            for key, tensor in module._buffers.items():
                if tensor is None or key in module._non_persistent_buffers_set:
                    self.add(key, tensor)  # a setting
                else:
                    self.add(key, [tuple(tensor.shape), tensor.dtype])  # trained

    def class_(self, cls):
        for base in cls.__mro__[:-1]:
            self.say("class", base.__module__, base.__qualname__)
            if _own(base):
                for name, attribute in sorted(vars(base).items()):
                    attribute = inspect.unwrap(getattr(attribute, "__func__", attribute))
                    if isinstance(attribute, property):
                        self.add(name, attribute.fget)
                    elif callable(attribute) or not name.startswith("__"):  # not __doc__, __module__, …
                        self.add(name, attribute)

    def function(self, function):
        self.say("function", function.__module__, function.__qualname__)
        if _own(function):
            self.add(function.__code__, function.__defaults__, function.__kwdefaults__)
            for cell in function.__closure__ or ():
                with contextlib.suppress(ValueError):  # empty as yet
                    self.add(cell.cell_contents)
            attributes = _names(function.__code__)
            for name in sorted(_globals(function.__code__) & function.__globals__.keys()):
                self.add(name, function.__globals__[name])
                self.of_module(function.__globals__[name], attributes)

    def of_module(self, module, names):
        """What a function may refer to in a module of the user's: all there that is called as one of its names."""
        file = getattr(module, "__file__", None) if isinstance(module, types.ModuleType) else None
        if file and not _installed(file):
            for name in sorted(names & vars(module).keys()):
                self.add(name, vars(module)[name])
                self.of_module(vars(module)[name], names - {name})


def _globals(code: types.CodeType) -> set[str]:
    """The names that a function looks up outside itself, and those of the functions inside it."""
    names = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_globals(inside) for inside in code.co_consts if isinstance(inside, types.CodeType)))


def _names(code: types.CodeType) -> set[str]:
    """All names in a function that are no variables of its own, attributes too, and in the functions inside it."""
    return set(code.co_names).union(*(_names(one) for one in code.co_consts if isinstance(one, types.CodeType)))


def _state(value):
    """What an object holds: of the user's, its attributes; of `PLAIN`, what a copy is made from."""
    if _own(type(value)):
        return getattr(value, "__dict__", None)
    if type(value).__module__.partition(".")[0] in PLAIN:
        with contextlib.suppress(TypeError):  # a generator has no copy
            return value.__reduce_ex__(2)
    return None


def _own(value) -> bool:
    """Whether a class or function is the user's: of a notebook, a script or a module beside it."""
    if isinstance(value, types.FunctionType):
        return not _installed(value.__code__.co_filename)
    module = value.__module__
    if module.partition(".")[0] in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is None or not _installed(file)


@functools.cache
def _installed(file: str) -> bool:
    folders = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), Path(__file__).parents[1]}
    return any(Path(file).resolve().is_relative_to(Path(folder).resolve()) for folder in folders)
