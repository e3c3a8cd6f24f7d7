"""Settings by name: what they are, for which data, and from the command line."""

import dataclasses

import pytest

from ibteach import cli
from ibteach.data import load
from ibteach.errors import InvalidInput, UnknownName
from ibteach.training import Settings, recipe, sweeps
from ibteach.training.recipes import RECIPES


def test_a_recipe_is_settings_and_a_wrong_name_has_a_nearest():
    assert all(isinstance(recipe(name), Settings) for name in RECIPES)
    assert Settings.of(recipe("resnet-cifar10"), epochs=2) == dataclasses.replace(recipe("resnet-cifar10"), epochs=2)
    with pytest.raises(UnknownName, match=r"recipe: got 'resnet-cifar'.*did you mean 'resnet-cifar10'"):
        recipe("resnet-cifar")


def test_a_recipe_is_for_its_data():
    with pytest.raises(
        InvalidInput, match=r"data: got .* of shape \(1, 8, 8\), expected images of shape \(3, 32, 32\)"
    ):
        recipe("resnet-cifar10", load("digits"))
    with pytest.raises(InvalidInput, match="data: got str"):
        recipe("resnet-cifar10", "cifar10")


def test_the_command_line_takes_it_and_what_else_is_said(monkeypatch, capsys, tmp_path):
    planned = []

    def plan(data, architecture, runs, settings, **more):
        planned.append((architecture, Settings.of(settings, **{n: v for n, v in more.items() if n in FIELDS})))
        raise InvalidInput("enough")

    FIELDS = {field.name for field in dataclasses.fields(Settings)}
    shape = RECIPES["resnet-cifar10"]
    monkeypatch.setitem(RECIPES, "resnet-digits", dataclasses.replace(shape, shape=(1, 8, 8)))
    monkeypatch.setattr(sweeps, "plan", plan)
    command = ["sweep", "digits", "--width", "8", "--epochs", "3", "--folder", str(tmp_path), "--recipe"]
    assert cli.main([*command, "resnet-digits"]) and "enough" in capsys.readouterr().err
    ((architecture, settings),) = planned
    assert architecture == {"network": "resnet", "width": 8}
    assert settings == dataclasses.replace(shape.settings, epochs=3)
    for wrong, said in (("resnet-cifar", "did you mean 'resnet-cifar10'"), ("resnet-cifar10", "of shape (1, 8, 8)")):
        assert cli.main([*command, wrong]) and said in capsys.readouterr().err
