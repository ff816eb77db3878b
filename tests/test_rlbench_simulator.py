"""RLBench's simulator behind the protocol, against a fake of RLBench's and PyRep's surface: calls, order, formats.

The fake's images and motions are the embedded simulator's. CoppeliaSim itself never ran here.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Outcome, clap_here
from PIL import Image
from rlbench_layout import FAR, write_episode

from stages.artifacts.annotations import Keypoints
from stages.artifacts.demonstrations import Demonstrations
from stages.collect import DemonstrationJob, demonstrate
from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.errors import UserError
from stages.core.observation import CAMERAS, Observation
from stages.geometry.cameras import deproject
from stages.rollouts.jobs import jobs_of
from stages.rollouts.rollouts import RolloutJob, roll_out
from stages.settings.evaluate import EvaluateConfig
from stages.simulators import make_simulator
from stages.simulators.rlbench.execution import LOWEST
from stages.simulators.rlbench.tasks import LEVELS
from stages.simulators.tabletop.environment import Tabletop
from stages.viewing.video import has_states, keyframes_shown, render_video
from tests.untrained_models import untrained_models

FAKE = Path(__file__).parent / "fake_rlbench"
SIZE = 32
SEED = 7


@pytest.fixture
def rlbench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The fake's module of calls, found as an installed RLBench is."""
    monkeypatch.syspath_prepend(str(FAKE))
    monkeypatch.setenv("COPPELIASIM_ROOT", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":99")
    yield import_module("rlbench.environment")
    for name in [name for name in sys.modules if name.partition(".")[0] in ("rlbench", "pyrep")]:
        del sys.modules[name]


@pytest.fixture
def simulator(rlbench: Any) -> Iterator[Any]:
    made = make_simulator("rlbench", image_size=SIZE)
    yield made
    made.close()


def scene_of(seed: int) -> int:
    """The embedded scene that the fake draws from a seed."""
    return int(np.random.RandomState(seed).randint(1000))


def embedded(task: str = "push_button", variation: int = 0, seed: int = SEED) -> tuple[Tabletop, Observation]:
    simulator = Tabletop(SIZE)
    return simulator, simulator.reset(task, variation, scene_of(seed))[1]


def faults() -> list[Any]:
    return import_module("rlbench.task_environment").FAULTS


def check_same(found: Observation, expected: Observation) -> None:
    """Poses to 1e-6, points to 1 mm, colours and masks exactly."""
    assert list(found.cameras) == list(expected.cameras) == list(CAMERAS)
    assert np.allclose(found.gripper_pose, expected.gripper_pose, atol=1e-6)
    assert np.allclose(found.joint_positions, expected.joint_positions, atol=1e-6)
    assert np.isclose(found.gripper_open, expected.gripper_open, atol=1e-6)
    for one, other in zip(found.cameras.values(), expected.cameras.values(), strict=True):
        assert np.array_equal(one.rgb, other.rgb) and np.array_equal(one.mask, other.mask)
        hit = (other.depth > 0) & (other.depth < FAR)
        assert np.array_equal(one.depth > 0, hit)
        points, others = (deproject(f.depth, f.intrinsics, f.camera_to_world)[hit] for f in (one, other))
        assert np.linalg.norm(points - others, axis=-1).max() < 1e-3


