"""Collecting: keyframes of constructed trajectories, workers, retries, and the same demonstrations however made."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, clap_alone, clap_process

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import content_digest
from stages.artifacts.resume import partial_of
from stages.collect import RETRY_SEEDS, collect_demos
from stages.core.errors import UserError
from stages.core.keyframes import candidate_keyframes, check_keyframes, find_keyframes
from stages.runtime.worker_pool import map_unordered
from stages.settings.loader import Config, load_config
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import parse_taskvar

MOVE, REST, GRIP = 20, 4, 6


def trajectory(*segments: tuple[str, int]) -> dict[str, np.ndarray]:
    """A hand that moves along x with bell-shaped speed, rests, opens or closes; `keyframes` end before every move."""
    position, opening, speeds, places, openings, ends = 0.0, 1.0, [0.0], [0.0], [1.0], [0]
    for index, (kind, length) in enumerate(segments):
        for i in range(length):
            phase = (i + 1) / length
            if kind == "move":
                speeds.append(float(np.sin(np.pi * phase)))
                places.append(position + 0.2 * phase)
            else:
                speeds.append(0.0)
                places.append(position)
            change = {"close": -0.6, "open": 0.6}.get(kind, 0.0)
            openings.append(opening + change * min(1.0, 2 * phase))
        position, opening = places[-1], openings[-1]
        following = segments[index + 1][0] if index + 1 < len(segments) else "end"
        if following in ("move", "end"):
            ends.append(len(places) - 1)
    pose = np.zeros((len(places), 7))
    pose[:, 0], pose[:, 6] = places, 1
    return {
        "joint_velocities": np.array(speeds)[:, None] * np.array([0.2, 1.0, -0.3, 0, 0, 0, 0]),
        "gripper_open": np.array(openings),
        "gripper_pose": pose,
        "keyframes": np.array(ends),
    }


class TestKeyframes:
    def test_the_rule_marks_changes_of_the_gripper_stops_and_the_end(self) -> None:
        still = np.zeros((30, 7))
        opening = np.where(np.arange(30) < 12, 1.0, 0.5)
        marked = candidate_keyframes(still, opening)
        assert marked[-1] == 29 and 12 in marked
        assert 2 in marked and not {1, 3, 4, 5} & set(marked)
        assert not {11, 13} & set(marked)

    def test_stops_keep_their_distance(self) -> None:
        marked = candidate_keyframes(np.zeros((40, 7)), np.ones(40))
        assert marked[:3] == [2, 7, 12]

    def test_a_moving_arm_is_only_marked_at_the_end(self) -> None:
        assert candidate_keyframes(np.ones((20, 7)), np.ones(20)) == [19]

    def test_one_slow_joint_is_no_standstill(self) -> None:
        speeds = np.zeros((20, 7))
        speeds[:, 3] = 0.11
        assert candidate_keyframes(speeds, np.ones(20)) == [19]

    def test_one_stop_is_one_keyframe(self) -> None:
        made = trajectory(("move", MOVE), ("rest", REST), ("move", MOVE), ("rest", REST), ("close", GRIP), ("rest", 3))
        rests = [0, MOVE + REST, 2 * (MOVE + REST) + GRIP + 3]
        assert find_keyframes(made).tolist() == rests

    def test_a_grasp_between_two_moves(self) -> None:
        made = trajectory(("move", MOVE), ("close", GRIP), ("rest", REST), ("move", MOVE), ("open", GRIP), ("rest", 2))
        assert find_keyframes(made).tolist() == [0, MOVE + GRIP + REST, 2 * MOVE + 2 * GRIP + REST + 2]

    def test_closing_before_the_first_move_is_a_keyframe(self) -> None:
        made = trajectory(("rest", 3), ("close", GRIP), ("rest", REST), ("move", MOVE), ("rest", REST))
        assert find_keyframes(made).tolist() == [0, 3 + GRIP + REST, 3 + GRIP + REST + MOVE + REST]

    def test_ends_of_motions_are_found_and_others_counted(self) -> None:
        made = trajectory(("move", MOVE), ("rest", 6), ("move", MOVE), ("rest", 6), ("move", MOVE), ("rest", 6))
        assert (check_keyframes(made).extra, check_keyframes(made).missed) == (0, 0)
        ends = made["keyframes"]
        extra = check_keyframes(made | {"keyframes": ends[[0, 1, 3]]})
        assert (extra.extra, extra.missed, extra.keyframes.tolist()) == (1, 0, ends[[0, 1, 3]].tolist())
        missed = check_keyframes(made | {"keyframes": np.insert(ends, 1, 8)})
        assert (missed.extra, missed.missed, missed.keyframes.tolist()) == (0, 1, np.insert(ends, 1, 8).tolist())


def square() -> Callable[[int], int]:
    return lambda number: number * number


def picky(bad: int, error: type[Exception]) -> Callable[[int], int]:
    def work(number: int) -> int:
        if number == bad:
            raise error("no", "try another") if error is UserError else error("no")
        return number

    return work


def die() -> Callable[[int], int]:
    return lambda number: os.kill(os.getpid(), signal.SIGKILL)


def threads() -> Callable[[int], str]:
    return lambda number: os.environ["OMP_NUM_THREADS"]


class TestWorkers:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_every_job_is_done_once(self, workers: int) -> None:
        assert sorted(map_unordered(square, range(7), workers)) == [(n, n * n) for n in range(7)]
        assert list(map_unordered(square, [], workers)) == []

    @pytest.mark.parametrize("workers", [1, 2])
    def test_errors_arrive_as_they_are(self, workers: int) -> None:
        with pytest.raises(UserError, match="^no. try another.$"):
            list(map_unordered(partial(picky, 2, UserError), range(4), workers))
        with pytest.raises(ZeroDivisionError):
            list(map_unordered(partial(picky, 2, ZeroDivisionError), range(4), workers))

    def test_a_killed_worker_is_noticed(self) -> None:
        with pytest.raises(RuntimeError, match="ended from outside"):
            list(map_unordered(die, range(4), 2))

    def test_workers_compute_with_one_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "5")
        assert {value for _, value in map_unordered(threads, range(3), 2)} == {"1"}
        assert os.environ["OMP_NUM_THREADS"] == "5"


def settings(*assignments: str) -> Config:
    return load_config(
        None, ["collect.image_size=16", "collect.workers=1", "collect.taskvars=[push_button+0]", *assignments]
    )


class Clumsy(Tabletop):
    """A simulator whose expert only knows what to do from its third scene on."""

    scenes = 0

    def reset(self, task: str, variation: int, seed: int):  # noqa: ANN201
        Clumsy.scenes += 1
        return super().reset(task, variation, seed)

    def expert(self) -> Iterator[Motion]:
        motions = super().expert()
        return motions if Clumsy.scenes > 2 else iter([next(motions)])


class TestCollect:
    def test_what_a_demonstration_holds(self, tiny_run: Path) -> None:
        with Demonstrations(tiny_run / "demos.h5") as demos:
            assert len(demos) == 4 and demos.indices("train") == [0, 1] and demos.indices("valid") == [2, 3]
            assert [episode.taskvar for episode in demos] == ["push_button+0", "pick_and_lift+0"] * 2
            assert [episode.seed for episode in demos] == [0, 0, 1, 1]
            for episode in demos:
                keyframes = episode.trajectory["keyframes"]
                assert len(keyframes) == len(episode) + 1 == len(episode.observations)
                assert keyframes[0] == 0 and keyframes[-1] == len(episode.trajectory["time"]) - 1
                times = [observation.time for observation in episode.observations]
                np.testing.assert_allclose(times, episode.trajectory["time"][keyframes], atol=1e-9)
                assert episode.success and episode.rewards[-1] == 1 and episode.instruction in episode.instructions
                reached = np.array([o.gripper_pose[:3] for o in episode.observations[1:]])
                assert np.linalg.norm(reached - episode.actions[:, :3], axis=1).max() < 0.03

    def test_neither_time_nor_workers_change_the_demonstrations(self, tiny_run: Path, tmp_path: Path) -> None:
        args = ("--task", "push_button+0", "--task", "pick_and_lift+0", "--episodes", "2", *TINY[:-1], "2")
        outcome = clap_alone("collect", "demos", "--run", tmp_path, *args)
        assert outcome.code == 0, outcome.err
        assert content_digest(tmp_path / "demos.h5") == content_digest(tiny_run / "demos.h5")

    def test_killed_and_resumed_equals_uninterrupted(self, tiny_run: Path, tmp_path: Path) -> None:
        args = ("--task", "push_button+0", "--task", "pick_and_lift+0", "--episodes", "2", *TINY)
        command = ("collect", "demos", "--run", tmp_path, *args)
        shards = partial_of(tmp_path / "demos.h5")
        for wanted in (1, 3):
            process = clap_process(*command, "--resume")
            while process.poll() is None and len(list(shards.glob("episode_*.h5"))) < wanted:
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        assert not (tmp_path / "demos.h5").exists()
        refused = clap_alone(*command)
        assert refused.code == 2 and "--resume" in refused.err
        outcome = clap_alone(*command, "--resume")
        assert outcome.code == 0, outcome.err
        assert content_digest(tmp_path / "demos.h5") == content_digest(tiny_run / "demos.h5")
        assert [path.name for path in tmp_path.iterdir()] == ["demos.h5"]

    def test_workers_of_a_killed_collection_end(self, tmp_path: Path) -> None:
        process = clap_process("collect", "demos", "--run", tmp_path, "--episodes", "50", "--workers", "2")
        shards = partial_of(tmp_path / "demos.h5")
        while process.poll() is None and not list(shards.glob("episode_*.h5")):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 30
        while group_lives(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not group_lives(process.pid)

    def test_failing_experts_are_replaced_by_the_next_seed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stages.simulators.tabletop.environment.Tabletop", Clumsy)
        monkeypatch.setattr(Clumsy, "scenes", 0)
        summary = collect_demos(settings("collect.episodes_per_variation=2"), tmp_path / "demos.h5")
        assert summary["failed_attempts"] == 2 and summary["demonstrations"] == 2
        with Demonstrations(tmp_path / "demos.h5") as demos:
            assert [episode.seed for episode in demos] == [2 * RETRY_SEEDS, 1]

    def test_an_expert_that_always_fails_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("stages.simulators.tabletop.environment.Tabletop", Clumsy)
        monkeypatch.setattr(Clumsy, "scenes", 0)
        with pytest.raises(UserError, match=r"push_button\+0 failed in 2 scenes"):
            collect_demos(settings("collect.attempts=2"), tmp_path / "demos.h5")

    @pytest.mark.parametrize(
        ("assignment", "message"),
        [
            ("collect.taskvars=[push_buton+0]", "push_button"),
            ("collect.taskvars=[push_button+99]", "no variation 99"),
            ("collect.taskvars=[push_button+x]", "not a variation"),
            ("collect.simulator=gazebo", "no simulator 'gazebo'"),
            ("collect.episodes_per_variation=0", "at least 1"),
            ("seed=200000", "training placements"),
            ("seed=-1", "from 0"),
        ],
    )
    def test_impossible_wishes_are_refused(self, tmp_path: Path, assignment: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            collect_demos(settings(assignment), tmp_path / "demos.h5")
        assert not (tmp_path / "demos.h5").exists()

    def test_variations_are_parsed(self) -> None:
        assert parse_taskvar("push_button+13") == ("push_button", 13)
        assert parse_taskvar("push_button") == ("push_button", 0)


def group_lives(group: int) -> bool:
    """Whether any process of a group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
