"""What training promises: no refusal after work, no work lost, and a Record that says what was really done."""

import dataclasses
import functools
import math
import tempfile
import time

import pytest
import torch

from ibteach import cli, files
from ibteach.bottleneck import clustering
from ibteach.data.datasets import load
from ibteach.errors import Diverged, Incomplete, InvalidInput, Unavailable
from ibteach.networks.bottleneck import mlp
from ibteach.records import Record, provenance
from ibteach.training import Run, build, checkpoints, fit, grid, loop, pick_device, sweeps, variational
from ibteach.training.batches import Batches
from ibteach.training.guard import Guard
from ibteach.training.remake import largest_difference

MAKE = functools.partial(mlp, (1, 8, 8), classes=10, hidden=(8,))
RUNS = grid(["l2", "variance"], gammas=[0.01, 0.1])
SMALL = {"epochs": 4, "batch_size": 200, "eval_examples": 60, "measure_every": 2}
quietly = functools.partial(fit, **SMALL, device="cpu", progress=False)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def spoil(monkeypatch, m, step):
    """From its step of that number on, what network m is to minimise is no number."""
    real, calls = Batches.through, []

    def spoiled(self, *rest):
        calls.append(None)
        latents, *others = real(self, *rest)
        if len(calls) >= step and latents.ndim == 3:
            latents = torch.where(torch.arange(len(latents))[:, None, None] == m, math.nan, latents)
        return latents, *others

    monkeypatch.setattr(Batches, "through", spoiled)


@pytest.mark.parametrize("step", [3, 12, 24])  # in the first of four epochs of six steps, in the second, in the last
@pytest.mark.parametrize("information", [False, True])
def test_a_network_that_diverges_costs_itself_only(digits, monkeypatch, step, information):
    whole = quietly(build(MAKE, RUNS), digits, RUNS, information=information)
    spoil(monkeypatch, 2, step)
    model = build(MAKE, RUNS)
    with pytest.raises(Diverged, match=rf"epoch {(step - 1) // 6 + 1}: the surrogate of Run\(.*variance") as caught:
        quietly(model, digits, RUNS, information=information)
    assert "other 3 of 4 networks went on" in str(caught.value)
    left, others = caught.value.record, whole.take([0, 1, 3])
    assert left.runs == others.runs and largest_difference(left, others)[1] == 0
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_who_was_lost_is_kept_in_the_checkpoint(digits, monkeypatch, tmp_path):
    checkpoint = tmp_path / "run.checkpoint"
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)
    spoil(monkeypatch, 2, 3)
    with monkeypatch.context() as patched:
        real = Guard.after_epoch
        patched.setattr(Guard, "after_epoch", lambda self, epoch: real(self, epoch) if epoch < 3 else 1 / 0)
        with pytest.raises(ZeroDivisionError):  # the process dies in its third epoch
            quietly(build(MAKE, RUNS), digits, RUNS, checkpoint=checkpoint)
    with pytest.raises(Diverged, match="epoch 1: the surrogate") as caught:
        quietly(build(MAKE, RUNS), digits, RUNS, checkpoint=checkpoint)
    assert [run["gamma"] for run in caught.value.record.runs] == [0.01, 0.1, 0.1]


def test_a_sweep_keeps_the_others_of_an_ensemble(monkeypatch, tmp_path):
    jobs = sweeps.plan("digits", {"network": "mlp", "hidden": [8]}, RUNS, **SMALL)
    with monkeypatch.context() as patched:
        spoil(patched, 2, 3)
        with pytest.raises(Incomplete, match="1 of 4 runs failed; 3 of 4 runs are finished") as caught:
            sweeps.run(jobs, tmp_path, device="cpu", progress=False)
    (failure,) = caught.value.failures.values()
    assert isinstance(failure, Diverged)
    assert [record.runs[0]["objective"] for record in sweeps.run(jobs, tmp_path, device="cpu", progress=False)] == [
        run.objective for run in RUNS
    ]


def test_where_no_network_is_left_all_is_kept_that_was_measured_before(digits, monkeypatch):
    real, calls = Batches.through, []

    def spoiled(self, *rest):  # one network in the first epoch, all in the third
        calls.append(None)
        latents, *others = real(self, *rest)
        lost = torch.arange(len(latents)) < (1 if len(calls) < 15 else len(latents))
        return torch.where(lost[:, None, None], math.nan, latents), *others

    monkeypatch.setattr(Batches, "through", spoiled)
    with pytest.raises(Diverged) as caught:
        quietly(build(MAKE, RUNS), digits, RUNS, measure_every=1)
    assert caught.value.record.epochs.tolist() == [0] and len(caught.value.record.runs) == 4


