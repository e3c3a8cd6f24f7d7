"""The shapes in annotations are checked while testing (`conftest`): each public array has one, a wrong one is found."""

import ast
import sys
from pathlib import Path

import pytest
import torch

from ibteach.evaluation import ood
from ibteach.information import continuous, mixture

PACKAGE = Path(__file__).parents[1] / "ibteach"
CONFTEST = sys.modules[next(name for name, each in sys.modules.items() if getattr(each, "CHECKED", None))]
SHAPED = {"Bool", "Float", "Float32", "Float64", "Int", "Int64", "Integer", "Real", "Shaped", "UInt8"}
INNER = {
    "births",
    "blahut_arimoto",
    "contraction",
    "cores",
    "deterministic",
    "exhaustive",
    "generalized",
}  # the solvers' own
MODULES = [
    path
    for package in CONFTEST.CHECKED
    for path in sorted(PACKAGE.joinpath(package.split(".")[1]).rglob("*.py"))
    if path.stem not in INNER
]


def annotations(path):
    """Those of public functions, and of the fields of public classes, by name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from ((f"{node.name}.{ast.unparse(x.target)}", x.annotation) for x in node.body if is_field(x))
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            of = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from ((f"{node.name}: {each.arg}", each.annotation) for each in of if each.annotation)
            yield from [(f"{node.name}: return", node.returns)] * (node.returns is not None)


def is_field(node):
    return isinstance(node, ast.AnnAssign)


def bare(annotation):
    """Whether it names arrays without saying of which shape; that of a function which is called back may."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in SHAPED | {"Callable", "Mapping"}:
        return False
    own = ast.unparse(annotation) in ("Tensor", "np.ndarray", "torch.Tensor")
    return own or any(bare(each) for each in ast.iter_child_nodes(annotation))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_public_array_has_a_shape(path):
    found = {name for name, annotation in annotations(path) if bare(annotation)}
    assert found <= {"zero_entropy_noise: like", "inside: return", "walk: return"}, found


def test_what_is_returned_in_another_shape_is_found():
    def wrong(x: torch.Tensor):
        return x[0]

    from jaxtyping import Float

    wrong.__annotations__ = {"x": Float[torch.Tensor, "N K"], "return": Float[torch.Tensor, " N"]}
    check = CONFTEST.checked(wrong, {})
    assert check(torch.zeros(3, 3)).shape == (3,)
    with pytest.raises(AssertionError, match=r"return is torch\.float32 \(2,\), its annotation says"):
        check(torch.zeros(3, 2))
    with pytest.raises(AssertionError, match=r"x is torch\.int64"):
        check(torch.zeros(3, 3).long())


@pytest.mark.parametrize("function", [mixture.measure, continuous.zero_entropy_noise, ood.ClassGaussians.surprise])
def test_functions_and_methods_are_wrapped(function):
    assert function.__wrapped__.__code__.co_filename.endswith(".py")
