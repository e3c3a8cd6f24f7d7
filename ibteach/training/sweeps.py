"""Sweeps: surrogate × γ × seed × data set, here or on many machines, where nothing finished is ever done again.

A sweep is a list of jobs (`ibteach.training.jobs`), and what is finished is a file. So who finds the file need not
train, who dies while training leaves nothing that counts, and two workers that come to do the same leave one result.
Stopping, resuming, retrying and extending a sweep are one thing: run it again.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed

from tqdm import tqdm

from ibteach import checks, files
from ibteach.errors import Incomplete, InvalidInput, Unavailable
from ibteach.records.provenance import command_line
from ibteach.records.record import Record
from ibteach.training import loop
from ibteach.training.jobs import Job, kept, plan, run_job, train

__all__ = ["Job", "plan", "run", "run_job", "train"]


def run(
    jobs: Iterable[Job],
    folder: files.PathLike,
    executor: Executor | None = None,
    *,
    device: str | None = None,
    progress: bool = True,
) -> list[Record]:
    """Train all runs that `folder` does not have yet, and return the Record of each, in their order.

    Jobs that are equal are trained once; the same run in two others is two networks. Stop with Ctrl-C, or lose power:
    the same call goes on where it was. Join the Records of one data set with `ibteach.records.concatenate`.

    Args:
        jobs: from `plan`, also from several.
        folder: where results are kept; made if need be. Workers on other machines must see it under the same path.
        executor: any `concurrent.futures.Executor`, such as those of `ibteach.training.executors`; None does one job
            after the other here. A worker trains one job at a time, so threads gain nothing.
        device: as for `loop.pick_device`, on the worker.
        progress: show what is done.

    Raises `Unavailable` before any work when the folder cannot be made, or when a worker does not see it or does not
    have the device; `Unavailable` later, when the workers are gone; `Incomplete` at the end, when some jobs failed.

    >>> import tempfile
    >>> from ibteach.training.loop import grid
    >>> jobs = plan("digits", {"network": "mlp", "hidden": [8]}, grid(["l2"], gammas=[0.1, 1.0]), epochs=1)
    >>> [record.runs[0]["gamma"] for record in run(jobs, tempfile.mkdtemp(), progress=False)]
    [0.1, 1.0]
    """
    jobs = checks.several("jobs", jobs)
    if not jobs or not all(isinstance(job, Job) for job in jobs):
        raise InvalidInput(f"jobs: got {jobs!r}, expected at least one Job, such as plan makes.")
    folder = files.expanded(folder, "folder").absolute()  # a worker may be in another folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{folder}: cannot be made ({error.strerror}); choose another folder.") from error

    records: dict[str, Record | None] = {name: None for job in jobs for name in job.names}
    failures: dict[str, Exception] = {}

    def finished(say=False):
        """By the folder, which may have more than was reported."""
        records.update({name: kept(folder, name, say) for name, record in records.items() if record is None})
        return sum(record is not None for record in records.values())

    def so_far():
        return f"{finished()} of {len(records)} runs are finished and kept in {folder}"

    shown = {"unit": "run", "ncols": 88, "file": sys.stdout, "disable": not progress or executor is None}
    try:
        with tqdm(total=len(records), initial=finished(say=True), desc="sweep", **shown) as bar:
            left = _left(jobs, {name for name, record in records.items() if record is None})
            with contextlib.closing(_ended(left, folder, executor, device, progress)) as ended:
                for job, result in ended:
                    try:
                        result()
                    except (BrokenExecutor, CancelledError):
                        raise
                    except Exception as error:
                        failures.update(dict.fromkeys(job.names, error))
                    bar.update(sum(records[name] is None for name in job.names))  # others of it were there before
    except KeyboardInterrupt:
        print(f"\nStopped. {so_far()}; the same sweep goes on from there.", file=sys.stderr)
        raise
    except (BrokenExecutor, CancelledError) as error:
        raise Unavailable(
            f"executor: the workers are gone ({error or type(error).__name__}). {so_far()}; see that there are workers "
            "again, with memory enough, and run the same sweep: it goes on from there."
        ) from error
    finished()
    failures = {name: error for name, error in failures.items() if records[name] is None}  # others of their job are
    if failures:
        reasons = Counter(f"{type(error).__name__}: {error}" for error in failures.values())
        said = "\n".join(f"  {count}: {reason}" for reason, count in reasons.items())
        raise Incomplete(f"{len(failures)} of {len(records)} runs failed; {so_far()}.\n{said}", failures)
    if finished() < len(records):
        raise Unavailable(f"{so_far()}, where workers said that all are; choose a folder that all machines share.")
    return [record for record in records.values() if record is not None]


def _left(jobs, missing) -> list[Job]:
    """The jobs of which a run is missing, each once."""
    return list({job.name: job for job in jobs if job.names.keys() & missing}.values())


def _ended(jobs, folder, executor, device, progress):
    """Every job as it ends, with a function that raises what went wrong, if something did."""
    if not jobs:
        return
    if executor is None:
        _check(folder, device)
        for job in jobs:
            yield job, lambda job=job: run_job(job, folder, device, progress)
    else:
        futures = {}
        try:
            executor.submit(_check, folder, device).result()
            for job in jobs:
                futures[executor.submit(run_job, job, folder, device, command=command_line())] = job
            for future in as_completed(futures):
                yield futures[future], future.result
        finally:
            for future in futures:
                future.cancel()


def _check(folder, device):
    """What a worker is asked before it is given work."""
    loop.pick_device(device)
    if not folder.is_dir():
        raise Unavailable(f"{folder}: a worker does not see this folder; choose one that all machines share.")
