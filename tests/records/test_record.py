"""A Record survives everything that happens to files, and refuses what is not a Record."""

import dataclasses
import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from ibteach import errors, files
from ibteach.records.joining import concatenate
from ibteach.records.provenance import provenance
from ibteach.records.record import KIND, VERSION, Record

RUNS = [{"objective": o, "gamma": g, "seed": s} for o in ("l2", "vib") for g in (0.0, 0.01) for s in (0, 1)]
M, E, N, K, C = len(RUNS), 3, 5, 2, 4


def fields(**changes):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    return {
        "runs": RUNS,
        "epochs": torch.tensor([0, 2, 5]),
        "quantities": {"test/decoder_cross_entropy": draw(M, E), "test/error": draw(M, E)},
        "errors": {"test/decoder_cross_entropy": draw(M, E)},
        "latents": draw(M, N, K).float(),
        "labels": torch.tensor([0, 1, 2, 3, 3]),
        "decoder_weight": draw(M, C, K).float(),
        "decoder_bias": draw(M, C).float(),
        "provenance": provenance(data="digits", device="cpu", wall_seconds=7, seed=0, configuration={"γ": [0.1]}),
    } | changes


def assert_same(one, other):
    assert one.runs == other.runs
    for name in ("epochs", "steps", "latents", "labels", "decoder_weight", "decoder_bias"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert (ours is None and theirs is None) or (ours.dtype == theirs.dtype and torch.equal(ours, theirs))
    for name in ("quantities", "errors"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert set(ours) == set(theirs)
        assert all(torch.equal(ours[key], theirs[key]) and ours[key].dtype == torch.float64 for key in ours)
    assert {**one.provenance, "kind": ""} == {**other.provenance, "kind": ""}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a good file."""
    path = tmp_path_factory.mktemp("records") / "whole.safetensors"
    Record(**fields()).save(path)
    return path.read_bytes()


# What goes in comes out


@pytest.mark.parametrize("with_latents", [True, False])
def test_round_trip(tmp_path, with_latents):
    without = dict.fromkeys(("latents", "labels", "decoder_weight", "decoder_bias"))
    record = Record(**fields(**({} if with_latents else without)))
    record.save(tmp_path / "r.safetensors")
    again = Record.load(tmp_path / "r.safetensors")
    assert_same(record, again)
    assert record.provenance["kind"] == "live" and again.provenance["kind"] == "recorded"
    again.save(tmp_path / "r.safetensors")  # over the file it was loaded from
    assert_same(again, Record.load(tmp_path / "r.safetensors"))
    assert os.listdir(tmp_path) == ["r.safetensors"]


def test_quantities_may_share_memory(tmp_path):
    both = torch.rand(2, M, E, dtype=torch.float64)
    record = Record(
        **fields(quantities={"a": both[0], "b": both[1], "c": both[1], "d": both[0].T.clone().T}, errors={})
    )
    record.save(tmp_path / "r")
    assert_same(record, Record.load(tmp_path / "r"))


def test_the_same_record_is_the_same_bytes(tmp_path, whole):
    source = tmp_path / "whole"
    source.write_bytes(whole)
    for name in "ab":
        Record.load(source).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_saved_file_obeys_the_umask_and_follows_links(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "r")
    old = os.umask(0o022)
    try:
        Record(**fields()).save(tmp_path / "link")
    finally:
        os.umask(old)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "r").stat().st_mode & 0o777 == 0o644
    (tmp_path / "real" / "r").chmod(0o640)
    Record(**fields()).save(tmp_path / "link")
    assert (tmp_path / "real" / "r").stat().st_mode & 0o777 == 0o640


def test_types_are_fixed_and_the_callers_values_untouched():
    given_fields = fields(
        epochs=torch.tensor([0, 2, 5], dtype=torch.int32),
        quantities={"a": torch.ones(M, E, requires_grad=True)},
        errors={},
    )
    record = Record(**given_fields)
    assert record.epochs.dtype == torch.int64
    assert record.quantities["a"].dtype == torch.float64 and not record.quantities["a"].requires_grad
    assert given_fields["quantities"]["a"].dtype == torch.float32
    record.runs[0]["gamma"] = "changed"
    record.provenance["data"] = "changed"
    assert RUNS[0]["gamma"] == 0.0 and given_fields["provenance"]["data"] == "digits"


# Looking at it


def test_select_and_value():
    record = Record(**fields())
    chosen = record.select(objective="vib", seed=1)
    assert [run["gamma"] for run in chosen.runs] == [0.0, 0.01]
    rows = [5, 7]
    assert torch.equal(chosen.latents, record.latents[rows])
    assert torch.equal(chosen.decoder_bias, record.decoder_bias[rows])
    assert torch.equal(chosen.value("test/error"), record.quantities["test/error"][rows, 2])
    assert torch.equal(chosen.value("test/error", epoch=2), record.quantities["test/error"][rows, 1])
    assert torch.equal(chosen.errors["test/decoder_cross_entropy"], record.errors["test/decoder_cross_entropy"][rows])
    assert len(record.select(gamma=[0.0, 0.01], seed=0).runs) == 4
    assert len(record.select(gamma=0.1**2).runs) == 4  # 0.010000000000000002
    assert len(record.select().runs) == M


def test_select_and_value_say_what_there_is():
    record = Record(**fields())
    with pytest.raises(errors.UnknownName, match="did you mean 'gamma'"):
        record.select(gama=0.01)
    with pytest.raises(errors.InvalidInput, match=r"expected one of 0\.0, 0\.01"):
        record.select(objective="l2", gamma=0.5)
    with pytest.raises(errors.UnknownName, match="did you mean 'test/error'"):
        record.value("test/eror")
    with pytest.raises(errors.InvalidInput, match=r"expected one of \[0, 2, 5\]"):
        record.value("test/error", epoch=3)
    for epoch in (6, torch.tensor([0, 2])):
        with pytest.raises(errors.InvalidInput, match="<= 5"):
            record.value("test/error", epoch=epoch)


def test_source_says_computed_or_recorded(tmp_path):
    record = Record(**fields())
    assert record.source == "computed now, digits, CPU, 7.0 s"
    assert "computed now" in repr(record)
    record.save(tmp_path / "r")
    recorded = Record.load(tmp_path / "r")
    day, version = record.provenance["created"][:10], torch.__version__
    assert recorded.source == f"recorded {day}, digits, CPU, torch {version}"
    assert recorded.select(seed=0).source == recorded.source
    assert Record(**fields(provenance={})).source == "computed now, unnamed data, unknown device"


def test_provenance_knows_the_commit_of_this_checkout_and_no_folder_of_this_machine():
    facts = provenance(data="digits")
    root = Path(__file__).parents[2]
    git = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, encoding="utf-8")
    if git.returncode == 0 and facts["commit"]:
        assert facts["commit"].removesuffix("-dirty") == git.stdout.strip()
    assert str(Path.home()) not in json.dumps(facts) and sys.prefix not in json.dumps(facts)
    assert facts["versions"]["torch"] == torch.__version__


def test_the_command_has_no_folder_of_this_machine(monkeypatch, tmp_path):
    typed = ["python", str(tmp_path / "ibteach"), "train", str(tmp_path / "pets"), "--out", str(tmp_path / "a b")]
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys, "orig_argv", [*typed, f"--checkpoint={tmp_path / 'c'}", "--gamma=0.1", "a=b"])
    said = provenance(data="digits")["command"]
    assert said == "ibteach train pets --out 'a b' --checkpoint=c --gamma=0.1 a=b"


def test_take_says_which_runs_there_are():
    record = Record(**fields())
    assert [run["seed"] for run in record.take(iter([1, 1, 0])).runs] == [1, 1, 0]
    for numbers, what in [
        ([], "got none"),
        ([M], "<= 7"),
        ([-1], ">= 0"),
        ([0.5], "whole number"),
        (3, "list or tuple"),
    ]:
        with pytest.raises(errors.InvalidInput, match=f"numbers: got.*{what}|numbers: {what}"):
            record.take(numbers)


# Several as one


@pytest.mark.parametrize("with_latents", [True, False])
def test_what_was_taken_apart_is_concatenated(with_latents):
    without = dict.fromkeys(("latents", "labels", "decoder_weight", "decoder_bias"))
    whole = Record(**fields(**({} if with_latents else without)))
    for parts in [
        [whole],
        [whole.select(objective=o) for o in ("l2", "vib")],
        [whole.select(**run) for run in whole.runs],
    ]:
        again = concatenate(iter(parts))
        assert again.provenance["wall_seconds"] == 7 * len(parts)
        assert_same(whole, dataclasses.replace(again, provenance=whole.provenance))
    assert [run["seed"] for run in concatenate([whole.select(seed=1), whole.select(seed=0)]).runs] == [1] * 4 + [0] * 4


def test_the_provenance_of_several_keeps_what_they_share_and_lists_what_differs(tmp_path):
    def made(**facts):
        return Record(**fields(provenance=provenance(data="digits", configuration={"epochs": 5}, **facts)))

    one, other = made(parameters=10, wall_seconds=1.5, seed=0), made(parameters=20, wall_seconds=2, seed=1, extra=1)
    one.save(tmp_path / "r")
    one = Record.load(tmp_path / "r")
    one.provenance.update(created="2026-01-02T00:00:00+00:00", device_name="NVIDIA H100")
    other.provenance["versions"]["torch"] = "2.4"
    facts = concatenate([one, other, other]).provenance
    assert (facts["parameters"], facts["wall_seconds"]) == (50, 5.5)
    assert (facts["kind"], facts["created"]) == ("recorded", other.provenance["created"])
    assert facts["device_name"] == "NVIDIA H100, CPU" and facts["configuration"] == {"epochs": 5}
    assert facts["versions"] == one.provenance["versions"] | {"torch": f"{torch.__version__}, 2.4"}
    assert "seed" not in facts and "extra" not in facts
    again = concatenate([concatenate([one, other]), other]).provenance  # what was joined before is joined no otherwise
    assert again == facts


@pytest.mark.parametrize(
    ("what", "change"),
    {
        "data": {"provenance": provenance(data="mnist", configuration={"γ": [0.1]})},
        "configuration": {"provenance": provenance(data="digits", configuration={"γ": [0.2]})},
        "stopped_in_epoch": {"provenance": provenance(data="digits", configuration={"γ": [0.1]}, stopped_in_epoch=5)},
        "epochs": {"epochs": torch.tensor([0, 2, 6])},
        "quantities": {"quantities": {"test/decoder_cross_entropy": torch.ones(M, E)}},
        "errors": {"errors": {}},
        "shape of the latents, classes, labels": dict.fromkeys(("latents", "labels", "decoder_weight", "decoder_bias")),
        "shape of the latents": {"latents": torch.ones(M, N, K + 1), "decoder_weight": torch.ones(M, C, K + 1)},
        "classes": {"decoder_weight": torch.ones(M, C + 1, K), "decoder_bias": torch.ones(M, C + 1)},
        "labels": {"labels": torch.tensor([3, 0, 1, 2, 3])},
    }.items(),
)
def test_what_one_record_cannot_say_is_not_concatenated(what, change):
    with pytest.raises(errors.InvalidInput, match=f"which differ in {what}; expected"):
        concatenate([Record(**fields()), Record(**fields(**change))])


def test_records_of_other_content_are_not_concatenated():
    """The labels that networks were trained on are in no Record, but its provenance has their fingerprint."""

    def of(**fingerprints):
        return Record(**fields(provenance=provenance(data="digits", fingerprints=fingerprints)))

    old = Record(**fields(provenance=provenance(data="digits")))  # as version 0.1.0 wrote it
    concatenate([old, of(data="a"), old, of(data="a", network="n")])
    for others, what in [
        ([of(data="a"), of(data="b")], "data"),
        ([old, of(data="a"), of(data="b")], "data"),
        ([of(data="a"), of(network="n"), of(data="b")], "data"),
        ([of(data="a", network="n"), of(data="a", network="m")], "network"),
        ([of(data="a"), of(data="a", network="n"), of(network="m")], "network"),
    ]:
        with pytest.raises(errors.InvalidInput, match=f"which differ in the fingerprint of the {what}; expected"):
            concatenate(others)


def test_what_is_no_list_of_records_is_not_concatenated():
    for wrong in ([], Record(**fields()), [Record(**fields()), RUNS]):
        with pytest.raises(errors.InvalidInput, match="records: got"):
            concatenate(wrong)


# Within an epoch


def test_a_measurement_within_the_second_epoch_is_not_the_end_of_the_first():
    epochs, steps = torch.tensor([0, 0, 1, 5]), torch.tensor([0, 100, 200, 975])
    record = Record(**fields(epochs=epochs, steps=steps, quantities={"test/error": torch.ones(8, 4)}, errors={}))
    assert record.course.tolist() == [0, 100 / 195, 200 / 195, 5]
    assert record.moments == ["epoch 0", "step 100", "step 200", "epoch 5"]
    with pytest.raises(errors.InvalidInput, match=r"epoch: got 1, expected one of \[0, 5\], or -1"):
        record.value("test/error", 1)
    begun = dataclasses.replace(record, epochs=torch.zeros(4, dtype=torch.long))  # no epoch ended
    assert begun.course.tolist() == [0, 0, 0, 0] and begun.moments == ["epoch 0", "step 100", "step 200", "step 975"]


def test_measurements_within_an_epoch_have_their_steps(tmp_path):
    epochs, steps = torch.tensor([0, 0, 1]), torch.tensor([0, 3, 12])
    record = Record(**fields(epochs=epochs, steps=steps))
    table = record.quantities["test/error"]
    for epoch, column in {0: 0, 1: 2, -1: 2}.items():
        assert torch.equal(record.value("test/error", epoch), table[:, column])
    assert record.moments == ["epoch 0", "step 3", "epoch 1"] and record.course.tolist() == [0, 0.25, 1]
    apart = dict(zip(("epochs", "steps"), torch.stack([epochs, steps], 1).T, strict=True))  # every other number
    for kept in (record, Record(**fields(**apart))):
        kept.save(tmp_path / "r")
        assert_same(Record.load(tmp_path / "r"), record)
    assert torch.equal(concatenate([record, record]).steps, steps)
    with pytest.raises(errors.InvalidInput, match="which differ in steps"):
        concatenate([record, Record(**fields(epochs=epochs, steps=torch.tensor([0, 4, 12])))])
    with pytest.raises(errors.InvalidInput, match="steps"):
        Record(**fields(epochs=epochs, steps=torch.tensor([0, 0, 12])))  # nothing tells the two apart
    with pytest.raises(errors.InvalidInput, match="epochs"):
        Record(**fields(epochs=epochs))  # nor here


# What is not a Record

BAD = {
    "no runs": {"runs": []},
    "runs not dicts": {"runs": [1] * M},
    "run with a list": {"runs": [{"gamma": [1]}] * M},
    "run with NaN": {"runs": [{"gamma": math.nan}] * M},
    "run with a tensor": {"runs": [{"gamma": torch.tensor(1.0)}] * M},
    "too few runs": {"runs": RUNS[1:]},
    "steps of another length": {"steps": torch.tensor([0, 2])},
    "steps not increasing": {"steps": torch.tensor([0, 2, 2])},
    "epochs falling, with steps": {"epochs": torch.tensor([0, 2, 1]), "steps": torch.tensor([0, 2, 5])},
    "more epochs than steps": {"epochs": torch.tensor([0, 2, 5]), "steps": torch.tensor([0, 2, 4])},
    "steps of other epochs": {
        "steps": torch.tensor([0, 20, 40]),
        "provenance": {"steps_per_epoch": 10},
    },
    "epochs a list": {"epochs": [0, 2, 5]},
    "epochs real": {"epochs": torch.tensor([0.0, 2.0, 5.0])},
    "epochs not increasing": {"epochs": torch.tensor([0, 5, 5])},
    "epochs negative": {"epochs": torch.tensor([-1, 2, 5])},
    "epochs sparse": {"epochs": torch.tensor([0, 2, 5]).to_sparse()},
    "epochs on meta": {"epochs": torch.tensor([0, 2, 5], device="meta")},
    "epochs empty": {"epochs": torch.tensor([], dtype=torch.int64)},
    "quantities a list": {"quantities": [torch.ones(M, E)]},
    "quantity of another shape": {"quantities": {"a": torch.ones(M, E + 1)}, "errors": {}},
    "quantity NaN": {"quantities": {"a": torch.full((M, E), math.nan)}, "errors": {}},
    "quantity of integers": {"quantities": {"a": torch.ones(M, E, dtype=torch.int64)}, "errors": {}},
    "quantity a list": {"quantities": {"a": [[1.0] * E] * M}, "errors": {}},
    "quantity without a name": {"quantities": {"": torch.ones(M, E)}, "errors": {}},
    "error of no quantity": {"errors": {"test/other": torch.ones(M, E)}},
    "error negative": {"errors": {"test/error": -torch.ones(M, E)}},
    "error of another shape": {"errors": {"test/error": torch.ones(M)}},
    "latents alone": {"labels": None},
    "latents infinite": {"latents": torch.full((M, N, K), math.inf)},
    "latents beyond float32": {"latents": torch.full((M, N, K), 1e300, dtype=torch.float64)},
    "decoder beyond float32": {"decoder_bias": torch.full((M, C), 1e200, dtype=torch.float64)},
    "weights beyond float32": {"decoder_weight": torch.full((M, C, K), -1e39, dtype=torch.float64)},
    "quantity named by half a character": {"quantities": {"\ud800": torch.ones(M, E)}, "errors": {}},
    "provenance with an odd configuration": {"provenance": {"configuration": "resnet"}},
    "latents of other runs": {"latents": torch.ones(M + 1, N, K)},
    "no latent dimension": {"latents": torch.ones(M, N, 0)},
    "labels out of range": {"labels": torch.tensor([0, 1, 2, 3, 4])},
    "labels too few": {"labels": torch.tensor([0, 1])},
    "labels real": {"labels": torch.ones(N)},
    "weight of other dimension": {"decoder_weight": torch.ones(M, C, K + 1)},
    "bias of other classes": {"decoder_bias": torch.ones(M, C + 1)},
    "provenance text": {"provenance": "yesterday"},
    "provenance with a path": {"provenance": {"path": Path("x")}},
    "provenance with NaN": {"provenance": {"loss": math.nan}},
    "provenance with odd versions": {"provenance": {"versions": "1"}},
    "provenance with odd data": {"provenance": {"data": 5}},
    "provenance with odd examples": {"provenance": {"configuration": {"train_examples": "many"}}},
    "provenance with odd time": {"provenance": {"wall_seconds": "long"}},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_refused(change):
    with pytest.raises(errors.InvalidInput, match=r"expected|use plain"):
        Record(**fields(**change))


# Damage


def test_truncated_anywhere(tmp_path, whole):
    header = 8 + int.from_bytes(whole[:8], "little")
    cuts = {0, 1, 7, 8, 9, header - 1, header, header + 1, len(whole) - 1, *range(0, len(whole), 97)}
    for cut in cuts:
        (tmp_path / "r").write_bytes(whole[:cut])
        with pytest.raises(errors.DamagedFile, match=r"r: .*Nothing of it was used"):
            Record.load(tmp_path / "r")
    (tmp_path / "r").write_bytes(whole + b"\0")
    with pytest.raises(errors.DamagedFile):
        Record.load(tmp_path / "r")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_noticed(tmp_path_factory, whole, data):
    position = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.write_bytes(flipped)
    with pytest.raises(errors.DamagedFile):
        Record.load(path)


@settings(max_examples=50, deadline=None)
@given(junk=st.binary(max_size=300))
def test_junk_is_refused(tmp_path_factory, junk):
    path = tmp_path_factory.getbasetemp() / "junk"
    path.write_bytes(junk)
    with pytest.raises(errors.DamagedFile):
        Record.load(path)


def rewritten(tmp_path, whole, change_seal=str, change_tensors=dict):
    """A valid safetensors file with another JSON part or other tensors, and the old checksum."""
    (tmp_path / "old").write_bytes(whole)
    with safe_open(tmp_path / "old", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        seal = file.metadata()["ibteach"]
    save_file(change_tensors(tensors), tmp_path / "new", metadata={"ibteach": change_seal(seal)})
    return tmp_path / "new"


def test_tampering_is_noticed(tmp_path, whole):
    same = Record.load(rewritten(tmp_path, whole))
    assert_same(same, Record.load(tmp_path / "old"))
    for change in [
        {"change_seal": lambda seal: seal.replace("digits", "mnist")},
        {"change_seal": lambda seal: seal.replace("0.01", "0.02")},
        {"change_seal": lambda seal: seal.replace("0.01", "1e-2")},
        {"change_seal": lambda seal: ""},
        {"change_seal": lambda seal: "[]"},
        {"change_tensors": lambda tensors: tensors | {"extra": torch.ones(1)}},
        {"change_tensors": lambda tensors: {k: v for k, v in tensors.items() if "error" not in k}},
        {"change_tensors": lambda tensors: tensors | {"labels": tensors["labels"].flip(0)}},
        {"change_tensors": lambda tensors: tensors | {"epochs": tensors["epochs"].to(torch.int32)}},
    ]:
        with pytest.raises(errors.DamagedFile):
            Record.load(rewritten(tmp_path, whole, **change))


@pytest.mark.parametrize(
    ("kind", "version"), [(KIND, VERSION + 1), (KIND, 0), ("data set", VERSION), (KIND, str(VERSION)), (None, None)]
)
def test_another_kind_or_version_is_named(tmp_path, kind, version):
    files.save_tensors(tmp_path / "r", kind, version, {"epochs": torch.tensor([0])}, {})
    with pytest.raises(errors.DamagedFile, match=f"version {version!r}.*expected 'record' version {VERSION}"):
        Record.load(tmp_path / "r")


def test_sealed_files_that_are_no_record(tmp_path):
    good = {"epochs": torch.tensor([0]), "quantities/a": torch.ones(1, 1, dtype=torch.float64)}
    content = {"runs": [{"gamma": 1}], "provenance": {}}
    files.save_tensors(tmp_path / "r", KIND, VERSION, good, content)
    assert Record.load(tmp_path / "r").source.startswith("recorded some time ago")
    for tensors, other, what in [
        (good | {"weights": torch.ones(1)}, content, "'weights'"),
        (good | {"latents/x": torch.ones(1)}, content, "'latents/x'"),
        (good | {"quantities/": torch.ones(1, 1)}, content, "'quantities/'"),
        (good | {"quantities/a": torch.ones(1, 1)}, content, "float32, expected torch.float64"),
        (good | {"quantities/a": torch.ones(2, 1, dtype=torch.float64)}, content, "shape"),
        (good | {"latents": torch.ones(1, 1, 1)}, content, "missing"),
        ({}, content, "epochs"),
        (good, content | {"more": 1}, "JSON"),
        (good, {"runs": [{}]}, "JSON"),
        (good, content | {"runs": 3}, "runs"),
        (good, content | {"provenance": None}, "not a whole Record"),
    ]:
        files.save_tensors(tmp_path / "r", KIND, VERSION, tensors, other)
        with pytest.raises(errors.DamagedFile, match=what):
            Record.load(tmp_path / "r")


def test_nothing_is_unpickled(tmp_path):
    torch.save({"os": os.getcwd()}, tmp_path / "r")
    with pytest.raises(errors.DamagedFile):
        Record.load(tmp_path / "r")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(errors.Unavailable, match="No such file"):
        Record.load(tmp_path / "absent")
    with pytest.raises(errors.Unavailable, match="is a folder, no file"):
        Record.load(tmp_path)
    with pytest.raises(errors.Unavailable, match="could not be written"):
        Record(**fields()).save(tmp_path / "absent" / "r")


# Writing goes wrong: the old file stays, and nothing else


@pytest.mark.parametrize("step", ["open", "touch", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_refusing_disk_leaves_the_old_file(tmp_path, monkeypatch, whole, step, number):
    path = tmp_path / "r"
    path.write_bytes(whole)

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        if step in ("open", "touch"):
            patch.setattr(Path, step, refuse)
        else:
            patch.setattr(os, step, refuse)
        with pytest.raises(errors.Unavailable, match=f"{os.strerror(number)}.*untouched"):
            Record(**fields(provenance={})).save(path)
    assert path.read_bytes() == whole
    assert os.listdir(tmp_path) == ["r"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_a_stop_while_writing_passes_and_leaves_the_old_file(tmp_path, monkeypatch, whole, stop):
    (tmp_path / "r").write_bytes(whole)

    def half(tensors, path, metadata):
        Path(path).write_bytes(whole[:100])
        raise stop

    monkeypatch.setattr(files, "save_file", half)
    with pytest.raises(stop):
        Record(**fields()).save(tmp_path / "r")
    assert (tmp_path / "r").read_bytes() == whole and os.listdir(tmp_path) == ["r"]


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize("limit", [0, 1, 100, 1000, 2000])
def test_a_real_write_that_is_cut_by_the_system(tmp_path, whole, limit):
    (tmp_path / "r").write_bytes(whole)
    record = Record.load(tmp_path / "r")
    import resource  # is not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(errors.Unavailable, match=r"too large|size limit"):
            record.save(tmp_path / "r")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "r").read_bytes() == whole and os.listdir(tmp_path) == ["r"]


ODD = st.none() | st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    quantities=st.dictionaries(st.text(max_size=4), st.floats(allow_nan=False), max_size=3),
    run=st.dictionaries(
        st.text(max_size=3), st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    ),
    facts=st.fixed_dictionaries(
        {}, optional={"versions": ODD, "configuration": ODD, "data": st.text(max_size=3), "wall_seconds": st.floats(0)}
    ),
    weight=st.floats(allow_nan=False),
)
def test_what_save_writes_load_takes(tmp_path_factory, quantities, run, facts, weight):
    """Anything that a Record can be made of, however odd."""
    path = tmp_path_factory.getbasetemp() / "odd"
    try:
        record = Record(
            runs=[run],
            epochs=torch.tensor([1]),
            quantities={name: torch.full((1, 1), value, dtype=torch.float64) for name, value in quantities.items()},
            latents=torch.zeros(1, 1, 1),
            labels=torch.tensor([0]),
            decoder_weight=torch.full((1, 2, 1), weight, dtype=torch.float64),
            decoder_bias=torch.zeros(1, 2),
            provenance=facts,
        )
    except errors.InvalidInput:
        return
    record.save(path)
    assert_same(record, Record.load(path))
    assert repr(record) and repr(Record.load(path))


KILLED = """
import os, signal, sys
from ibteach import files
from ibteach.records.record import Record
record = Record.load(sys.argv[1])
step = sys.argv[2]
module = files if step == "save_file" else os
real = getattr(module, step)
def die(*arguments, **options):
    if step == "save_file":
        real(*arguments, **options)
        os.truncate(arguments[1], 500)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, step, die)
record.save(sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("step", ["save_file", "replace"])
def test_a_kill_while_writing_leaves_the_old_file(tmp_path, whole, step):
    (tmp_path / "r").write_bytes(whole)
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "r", step])
    assert ended.returncode == -9
    assert (tmp_path / "r").read_bytes() == whole
    Record.load(tmp_path / "r")
