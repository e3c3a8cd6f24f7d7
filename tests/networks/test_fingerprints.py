"""A network's fingerprint differs when what it computes differs, and never else."""

import argparse
import importlib
import operator
import re
import subprocess
import sys
import textwrap
from collections import deque
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ibteach import networks
from ibteach.errors import InvalidInput
from ibteach.networks import Bottleneck, Ensemble, fingerprint

SLOPE, layers = 0.1, None


def squash(x):
    return torch.tanh(SLOPE * x)


class Own(nn.Module):
    """An encoder of one's own; what it does is told by arguments, or by functions elsewhere."""

    def __init__(self, activation=squash, power=1, table=None):
        super().__init__()
        self.layer, self.activation, self.power = nn.Linear(64, 2), activation, power
        self.register_buffer("table", torch.ones(2) if table is None else table, persistent=False)

    def forward(self, x):
        return self.activation(self.layer(x.flatten(1))) ** self.power * self.table


class Relative(Own):
    def forward(self, x):
        return torch.relu(self.layer(x.flatten(1)))


class Other(Own):
    def forward(self, x):
        return F.silu(self.layer(x.flatten(1)))


def doubled(factor):
    return lambda x: factor * x


def sequential(*layers):
    return Bottleneck(nn.Sequential(nn.Flatten(), nn.Linear(64, 2), *layers), 2, 10)


def own(*arguments, cls=Own, **settings):
    return Bottleneck(cls(*arguments, **settings), 2, 10)


def frozen():
    network = own()
    network.encoder.layer.requires_grad_(False)
    return network


def hooked():
    network = own()
    network.encoder.register_forward_hook(lambda module, given, latents: 2 * latents)
    return network


PLAIN = [slice(2), slice(3), range(2), range(3), SimpleNamespace(a=1), SimpleNamespace(a=2), argparse.Namespace(a=1)]
PLAIN += [argparse.Namespace(a=2), operator.methodcaller("relu"), operator.methodcaller("tanh"), Fraction(1, 3)]
PLAIN += [deque([1]), deque([2]), Path("a"), Path("b")]
DIFFERENT = {
    "mlp": lambda: networks.mlp((1, 8, 8), 10),
    "wider": lambda: networks.mlp((1, 8, 8), 10, hidden=(50, 48)),
    "with dropout": lambda: networks.mlp((1, 8, 8), 10, dropout=0.1),
    "with more dropout": lambda: networks.mlp((1, 8, 8), 10, dropout=0.2),
    "of more classes": lambda: networks.mlp((1, 8, 8), 11),
    "linear": sequential,
    "relu": lambda: sequential(nn.ReLU()),
    "tanh": lambda: sequential(nn.Tanh()),
    "leaky": lambda: sequential(nn.LeakyReLU(0.1)),
    "leakier": lambda: sequential(nn.LeakyReLU(0.2)),
    "softmax, whose dimension is an attribute alone": lambda: sequential(nn.Softmax(1)),
    "softmax over the batch": lambda: sequential(nn.Softmax(0)),
    "own": own,
    "own with a setting": lambda: own(power=2),
    "own with a function in C": lambda: own(torch.sigmoid),
    "own with a library's function": lambda: own(F.gelu),
    "own with another function": lambda: own(lambda x: x + 1),
    "own with a function that differs in a constant": lambda: own(lambda x: x + 2),
    "own with a closure": lambda: own(doubled(2)),
    "own with another closure": lambda: own(doubled(3)),
    "own with another table": lambda: own(table=torch.zeros(2)),
    "own with another method": lambda: own(cls=Relative),
    "own with yet another method": lambda: own(cls=Other),
    **{f"own with {value}": lambda value=value: own(power=value) for value in PLAIN},
    "own with a compiled pattern": lambda: own(power=re.compile("a")),
    "partly frozen": frozen,
    "with a hook": hooked,
}