def test_what_was_measured_in_an_epoch_before_all_was_lost_in_it_is_kept(digits, monkeypatch):
    run = RUNS[0]

    def spoiled(self, streams):
        if self.done == 4:
            self.model.decoder.bias.data.fill_(math.nan)
        real(self, streams)

    real = loop._Training.step
    whole = quietly(build(MAKE, run), digits, run, measure_steps=[1, 2, 3, 5])
    monkeypatch.setattr(loop._Training, "step", spoiled)
    with pytest.raises(Diverged, match=r"epoch 1: the decoder cross-entropy .* from step 5 on") as caught:
        quietly(build(MAKE, run), digits, run, measure_steps=[1, 2, 3, 5])
    kept = caught.value.record
    assert kept.steps.tolist() == [0, 1, 2, 3]
    assert all(torch.equal(table, whole.quantities[name][:, :4]) for name, table in kept.quantities.items())


def test_resumed_it_keeps_what_was_measured_in_an_epoch_before_a_network_was_lost_in_it(digits, monkeypatch, tmp_path):
    """Six steps an epoch: the first network is lost in the ninth step, all are in the twenty-first."""
    real, checkpoint = loop._Training.step, tmp_path / "run.checkpoint"
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)

    def train(dies, **more):
        def step(self, streams):
            if self.done == dies:
                raise ZeroDivisionError
            if self.done in (8, 20):
                self.model.stacked("decoder.bias").data[: 1 if self.done == 8 else None].fill_(math.nan)
            real(self, streams)

        monkeypatch.setattr(loop._Training, "step", step)
        with pytest.raises((Diverged, ZeroDivisionError)) as caught:
            quietly(build(MAKE, RUNS), digits, RUNS, measure_steps=[7, 8, 13], **more)
        return getattr(caught.value, "record", None)

    whole = train(None)
    train(15, checkpoint=checkpoint)
    resumed = train(None, checkpoint=checkpoint)
    assert resumed.steps.tolist() == whole.steps.tolist() == [0, 7, 8] and len(resumed.runs) == len(RUNS)
    assert largest_difference(resumed, whole)[1] == 0


def test_a_checkpoint_that_cannot_be_written_is_told_before_any_work(digits, monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "measure_networks", lambda *_: pytest.fail("work was done"))
    for wrong in (tmp_path / "absent" / "c", tmp_path, tmp_path / ("a" * 5000)):
        with pytest.raises(Unavailable, match="cannot be written"):
            quietly(build(MAKE, RUNS), digits, RUNS, checkpoint=wrong)
    full = functools.partial(dataclasses.make_dataclass("Usage", ["free"]), 5000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: full())
    with pytest.raises(Unavailable, match=r"has 0 MB left, and c takes .* MB; free some space"):
        quietly(build(MAKE, RUNS), digits, RUNS, checkpoint=tmp_path / "c")


def test_a_disk_that_fills_while_training_loses_nothing(digits, monkeypatch, tmp_path, capsys):
    def full(*_):
        raise Unavailable("c: could not be written (No space left on device).")

    whole = quietly(build(MAKE, RUNS), digits, RUNS)
    monkeypatch.setattr(checkpoints.files, "save_tensors", full)
    record = quietly(build(MAKE, RUNS), digits, RUNS, checkpoint=tmp_path / "c")
    assert largest_difference(record, whole)[1] == 0
    assert "No space left on device). Training goes on without it." in capsys.readouterr().err


def test_a_full_disk_is_asked_no_more_often_than_one_that_takes_its_time(digits, monkeypatch, tmp_path):
    """On a clock on which an epoch takes a second, and a checkpoint ten until the disk refuses it."""
    now, asked, real = [0.0], [], loop._Training.train_epoch

    def full(*_):
        asked.append(now[0])
        now[0] += 10
        raise Unavailable("c: could not be written (No space left on device).")

    def lasting(self, *arguments):
        now[0] += 1
        real(self, *arguments)

    monkeypatch.setattr(checkpoints.files, "save_tensors", full)
    monkeypatch.setattr(loop._Training, "train_epoch", lasting)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    how = {"epochs": 300, "batch_size": 1297, "measure_every": 300, "checkpoint": tmp_path / "c"}
    quietly(build(MAKE, RUNS), digits, RUNS, **how)
    assert asked == [1, 211, 320]  # after the first epoch, 200 seconds later, and at the end


