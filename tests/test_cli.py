"""The command line does what the library does, teaches, and turns every typed error into one line and a status."""

import dataclasses
import errno
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from ibteach import cli, data, networks
from ibteach.commands import training
from ibteach.data import sources
from ibteach.networks.bottleneck import SETTINGS
from ibteach.records import shipped
from ibteach.records.provenance import provenance
from ibteach.records.record import Record
from ibteach.training import loop

COMMANDS = [
    [],
    ["lab"],
    ["data"],
    ["train"],
    ["sweep"],
    ["records"],
    ["records", "list"],
    ["records", "show"],
    ["records", "verify"],
    ["records", "remake"],
    ["badges"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_each_command_takes(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: {' '.join(['ibteach', *command])}" in said and len(said.splitlines()) > 5


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_help_that_is_sent_to_a_file_can_be_read_there(encoding):
    """As on Windows, where a file that output is sent to has an encoding without γ."""
    command = [sys.executable, "-m", "ibteach.cli", "train", "--help"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout.decode(encoding)
    assert ("objective, γ and seed" if encoding == "utf-8" else "objective, gamma and seed") in said and "?" not in said


def test_every_command_of_the_welcome_exists(capsys):
    assert cli.main([]) == 0
    said = capsys.readouterr().out
    shown = re.findall(r"^  ibteach (\w+)", said, re.MULTILINE)
    there = {"lab", "data", "train", "sweep", "records", "badges", "site"}
    assert set(re.findall(r"^    (\w+) ", said, re.MULTILINE)) == set(shown) == there


def test_it_runs_as_a_module_without_loading_torch():
    code = "import sys; from ibteach import cli; cli.main([]); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    said = subprocess.run([sys.executable, "-m", "ibteach.cli", "--version"], capture_output=True, encoding="utf-8")
    assert re.fullmatch(r"ibteach \d+\.\d+\.\d+(\.dev\d+)?\n", said.stdout)


@pytest.mark.parametrize(
    "wrong",
    [
        ["train-everything"],
        ["train", "digits"],
        ["sweep", "digits"],
        ["sweep", "digits", "--folder", "x", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"],
        ["records"],
        ["records", "show"],
        ["data", "--from", "x"],
    ],
)
def test_what_is_no_command_ends_with_usage(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(wrong)
    assert ended.value.code == 2 and "usage: ibteach" in capsys.readouterr().err


# data


def small(folder, download):
    images, labels = torch.arange(240, dtype=torch.uint8).view(6, 1, 5, 8), torch.arange(6) % 2
    return dict(train_images=images, train_labels=labels, test_images=images, test_labels=labels), ("a", "b")


def test_data_lists_and_fetches(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IBTEACH_DATA", str(tmp_path))
    monkeypatch.setattr(
        sources, "SOURCES", {"digits": sources.SOURCES["digits"], "small": sources.Source(small, ("x",))}
    )
    (tmp_path / "x").touch()
    assert cli.main(["data"]) == 0
    assert f"small: {data.cached('small')} (not there yet)" in capsys.readouterr().out
    assert cli.main(["data", "small", "digits"]) == 0
    said = capsys.readouterr().out
    assert str(data.cached("small")) in said and "comes with scikit-learn" in said
    assert data.cached("small").exists()
    assert cli.main(["data"]) == 0
    assert "(there)" in capsys.readouterr().out


def test_data_to_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sources, "SOURCES", {"small": sources.Source(small, ("x",))})
    (tmp_path / "x").touch()
    assert cli.main(["data", "small", "--to", str(tmp_path)]) == 0
    assert repr(data.load("small", tmp_path)) in capsys.readouterr().out


def test_an_unknown_data_set_is_said_before_anything_is_fetched(monkeypatch, capsys):
    monkeypatch.setattr(data, "load", lambda *_, **__: pytest.fail("fetched"))
    assert cli.main(["data", "mnist", "minst"]) == 1
    assert "did you mean 'mnist'" in capsys.readouterr().err


def test_a_stop_says_so(monkeypatch, capsys):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load", stop)
    assert cli.main(["data", "mnist"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_a_stop_while_the_options_are_read_says_so_when_all_is_imported(monkeypatch, capsys):
    real, done = training._add_training, []

    def stop(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        done.append(real(*arguments, **options))

    monkeypatch.setattr(training, "_add_training", stop)
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained"))
    assert cli.main(["train", "digits", "--out", "x"]) == 130
    assert done and capsys.readouterr().err == "ibteach: stopped.\n"


def test_what_the_system_refuses_is_one_line(monkeypatch, capsys):
    def refused(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", "locked/mnist")

    monkeypatch.setattr(data, "load", refused)
    assert cli.main(["data", "mnist"]) == 1
    remedy = "choose another, or see that it can be read and written."
    assert capsys.readouterr().err == f"ibteach: locked/mnist: Permission denied; {remedy}\n"


@pytest.mark.parametrize(
    "command",
    ["data ~nobody-here/x", "data mnist --to ~nobody-here/x", "train ~nobody-here/x --out r",
     "sweep digits --folder ~nobody-here/x", "sweep ~nobody-here/x --folder r"],
)  # fmt: skip
def test_a_folder_of_nobody_is_refused(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained"))
    assert cli.main(command.split()) == 1
    assert "got '~nobody-here/x', expected a user with a folder" in capsys.readouterr().err


# train

TRAIN = ["train", "digits", "--objective", "l2", "variance", "--gamma", "0.01", "1", "--seed", "0", "3"]
TRAIN += ["--hidden", "8", "--latent-dimension", "3", "--epochs", "2", "--batch-size", "200", "--eval-examples", "60"]


def test_train_writes_the_record_that_the_library_makes(tmp_path, capsys):
    out = tmp_path / "r.safetensors"
    options = ["--measure-every", "1", "--keep-latents", "9", "--information", "--device", "cpu", "--out", str(out)]
    assert cli.main([*TRAIN, *options]) == 0
    assert f"{out}: Record(8 runs, 3 epochs, 42 quantities, latents (8, 9, 3)" in capsys.readouterr().out
    record = Record.load(out)
    runs = loop.grid(["l2", "variance"], gammas=[0.01, 1], seeds=[0, 3])
    model = loop.build(lambda: networks.mlp(64, 10, latent_dimension=3, hidden=(8,)), runs)
    sizes = dict(
        epochs=2, batch_size=200, eval_examples=60, measure_every=1, keep_latents=9, information=True, device="cpu"
    )
    by_hand = loop.fit(model, data.load("digits"), runs, **sizes, progress=False)
    assert record.runs == by_hand.runs
    for name, values in by_hand.quantities.items():
        assert torch.equal(record.quantities[name], values)
    assert record.provenance["configuration"] == by_hand.provenance["configuration"]
    assert cli.main(["records", "show", str(out)]) == 0
    assert "'hidden': [8]" in capsys.readouterr().out


def test_train_without_noise_and_with_dropout(tmp_path):
    out = tmp_path / "r"
    assert cli.main([*TRAIN, "--no-noise", "--dropout", "0.2", "--out", str(out)]) == 0
    settings = Record.load(out).provenance["configuration"]
    assert settings["noise"] is False and settings["dropout"] == 0.2


def test_train_takes_every_setting_of_the_library(tmp_path, capsys):
    out, checkpoint = tmp_path / "r", tmp_path / "c"
    command = "train digits --network convnet --width 2 --optimizer sgd --weight-decay 0.001 --learning-rate 0.02"
    command += " --augment flip shift --train-examples 300 --epochs 2 --batch-size 100 --eval-examples 60"
    command += f" --measure-every 1 --low-precision --device cpu --checkpoint {checkpoint} --out {out}"
    assert cli.main(command.split()) == 0
    settings = Record.load(out).provenance["configuration"]
    wanted = {"network": "convnet", "width": 2, "optimizer": "sgd", "weight_decay": 0.001, "learning_rate": 0.02}
    wanted |= {"augment": ["flip", "shift"], "train_examples": 300, "low_precision": True, "noise": True}
    assert wanted.items() <= settings.items() and checkpoint.exists()
    assert set(training.NETWORK) == set(SETTINGS)
    resnets = "train digits --network resnet --width 8 --seed 0 1 --out"
    assert cli.main([*resnets.split(), str(tmp_path / "s")]) == 1
    assert "got 2 networks that train one by one; do it with `ibteach sweep`" in capsys.readouterr().err


def test_what_is_wrong_is_said_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained"))
    there = tmp_path / "there"
    there.write_text("hours of work", encoding="utf-8")
    for out, options, said in [
        (there, [], "is there already"),
        (tmp_path / "absent" / "r", [], "cannot be written"),
        (tmp_path / "r", ["--objective", "varience"], "did you mean 'variance'"),
        (tmp_path / "r", ["--gamma", "-1"], "gamma: got -1"),
        (tmp_path / "r", ["--hidden", "0"], "hidden: got 0"),
        (tmp_path / "r", ["--dropout", "1"], "dropout: got 1"),
        (tmp_path / "r", ["--width", "3"], "architecture: got"),
        (tmp_path / "r", ["--optimizer", "adan"], "did you mean 'adam'"),
        (tmp_path / "r", ["--size", "32"], "the images of digits have one size"),
        (tmp_path / "r", ["--checkpoint", str(tmp_path / "r")], "which is to be the Record; choose another name"),
    ]:
        assert cli.main([*TRAIN, *options, "--out", str(out)]) == 1
        assert said in capsys.readouterr().err
    assert cli.main(["train", "digit", "--out", str(tmp_path / "r")]) == 1
    assert "did you mean 'digits'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there"] and there.read_text(
        encoding="utf-8"
    ) == "hours of work"


@pytest.mark.parametrize(
    "options",
    ["--hidden 1000000000", "--latent-dimension 1000000000", "--network convnet --latent-dimension 1000000000",
     "--network convnet --width 1000000000", "--network resnet --width 1000000000",
     "--network resnet --latent-dimension 1000000000"],
)  # fmt: skip
def test_a_network_that_no_machine_holds_is_refused(options, tmp_path, capsys):
    assert cli.main(["train", "digits", *options.split(), "--out", str(tmp_path / "r")]) == 1
    assert re.match(r"ibteach: network: takes [\d,]+ GB, expected at most 64 GB", capsys.readouterr().err)


@pytest.mark.skipif(sys.platform == "win32", reason="there a closed pipe is told otherwise")
@pytest.mark.parametrize("command", [[*TRAIN, "--out", "r"], ["records", "list"], ["train", "--help"]], ids=" ".join)
def test_who_stops_reading_stops_nothing(command, tmp_path):
    line, pipes = (
        [sys.executable, "-m", "ibteach.cli", *command],
        {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
    )
    with subprocess.Popen(line, cwd=tmp_path, **pipes) as begun:
        begun.stdout.close()
        assert begun.stderr.read() == b"" and begun.wait() == 0
    assert command[-1] != "r" or len(Record.load(tmp_path / "r").runs) == 8


def test_a_stop_keeps_what_was_trained(tmp_path, monkeypatch, capsys):
    real, calls = loop.loss_terms, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 10:  # in the second epoch of 6 batches
            signal.raise_signal(signal.SIGINT)
        return real(*arguments, **options)

    monkeypatch.setattr(loop, "loss_terms", interrupted)
    out = tmp_path / "r"
    assert cli.main([*TRAIN, "--out", str(out)]) == 0
    assert "Stopped in epoch 2 of 2" in capsys.readouterr().out
    assert Record.load(out).provenance["stopped_in_epoch"] == 2


def test_what_diverged_keeps_what_was_measured_before(tmp_path, monkeypatch, capsys):
    real, calls = loop.loss_terms, []

    def exploding(*arguments, **options):
        calls.append(arguments)
        found = real(*arguments, **options)
        return found._replace(surrogate=found.surrogate * float("nan")) if len(calls) == 12 else found

    monkeypatch.setattr(loop, "loss_terms", exploding)
    out = tmp_path / "r"
    assert cli.main([*TRAIN, "--measure-every", "1", "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert "epoch 2: the surrogate of Run(objective='l2'" in said.err and "what was measured before" in said.out
    assert Record.load(out).epochs.tolist() == [0, 1]


# sweep

SWEEP = ["sweep", *TRAIN[1:], "--device", "cpu"]


def files(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}


def test_sweep_leaves_a_record_of_each_run_and_joins_them(tmp_path, capsys):
    folder, out = tmp_path / "runs", tmp_path / "r"
    assert cli.main([*SWEEP, "--folder", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"{folder}: 8 Records" in said and f"{out}: Record(8 runs" in said.splitlines()[-1]
    assert cli.main([*TRAIN, "--device", "cpu", "--out", str(tmp_path / "trained")]) == 0
    joined, trained = Record.load(out), Record.load(tmp_path / "trained")
    for run, latents in zip(trained.runs, trained.latents, strict=True):  # all seeds together there, each alone here
        assert torch.allclose(joined.select(**run).latents[0], latents, atol=1e-3)
    before = files(folder)
    assert len(before) == 16
    assert cli.main([*SWEEP, "--folder", str(folder)]) == 0 and files(folder) == before

    (folder / "junk.safetensors").touch()
    capsys.readouterr()
    assert cli.main(["records", "list", str(folder)]) == 1
    listed = capsys.readouterr()
    assert listed.out.count(f"{folder}") == 8 and "junk" in listed.err
    first = shipped.names()[0]
    assert "\nmnist-surrogates: Record(72 runs" in listed.out and listed.out.startswith(f"{first}: Record(")


def test_what_is_wrong_is_said_before_sweeping(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "there").touch()
    for options, said in [
        (["--out", str(tmp_path / "there")], "is there already"),
        (["--scheduler", "nonsense"], "nobody answers at 'nonsense'"),
        (["--workers", "0"], "workers: got 0"),
        (["--device", "cuda:9"], "device: got 'cuda:9'"),
        (["--objective", "l3"], "did you mean 'l2'"),
    ]:
        assert cli.main([*SWEEP, *options, "--folder", str(tmp_path / "runs")]) == 1
        assert said in capsys.readouterr().err
    assert cli.main(["sweep", "digits", "mnist", "--folder", str(tmp_path), "--out", str(tmp_path / "r")]) == 1
    assert "--out: got 2 data sets" in capsys.readouterr().err
    assert cli.main(["records", "list", str(tmp_path / "absent")]) == 1
    assert "is no folder" in capsys.readouterr().err
    assert not list(tmp_path.glob("**/*.safetensors"))


def test_the_joined_record_may_lie_in_the_folder_that_is_made(tmp_path):
    folder = tmp_path / "above" / "runs"
    few = ["sweep", "digits", "--hidden", "4", "--epochs", "1", "--device", "cpu", "--folder", str(folder)]
    assert cli.main([*few, "--out", str(folder / "r")]) == 0 and len(Record.load(folder / "r").runs) == 1
    assert cli.main([*few, "--out", str(folder / "below" / "r")]) == 1


HELD = """
import pathlib, signal, sys, time
from ibteach import cli
from ibteach.training import loop

step = loop._Training.step

def held(self, *arguments):
    if self.runs[0].seed == 1 and self.epoch == 2:  # until it is interrupted
        pathlib.Path(__file__).with_name("held").touch()
        time.sleep(1000)
    step(self, *arguments)

loop._Training.step = held  # in the worker, too, which begins by running this file

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_sweep_that_is_interrupted_goes_on_where_it_was(tmp_path):
    """Ctrl-C as a terminal sends it, to the command and its workers alike, when one network of two is finished."""
    sweep = "sweep digits --network resnet --width 8 --seed 0 1 --epochs 3 --train-examples 200 --batch-size 200"
    sweep = [*sweep.split(), "--eval-examples", "50", "--device", "cpu", "--folder", str(tmp_path / "runs")]
    (tmp_path / "held.py").write_text(HELD, encoding="utf-8")
    command = [sys.executable, tmp_path / "held.py", *sweep, "--workers", "1"]
    begun = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True
    )
    try:
        until = time.monotonic() + 300
        while not (tmp_path / "held").exists():
            assert begun.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        os.killpg(begun.pid, signal.SIGINT)
        _, said = begun.communicate(timeout=100)
    finally:
        begun.kill()
        begun.communicate()
    assert begun.returncode == 130 and "Stopped. 1 of 2 runs are finished" in said and "Traceback" not in said
    before = files(tmp_path / "runs")
    assert len(before) == 2 and list((tmp_path / "runs").glob("*.checkpoint"))
    assert cli.main(sweep) == 0
    assert before.items() <= files(tmp_path / "runs").items() and len(files(tmp_path / "runs")) == 4
    assert not list((tmp_path / "runs").glob("*.checkpoint"))


# records


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "r.safetensors"
    runs = [{"objective": "l2", "gamma": gamma} for gamma in (0.0, 0.25, 1.0)]
    errors_ = torch.tensor([[0.9, 0.125], [0.9, 0.25], [0.9, 0.5]])
    Record(
        runs=runs,
        epochs=torch.tensor([0, 7]),
        quantities={"test/error": errors_},
        provenance=provenance(data="digits", seed=3),
    ).save(path)
    return path


def test_records_show(record, capsys):
    assert cli.main(["records", "show", str(record)]) == 0
    said = capsys.readouterr().out
    for part in ["recorded 20", "digits, CPU", "3 runs", "gamma: 0.0, 0.25, 1.0", "after epoch 7", "seed: 3"]:
        assert part in said
    assert "test/error: 0.125, 0.25, 0.5" in said
    within = dataclasses.replace(Record.load(record), epochs=torch.tensor([0, 0]), steps=torch.tensor([0, 20]))
    within.save(record)
    assert cli.main(["records", "show", str(record)]) == 0
    assert "after step 20, the last of 2 measurements: least" in capsys.readouterr().out


def test_records_verify_names_each_file_and_goes_on(record, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.write_bytes(record.read_bytes()[:-1])
    assert cli.main(["records", "verify", str(record)]) == 0
    assert cli.main(["records", "verify", str(broken), str(tmp_path / "absent"), str(record)]) == 1
    said = capsys.readouterr()
    assert f"{record}: whole (3 runs)" in said.out
    assert f"{broken}: " in said.err and "absent" in said.err


def test_records_list_names_each_file_and_goes_on(record, tmp_path, capsys):
    (tmp_path / "a folder.safetensors").mkdir()
    try:
        (tmp_path / "dangling.safetensors").symlink_to("absent")
    except OSError:
        pytest.skip("this system has no links for everyone")
    assert cli.main(["records", "list", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert f"{record}: Record(3 runs" in said.out and len(said.err.splitlines()) == 2
    assert "a folder.safetensors: cannot be read (it is a folder" in said.err and "dangling" in said.err


def test_records_go_by_the_names_that_are_listed(tmp_path, monkeypatch, capsys):
    assert cli.main(["records", "list"]) == 0
    names = re.findall(r"^([\w-]+): Record", capsys.readouterr().out, re.MULTILINE)
    assert "mnist-surrogates" in names and cli.main(["records", "show", names[0]]) == 0
    assert f"{names[0]}: recorded" in capsys.readouterr().out
    assert cli.main(["records", "verify"]) == 0
    assert re.findall(r"^([\w-]+): whole", capsys.readouterr().out, re.MULTILINE) == names
    for action in (["show"], ["verify"], ["remake", "--out", str(tmp_path / "out")]):
        assert cli.main(["records", *action, "mnist-surogates"]) == 1
        assert "did you mean 'mnist-surrogates'" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    (tmp_path / names[0]).write_bytes(b"a file comes first")
    assert cli.main(["records", "verify", names[0]]) == 1


def test_records_remake_trains_again_and_compares(tmp_path, capsys):
    first, again, third = tmp_path / "first", tmp_path / "again", tmp_path / "third"
    assert cli.main([*TRAIN, "--device", "cpu", "--out", str(first)]) == 0
    assert cli.main(["records", "remake", str(first), "--out", str(again)]) == 0
    assert f"{again}: equals {first} exactly" in capsys.readouterr().out
    changed = Record.load(first)
    changed.quantities["test/l2"][1, 0] += 0.5
    changed.save(first)
    assert cli.main(["records", "remake", str(first), "--out", str(third)]) == 0
    assert "differs by at most 0.5, in test/l2" in capsys.readouterr().out
    assert cli.main(["records", "remake", str(first), "--out", str(third)]) == 1
    assert "is there already" in capsys.readouterr().err


# lab


def test_lab_without_notebooks_or_jupyterlab_says_what_to_do(tmp_path, monkeypatch, capsys):
    assert cli.main(["lab", str(tmp_path)]) == 1
    assert "has no notebooks" in capsys.readouterr().err
    (tmp_path / "00.ipynb").touch()
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda _: None)
    assert cli.main(["lab", str(tmp_path)]) == 1
    assert 'pip install ".[lab]"' in capsys.readouterr().err


def test_lab_opens_jupyterlab_there(tmp_path, monkeypatch):
    import jupyterlab.labapp

    (tmp_path / "00.ipynb").touch()
    came = []
    monkeypatch.setattr(jupyterlab.labapp, "main", came.append)
    assert cli.main(["lab", str(tmp_path), "--no-browser"]) == 0
    assert cli.main(["lab", str(tmp_path)]) == 0
    passed_on = ["--port", "9999", "--ServerApp.open_browser=False", "--no-browser"]
    assert cli.main(["lab", str(tmp_path), *passed_on]) == 0
    assert cli.main(["lab", "--no-browser", str(tmp_path), "--port=9999"]) == 0
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setattr(cli.Path, "glob", lambda *_: ["notebooks/00.ipynb"])
    assert cli.main(["lab", "--port", "9999"]) == 0
    folder = str(tmp_path)
    assert came[:4] == [
        [folder, "--no-browser"],
        [folder],
        [folder, *passed_on],
        [folder, "--no-browser", "--port=9999"],
    ]
    assert came[4:] == [["notebooks", "--port", "9999"]]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("lba", "lab"),
        ("records shw file", "show"),
        ("train digits --out x --gama 1", "--gamma"),
        ("train digits --gama 1", "--gamma"),  # and --out is missing
        ("sweep digits --folder x --wrokers=2", "--workers"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(line, meant, capsys):
    with pytest.raises(SystemExit):
        cli.main(line.split())
    assert capsys.readouterr().err.endswith(f"; did you mean {meant!r}?\n")


def test_a_word_that_is_like_none_is_answered_with_all(capsys):
    with pytest.raises(SystemExit):
        cli.main(["xyzzy"])
    assert "did you mean" not in capsys.readouterr().err