def test_an_episode_in_the_order_of_calls(rlbench: Any, simulator: Any) -> None:
    here = os.getcwd()
    instructions, seen = simulator.reset("push_button", 0, SEED)
    assert os.getcwd() == here  # launching moves the whole process elsewhere
    assert rlbench.CALLS == [("launch", "headless"), ("get_task", "PushButton"), ("set_variation", 0), ("reset",)]
    reference, expected = embedded()
    assert instructions == reference._now.task.instructions()
    check_same(seen, expected)
    assert simulator.truth() == [] and list(simulator.expert()) == [] and simulator.novel_instructions() == []
    fingers = 1.0
    for motion in reference.expert():
        seen, done, over, info = simulator.step(motion.action)
        expected, success, _, _ = reference.step(np.append(motion.action[:7], fingers))
        if fingers != motion.action[7]:
            expected, success, _, _ = reference.step(motion.action)
        fingers = motion.action[7]
        check_same(seen, expected)
        assert done == over == success and info["error"] is None
    assert success
    assert len(simulator.trajectory().keyframes) == len(simulator.trajectory().time) == 3
    simulator.reset("push_button", 0, SEED)
    simulator.close()
    assert [call for call, *_ in rlbench.CALLS][-3:] == ["set_variation", "reset", "shutdown"]
    assert [call for call, *_ in rlbench.CALLS].count("get_task") == 1


def motions(rlbench: Any) -> list[np.ndarray]:
    return [np.array(arguments) for call, *arguments in rlbench.CALLS if call == "step"]


def test_a_motion_is_repeated_with_the_fingers_as_they_were_until_the_hand_is_there(
    rlbench: Any, simulator: Any
) -> None:
    _, seen = simulator.reset("pick_and_lift", 0, SEED)
    target = seen.gripper_pose + [0, 0, -0.12, 0, 0, 0, 0]
    faults()[:] = [0.5, 0.5, 0.5]  # 6, 3 and 1.5 cm are left
    simulator.step(np.append(target, [0, 1]))
    assert [motion[7] for motion in motions(rlbench)] == [1, 1, 1, 0]  # within 2 cm, then the fingers
    rlbench.CALLS.clear()
    faults()[:] = [0.7]  # 3.6 cm are left, which is near enough where fingers do nothing
    simulator.step(np.append(seen.gripper_pose, [0, 1]))
    assert [motion[7] for motion in motions(rlbench)] == [0]
    rlbench.CALLS.clear()
    faults()[:] = [0.0] * 20
    _, success, over, info = simulator.step(np.append(target, [1, 1]))
    assert [motion[7] for motion in motions(rlbench)] == [0] * 10  # never there: the fingers stay
    assert not success and not over and info["error"] is None
    faults().clear()


def test_a_success_ends_the_motion(rlbench: Any, simulator: Any) -> None:
    simulator.reset("push_button", 0, SEED)
    reference, _ = embedded()
    *_, press = list(reference.expert())[-1:]
    opening = np.array([*press.action[:7], 1.0])  # the fingers are to change after the press
    first = next(embedded()[0].expert())
    simulator.step(first.action)
    rlbench.CALLS.clear()
    _, success, over, _ = simulator.step(np.append(opening, 1))
    assert success and over and len(motions(rlbench)) == 1


def test_what_cannot_be_reached_ends_the_episode(rlbench: Any, simulator: Any) -> None:
    errors = import_module("pyrep.errors")
    for error in (
        errors.IKError,
        errors.ConfigurationPathError,
        import_module("rlbench.backend.exceptions").InvalidActionError,
    ):
        _, seen = simulator.reset("push_button", 0, SEED)
        faults()[:] = [error("no way")]
        found, success, over, info = simulator.step(np.append(seen.gripper_pose, [1, 1]))
        assert info["error"] == "unreachable" and info["reason"] == "no way" and over and not success
        check_same(found, seen)
    faults()[:] = [RuntimeError("a bug")]
    simulator.reset("push_button", 0, SEED)
    with pytest.raises(RuntimeError, match="a bug"):
        simulator.step(np.append(seen.gripper_pose, [1, 1]))


def test_targets_are_made_what_rlbench_takes(rlbench: Any, simulator: Any) -> None:
    _, seen = simulator.reset("push_button", 0, SEED)
    action = np.append(seen.gripper_pose, [seen.gripper_open, 1])
    action[2], action[3:7] = 0.7, 1.004 * action[3:7]
    simulator.step(action)
    sent = motions(rlbench)[0]
    assert (
        sent[2] > 0.752 and sent[2] == pytest.approx(LOWEST) and np.linalg.norm(sent[3:7]) == pytest.approx(1, abs=1e-5)
    )


