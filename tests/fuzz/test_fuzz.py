"""Public functions called wrongly, thousands of times: an error of ours that says so, or a right number.

No untyped error for what people plausibly pass, no NaN or infinity in silence, no hang, and the caller's random state
is left alone. What is wrong is drawn from a seed, so that each call can be made again:
``python -m pytest tests/fuzz --calls 20000``.
"""

import contextlib
import dataclasses
import importlib
import inspect
import io
import math
import pkgutil
import random
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping

import calls
import mutations
import numpy as np
import pytest
import torch

import ibteach
from ibteach.errors import IbteachError

pytestmark = pytest.mark.usefixtures("shapes_unchecked")
SECONDS = 30
"""So long a call of wrong arguments may take; a valid one takes less than one."""


GROUPS = 12
"""How many tests the calls are dealt out to."""


def shares(total: int, costs: dict[str, int]) -> dict[str, int]:
    """How often each is called: as often as takes about as long as the others, at least once."""
    scale = total / sum(1 / cost for cost in costs.values())
    return {name: max(1, round(scale / cost)) for name, cost in costs.items()}


@pytest.mark.parametrize("group", range(GROUPS))
def test_wrong_arguments(group, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # "abc" may be taken for the name of a file
    every, found = calls.calls(), {}
    share = shares(request.config.getoption("--calls"), {name: call.cost for name, call in every.items()})
    for name in sorted(every)[group::GROUPS]:
        for number in range(share[name]):
            if number % 50 == 49:  # anew from time to time, should one have been changed
                every = calls.calls()
            said = outcome(name, every[name], number)
            if said:
                found.setdefault((name, said.partition(") ")[2]), f"{name} #{number}: {said}")
    assert not found, "\n".join(found.values())


def outcome(name: str, call: calls.Call, number: int) -> str | None:
    """What is wrong with how a mutated call went, in words; None where it went well."""
    rng = random.Random(f"{name}/{number}")
    arguments, alien, what = dict(call.arguments), False, []
    for argument in rng.sample(sorted(arguments), min(len(arguments), 1 + (rng.random() < 0.25))):
        try:
            mutation = mutations.mutate(arguments[argument], rng)
        except Exception:  # such as a sparse tensor of a NumPy array
            continue
        arguments[argument], alien = mutation.value, alien or mutation.alien
        what.append(f"{argument}: {mutation.name}")
    changed = ", ".join(what)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    try:
        with warnings.catch_warnings(), quiet(), time_limit():
            warnings.simplefilter("ignore")
            result = call.function(**arguments)
    except IbteachError:
        result = None
    except TypeError as error:
        return None if alien else f"({changed}) {type(error).__name__}: {str(error)[:150]}"
    except TimedOut:
        return f"({changed}) took more than {SECONDS} s"
    except Exception as error:
        return f"({changed}) {type(error).__name__}: {str(error)[:150]}"
    finally:
        close_figures()
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
    same = torch.equal(before[0], after[0]) and (before[1] == after[1]).all() and before[2] == after[2]
    if not same and not call.random:
        return f"({changed}) changed the caller's random state"
    for kind in loosely(result) - {*call.loose}:
        return f"({changed}) returned {kind}"
    return None


class TimedOut(BaseException):
    """No Exception, so that nothing that is called can take it for one of its own."""


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_):
        raise TimedOut

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def close_figures() -> None:
    import ipywidgets

    ipywidgets.Widget.close_all()


def loosely(result) -> set[str]:
    """What there is in a result that is no finite number: "nan", "inf"."""
    return {str(abs(value)) for value in floats(result) if not math.isfinite(value)}


def floats(value, depth=0) -> Iterator[float]:
    """The numbers in a result, of tensors and arrays those that are not finite."""
    if isinstance(value, bool | str | bytes | torch.Generator | torch.nn.Module) or depth > 6:
        return
    if isinstance(value, torch.Tensor):
        if value.is_floating_point() and not value.is_meta:
            yield from value.detach()[~value.isfinite()].unique().tolist()
    elif isinstance(value, np.ndarray):
        yield from floats(torch.from_numpy(value.astype(float)), depth) if value.dtype.kind == "f" else ()
    elif isinstance(value, float | np.floating):
        yield float(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from floats(one, depth + 1)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from floats(one, depth + 1)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from floats(getattr(value, field.name), depth + 1)


def public() -> dict[str, object]:
    """Every function, class, and method of ours that has no underscore before its name, by its name below ibteach."""
    found = {}
    for module in pkgutil.walk_packages(ibteach.__path__, "ibteach."):
        if module.name.endswith("__main__"):
            continue
        place, loaded = module.name.removeprefix("ibteach."), importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            if name.startswith("_") or not callable(value) or getattr(value, "__module__", None) != module.name:
                continue
            found[f"{place}.{name}"] = value
            if inspect.isclass(value) and not issubclass(value, BaseException):
                methods = [key for key, one in vars(value).items() if not key.startswith("_") and _callable(one)]
                found |= {f"{place}.{name}.{key}": None for key in methods}
    return found


def _callable(attribute) -> bool:
    return inspect.isfunction(attribute) or isinstance(attribute, classmethod | staticmethod)


def test_every_public_callable_is_called_or_says_why_not():
    called = {name.split(" ")[0] for name in calls.calls()}
    there = public()

    def excused(name):
        parts = name.split(".")
        return any(".".join(parts[:length]) in calls.NOT_FUZZED for length in range(1, len(parts) + 1))

    forgotten = sorted(name for name in there if name not in called and not excused(name))
    assert not forgotten, f"write a valid call beside {forgotten} in tests/fuzz/calls.py, or why there is none"
    modules = {".".join(name.split(".")[:length]) for name in there for length in range(1, 5)}
    wholesale = calls.NOT_FUZZED.keys() - there.keys() - {"display"}  # modules
    partly = [name for name in wholesale if any(one.startswith(f"{name}.") for one in called)]
    assert not partly, "some of it is called: name what is not"
    assert not sorted(called - there.keys()), "calls of what is not there any more"
    assert not sorted(calls.NOT_FUZZED.keys() - modules), "reasons for what is not there any more"


@pytest.mark.parametrize("number", [0, 1])
def test_the_valid_calls_are_valid(number):
    """Half of them each time, the dear ones too."""
    for name, call in list(sorted(calls.calls().items()))[number::2]:
        if name.startswith("display.chapters") or name == "data.datasets.load_folder":
            continue  # those are called with stand-ins, as costly as they are: only refusals are looked for
        with warnings.catch_warnings(), quiet(), time_limit():
            warnings.simplefilter("ignore")
            result = call.function(**call.arguments)
        close_figures()
        for kind in loosely(result) - {*call.loose}:
            pytest.fail(f"{name} returned {kind}")
