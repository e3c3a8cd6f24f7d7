"""Each purpose has a stream of its own, whatever is trained, measured, attacked or drawn."""

import ast
import functools
import itertools
import typing
from pathlib import Path

import torch

from ibteach import data, networks, seeds, training
from ibteach.training.batches import Batches

PACKAGE = Path(__file__).parents[1] / "ibteach"
PURPOSES = typing.get_args(seeds.Purpose)


def test_no_two_streams_draw_the_same():
    drawn = [torch.rand(4, generator=seeds.generator(seed, purpose)) for seed in range(20) for purpose in PURPOSES]
    assert all(not torch.equal(*pair) for pair in itertools.combinations(drawn, 2))
    assert not torch.equal(drawn[0], torch.rand(4, generator=torch.Generator().manual_seed(0)))  # nor a caller's own


def test_a_seed_is_more_than_the_32_bits_that_torch_looks_at():
    drawn = [torch.rand(4, generator=seeds.generator(seed, "noise")) for seed in (1, 1 + 2**32, 1 + 2**40)]
    assert all(not torch.equal(*pair) for pair in itertools.combinations(drawn, 2))


def test_the_random_state_of_a_mac_is_drawn_from_and_put_back(monkeypatch):
    """With a generator in the place of Apple's, which no other system has."""
    of_mac, device = torch.Generator().manual_seed(7), torch.device("mps")
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda device="mps": of_mac.get_state())
    monkeypatch.setattr(torch.mps, "set_rng_state", lambda state, device="mps": of_mac.set_state(state))
    monkeypatch.setattr(torch.mps, "manual_seed", of_mac.manual_seed)
    before = of_mac.get_state()
    for _ in range(2):
        with seeds.drawing(3, "dropout", device):
            assert torch.equal(torch.rand(4, generator=of_mac), torch.rand(4, generator=seeds.generator(3, "dropout")))
    with seeds.untouched(device):
        torch.rand(4, generator=of_mac)
    assert torch.equal(of_mac.get_state(), before)


def test_first_parameters_do_not_say_the_order_nor_the_noise():
    """What once was: the first numbers of the encoder's weights were those that the examples were sorted by."""
    digits, run = data.load("digits"), training.Run.of("l2", gamma=0.1, seed=3)
    make = functools.partial(networks.mlp, digits.shape, 10, latent_dimension=2)
    network = training.build(make, run)
    with seeds.drawing(3, "first parameters"):
        assert torch.equal(make().encoder[1].weight, network.encoder[1].weight)
    how = {"noise": True, "augmentations": (), "memory_format": torch.contiguous_format}
    batches = Batches(digits, [run], 50, 100, 2, **how)
    (_, _, noise), _ = (streams[0] for streams in batches.epoch())
    for purpose in PURPOSES:
        drawn = torch.randn(100, 2, generator=seeds.generator(3, purpose))[:50] * (2 * torch.pi * torch.e) ** -0.5
        assert torch.allclose(noise, drawn) == (purpose == "noise")


def test_nobody_seeds_a_generator_but_here():
    """Answers to exercises apart, which are told in full; the generators of the solvers, NumPy's, have one use each."""
    for path in PACKAGE.rglob("*.py"):
        if path.name == "seeds.py" or "exercises" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert not [f for f in called if isinstance(f, ast.Attribute) and f.attr == "manual_seed"], path
        if "training" not in path.parts:
            continue
        assert not [f for f in called if isinstance(f, ast.Attribute) and f.attr == "fork_rng"], path
