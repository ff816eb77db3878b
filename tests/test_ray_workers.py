"""Jobs on a Ray cluster: the same results as from local workers, whatever dies; and what stands in the way, said."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from conftest import TINY, clap_alone, clap_here, clap_process

from stages.artifacts.files import content_digest
from stages.artifacts.resume import partial_of
from stages.core.errors import UserError
from stages.runtime.ray_cluster import connect
from stages.runtime.ray_pool import _Worker, versions
from stages.runtime.worker_pool import map_unordered

ray = pytest.importorskip("ray")

DEMOS = ("--task", "push_button+0", "--task", "pick_and_lift+0", "--episodes", "2", *TINY[:-1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray of this process's own with two CPUs, and its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # actors do not find the tests' modules
        yield ray.get_runtime_context().gcs_address
        ray.shutdown()


def picky(bad: int, error: type[Exception]) -> Callable[[int], int]:
    def work(number: int) -> int:
        if number == bad:
            raise error("no", "try another") if error is UserError else error("no")
        return number * number

    return work


def mortal(folder: Path, deaths: int) -> Callable[[int], str]:
    """Work that ends its process at job 1 so many times, and tells the threads that it computes with."""

    def work(number: int) -> str:
        before = len(list(folder.glob("death-*")))
        if number == 1 and before < deaths:
            (folder / f"death-{before}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.environ["OMP_NUM_THREADS"]

    return work


def test_every_job_is_done_once(cluster: str) -> None:
    assert sorted(map_unordered(partial(picky, 9, ValueError), range(5), "ray")) == [(n, n * n) for n in range(5)]
    assert list(map_unordered(partial(picky, 9, ValueError), [], "ray")) == []


def test_errors_arrive_as_they_are(cluster: str) -> None:
    with pytest.raises(UserError, match="^no. try another.$"):
        list(map_unordered(partial(picky, 2, UserError), range(4), "ray"))
    with pytest.raises(ZeroDivisionError) as found:
        list(map_unordered(partial(picky, 2, ZeroDivisionError), range(4), "ray"))
    assert "in work" in found.value.__notes__[0]


def test_jobs_of_a_killed_actor_are_done_by_another(cluster: str, tmp_path: Path) -> None:
    assert sorted(map_unordered(partial(mortal, tmp_path, 2), range(4), "ray")) == [(n, "1") for n in range(4)]
    assert len(list(tmp_path.glob("death-*"))) == 2


def test_a_job_that_kills_every_actor_is_given_up(cluster: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended its Ray actor 3 times.*: 1$"):
        list(map_unordered(partial(mortal, tmp_path, 9), range(3), "ray"))


def test_demonstrations_are_those_of_local_workers(cluster: str, tiny_run: Path, tmp_path: Path) -> None:
    outcome = clap_here("collect", "demos", "--run", tmp_path, *DEMOS, "ray")
    assert outcome.code == 0, outcome.err
    assert "connecting to Ray" in outcome.err and "4/4" in outcome.err
    assert content_digest(tmp_path / "demos.h5") == content_digest(tiny_run / "demos.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["demos.h5"]


def test_rollouts_are_those_of_local_workers(cluster: str, tmp_path: Path) -> None:
    options = ("--task", "push_button+13", "--episodes", "2", "--set", "evaluate.image_size=16")
    for workers in ("1", "ray"):
        run = tmp_path / workers
        args = ("evaluate", "--split", "l2", "--policy", "expert", "--run", run, "--workers", workers, *options)
        outcome = clap_here(*args, "--set", "evaluate.videos=0")
        assert outcome.code == 0, outcome.err
    one, other = (content_digest(next((tmp_path / name).glob("rollouts-l2*.h5"))) for name in ("1", "ray"))
    assert one == other


def test_ctrl_c_ends_the_actors_and_keeps_what_is_complete(cluster: str, tmp_path: Path) -> None:
    command = ("collect", "demos", "--run", tmp_path, "--task", "push_button+0", "--episodes", "400", *TINY[:-1], "ray")
    process = clap_process(*command, env=os.environ | {"RAY_ADDRESS": cluster})
    shards = partial_of(tmp_path / "demos.h5")
    while process.poll() is None and not list(shards.glob("episode_*.h5")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in err and "Traceback" not in err
    deadline = time.monotonic() + 30
    while ray.available_resources().get("CPU") != 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ray.available_resources()["CPU"] == 2
    assert list(shards.glob("episode_*.h5")) and not list(shards.glob(".shared-*"))


def test_a_wrong_token_is_named(cluster: str, tmp_path: Path) -> None:
    environment = os.environ | {"RAY_ADDRESS": cluster, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    outcome = clap_alone("collect", "demos", "--run", tmp_path, *DEMOS, "ray", env=environment)
    assert outcome.code == 2 and "token is missing or wrong" in outcome.err and "RAY_AUTH_TOKEN" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 2 and "Traceback" not in outcome.err  # progress, then the error


@pytest.mark.parametrize(
    ("address", "words"), [("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"), ("head", "RAY_ADDRESS is 'head'")]
)
def test_an_address_without_a_cluster_is_named(monkeypatch: pytest.MonkeyPatch, address: str, words: str) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match=words):
        connect()


def test_without_ray_its_installation_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = clap_here("collect", "demos", "--run", tmp_path, *DEMOS, "ray")
    assert outcome.code == 2 and outcome.err.strip().endswith("pip install 'clap-policy[ray]'`.")


def test_machines_that_lack_the_folder_or_have_other_packages_are_named(tmp_path: Path) -> None:
    unseen = _Worker().prepare(b"", tmp_path, tmp_path / "elsewhere" / ".shared", versions())
    with pytest.raises(UserError, match="does not see .*elsewhere.*all machines share"):
        unseen.result()
    other = _Worker().prepare(b"", tmp_path, tmp_path, versions() | {"numpy": "1.0"})
    with pytest.raises(UserError, match="numpy .*this machine 1.0"):
        other.result()
