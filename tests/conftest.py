"""While tests run, what the library's numerical functions take and return has the shapes that their annotations say.

An annotation such as ``Float[Tensor, "*batch N K"]`` is read by people and by pyright, which know no sizes, and means
nothing to Python: `jaxtyping` is imported where types are checked, and is no dependency of those who use the package.
Here each public function of the packages below is wrapped as it is imported. When it has returned (what is refused has
its own, better error), all arrays that it took and returned are held against its annotations, one name one size. Only
the first calls are looked at, so that long loops stay as quick as they are.
"""

import ast
import dataclasses
import functools
import importlib.abc
import importlib.machinery
import inspect
import itertools
import os
import sys
import types
import typing
from pathlib import Path

import hypothesis
import pytest

# Files opened without an encoding are found in this process; the kernels and programs that it starts do not look,
# because other people's packages would say aloud what they do.
os.environ.pop("PYTHONWARNDEFAULTENCODING", None)

CHECKED = ("ibteach.information", "ibteach.objectives", "ibteach.bottleneck", "ibteach.evaluation")
CALLS = 300
"""So many calls of a function are looked at."""


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of `CHECKED` in their packages, and wraps their functions when they are loaded."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(CHECKED):
            return None
        package = importlib.import_module(name.rpartition(".")[0])  # pytest, for a doctest, may name another path
        spec = importlib.machinery.PathFinder.find_spec(name, package.__path__)
        if spec and isinstance(spec.loader, importlib.abc.SourceLoader):
            spec.loader.exec_module = functools.partial(load, spec.loader.exec_module)
        return spec


@pytest.fixture
def shapes_unchecked(monkeypatch):
    """For tests that give what no annotation allows, and look at what becomes of it."""
    monkeypatch.setattr(sys.modules[__name__], "CALLS", 0)


def load(execute, module):
    execute(module)
    names = {}
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module.__file__, "exec"), module.__dict__ | names, names)
    if names:
        wrap_all(module, module, names)


def wrap_all(owner, module, names):
    """Wrap the public functions of a module, and its classes' methods; of properties torch makes no graph."""
    for name, value in list(vars(owner).items()):
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            setattr(owner, name, checked(value, names))
        elif isinstance(value, classmethod | staticmethod) and owner is not module:
            setattr(owner, name, type(value)(checked(value.__func__, names)))
        elif isinstance(value, type) and value.__module__ == module.__name__ and owner is module:
            if dataclasses.is_dataclass(value) or hasattr(value, "_fields"):
                value.__hints__ = typing.get_type_hints(value, localns=names)
            wrap_all(value, module, names)


def checked(function, names):
    hints = typing.get_type_hints(function, vars(sys.modules[function.__module__]) | names)
    signature, calls = inspect.signature(function), itertools.count()

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        returned = function(*args, **kwargs)
        if not compiling() and next(calls) < CALLS:
            held = signature.bind(*args, **kwargs).arguments | {"return": returned}
            with context():
                agree(function.__qualname__, {name: (held[name], hint) for name, hint in hints.items() if name in held})
        return returned

    return wrapper


def agree(of, pairs):
    """Fail where an array is not what its annotation says; look into what has fields of its own."""
    for name, (value, hint) in pairs.items():
        if not fits(value, hint):
            shape, dtype = tuple(value.shape), value.dtype
            raise AssertionError(f"{of}: {name} is {dtype} {shape}, its annotation says {hint}")
        if (fields := getattr(type(value), "__hints__", None)) and name == "return":
            known = value._fields if isinstance(value, tuple) else [each.name for each in dataclasses.fields(value)]
            with context():
                agree(f"{of}: {type(value).__name__}", {each: (getattr(value, each), fields[each]) for each in known})


def fits(value, hint):
    arrays = array_types()
    if isinstance(value, tuple) and typing.get_origin(hint) is tuple and ... not in typing.get_args(hint):
        return all(itertools.starmap(fits, zip(value, typing.get_args(hint), strict=True)))
    if isinstance(value, dict) and typing.get_origin(hint) is dict:
        return all(fits(each, typing.get_args(hint)[1]) for each in value.values())
    if not isinstance(value, arrays):
        return True
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return not all(map(shaped, members)) or any(isinstance(value, member) for member in members)


def shaped(hint):
    from jaxtyping import AbstractArray

    return (
        isinstance(hint, type) and typing.get_origin(hint) is None and issubclass(hint, AbstractArray | types.NoneType)
    )


def compiling():
    import torch

    return torch.compiler.is_compiling()


def context():
    from jaxtyping import jaxtyped

    return jaxtyped("context")


@functools.cache
def array_types():
    import numpy as np
    import torch

    return torch.Tensor, np.ndarray


sys.meta_path.insert(0, Finder())
hypothesis.settings.register_profile("untimed", deadline=None)  # no test is about speed
hypothesis.settings.load_profile("untimed")
