"""Driving a robot, embedded or real, from an instruction, step by step, and keeping what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stages.artifacts.header import Header, Parent
from stages.core.decision import Decision
from stages.core.errors import UserError
from stages.rollouts.jobs import ROBOMIMIC_GYM, TEST_LEVELS
from stages.rollouts.rollouts import Policy, Rollout, RolloutJob, roll_out
from stages.serving.recordings import SCHEMA, add_recording, recorded
from stages.settings.deploy import DeployConfig
from stages.simulators.protocol import Simulator
from stages.simulators.tabletop.tasks import LEVELS
from stages.viewing.video import has_states, keyframes_shown, render_video, states_shown


@dataclass(frozen=True)
class SceneChoice:
    """What stands on the table.

    Attributes:
        level: that it belongs to; "" = that of the embedded simulator's variation.
    """

    task: str
    variation: int
    seed: int
    level: str = ""


def run_and_record(
    simulator: Simulator,
    policy: Policy,
    instruction: str,
    scene: SceneChoice,
    out: Path,
    config: DeployConfig,
    say: Callable[[str], None],
    parents: Sequence[Parent] = (),
    *,
    environment: str = "",
    camera: str = "front",
    judge: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Do an instruction in a scene, add the episode to the recordings `out`, and put a video beside them.

    Args:
        environment: its name for robomimic; "" = that of the simulator in the settings.
        camera: that the video shows.
        judge: tells whether the task is done where the scene cannot.

    Raises:
        UserError: an unknown scene, or an instruction without a plan.
    """
    job = RolloutJob(recorded(out), scene.task, scene.variation, _level(scene), 0, scene.seed)
    rollout = roll_out(simulator, policy, job, config.max_steps, instruction=instruction, watch=_narrator(say))
    if not len(rollout.episode):
        raise UserError((rollout.episode.error or "The policy had nothing to do").rstrip("."))
    rollout = _judged(rollout, judge)
    episode = rollout.episode
    header = Header.create(SCHEMA, config={}, settings={}, seed=scene.seed, parents=parents)
    env_args = {"env_name": environment or config.simulator, "type": ROBOMIMIC_GYM, "env_kwargs": {}}
    number = add_recording(out, job, rollout, header, env_args)
    video = out.with_name(f"{out.stem}-{number}.webp")
    steps = episode.predictions.steps
    trajectory = simulator.trajectory()
    shown = (
        states_shown(simulator, trajectory, camera=camera)
        if has_states(trajectory)
        else keyframes_shown(episode.observations, trajectory, camera=camera)
    )
    video.write_bytes(render_video(shown, trajectory, instruction, episode.plan, steps, episode.success))
    say("The task is done" if episode.success else f"The task is not done: {rollout.failure}")
    return {
        "instruction": instruction,
        "task": scene.task,
        "variation": scene.variation,
        "seed": scene.seed,
        "success": episode.success,
        "error": episode.error or None,
        "failure": rollout.failure or None,
        "plan": list(episode.plan),
        "steps": list(steps),
        "recording": str(out),
        "episode": number,
        "video": str(video),
    }


def _level(scene: SceneChoice) -> str:
    """The test level that a scene belongs to; the first one for scenes in none."""
    if scene.level:
        return scene.level
    place = (scene.task, scene.variation)
    return next((level for level in TEST_LEVELS if place in LEVELS[level]), TEST_LEVELS[0])


def _judged(rollout: Rollout, judge: Callable[[], bool] | None) -> Rollout:
    """An episode with the success that only a person can see."""
    if judge is None or not judge():
        return rollout
    rewards = rollout.episode.rewards.copy()
    rewards[-1] = 1.0
    return replace(rollout, episode=replace(rollout.episode, success=True, rewards=rewards), failure="")


def _narrator(say: Callable[[str], None]) -> Callable[[Decision], None]:
    """Tells the plan when it is new, and every motion before it is made."""
    plan: list[str] = []

    def narrate(decision: Decision) -> None:
        if decision.problem:
            say(f"Staying still: {decision.problem}")
            return
        if decision.recovered:
            say(f"Opening the hand to begin again: {decision.recovered}")
            return
        if decision.plan != plan:
            plan[:] = decision.plan
            say("Plan: " + "; ".join(plan))
        x, y, z = decision.action[:3]
        fingers = "open" if decision.action[7] > 0.5 else "closed"
        place = f"{decision.step_index + 1}/{len(plan)} {decision.step}"
        say(f"{place}: to ({x:.3f}, {y:.3f}, {z:.3f}) m, fingers {fingers}, confidence {decision.confidence:.2f}")

    return narrate