def test_a_record_that_cannot_be_written_is_kept_elsewhere(monkeypatch, tmp_path, capsys):
    real = files.save_tensors

    def full(path, *rest):
        if "ibteach-" not in str(path):
            raise Unavailable(f"{path}: could not be written (No space left on device).")
        real(path, *rest)

    monkeypatch.setattr(files, "save_tensors", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command = "train digits --hidden 4 --epochs 1 --eval-examples 20 --device cpu --out"
    assert cli.main([*command.split(), str(tmp_path / "r")]) == 0
    said = capsys.readouterr()
    (kept,) = tmp_path.glob("ibteach-*/r")
    assert f"It is kept in {kept} instead" in said.err and f"{kept}: Record(1 runs" in said.out
    assert Record.load(kept).epochs.tolist() == [0, 1]


def test_a_record_says_which_precision_was_used(digits, monkeypatch):
    for there, used in ((None, "float32"), (torch.bfloat16, "bfloat16")):
        monkeypatch.setattr(loop, "low_precision_for", lambda *_, there=there: there)
        monkeypatch.setattr(variational, "low_precision_of", lambda _, there=there: there)
        record = quietly(build(MAKE, RUNS), digits, RUNS, epochs=1, low_precision=True)
        small = {"epochs": 1, "latent_dimension": 4, "hidden": (8,), "low_precision": True}
        for one in (record, variational.record(digits, **small)):
            assert one.provenance["precision"] == used and one.provenance["configuration"]["low_precision"] is True


def test_the_commit_is_that_of_the_beginning(digits, monkeypatch):
    commits = iter(["at the beginning", "later", "later still"])
    monkeypatch.setattr(loop, "commit", lambda: next(commits))
    monkeypatch.setattr(provenance, "commit", lambda: "when it was written")
    assert quietly(build(MAKE, RUNS), digits, RUNS, epochs=1).provenance["commit"] == "at the beginning"


def test_a_training_that_went_on_says_by_what_all_of_it_was_trained(digits, monkeypatch, tmp_path):
    real, checkpoint = loop._Training.step, tmp_path / "run.checkpoint"
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)

    def train(here, precision, dies):
        def step(self, streams):
            if self.done == dies:
                raise ZeroDivisionError
            real(self, streams)

        monkeypatch.setattr(loop, "commit", lambda: here)
        monkeypatch.setattr(loop, "low_precision_for", lambda *_: precision)
        monkeypatch.setattr(loop._Training, "step", step)
        return quietly(build(MAKE, RUNS), digits, RUNS, low_precision=True, checkpoint=checkpoint).provenance

    for dies in (9, 15):
        with pytest.raises(ZeroDivisionError):
            train("one", None, dies)
    facts = train("other", torch.bfloat16, None)
    assert facts["commit"] == "one, other" and facts["precision"] == "float32, bfloat16" and facts["device"] == "cpu"
    assert facts["versions"] == quietly(build(MAKE, RUNS), digits, RUNS).provenance["versions"]


@pytest.mark.parametrize("name", ["quantities", "errors", "latents", "labels", "decoder_weight", "decoder_bias"])
def test_exactly_means_every_number(digits, name):
    record = quietly(build(MAKE, RUNS), digits, RUNS, epochs=1)
    field = getattr(record, name)
    if isinstance(field, dict):
        changed = field | {"test/argmax_error": field["test/argmax_error"] + 0.25}
    else:
        changed = field.clone()
        changed.view(-1)[0] = 1 - changed.view(-1)[0].bool().long() if name == "labels" else changed.view(-1)[0] + 0.25
    found, gap = largest_difference(record, dataclasses.replace(record, **{name: changed}))
    assert gap > 0.2 and found == {"errors": "error of test/argmax_error", "quantities": "test/argmax_error"}.get(
        name, name
    )
    with pytest.raises(InvalidInput, match="and as many latents"):
        bare = dict.fromkeys(("latents", "labels", "decoder_weight", "decoder_bias"))
        largest_difference(record, dataclasses.replace(record, **bare))


def test_variational_training_refuses_before_work(digits, monkeypatch):
    monkeypatch.setattr(variational, "Variational", lambda *_, **__: pytest.fail("work was done"))
    for wrong, said in [
        ({"report": "print"}, "report: got 'print', expected a function"),
        ({"device": "cpuu"}, "device: got 'cpuu'"),
        ({"device": 5}, "device: got 5"),
        ({"hidden": 8}, "hidden: got 8"),
        ({"low_precision": "false"}, "low_precision: got 'false', expected True or False"),
        ({"seed": 2**64}, "seed: got 18446744073709551616"),
        ({"decay": 0}, "decay: got 0"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            variational.record(digits, **wrong)
    one = dataclasses.replace(digits, test_images=digits.test_images[:1], test_labels=digits.test_labels[:1])
    with pytest.raises(InvalidInput, match="data: got 1 test image, expected at least 2"):
        variational.record(one)
    with pytest.raises(InvalidInput, match="device: got 'cpuu'"):
        pick_device("cpuu")
    monkeypatch.undo()
    model = variational.Variational(64, 10, 4, (8,))
    with pytest.raises(InvalidInput, match="ema: got dict, expected a torch"):
        variational.fit_vib(model, digits, beta=0.1, epochs=1, ema={})


@pytest.mark.parametrize(
    "command",
    ["train X --out r", "train digits --out X", "records show X", "records list X", "records verify X", "lab X",
     "records remake X --out r", "sweep digits --folder X", "badges X", "data X"],
)  # fmt: skip
def test_names_of_five_thousand_letters(command, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained"))
    assert cli.main([part.replace("X", "a" * 5000) for part in command.split()]) == 1
    assert capsys.readouterr().err.startswith("ibteach: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InvalidInput, match="seed: got"):
        clustering.sequential([[0.3, 0.0], [0.2, 0.5]], clusters=2, seed=seed)


def test_a_single_network_that_diverges_ends_at_once(digits):
    with pytest.raises(Diverged, match="epoch 1: ") as caught:
        quietly(build(MAKE, RUNS[0]), digits, RUNS[0], learning_rate=1e30)
    assert caught.value.record.epochs.tolist() == [0] and "other" not in str(caught.value)
    assert Run(**caught.value.record.runs[0]) == RUNS[0]
