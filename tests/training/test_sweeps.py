"""A sweep leaves what training leaves, does nothing twice, and survives workers, schedulers and people that go away."""

import contextlib
import dataclasses
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest
import torch

from ibteach import data, errors, networks
from ibteach.records.joining import concatenate
from ibteach.records.provenance import command_line
from ibteach.records.record import Record
from ibteach.training import checkpoints, executors, loop, measuring, sweeps
from ibteach.training.loop import grid

SMALL = {"network": "mlp", "hidden": [8]}
SETTINGS = {"epochs": 2, "batch_size": 200, "eval_examples": 60}
CPU = {"device": "cpu", "progress": False}


def job(seed=0, objectives=("l2", "variance"), **settings):
    (one,) = sweeps.plan("digits", SMALL, grid(objectives, gammas=[0.1], seeds=[seed]), **{**SETTINGS, **settings})
    return one


def by_hand(one):
    digits = data.load(one.data)
    model = loop.build(lambda: networks.from_architecture(one.architecture, digits.shape, 10), one.runs)
    return loop.fit(model, digits, one.runs, settings=one.settings, **CPU)


def files_of(*jobs):
    return {f"{name}{kind}.safetensors" for one in jobs for name in one.names for kind in ("", ".network")}


def assert_all(records, jobs):
    """Every run exactly once, in order, with the numbers that training leaves."""
    settings = [[dataclasses.asdict(run) for run in one.runs] for one in jobs]
    assert [record.runs for record in records] == [(run,) for runs in settings for run in runs]
    for one, runs in zip(jobs, settings, strict=True):
        assert_same(concatenate([record for record in records if record.runs[0] in runs]), by_hand(one))


def assert_same(record, other):
    assert record.runs == other.runs and torch.equal(record.epochs, other.epochs)
    for name, values in other.quantities.items():
        assert torch.equal(record.quantities[name], values), name
    assert torch.equal(record.latents, other.latents)


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def eventually(seen, seconds=900.0):
    """Wait until `seen()` is true, and return what it was."""
    until = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.01)
    return found


@pytest.fixture
def fits(monkeypatch):
    """The seeds of the trainings in this process, as they begin."""
    real, seeds = loop.fit, []

    def counted(model, dataset, runs, **settings):
        seeds.append((runs if isinstance(runs, loop.Run) else runs[0]).seed)
        return real(model, dataset, runs, **settings)

    monkeypatch.setattr(loop, "fit", counted)
    return seeds


# Planning


def test_small_networks_are_one_job_and_large_ones_a_job_each():
    runs = grid(["l2", "variance"], gammas=[0.1, 1.0], seeds=[0, 1])
    one, other = sweeps.plan("digits", SMALL, runs, **SETTINGS)
    assert [job.runs for job in (one, other)] == [tuple(run for run in runs if run.seed == seed) for seed in (0, 1)]
    assert one.architecture == {"network": "mlp", "latent_dimension": 2, "hidden": [8], "dropout": 0.0}
    for large in ({"network": "resnet", "width": 8}, {"network": "mlp", "hidden": [1000, 1000]}):
        assert [one.runs for one in sweeps.plan("digits", large, runs)] == [(run,) for run in runs]
    assert sum(len(one.runs) for one in sweeps.plan("digits", SMALL, runs * 2)) == len(runs)


def test_many_small_networks_are_several_jobs_and_what_takes_memory_is_alone(monkeypatch):
    runs = grid(["l2"], gammas=[0.01 * number for number in range(1, 35)])
    jobs = sweeps.plan("digits", SMALL, runs)
    assert [len(one.runs) for one in jobs] == [11, 11, 12] and [run for one in jobs for run in one.runs] == runs
    assert [len(one.runs) for one in sweeps.plan("digits", SMALL, runs, together=100)] == [34]
    one = {"hidden": [16], "network": "mlp"}
    memory = "ibteach.training.jobs.MEMORY"
    monkeypatch.setattr(memory, 5 * 4 * (4 * (64 * 16 + 16 + 34 + 30) + 2 * 64 * (64 + 2 * 16 + 2 + 2 + 10)))
    assert max(len(one.runs) for one in sweeps.plan("digits", one, runs)) <= 5
    monkeypatch.setattr(memory, 1)
    assert [len(one.runs) for one in sweeps.plan("digits", SMALL, runs[:3])] == [1, 1, 1]


