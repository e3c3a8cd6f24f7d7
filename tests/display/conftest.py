"""The scene of these tests, and the artists of a figure left as they were."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def rings():
    """The class `Rings`: a slider, a few choices, many choices."""
    source = Path(__file__).with_name("rings.py")
    spec = importlib.util.spec_from_file_location("rings", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Rings
