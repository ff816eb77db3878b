"""The same job on many inputs on a Ray cluster: an actor a CPU; the jobs of one that dies are done by another."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from stages.core.errors import UserError
from stages.runtime.outcome import Outcome, outcome_of
from stages.runtime.ray_cluster import connect
from stages.runtime.worker_pool import THREADS

Job = TypeVar("Job")
Result = TypeVar("Result")

MOST_DEATHS = 3
"""A job that has ended so many actors, or actors that ended before their first job, are not tried again."""

PASSED_ON = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE", "TRANSFORMERS_VERBOSITY")
"""Environment variables of this process that actors have too."""

_BEGINNING = -1
"""In place of a job's number: the actor gets ready."""


def map_on_ray(
    make: Callable[[], Callable[[Job], Result]], jobs: Sequence[Job], folder: Path | None = None
) -> Iterator[tuple[Job, Result]]:
    """Do jobs on every CPU of a Ray cluster; see `worker_pool.map_unordered`.

    Actors work in the directory of this process, whose relative paths mean the same to them.

    Args:
        folder: where workers write, which all machines must see.

    Raises:
        UserError: no cluster, or a machine of it that lacks our files or packages.
        RuntimeError: a job ended its actor every time.
        Exception: what a job raised; the actors are ended.
    """
    if not jobs:
        return
    connect()
    folder = (folder or Path.cwd()).absolute()
    marker = folder / f".shared-{uuid4().hex}"
    marker.touch()
    pool = _Pool(make, jobs, marker)
    try:
        yield from pool.run()
    finally:
        pool.close()
        marker.unlink(missing_ok=True)


class _Pool:
    """Actors and what each is doing. Jobs go only to actors that run, as one that waits for a CPU may wait for long."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], jobs: Sequence[Any], marker: Path) -> None:
        import ray

        environment = dict.fromkeys(THREADS, "1") | {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._actor = ray.remote(num_cpus=1, max_restarts=0, runtime_env={"env_vars": environment})(_Worker)
        self._ray, self._jobs = ray, jobs
        self._arguments = ray.put(ray.cloudpickle.dumps(make)), Path.cwd(), marker, versions()
        self._waiting, self._deaths = deque(range(len(jobs))), Counter[int]()
        self._alive: set[Any] = set()
        self._idle: list[Any] = []
        self._doing: dict[Any, tuple[Any, int]] = {}
        for _ in range(min(int(ray.cluster_resources().get("CPU", 0)) or 1, len(jobs))):
            self._start()

    def run(self) -> Iterator[tuple[Any, Any]]:
        """Every job with its result, as it is done."""
        left = len(self._jobs)
        while left:
            reference = self._ray.wait(list(self._doing))[0][0]
            actor, number = self._doing.pop(reference)
            outcome = self._fetch(reference, actor, number)
            if outcome is None:
                continue
            result = outcome.result()
            self._hand_out(actor)
            if number != _BEGINNING:
                left -= 1
                yield self._jobs[number], result

    def close(self) -> None:
        """End the actors, whatever they are doing."""
        for actor in self._alive:
            self._ray.kill(actor)

    def _start(self) -> None:
        actor = self._actor.remote()
        self._alive.add(actor)
        self._doing[actor.prepare.remote(*self._arguments)] = actor, _BEGINNING

    def _hand_out(self, actor: Any) -> None:
        if self._waiting:
            number = self._waiting.popleft()
            self._doing[actor.work.remote(self._jobs[number])] = actor, number
        else:
            self._idle.append(actor)

    def _fetch(self, reference: Any, actor: Any, number: int) -> Outcome | None:
        """What an actor answered; None if it died, and another has been started for what it was doing."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            self._ray.kill(actor)  # it may only be out of reach
            self._alive.remove(actor)
            self._deaths[number] += 1
            if self._deaths[number] >= MOST_DEATHS:
                raise self._given_up(number, error) from error
        if number != _BEGINNING:
            self._waiting.appendleft(number)
        if self._idle:
            self._hand_out(self._idle.pop())
        else:
            self._start()
        return None

    def _given_up(self, number: int, error: Exception) -> Exception:
        if number != _BEGINNING:
            what = f"a job ended its Ray actor {MOST_DEATHS} times, perhaps for want of memory"
            return RuntimeError(f"{what}: {self._jobs[number]}")
        reason = " ".join(str(error).split())[-300:].rstrip(".")
        hint = "Install the same clap-policy[ray] with the same Python on every machine"
        return UserError(f"Ray's actors end before they can work: {reason}", hint)


class _Worker:
    """What an actor does."""

    def prepare(self, make: bytes, directory: Path, marker: Path, wanted: dict[str, str]) -> Outcome:
        """Get ready for jobs."""
        return outcome_of(self._prepare, make, directory, marker, wanted)

    def work(self, job: Any) -> Outcome:
        """Do a job."""
        return outcome_of(self._do, job)

    def _prepare(self, make: bytes, directory: Path, marker: Path, wanted: dict[str, str]) -> None:
        from ray.cloudpickle import loads

        host = os.uname().nodename
        for name, version in versions().items():
            if version != wanted[name]:
                what = f"{host} has {name} {version}, this machine {wanted[name]}: results would not be the same"
                raise UserError(what, "Install the same packages on every machine")
        if not marker.exists() or not directory.is_dir():
            missing = directory if marker.exists() else marker.parent
            raise UserError(f"{host} does not see {missing}", "Run in a folder that all machines share")
        os.chdir(directory)
        self._do = loads(make)()


def versions() -> dict[str, str]:
    """Versions of what results depend on, "none" where a package is missing."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("clap-policy", "numpy", "mujoco", "h5py", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found
