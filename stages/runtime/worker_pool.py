"""The same job on many inputs in several processes, which end with the one that started them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

from stages.runtime.outcome import outcome_of
from stages.settings.ranges import RAY

Job = TypeVar("Job")
Result = TypeVar("Result")

GRACE = 5.0
"""Time that workers without more to do are given to end by themselves [s]."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def map_unordered(
    make: Callable[[], Callable[[Job], Result]], jobs: Iterable[Job], workers: int | str, folder: Path | None = None
) -> Iterator[tuple[Job, Result]]:
    """Do jobs in worker processes and yield each with its result as it is done.

    Args:
        make: called once in every worker; what it returns does the jobs. Must be picklable, as jobs and results.
        jobs: the inputs, handed out in order.
        workers: processes, 0 = one per core. One works in this process. Several compute with one thread each.
            "ray" = one on every CPU of a Ray cluster (`ray_pool`).
        folder: where workers write; all machines of a cluster must see it.

    Raises:
        Exception: what a job raised; the other workers are ended.
    """
    jobs = list(jobs)
    if workers == RAY:
        from stages.runtime.ray_pool import map_on_ray

        yield from map_on_ray(make, jobs, folder)
        return
    workers = min(int(workers) or available_cores(), len(jobs))
    if workers <= 1:
        work = make() if jobs else None
        yield from ((job, work(job)) for job in jobs)
    else:
        yield from _map_processes(make, jobs, workers)


def _map_processes(
    make: Callable[[], Callable[[Job], Result]], jobs: list[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    waiting = iter(jobs)
    processes, connections, current = [], [], {}
    try:
        with _one_thread():
            for _ in range(workers):
                process, connection = _start(make)
                processes.append(process)
                connections.append(connection)
                current[connection] = next(waiting)
                connection.send(current[connection])
        while current:
            for connection in wait(list(current)):
                result = _receive(connection)
                done = current.pop(connection)
                for job in waiting:
                    current[connection] = job
                    connection.send(job)
                    break
                yield done, result
        for connection in connections:
            connection.close()
        for process in processes:
            process.join(GRACE)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _start(make: Callable[[], Callable[[Job], Result]]) -> tuple[Any, Connection]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, make), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _receive(connection: Connection) -> Any:
    try:
        outcome = connection.recv()
    except EOFError as error:
        raise RuntimeError("a worker process was ended from outside, perhaps for want of memory") from error
    return outcome.result()


def _work(connection: Connection, make: Callable[[], Callable[[Any], Any]]) -> None:
    """The life of a worker: until its end of the pipe is the only one left, or it is terminated."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        made = outcome_of(make)
        while not made.failed:
            connection.send(outcome_of(made.value, connection.recv()))
        connection.send(made)
    except (EOFError, BrokenPipeError):
        return


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started inside compute with one thread each."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
