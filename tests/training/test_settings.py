"""One list of settings: what is given is checked and converted, and what is kept is what is used."""

import dataclasses
import functools
import json
import re

import numpy as np
import pytest
import torch

from ibteach import cli, files
from ibteach.data.datasets import load
from ibteach.errors import InvalidInput, UnknownName
from ibteach.networks.bottleneck import mlp
from ibteach.records import Record, shipped
from ibteach.records.provenance import RENAMED
from ibteach.training import Run, Settings, build, fit, grid, loop
from ibteach.training.settings import NAMES

SCALARS = {
    "epochs": np.int64(1),
    "batch_size": torch.tensor(50),
    "learning_rate": np.float32(0.01),
    "weight_decay": torch.tensor(0.5),
    "label_smoothing": np.float32(0.25),
    "train_examples": np.uint16(200),
    "eval_examples": np.int8(20),
    "keep_latents": torch.tensor(7),
    "measure_every": np.int32(1),
    "measure_steps": np.array([5, 2]),
    "noise": np.True_,
    "information": torch.tensor(True),
    "low_precision": np.False_,
    "augment": np.array(["shift"]),
}


def test_scalars_of_numpy_and_torch_are_numbers_and_are_kept():
    """A training whose settings are such scalars is recorded, and leaves what plain numbers do."""
    settings = Settings.of(**SCALARS)
    plain = json.loads(files.as_json("settings", settings.as_dict()))
    assert {type(value) for value in plain.values()} <= {int, float, str, bool, list, type(None)}
    for name, value in SCALARS.items():
        several = isinstance(value, np.ndarray)
        assert plain[name] == (sorted(value.tolist()) if several else value.item()), name
    make, run = functools.partial(mlp, 64, 10, hidden=(8,)), Run.of("l2", gamma=np.float32(0.5), seed=np.int64(3))
    assert run == Run.of("l2", gamma=0.5, seed=3) and type(run.seed) is int and type(run.gamma) is float
    records = [
        fit(build(make, run), load("digits"), run, device="cpu", progress=np.False_, **given)
        for given in (SCALARS, plain)
    ]
    assert records[0].provenance["configuration"] == records[1].provenance["configuration"]
    assert torch.equal(records[0].latents, records[1].latents) and len(records[0].labels) == 7


def test_runs_take_such_scalars_too():
    seeds, gammas = np.arange(2), torch.tensor([0.25, 0.5])
    assert grid(["l2"], gammas=gammas, seeds=seeds) == grid(["l2"], gammas=[0.25, 0.5], seeds=[0, 1])
    for wrong in (torch.tensor(0.1), np.array(0.1)):
        with pytest.raises(InvalidInput, match=r"gammas: got .* expected a list or tuple"):
            grid(["l2"], gammas=wrong)
    for seed in (-1, 2**64, 0.5, True, "1"):
        with pytest.raises(InvalidInput, match=r"seed: got .*, expected a whole number"):
            Run.of("l2", gamma=0.1, seed=seed)


@pytest.mark.parametrize("name", ["noise", "information", "low_precision", "compile"])
@pytest.mark.parametrize("value", ["false", 1, None, torch.tensor([True])])
def test_flags_are_booleans(name, value):
    with pytest.raises(InvalidInput, match=rf"{name}: got .*, expected True or False"):
        Settings(**{name: value})


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_momentum_of_a_training_is_what_is_said_of_it(optimizer):
    run, seen = Run.of("l2", gamma=0.1), []
    step = loop._Training.step

    def watched(self, streams):
        (group,) = self.optimizer.param_groups
        seen.append(group["betas"][0] if optimizer == "adam" else group["momentum"])
        step(self, streams)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._Training, "step", watched)
        how = {"optimizer": optimizer, "epochs": 10, "batch_size": 100, "eval_examples": 20, "progress": False}
        fit(build(functools.partial(mlp, 64, 10, hidden=(4,)), run), load("digits"), run, **how)
    assert [round(value, 2) for value in (seen[0], min(seen), seen[-1])] == [0.95, 0.85, 0.95]
    said = next(field for field in dataclasses.fields(Settings) if field.name == "optimizer").metadata["help"]
    assert "from 0.95 to 0.85 and back" in said


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"setting: got 'eval_example', .* did you mean 'eval_examples'"):
        fit(None, None, [], eval_example=5)
    with pytest.raises(InvalidInput, match=r"settings: got {'epochs': 5}, expected a Settings"):
        fit(None, None, [], {"epochs": 5})


def test_settings_and_fields_may_both_be_given():
    settings = Settings(epochs=3, batch_size=10)
    assert Settings.of(settings, epochs=5) == Settings(epochs=5, batch_size=10) and Settings.of() == Settings()


def test_every_field_is_documented_once_and_is_an_option(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    for field in dataclasses.fields(Settings):
        assert f"`{field.name}` ({field.default!r}): " in Settings.__doc__
        assert f"--{field.name.replace('_', '-')}" in said
        assert field.metadata["help"].split("; ")[0].split("-")[0] in said, field.name
    assert "(default: 40)" in said and "(default: adam)" in said and "--noise, --no-noise" in said


def test_records_of_the_first_version_are_read_in_the_names_of_today():
    for name in shipped.names():
        facts = Record.load(shipped.find(name)).provenance
        for how in (facts["configuration"], facts.get("trained", {}).get("configuration", {})):
            assert not set(how) & set(RENAMED)
            if how.get("network") == "resnet" and facts["versions"]["ibteach"] == "0.1.0":
                assert set(NAMES) - set(how) == {"compile", "measure_steps"} and how["eval_examples"] == 1000
    assert "20,000 images" in Record.load(shipped.find("cifar10-surrogates")).source