def test_a_name_stands_for_the_whole_configuration_and_for_nothing_else():
    one = job()
    same = [
        job(epochs=2),
        job(learning_rate=0.01),  # the default
        sweeps.plan("digits", {"hidden": (8,), "network": "mlp", "dropout": 0}, iter(one.runs), **SETTINGS)[0],
        dataclasses.replace(one, data="./elsewhere", size=64, convert=True, skip=True),  # known by its fingerprint
    ]
    assert {other.name for other in same} == {one.name}
    others = [
        one,
        job(seed=1),
        job(epochs=3),
        job(objectives=["variance", "l2"]),
        sweeps.plan("digits", {"network": "mlp", "hidden": [9]}, one.runs, **SETTINGS)[0],
        dataclasses.replace(one, fingerprint="0"),
        one.of(one.runs[:1]),
    ]
    assert len({other.name for other in others}) == len(others)
    names = [name for other in others for name in (other.name, *other.names)]
    assert len(set(names)) == len(names)  # a run in another company is another network


@pytest.mark.parametrize(
    ("what", "change"),
    {
        "did you mean 'digits'": {"data": "digit"},
        "size: got 32": {"size": 32},
        "did you mean 'mlp'": {"architecture": {"network": "mlpp"}},
        "hidden: got 0": {"architecture": {"network": "mlp", "hidden": [0]}},
        "architecture: got": {"architecture": {"network": "mlp", "width": 3}},
        "runs: got": {"runs": []},
        "expected at least one Run": {"runs": [{"objective": "l2"}]},
        "did you mean 'epochs'": {"epoch": 3},
        "setting: got 'device'": {"device": "cpu"},
        "learning_rate: got nan": {"learning_rate": float("nan")},
        "learning_rate: got -1": {"learning_rate": -1},
        "batch_size: got 2000": {"batch_size": 2000},
        "did you mean 'flip'": {"augment": ["flop"]},
        "noise: got False": {"noise": False, "runs": grid(["l2", "vib"], gammas=[1.0])},
    }.items(),
)
def test_what_no_job_can_be_made_of_is_refused(what, change):
    good = {"data": "digits", "architecture": SMALL, "runs": grid(["l2"], gammas=[1.0])}
    with pytest.raises(errors.InvalidInput, match=what):
        sweeps.plan(**{**good, **change})


