"""Stage `decompose`: the language plan of every episode, aligned to its motions and checked -> plans.h5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts.annotations import Keypoints, PlanAnnotation, write_plan
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import parent, writing
from stages.artifacts.header import Header
from stages.artifacts.resume import begin
from stages.artifacts.shards import NAME
from stages.config import Config, DecomposeConfig
from stages.errors import UserError
from stages.keyframes import OPEN
from stages.progress import Progress, silent
from stages.steps import Step, parse_step

MODES = ("rules",)


def decompose(
    config: Config,
    demos: Path,
    keypoints: Path,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the plan of every episode; those whose trajectory shows something else are marked not ok, with the reason.

    Returns:
        episodes, ok, plans (different ones), steps (per plan, mean), problems (reason -> episodes), path.

    Raises:
        UserError: unknown mode, inputs that do not belong together, or `out` exists and neither flag is given.
    """
    if config.decompose.mode not in MODES:
        raise UserError(f"there is no decompose.mode '{config.decompose.mode}'", f"Use one of: {', '.join(MODES)}")
    header = Header.create(
        "clap.plans",
        config=config.as_dict(),
        settings=config.settings("decompose"),
        seed=config.seed,
        parents=[parent(demos, "clap.demos"), parent(keypoints, "clap.keypoints")],
    )
    with Demonstrations(demos) as episodes, Keypoints(keypoints, demos) as annotations:
        if (summary := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
            return summary
        plans, summary = [], {}
        with writing(out, header, summary) as file:
            groups = file.create_group("episodes")
            for index in range(len(episodes)):
                episode = episodes.episode(index, images=False)
                plan = decompose_episode(episode, config.decompose, annotations.episode(index).problem)
                write_plan(groups.create_group(NAME.format(index)), plan)
                plans.append(plan)
                progress(index + 1, len(episodes), "episodes")
            summary.update(_summary(plans, out))
    return summary


def decompose_episode(episode: Episode, config: DecomposeConfig, problem: str = "") -> PlanAnnotation:
    """The plan of an episode: its motions' steps, equal neighbours taken together.

    Args:
        episode: images are not needed.
        config: the limits of the checks.
        problem: what is already known to be wrong with it.
    """
    starts = [k for k, step in enumerate(episode.steps) if k == 0 or step != episode.steps[k - 1]]
    step_index = np.searchsorted(starts, np.arange(len(episode)), side="right") - 1
    problem = problem or check_plan(episode, starts, config)
    return PlanAnnotation(
        instruction=episode.instruction,
        plan=tuple(episode.steps[k] for k in starts),
        step_index=step_index,
        motion_index=np.arange(len(episode)) - np.array(starts, int)[step_index],
        ok=not problem,
        problem=problem,
    )


def check_plan(episode: Episode, starts: Sequence[int], config: DecomposeConfig) -> str:
    """What the trajectory shows against the steps that begin at motions `starts`; empty if it shows them all."""
    if not episode.success:
        return "the episode did not succeed"
    for start, end in zip(starts, [*starts[1:], len(episode)], strict=True):
        try:
            step = parse_step(episode.steps[start])
        except UserError as error:
            return error.what
        if reason := _check_step(step, _span(episode, step, start, end), config):
            return f"'{step}' {reason}"
    return ""


@dataclass(frozen=True)
class _Span:
    """What the motions of one step did.

    Attributes:
        poses: (n + 1, 7) tip poses at the step's observations.
        opened: (n + 1,) whether the gripper was open there.
        target: (3,) the step's keypoint before its last motion [m].
        carried: (3,) displacement of the thing that the step moves over the step [m]; None where it is not known.
    """

    poses: np.ndarray
    opened: np.ndarray
    target: np.ndarray
    carried: np.ndarray | None

    @property
    def travel(self) -> np.ndarray:
        """(3,) displacement of the tip in the last motion [m]."""
        return self.poses[-1, :3] - self.poses[-2, :3]


def _span(episode: Episode, step: Step, start: int, end: int) -> _Span:
    observations = episode.observations[start : end + 1]
    return _Span(
        poses=np.array([observation.gripper_pose for observation in observations]),
        opened=np.array([observation.gripper_open > OPEN for observation in observations]),
        target=episode.targets[end - 1],
        carried=_carried(episode, step, start, end),
    )


def _carried(episode: Episode, step: Step, start: int, end: int) -> np.ndarray | None:
    """Displacement of the named thing nearest to the tip; unknown where the episode ends with the step."""
    named = [m for m, name in enumerate(episode.objects.names) if name == step.object]
    if end >= len(episode) or not named:
        return None
    before = episode.objects.positions[start, named]
    nearest = np.argmin(np.linalg.norm(before - episode.observations[start].gripper_pose[:3], axis=1))
    return episode.objects.positions[end, named][nearest] - before[nearest]


def _check_step(step: Step, span: _Span, config: DecomposeConfig) -> str:
    """What a step's span does not show, in words that follow the step's text; empty if all is there."""
    distance = np.linalg.norm(span.travel)
    match step.action:
        case "grasp":
            return _first(
                (span.opened[-1], "ends with an open gripper"),
                (not span.opened[-2], "closes a gripper that was not open"),
                (not _near(span.poses[-1], span.target, config), "closes away from it"),
            )
        case "release":
            return _check_release(span, config)
        case "lift":
            return _first(
                (span.poses[-1, 2] - span.poses[0, 2] < config.rise, "does not rise"),
                (_left_behind(span), "leaves it behind"),
            )
        case "push down":
            return _first(
                (span.travel[2] > -config.press, "does not go down"),
                (span.opened[-1], "presses with an open gripper"),
            )
        case "rotate":
            return _first((_turn(span.poses[-2:]) < config.turn, "does not turn"))
        case "move" | "pull":
            return _first(
                (distance < config.displacement, "does not move"),
                (span.opened[-1], "moves with an open gripper"),
                (_left_behind(span), "leaves it behind"),
            )
        case _:
            return _first((distance < config.displacement, "does not move"))


def _check_release(span: _Span, config: DecomposeConfig) -> str:
    if not span.opened[-1]:
        return "ends with a closed gripper"
    if span.opened.all():
        return "opens a gripper that was not closed"
    opening = int(np.flatnonzero(~span.opened)[-1]) + 1
    return "" if _near(span.poses[opening], span.target, config) else "opens away from it"


def _first(*findings: tuple[bool, str]) -> str:
    return next((text for found, text in findings if found), "")


def _near(pose: np.ndarray, target: np.ndarray, config: DecomposeConfig) -> bool:
    return bool(np.linalg.norm(pose[:3] - target) <= config.grasp_distance)


def _left_behind(span: _Span) -> bool:
    """Whether the thing moved less than half as far as the hand."""
    moved = np.linalg.norm(span.poses[-1, :3] - span.poses[0, :3])
    return span.carried is not None and bool(np.linalg.norm(span.carried) < moved / 2)


def _turn(poses: np.ndarray) -> float:
    """Angle between the rotations of two poses (2, 7) [rad]."""
    return float(2 * np.arccos(np.clip(abs(poses[0, 3:] @ poses[1, 3:]), 0, 1)))


def _summary(plans: list[PlanAnnotation], out: Path) -> dict[str, Any]:
    problems: dict[str, int] = {}
    for plan in plans:
        if not plan.ok:
            problems[plan.problem] = problems.get(plan.problem, 0) + 1
    return {
        "episodes": len(plans),
        "ok": sum(plan.ok for plan in plans),
        "plans": len({plan.plan for plan in plans}),
        "steps": round(float(np.mean([len(plan.plan) for plan in plans])), 2) if plans else 0.0,
        "problems": problems,
        "path": str(out),
    }