def test_what_differs_has_another_fingerprint():
    fingerprints = {what: fingerprint(make()) for what, make in DIFFERENT.items()}
    shared = [what for what, one in fingerprints.items() if list(fingerprints.values()).count(one) > 1]
    assert not shared


@pytest.mark.parametrize("what", DIFFERENT)
def test_it_is_of_the_kind_not_of_the_parameters_or_the_mode(what):
    network = DIFFERENT[what]()
    first = fingerprint(network)
    assert fingerprint(DIFFERENT[what]()) == first == fingerprint(network.eval())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    network.low_precision = torch.bfloat16
    assert fingerprint(network) == first


def test_what_a_function_refers_to_belongs_to_it(monkeypatch):
    before = fingerprint(own())
    monkeypatch.setitem(globals(), "SLOPE", 0.2)
    assert fingerprint(own()) != before
    monkeypatch.undo()
    assert fingerprint(own()) == before
    monkeypatch.setattr(Own, "forward", lambda self, x: self.layer(x.flatten(1)))
    assert fingerprint(own()) != before


@pytest.mark.parametrize(
    "changed", ["act = torch.tanh", "def act(x):\n    return x - 1", "from math import pi as other"]
)
def test_what_a_function_refers_to_in_a_module_of_ones_own_belongs_to_it(tmp_path, monkeypatch, changed):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "inner.py").write_text("SCALE = 2", encoding="utf-8")

    def written(text):
        for name in ("layers", "inner"):
            sys.modules.pop(name, None)
        (tmp_path / "layers.py").write_text(f"import inner\nimport torch\n\n{text}\n", encoding="utf-8")
        importlib.invalidate_caches()
        monkeypatch.setitem(globals(), "layers", importlib.import_module("layers"))
        return fingerprint(own(lambda x: layers.act(x) * layers.inner.SCALE))

    first = written("act = torch.relu")
    assert written("act = torch.relu\nunused = 1") == first
    assert (written(changed if "act" in changed else f"act = torch.relu\n{changed}") == first) == ("act" not in changed)
    (tmp_path / "inner.py").write_text("SCALE = 33", encoding="utf-8")
    assert written("act = torch.relu") != first


def test_a_template_of_ones_own_is_an_attribute_like_any_other():
    for one, other in [(torch.relu, torch.tanh)]:
        networks = own(one), own(other)
        for network in networks:
            network.template = nn.Linear(2, 2)
        assert fingerprint(networks[0]) != fingerprint(networks[1])


def test_an_ensemble_is_of_networks_that_compute_alike():
    with pytest.raises(InvalidInput, match="2 different kinds, expected at least one, all built alike"):
        Ensemble([own(torch.relu), own(torch.tanh)])


def test_an_ensemble_has_the_fingerprint_of_its_networks():
    one = networks.mlp((1, 8, 8), 10)
    assert fingerprint(Ensemble([one] * 3)) == fingerprint(one) == fingerprint(Ensemble([one]))


def test_circles_end():
    network = own()
    network.encoder.parent = [network]
    network.encoder.itself = {"me": network.encoder}
    assert fingerprint(network) != fingerprint(own())


def test_it_is_the_same_in_another_process():
    code = textwrap.dedent("""
        import torch
        from torch import nn
        from ibteach import networks

        class Own(nn.Module):
            NAMES = {"a", "b", "c", "d"}

            def __init__(self):
                super().__init__()
                self.layer, self.of = nn.Linear(64, 2), object()

            def forward(self, x):
                names = {"some", "names", "in", "a", "set"}
                return torch.tanh(self.layer(x.flatten(1)))

        for network in (networks.Bottleneck(Own(), 2, 10), networks.resnet((3, 32, 32), 10, width=8)):
            print(networks.fingerprint(network))
    """)
    run = [sys.executable, "-c", code]
    one, other = (
        subprocess.run(run, capture_output=True, encoding="utf-8", check=True).stdout.split() for _ in range(2)
    )
    assert one == other and len(set(one)) == 2