def test_unknown_tasks_and_variations_are_named(simulator: Any) -> None:
    with pytest.raises(UserError, match=r"no task 'open_safe'.*name"):
        simulator.reset("open_safe", 0, SEED)
    with pytest.raises(UserError, match=r"no task 'stack_blocks'.*fork"):
        simulator.reset("stack_blocks", 30, SEED)
    with pytest.raises(UserError, match=r"'push_button' has no variation 400"):
        simulator.reset("push_button", 400, SEED)


def test_peract_tasks_are_found_by_either_name(rlbench: Any, simulator: Any) -> None:
    simulator.reset("close_jar_peract", 15, SEED)
    assert ("get_task", "CloseJar") in rlbench.CALLS


def test_demonstrations_are_what_an_import_of_them_would_be(rlbench: Any, tmp_path: Path) -> None:
    options = ("--set", "collect.simulator=rlbench", "--set", f"collect.image_size={SIZE}", "--workers", "1")
    tasks = ("--task", "push_button+0", "--task", "pick_and_lift+0", "--episodes", "2", "--seed", str(SEED))
    outcome = clap_here("collect", "demos", "--run", tmp_path / "live", *tasks, *options, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["demonstrations"] == 4 and ("get_demos", 1, True) in rlbench.CALLS
    simulator = Tabletop(SIZE)
    with Demonstrations(tmp_path / "live" / "demos.h5") as demos:
        live = [demos.episode(index) for index in range(len(demos))]
    for number, found in enumerate(live):
        job = DemonstrationJob(0, found.task, found.variation, "train", scene_of(found.seed))
        write_episode(tmp_path / "data" / found.task, demonstrate(simulator, job, 1)[0], number)
    outcome = clap_here("import", "rlbench", tmp_path / "data", "--run", tmp_path / "read", "--workers", "1")
    assert outcome.code == 0, outcome.err
    with Demonstrations(tmp_path / "read" / "demos.h5") as demos:
        read = {(episode.taskvar, episode.seed): episode for episode in demos}
    for number, found in enumerate(live):
        expected = read[found.taskvar, number]
        assert not found.is_labelled and np.allclose(found.actions, expected.actions, atol=1e-6)
        assert found.instructions == expected.instructions
        for one, other in zip(found.observations, expected.observations, strict=True):
            check_same(one, other)
        for name, values in found.trajectory.items():
            assert np.allclose(values, expected.trajectory[name], atol=1e-6), name
    outcome = clap_here("annotate-keypoints", "--run", tmp_path / "live")
    assert outcome.code == 0, outcome.err
    with Keypoints(tmp_path / "live" / "keypoints.h5") as keypoints:
        assert [bool(keypoints.episode(index).inferred) for index in range(4)] == [True] * 4


def test_episodes_begin_in_recorded_scenes(
    rlbench: Any, models: tuple[Path, Path], tiny_run: Path, tmp_path: Path
) -> None:
    """The layout's recordings were drawn from the generator's state of seed 0."""
    with Demonstrations(tiny_run / "demos.h5") as demos:
        write_episode(tmp_path / "scenes" / "seed200" / "push_button", demos.episode(0), 0)
    run, scenes = tmp_path / "run", f"evaluate.scenes={tmp_path / 'scenes'}"
    given = options(models, run, "evaluate.max_steps=1", "evaluate.videos=0", scenes)
    args = ("evaluate", "--split", "l1", "--task", "push_button+0", *given)
    assert_refused(clap_here(*args, "--episodes", "2"), "episode1 is missing")
    outcome = clap_here(*args, "--episodes", "1")
    assert outcome.code == 0, outcome.err
    with Demonstrations(run / "rollouts-l1.h5") as rollouts:
        check_same(rollouts.episode(0).observations[0], embedded(seed=0)[1])
    refused = clap_here(*args, "--set", "evaluate.simulator=tabletop", "--overwrite")
    assert_refused(refused, "'tabletop' draws its scenes")


class Scripted:
    """Does what the embedded expert would in the scene of a seed."""

    def __init__(self, seed: int, motions: int = 9) -> None:
        self._motions = iter(list(embedded(seed=seed)[0].expert())[:motions])

    def reset(self, instruction: str) -> None:
        """The instruction is not needed."""

    def select_action(self, observation: Observation, given: Given = NOTHING_GIVEN) -> Decision:
        motion = next(self._motions, None)
        action = np.append(observation.gripper_pose, [1.0, 1]) if motion is None else motion.action
        return Decision(action, ["press the button"], "press the button", 0, 0, action[:3], {}, 1.0, motion is None)


@pytest.mark.parametrize(("motions", "failure"), [(9, ""), (1, "unexplained")])
def test_rollouts_need_no_truth(simulator: Any, motions: int, failure: str) -> None:
    job = RolloutJob(0, "push_button", 0, "l1", 0, SEED)
    rollout = roll_out(simulator, Scripted(SEED, motions), job, max_steps=5)
    episode = rollout.episode
    assert (episode.success, rollout.failure) == (not failure, failure)
    assert episode.objects.names == () and np.isnan(episode.targets).all() and np.isnan(rollout.expert_actions).all()
    assert len(episode.trajectory["keyframes"]) == len(episode) + 1 == len(episode.observations)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return untrained_models(tmp_path_factory.mktemp("models"))


def options(models: tuple[Path, Path], run: Path, *settings: str) -> tuple[Any, ...]:
    settings = ("evaluate.simulator=rlbench", f"evaluate.image_size={SIZE}", "evaluate.video_size=48", *settings)
    paths = ("--vlm", models[0], "--fine", models[1], "--run", run)
    return (*paths, "--workers", "1", *(part for value in settings for part in ("--set", value)))


def test_evaluation(rlbench: Any, models: tuple[Path, Path], tmp_path: Path) -> None:
    given = options(models, tmp_path, "evaluate.max_steps=2")
    outcome = clap_here("evaluate", "--split", "l1", "--task", "push_button+0", "--episodes", "2", *given, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["levels"]["l1"]["episodes"] == 2
    outcome = clap_here("evaluate", "--split", "rlbench18", "--task", "close_jar_peract+15", *given, "--episodes", "1")
    assert outcome.code == 0 and "close_jar_peract" in outcome.out, outcome.err
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["level"] for line in lines] == ["l1", "l1", "rlbench18"]
    assert {line["failure"] for line in lines} <= {"unexplained", "unreachable", "no plan", None}
    page = (tmp_path / "report.html").read_text()
    assert "eighteen tasks" in page and "push_button+0" in page
    with Demonstrations(tmp_path / "rollouts-l1.h5") as rollouts:
        check_same(rollouts.episode(0).observations[0], embedded(seed=rollouts.episode(0).seed)[1])


def test_videos_show_the_keyframes(simulator: Any) -> None:
    job = RolloutJob(0, "push_button", 0, "l1", 0, SEED)
    episode = roll_out(simulator, Scripted(SEED), job, max_steps=5).episode
    trajectory = simulator.trajectory()
    assert not has_states(trajectory)
    shown = keyframes_shown(episode.observations, trajectory, SIZE)
    for sample, observation in enumerate(episode.observations):
        assert np.array_equal(shown(sample), observation.cameras["front"].rgb)
    video = render_video(shown, trajectory, "press it", [], episode.predictions.steps, True)
    assert Image.open(io.BytesIO(video)).n_frames == len(episode.observations)


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--split", "l1", "--oracle", "keypoint"), "--oracle keypoint"),
        (("--split", "l1", "--policy", "expert"), "--policy expert"),
        (("--split", "l1", "--planner-only"), "--planner-only"),
        (("--split", "l1", "--instructions", "novel"), "--instructions novel"),
        (("--split", "l1"), "no task 'close_fridge'"),
    ],
)
def test_what_needs_truth_is_refused(
    args: tuple[str, ...], word: str, rlbench: Any, models: tuple[Path, Path], tmp_path: Path
) -> None:
    given = options(models, tmp_path)
    outcome = clap_here("evaluate", *args, *(given[:2] + given[4:] if "--planner-only" in args else given))
    assert_refused(outcome, word)
    assert not list(tmp_path.iterdir()) and rlbench.CALLS == []


