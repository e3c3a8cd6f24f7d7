"""Every public signature says its types; pyright, which `.github/workflows` runs, says that they are right."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ibteach"
MODULES = sorted(PACKAGE.rglob("*.py"))


def public(body, inside=""):
    """The functions of a module, and the methods of its classes, that are for others to call."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield f"{inside}{node.name}", node, bool(inside)


def untyped(node, method):
    """The arguments without a type, and ``return``."""
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)
    arguments = [*node.args.posonlyargs, *node.args.args][1 if method and not static else 0 :]
    arguments += [*node.args.kwonlyargs, *filter(None, [node.args.vararg, node.args.kwarg])]
    return [each.arg for each in arguments if each.annotation is None] + ["return"] * (node.returns is None)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_public_signature_is_annotated(path):
    lacking = {}
    for name, node, method in public(ast.parse(path.read_text(encoding="utf-8")).body):
        if missing := untyped(node, method):
            lacking[name] = missing
    assert not lacking
