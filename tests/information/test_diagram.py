"""Atoms of the I-measure against direct entropies, the identities of the bottleneck, and areas by counting."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibteach.errors import InvalidInput, UnknownName
from ibteach.information.diagram import REGIONS, atoms, i_measure, latex, named_regions, region
from ibteach.information.discrete import Joint
from ibteach.information.geometry import intersection_area, layout

XOR = Joint([[[0.25, 0], [0, 0.25]], [[0, 0.25], [0.25, 0]]], "X Y Z")
seeds = st.integers(0, 2**32 - 1)
patient = settings(deadline=None, max_examples=25)


def random_joint(seed, shape, names):
    rng = np.random.default_rng(seed)
    return Joint(rng.dirichlet(np.full(np.prod(shape), rng.choice([0.1, 0.5, 2]))).reshape(shape), names)


def random_chain(seed, classes=3):
    rng = np.random.default_rng([seed, 1])
    joint = random_joint(seed, (4, classes), "X Y")
    return joint.encode("Z|X", rng.dirichlet(np.full(3, rng.choice([0.1, 0.5, 2])), 4))


@patient
@given(seeds)
def test_every_quantity_is_the_sum_of_its_atoms(seed):
    for names, shape in [("A", (4,)), ("A B", (2, 3)), ("A B C D", (2, 3, 2, 2)), ("A B C D E", (2,) * 5)]:
        joint = random_joint(seed, shape, names)
        names = joint.names
        values = atoms(joint)
        assert len(values) == 2 ** len(names) - 1
        for size in range(len(names)):
            for condition in combinations(names[1:], size):
                rest = [name for name in names if name not in condition]
                bar = "|" + ",".join(condition) if condition else ""
                for letter, body in [("H", ",".join(rest)), ("I", ";".join(rest))][: len(rest)]:
                    direct = getattr(joint, letter)(body + bar)
                    total = sum(values[atom] for atom in region(f"{letter}[{body}{bar}]", names))
                    torch.testing.assert_close(total, direct, atol=1e-10, rtol=0)


@patient
@given(seeds)
def test_two_variable_terms_by_name(seed):
    joint = random_joint(seed, (2, 3, 4), "X Y Z")
    for quantity in ("H[X]", "H[X,Y]", "H[Z|X]", "I[X;Y]", "I[X,Y;Z]", "I[X;Z|Y]", "I[X;Y;Z]"):
        direct = joint.H(quantity[2:-1]) if quantity[0] == "H" else joint.I(quantity[2:-1])
        torch.testing.assert_close(i_measure(quantity, joint), direct, atol=1e-10, rtol=0)


def test_exclusive_or_has_a_negative_centre():
    values = atoms(XOR)
    assert values["I[X;Y;Z]"].item() == pytest.approx(-np.log(2), abs=1e-12)
    assert values["I[X;Y|Z]"].item() == pytest.approx(np.log(2), abs=1e-12)
    assert sum(values.values()).item() == pytest.approx(2 * np.log(2), abs=1e-12)


@patient
@given(seeds)
def test_the_markov_chain_has_an_empty_region_and_no_negative_one(seed):
    values = atoms(random_chain(seed))
    assert values["I[Y;Z|X]"].item() == pytest.approx(0, abs=1e-10)
    assert min(values.values()) >= -1e-10


@patient
@given(seeds)
def test_the_identities_of_the_named_regions(seed):
    value = {name: found.item() for name, found in named_regions(random_chain(seed)).items()}
    close = {"abs": 1e-10}
    assert value["decoder uncertainty"] == pytest.approx(
        value["label uncertainty"] + value["residual information"], **close
    )
    assert value["reverse decoder uncertainty"] == pytest.approx(
        value["encoding uncertainty"] + value["redundant information"], **close
    )
    relevant = value["preserved relevant information"]
    assert value["preserved information"] == pytest.approx(relevant + value["redundant information"], **close)
    assert value["relevant information"] == pytest.approx(relevant + value["residual information"], **close)
    assert value["nuisance"] == pytest.approx(
        value["nuisance not in the latent"] + value["redundant information"], **close
    )


def test_atoms_come_in_batches():
    batch = torch.stack([random_joint(seed, (2, 2, 2), "X Y Z").table for seed in range(3)])
    together = atoms(Joint(batch, "X Y Z"))
    assert together["I[X;Y|Z]"][1] == atoms(Joint(batch[1], "X Y Z"))["I[X;Y|Z]"]


def test_formulas_are_mathtext():
    from matplotlib.mathtext import MathTextParser

    for found in REGIONS:
        assert MathTextParser("path").parse(f"${latex(found.quantity)}$").width > 0


def counted(found, points=1500):
    """Areas by counting points of a grid: the atom of a point is which ellipses it is in."""
    (left, right), (bottom, top) = found.box()
    x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
    cell = (right - left) * (top - bottom) / (points - 1) ** 2
    inside = {}
    for name, (cx, cy, a, b, angle) in zip(found.names, found.ellipses, strict=True):
        u, v = (x - cx) + 1j * (y - cy), np.exp(-1j * angle)
        inside[name] = ((u * v).real / a) ** 2 + ((u * v).imag / b) ** 2 < 1
    result = {}
    for atom in found.atoms:
        members = [name for name in found.names if atom in region(f"H[{name}]", found.names)]
        there = np.logical_and.reduce([inside[n] if n in members else ~inside[n] for n in found.names])
        result[atom] = there.sum() * cell
    return result


@pytest.mark.parametrize("seed", range(8))
def test_areas_are_true_to_the_measure(seed):
    chain = random_chain(seed)
    found = layout(chain)
    assert found.true, found.note
    whole = sum(found.atoms.values())
    area = counted(found)
    for atom, value in atoms(chain).items():
        assert area[atom] == pytest.approx(value.item(), abs=4e-3 * whole)
        assert found.areas[atom] == pytest.approx(area[atom], abs=2e-3 * whole)
    assert area["I[Y;Z|X]"] < 1e-3 * whole


@pytest.mark.parametrize("seed", range(8))
def test_two_circles_are_always_true(seed):
    joint = random_joint(seed, (4, 3), "X Y")
    found = layout(joint)
    assert found.true and (found.ellipses[:, 2] == found.ellipses[:, 3]).all()
    for atom, value in counted(found).items():
        assert value == pytest.approx(atoms(joint)[atom].item(), abs=5e-3)


COPY, COIN = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]
LIMITS = {
    "copies": Joint([[0.5, 0], [0, 0.5]], "X Y").encode("Z|X", COPY),
    "a latent that is noise": Joint([[0.4, 0.1], [0.1, 0.4]], "X Y").encode("Z|X", COIN),
    "a latent that is constant": Joint([[0.4, 0.1], [0.1, 0.4]], "X Y").encode("Z|X", [[1.0], [1.0]]),
    "all independent": Joint(np.full((2, 2, 2), 1 / 8), "X Y Z"),
    "nothing uncertain": Joint([[[1.0]]], "X Y Z"),
    "two copies": Joint([[0.5, 0], [0, 0.5]], "X Y"),
    "two independent": Joint([[0.25, 0.25], [0.25, 0.25]], "X Y"),
    "two constants": Joint([[1.0]], "X Y"),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limiting_cases_have_true_areas(case):
    found = layout(LIMITS[case])
    assert found.true and np.isfinite(found.ellipses).all()
    assert all(np.isfinite(place).all() for place in found.anchors.values())


def test_a_negative_region_is_called_schematic_and_the_entropies_keep_their_areas():
    found = layout(XOR)
    assert not found.true and "I[X;Y;Z] = −0.693" in found.note
    np.testing.assert_allclose(np.pi * found.ellipses[:, 2] * found.ellipses[:, 3], np.log(2))
    assert set(found.anchors) == set(found.atoms)


def test_labels_lie_in_their_regions():
    found = layout(random_chain(3))
    for atom, place in found.anchors.items():
        inside = {name for name, level in found.inside(*map(np.array, place[:2])).items() if level < 0}
        assert inside == {name for name in found.names if atom in region(f"H[{name}]", found.names)}


def test_area_of_what_two_ellipses_share():
    square_to_lens = np.array([[0, 0, 2.0, 1.0, 0], [0, 0, 1.0, 2.0, 0.0]])
    turned = np.array([[0, 0, 2.0, 1.0, 0], [0, 0, 2.0, 1.0, np.pi / 2]])
    exact = 8 * np.arctan(0.5)  # of two crossed ellipses 2 × 1: 4ab·arctan(b/a)
    assert intersection_area(square_to_lens) == pytest.approx(exact, rel=1e-4)
    assert intersection_area(turned) == pytest.approx(exact, rel=1e-4)
    assert intersection_area(np.array([[0, 0, 1, 1, 0], [3, 0, 1, 1, 0]])) == 0


BAD = {
    "six variables": (lambda: atoms(Joint(np.full((1,) * 6, 1.0), "A B C D E F")), "at most 5"),
    "no quantity": (lambda: region("X;Y", "X Y"), "expected such as"),
    "a number": (lambda: region(3, "X Y"), "expected such as"),
    "other names": (lambda: named_regions(Joint([[1.0]], "A B")), "expected X, Y and Z"),
    "no chain": (lambda: named_regions(XOR), r"I\[Y;Z\|X\] = 0.693"),
    "a batch to draw": (lambda: layout(Joint(np.full((2, 1, 1), 1.0), "X Y")), "expected one table"),
    "four to draw": (lambda: layout(Joint(np.full((1,) * 4, 1.0), "A B C D")), "two or three"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told(case):
    call, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        call()


def test_an_unknown_variable_is_named():
    with pytest.raises(UnknownName, match="'W'"):
        region("H[W]", "X Y")
