"""Where the jobs of a sweep run: in processes on this machine, or on the workers of a Dask cluster.

`ibteach.training.sweeps.run` takes any `concurrent.futures.Executor`; these are the two that most will want.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import torch

from ibteach import checks
from ibteach.errors import Unavailable


@contextlib.contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """So many worker processes on this machine, which share its cores; when the block ends early they are ended.

    They also end when this process does, however it ends. Started afresh ("spawn"), so that a script that calls this
    needs the usual ``if __name__ == "__main__":``. Raises `InvalidInput` for no number of workers, `Unavailable` where
    the system does not let processes work together.

    >>> with processes(2) as executor:  # doctest: +SKIP
    ...     records = sweeps.run(jobs, "runs/sweep", executor)
    """
    workers = checks.whole("workers", workers, maximum=61 if sys.platform == "win32" else None)  # it waits for no more
    threads = max(1, torch.get_num_threads() // workers)
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(threads,))
    except (OSError, ImportError, NotImplementedError) as error:
        raise Unavailable(
            f"workers: this system has no semaphores for them ({error}); they need a /dev/shm that can be written. "
            "Train without workers, or on a cluster."
        ) from error
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        # Waiting for them may take hours. Python 3.14 has terminate_workers for this.
        for process in (pool._processes or {}).values():
            process.terminate()
        pool.shutdown(cancel_futures=True)
        raise


@contextlib.contextmanager
def cluster(address: str, timeout: float = 10.0) -> Iterator[Executor]:
    """The workers of a Dask scheduler, on any number of machines; the job of a worker that dies goes to another.

    It takes ``pip install "ibteach[cluster]"`` on each, and a folder that all of them see under the same path. For two
    workers on this machine, in three terminals::

        dask scheduler --host 127.0.0.1 --port 8786
        dask worker tcp://127.0.0.1:8786 --nworkers 2 --nthreads 1
        ibteach sweep digits --scheduler tcp://127.0.0.1:8786 --folder runs/sweep

    or all from Python, where ``LocalCluster`` may as well be any other of Dask's clusters:

    >>> from distributed import LocalCluster
    >>> with LocalCluster(n_workers=2, threads_per_worker=1) as local:  # doctest: +SKIP
    ...     with cluster(local.scheduler_address) as executor:
    ...         records = sweeps.run(jobs, "runs/sweep", executor)

    Raises `Unavailable` when Dask is not installed, or when after `timeout` seconds there is no scheduler at that
    address, or no worker.
    """
    timeout = checks.number("timeout", timeout, above=0)
    try:
        from distributed import Client
        from distributed import TimeoutError as TookTooLong
    except ImportError as error:
        raise Unavailable('Dask is not installed here: python -m pip install "ibteach[cluster]"') from error
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, TookTooLong, ValueError, TypeError) as error:
        raise Unavailable(
            f"scheduler: nobody answers at {address!r} ({error}); start one with: dask scheduler"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout)
        except (OSError, TookTooLong) as error:
            raise Unavailable(f"scheduler: {address} has no workers; start some: dask worker {address}") from error
        yield client.get_executor()


def _begin(threads):
    """What a new worker process does first; Ctrl-C reaches it too, but is its parent's to answer."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)


def _end_with_parent():
    """A parent that is killed takes no leave, but its end of a pipe closes; its worker would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