def test_a_network_that_the_machine_cannot_hold_is_refused(monkeypatch):
    def refused(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(networks, "from_architecture", refused)
    with pytest.raises(errors.Unavailable, match=r"architecture: got .* this machine has too little memory; choose a"):
        sweeps.plan("digits", SMALL, grid(["l2"], gammas=[1.0]))


# Here


def test_a_sweep_leaves_what_training_leaves(tmp_path, monkeypatch):
    jobs, real, seconds = [job(0), job(1)], loop.fit, []

    def timed(*arguments, **options):
        record = real(*arguments, **options)
        seconds.append(record.provenance["wall_seconds"])
        return record

    with monkeypatch.context() as patch:
        patch.setattr(loop, "fit", timed)
        records = sweeps.run(jobs, tmp_path / "new" / "folder", **CPU)
    assert_all(records, jobs)
    assert set(times(tmp_path / "new" / "folder")) == files_of(*jobs)
    joined, one = concatenate(records).provenance, by_hand(jobs[0]).provenance
    assert joined["parameters"] == 2 * one["parameters"] and joined["configuration"] == one["configuration"]
    assert joined["wall_seconds"] == pytest.approx(sum(seconds))
    assert joined["kind"] == "recorded"


@pytest.mark.parametrize("objectives", [["l2"], ["l2", "variance"]], ids=["alone", "ensemble"])
def test_the_network_of_each_run_is_kept(tmp_path, objectives):
    one, digits = job(objectives=objectives), data.load("digits")
    records = sweeps.run([one], tmp_path, **CPU)
    for name, record in zip(one.names, records, strict=True):
        network = checkpoints.load_network(tmp_path / f"{name}.network.safetensors")
        with torch.no_grad():
            latents = measuring.encode(network, digits, digits.test_images[:60])
        assert torch.allclose(latents, record.latents, atol=1e-5)


def test_nothing_is_done_twice(tmp_path, fits):
    jobs = [job(0), job(1), job(0)]
    first = sweeps.run(jobs, tmp_path, **CPU)
    assert fits == [0, 1] and len(first) == 4
    before = times(tmp_path)
    again = sweeps.run([job(1), job(0)], tmp_path, **CPU)
    more = sweeps.run([*jobs, job(2)], tmp_path, **CPU)
    sweeps.run_job(job(2), tmp_path)
    assert fits == [0, 1, 2] and before.items() <= times(tmp_path).items()
    assert_all(again, [job(1), job(0)])
    assert_all(more, [job(0), job(1), job(2)])


def test_a_sweep_that_grows_by_a_seed_trains_only_what_is_new(tmp_path, fits):
    few, more = (grid(["l2", "variance"], gammas=[0.1, 1.0], seeds=seeds) for seeds in ([0], [1, 0]))
    first = sweeps.run(sweeps.plan("digits", SMALL, few, **SETTINGS), tmp_path, **CPU)
    before = times(tmp_path)
    second = sweeps.run(sweeps.plan("digits", SMALL, more, **SETTINGS), tmp_path, **CPU)
    assert fits == [0, 1] and before.items() <= times(tmp_path).items()
    assert_same(concatenate([record for record in second if record.runs[0]["seed"] == 0]), concatenate(first))


def test_who_is_later_leaves_what_another_worker_kept_meanwhile(tmp_path, monkeypatch):
    """Two machines train the same, and round otherwise: a Record stays beside the network that is its own."""
    one, real = job(), loop.fit
    sweeps.run([one], tmp_path / "theirs", **CPU)
    kept = times(tmp_path / "theirs")

    def overtaken(*arguments, **options):
        record = real(*arguments, **options)
        for file in (tmp_path / "theirs").iterdir():
            file.rename(tmp_path / "shared" / file.name)
        return record

    monkeypatch.setattr(loop, "fit", overtaken)
    sweeps.run([one], tmp_path / "shared", **CPU)
    assert times(tmp_path / "shared") == kept


@pytest.mark.parametrize("lost", ["one record", "one network", "one network with its record", "the second half"])
def test_what_is_found_does_not_depend_on_where_it_was_interrupted(tmp_path, fits, lost, capsys):
    """A job is the unit: where one of its files is missing, all are trained together again, to the same bits."""
    (one,) = sweeps.plan("digits", SMALL, grid(["l2", "variance"], gammas=[0.003, 0.1, 1.0, 3.0]), **SETTINGS)
    expected = sweeps.run([one], tmp_path / "never", **CPU)
    folder = tmp_path / "interrupted"
    sweeps.run([one], folder, **CPU)
    lost_names = {"one record": [7], "the second half": [4, 5, 6, 7]}.get(lost, [0])
    lost_names = [list(one.names)[number] for number in lost_names]
    for name in lost_names:
        if lost != "one network":
            (folder / f"{name}.safetensors").unlink()
        if "one network" in lost:
            (folder / f"{name}.network.safetensors").unlink()
    before = {file: at for file, at in times(folder).items() if file.partition(".")[0] not in lost_names}
    found = sweeps.run([one], folder, **CPU)
    assert fits == [0, 0, 0] and before.items() <= times(folder).items()
    assert ("is not there any more. It is trained again." in capsys.readouterr().err) == (lost == "one network")
    assert_same(concatenate(found), concatenate(expected))
    together = [[dataclasses.asdict(run) for run in one.runs]]
    assert all(record.provenance["trained_together"] == together for record in found)
    for name in one.names:
        file = f"{name}.network.safetensors"
        one_state, other = (checkpoints.load_network(of / file).state_dict() for of in (folder, tmp_path / "never"))
        assert all(torch.equal(tensor, other[key]) for key, tensor in one_state.items())


def test_what_was_there_before_is_not_counted_twice(tmp_path, capsys):
    one = job()
    with ThreadPoolExecutor(1) as executor:
        sweeps.run([one], tmp_path, executor, **CPU)
        (tmp_path / f"{next(iter(one.names))}.safetensors").unlink()
        sweeps.run([one], tmp_path, executor, device="cpu", progress=True)
    assert capsys.readouterr().out.splitlines()[-1].rpartition("\r")[2].count("2/2") == 1


def test_a_damaged_record_is_made_again(tmp_path, capsys):
    one = job()
    records = sweeps.run([one], tmp_path, **CPU)
    whole, damaged = (tmp_path / f"{name}.safetensors" for name in one.names)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    before = whole.stat().st_mtime_ns
    again = sweeps.run([one], tmp_path, **CPU)
    said = capsys.readouterr().err
    assert said.count(damaged.name) == 1 and "It is trained again" in said
    assert whole.stat().st_mtime_ns == before
    assert_same(concatenate(again), concatenate(records))


def test_a_job_that_fails_costs_no_other(tmp_path, fits):
    jobs = [job(0, learning_rate=1e30), job(1), dataclasses.replace(job(2), data="nothing")]
    with pytest.raises(errors.Incomplete, match=r"4 of 6 runs failed; 2 of 6 runs are finished") as failed:
        sweeps.run(jobs, tmp_path, **CPU)
    kinds = {name: type(failure) for name, failure in failed.value.failures.items()}
    assert kinds == dict.fromkeys(jobs[0].names, errors.Diverged) | dict.fromkeys(jobs[2].names, errors.UnknownName)
    assert "2: Diverged: epoch 1" in str(failed.value) and "2: UnknownName: data set" in str(failed.value)
    assert fits == [0, 1]
    with pytest.raises(errors.Incomplete):
        sweeps.run(jobs, tmp_path, **CPU)
    assert fits == [0, 1, 0]


def test_what_failed_is_said_in_another_process_too():
    error = errors.Incomplete("1 of 2 runs failed.", {"name": errors.Unavailable("c: is full.")})
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and str(again.failures["name"]) == "c: is full."


def test_a_network_that_diverges_costs_its_own_run(tmp_path, fits):
    runs = grid(["l2"], gammas=[0.1, 1e10, 1.0])
    (one,) = sweeps.plan("digits", SMALL, runs, **SETTINGS, optimizer="sgd")
    with pytest.raises(errors.Incomplete, match=r"1 of 3 runs failed; 2 of 3 runs are finished") as failed:
        sweeps.run([one], tmp_path, **CPU)
    assert list(failed.value.failures) == [list(one.names)[1]] and fits == [0]
    assert "gamma=10000000000.0" in str(failed.value)
    kept = [Record.load(tmp_path / f"{name}.safetensors") for name in list(one.names)[::2]]
    with pytest.raises(errors.Diverged) as diverged:
        by_hand(one)
    assert_same(concatenate(kept), diverged.value.record)
    assert all(len(record.provenance["trained_together"][0]) == 3 for record in kept)
    assert not list(tmp_path.glob("*.checkpoint"))


def test_data_of_other_content_elsewhere_are_refused(tmp_path, fits):
    one = dataclasses.replace(job(), fingerprint="0" * 64)
    with pytest.raises(errors.Incomplete, match="digits: is of other content here"):
        sweeps.run([one], tmp_path, **CPU)
    assert fits == []


def test_a_stopped_sweep_goes_on(tmp_path, monkeypatch, fits, capsys):
    jobs, real, steps = [job(0), job(1), job(2)], loop.loss_terms, []

    def interrupted(*arguments, **options):
        steps.append(None)
        if len(steps) == 20:  # 6 steps an epoch: in the second epoch of the second job
            signal.raise_signal(signal.SIGINT)
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "loss_terms", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sweeps.run(jobs, tmp_path, **CPU)
    assert "2 of 6 runs are finished" in capsys.readouterr().err
    before = {name: at for name, at in times(tmp_path).items() if name.endswith(".safetensors")}
    assert set(before) == files_of(jobs[0])
    records = sweeps.run(jobs, tmp_path, **CPU)
    assert fits == [0, 1, 1, 2] and before.items() <= times(tmp_path).items()
    assert_all(records, jobs)
    assert not list(tmp_path.glob("*.checkpoint"))


@pytest.mark.parametrize("where", ["measure_networks", "encode"])  # both after the last step of the second of three
def test_what_was_trained_to_its_end_is_kept_though_it_was_stopped(tmp_path, monkeypatch, fits, capsys, where):
    jobs, real, calls = [job(0), job(1), job(2)], getattr(loop, where), []

    def interrupted(*arguments, **options):
        calls.append(None)
        if len(calls) == {"measure_networks": 4, "encode": 2}[where]:
            signal.raise_signal(signal.SIGINT)
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(loop, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            sweeps.run(jobs, tmp_path, **CPU)
    assert "4 of 6 runs are finished" in capsys.readouterr().err
    assert set(times(tmp_path)) == files_of(*jobs[:2]) and fits == [0, 1]
    records = sweeps.run(jobs, tmp_path, **CPU)
    assert fits == [0, 1, 2]
    assert_all(records, jobs)


def test_wrong_arguments_come_before_any_work(tmp_path, fits):
    (tmp_path / "file").touch()
    for jobs, folder, device, error, what in [
        ([], "new", None, errors.InvalidInput, "at least one Job"),
        (["digits"], "new", None, errors.InvalidInput, "at least one Job"),
        ([job()], "file", None, errors.Unavailable, "cannot be made"),
        ([job()], "new", "cuda:9", errors.Unavailable, "device: got 'cuda:9'"),
        ([job()], "new", "gpu", errors.InvalidInput, "device: got 'gpu'"),
    ]:
        with pytest.raises(error, match=what):
            sweeps.run(jobs, tmp_path / folder, device=device, progress=False)
        with pytest.raises(error, match=what), ThreadPoolExecutor(1) as executor:
            sweeps.run(jobs, tmp_path / folder, executor, device=device, progress=False)
    assert fits == []


# On any executor


def test_threads_leave_the_same_numbers(tmp_path):
    jobs = [job(seed) for seed in range(4)]
    with ThreadPoolExecutor(3) as executor:
        records = sweeps.run(jobs, tmp_path, executor, **CPU)
    assert_all(records, jobs)


class Elsewhere(Executor):
    """A machine that sees another disk."""

    def __init__(self, gone):
        self.gone = gone

    def submit(self, function, *arguments):
        self.gone.rmdir()
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def test_a_worker_that_does_not_see_the_folder_is_said_first(tmp_path, fits):
    with pytest.raises(errors.Unavailable, match="a worker does not see this folder"):
        sweeps.run([job()], tmp_path / "new", Elsewhere(tmp_path / "new"), **CPU)
    assert fits == []


def begun(folder):
    return lambda: list(folder.glob("*.checkpoint"))


SWEEP = """
import os, pathlib, sys, time
from ibteach.training import executors, loop, sweeps
from ibteach.training.loop import grid

folder, step = pathlib.Path(sys.argv[1]), loop._Training.step

def held(self, *arguments):
    if self.runs[0].seed == 1 and self.epoch == 2:  # until it is killed
        (folder / "held").write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(1000)
    step(self, *arguments)

loop._Training.step = held  # in the workers, too, which begin by running this file

if __name__ == "__main__":
    from ibteach import errors
    runs = grid(["l2", "variance"], gammas=[0.1], seeds=[0, 1, 2])
    jobs = sweeps.plan("digits", {"network": "mlp", "hidden": [8]}, runs, epochs=2, batch_size=200, eval_examples=60)
    try:
        with executors.processes(2) as executor:
            sweeps.run(jobs, folder / "sweep", executor, device="cpu", progress=False)
    except errors.Unavailable as error:
        print(error, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_processes(tmp_path):
    """Two processes; one is killed at work: what is finished is kept, and the same sweep goes on."""
    jobs = [job(seed) for seed in range(3)]
    (tmp_path / "script.py").write_text(SWEEP, encoding="utf-8")
    command = [sys.executable, tmp_path / "script.py", tmp_path]
    sweep = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        eventually((tmp_path / "held").exists)
        done = files_of(jobs[0], jobs[2])
        eventually(lambda: done <= set(os.listdir(tmp_path / "sweep")))
        os.kill(int(eventually(lambda: (tmp_path / "held").read_text(encoding="utf-8"))), signal.SIGKILL)
        said, _ = sweep.communicate(timeout=120)
    finally:
        sweep.kill()
        sweep.communicate()
    assert "workers are gone" in said and "4 of 6 runs are finished" in said and "goes on from there" in said
    before = {name: at for name, at in times(tmp_path / "sweep").items() if name.endswith(".safetensors")}
    assert set(before) == done and begun(tmp_path / "sweep")()
    records = sweeps.run(jobs, tmp_path / "sweep", **CPU)
    assert before.items() <= times(tmp_path / "sweep").items()
    assert_all(records, jobs)
    assert records[0].provenance["command"].startswith("python script.py")  # not that of a worker


def test_processes_leave_the_same_numbers(tmp_path):
    jobs = [job(seed, epochs=1) for seed in range(3)]
    with executors.processes(2) as executor:
        records = sweeps.run(jobs, tmp_path, executor, **CPU)
    assert not multiprocessing.active_children()
    assert_all(records, jobs)
    assert {record.provenance["command"] for record in records} == {command_line()}


def test_processes_are_ended_where_the_block_ends_early():
    with contextlib.suppress(KeyboardInterrupt), executors.processes(1) as executor:
        assert executor.submit(torch.get_num_threads).result() == torch.get_num_threads()
        executor.submit(time.sleep, 1000)
        raise KeyboardInterrupt
    assert not multiprocessing.active_children()
    with pytest.raises(errors.InvalidInput, match="workers: got 0"), executors.processes(0):
        pass


def test_more_workers_than_windows_can_wait_for(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(errors.InvalidInput, match=r"workers: got 62, .* <= 61"), executors.processes(62):
        pass


PARENT = """
import multiprocessing, os, signal, sys, time
from multiprocessing import resource_tracker
from ibteach.training import executors

if __name__ == "__main__":
    if sys.argv[1] != "SIGKILL":
        signal.signal(signal.Signals[sys.argv[1]], signal.SIG_DFL)  # under nohup a process is born deaf to it
    with executors.processes(2) as executor:
        found = {executor.submit(os.getpid).result()}
        waiting = [executor.submit(time.sleep, 1000) for _ in range(3)]
        found |= {process.pid for process in multiprocessing.active_children()}
        print(resource_tracker._resource_tracker._pid, *found, flush=True)
        time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("end", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_workers_end_with_the_process_that_started_them(tmp_path, end):
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py", end], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        others = parent.stdout.readline().split()
        assert len(others) == 3 and not any(map(gone, others))
        parent.send_signal(signal.Signals[end])
        assert parent.wait(60) == -signal.Signals[end]
        eventually(lambda: all(map(gone, others)), 120)
    finally:
        parent.kill()
        parent.communicate()


def gone(process):
    """Whether there is no such process, or only what is left of it until somebody asks."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True, encoding="utf-8")
    return shown.stdout.strip()[:1] in ("", "Z")


def test_without_semaphores_it_says_what_is_missing(monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    said = pytest.raises(errors.Unavailable, match=r"no semaphores.*Read-only file system.*/dev/shm")
    with said, executors.processes(1):
        pass


# On a cluster


@pytest.fixture
def local():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


def test_a_worker_of_the_cluster_that_dies_at_work_is_replaced(tmp_path, local):
    jobs = [job(seed, epochs=4, batch_size=20) for seed in range(3)]
    killed = []

    def kill():
        eventually(begun(tmp_path))
        killed.append(next(nanny.pid for nanny in local.workers.values() if busy(nanny)))
        os.kill(killed[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    def busy(nanny):
        return local.scheduler.workers[nanny.worker_address].processing

    killer = threading.Thread(target=kill)
    killer.start()
    with executors.cluster(local.scheduler_address) as executor:
        records = sweeps.run(jobs, tmp_path, executor, **CPU)
    killer.join()
    assert len(killed) == 1
    assert_all(records, jobs)
    assert {name for name in times(tmp_path) if name.endswith(".safetensors")} == files_of(*jobs)
    assert {record.provenance["command"] for record in records} == {command_line()}


def test_a_scheduler_that_goes_away(tmp_path):
    """As its documentation says: a scheduler and a worker, each a process; then the scheduler is killed."""
    jobs, address = [job(0, epochs=1), job(1, epochs=4000)], f"tcp://127.0.0.1:{free_port()}"
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard")
    worker = dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", tmp_path)

    def kill():
        folder = tmp_path / "sweep"
        try:
            eventually(lambda: folder.is_dir() and files_of(jobs[0]) <= set(os.listdir(folder)))
            eventually((folder / f"{jobs[1].name}.checkpoint").exists)
        finally:  # else the second job would go on for minutes
            scheduler.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    gone = pytest.raises(errors.Unavailable, match=r"workers are gone.* 2 of 4 runs are finished")
    try:
        eventually(lambda: answers(address))
        with gone, executors.cluster(address, timeout=120) as executor:
            sweeps.run(jobs, tmp_path / "sweep", executor, **CPU)
        killer.join()
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


def dask(kind, *options):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", f"distributed.cli.dask_{kind}", *map(str, options)], **quiet)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(address):
    host, _, port = address.removeprefix("tcp://").partition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True


def test_a_cluster_that_is_not_there():
    for address, what in [("tcp://127.0.0.1:1", "nobody answers"), ("nonsense://1", "nobody answers")]:
        with pytest.raises(errors.Unavailable, match=f"{what} at '{address}'"), executors.cluster(address, timeout=1):
            pass


def test_a_cluster_without_workers():
    from distributed import LocalCluster

    none = pytest.raises(errors.Unavailable, match="has no workers")
    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as local,
        none,
        executors.cluster(local.scheduler_address, 1),
    ):
        pass


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(errors.Unavailable, match=r'pip install "ibteach\[cluster\]"'), executors.cluster("tcp://x:1"):
        pass