def assert_refused(outcome: Outcome, *words: str) -> None:
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == 2 and len(errors) == 1 and "Traceback" not in outcome.err
    assert all(word in errors[0] for word in words), errors[0]


def test_the_eighteen_are_counted_by_task() -> None:
    jobs = jobs_of("rlbench18", LEVELS["rlbench18"], EvaluateConfig(), lambda *_: ())
    tasks = Counter(job.task for job in jobs)
    assert len(tasks) == 18 and set(tasks.values()) == {25} and len(LEVELS["rlbench18"]) == 249
    assert {(job.task, job.variation) for job in jobs} < set(LEVELS["rlbench18"])
    assert len({job.variation for job in jobs if job.task == "stack_blocks_peract"}) > 10
    assert jobs == jobs_of("rlbench18", LEVELS["rlbench18"], EvaluateConfig(), lambda *_: ())


@pytest.mark.parametrize(
    "stage", [("collect", "demos"), ("evaluate", "--split", "l1"), ("deploy", "drive", "press it")]
)
def test_without_rlbench_one_line_says_what_is_missing(
    stage: tuple[str, ...], models: tuple[Path, Path], bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = {
        "collect": ("--run", tmp_path, "--set", "collect.simulator=rlbench"),
        "evaluate": options(models, tmp_path),
        "deploy": (
            "--task",
            "push_button+0",
            "--bundle",
            bundle,
            "--run",
            tmp_path,
            "--set",
            "deploy.simulator=rlbench",
        ),
    }[stage[0]]
    assert_refused(clap_here(*stage, *args), "not installed: PyRep, RLBench", "docs/rlbench.md")
    monkeypatch.syspath_prepend(str(FAKE))
    monkeypatch.delenv("COPPELIASIM_ROOT", raising=False)
    assert_refused(clap_here(*stage, *args), "COPPELIASIM_ROOT is not set", "docs/rlbench.md")
    monkeypatch.setenv("COPPELIASIM_ROOT", str(tmp_path / "nowhere"))
    assert_refused(clap_here(*stage, *args), "nowhere")
    monkeypatch.setenv("COPPELIASIM_ROOT", str(tmp_path))
    for name in ("DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert_refused(clap_here(*stage, *args), "DISPLAY is not set", "xvfb-run")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def bundle(models: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("bundles")
    outcome = clap_here("deploy", "--vlm", models[0], "--fine", models[1], "--run", run)
    assert outcome.code == 0, outcome.err
    return run / "bundle"


def test_the_robot_is_driven(rlbench: Any, bundle: Path, tmp_path: Path) -> None:
    settings = ("deploy.simulator=rlbench", f"deploy.image_size={SIZE}", "deploy.max_steps=1")
    args = ("--task", "push_button+0", "--bundle", bundle, "--run", tmp_path)
    given = (part for value in settings for part in ("--set", value))
    outcome = clap_here("deploy", "drive", "push the maroon button", *args, *given, "--json")
    assert outcome.code == 0, outcome.err
    assert Path(outcome.json["video"]).stat().st_size > 0 and rlbench.CALLS[-1] == ("shutdown",)
