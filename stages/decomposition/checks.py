"""What the motions of a step have to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.artifacts.episode import Episode
from stages.core.errors import UserError
from stages.core.steps import Step, parse_step
from stages.settings.decompose import DecomposeConfig


@dataclass(frozen=True)
class Span:
    """What the motions of one step did.

    Attributes:
        poses: (n + 1, 7) tip poses at the step's observations.
        opened: (n + 1,) whether the gripper was open there.
        target: (3,) place of the step's focus before its last motion [m].
        reach: smallest distance between the tip and the thing that the step acts on [m]; 0 where it is not known.
        carried: (3,) displacement of the thing that the step moves over the step [m]; None where it is not known.
    """

    poses: np.ndarray
    opened: np.ndarray
    target: np.ndarray
    reach: float
    carried: np.ndarray | None

    @property
    def acting(self) -> int:
        """Number of the observation where the step happens: where a release opens the gripper, else the last."""
        closed = np.flatnonzero(~self.opened[:-1])
        return int(closed[-1]) + 1 if self.opened[-1] and len(closed) else len(self.opened) - 1

    @property
    def travel(self) -> np.ndarray:
        """(3,) displacement of the tip in the last motion [m]."""
        return self.poses[-1, :3] - self.poses[-2, :3]


def span_of(episode: Episode, step: Step, start: int, end: int, target: np.ndarray) -> Span:
    """What motions `start` to `end` (excluded) did, where the step's focus is at `target` (3,) [m]."""
    observations = episode.observations[start : end + 1]
    poses = np.array([observation.gripper_pose for observation in observations])
    opened = np.array([observation.is_open for observation in observations])
    named = [m for m, name in enumerate(episode.objects.names) if name == step.object]
    if not named:
        return Span(poses, opened, target, 0.0, None)
    known = np.minimum(np.arange(start, end + 1), len(episode) - 1)
    distance = np.linalg.norm(episode.objects.positions[known][:, named] - poses[:, None, :3], axis=-1)
    return Span(poses, opened, target, float(distance.min()), _carried(episode, named, start, end))


def check_plan(episode: Episode, starts: Sequence[int], config: DecomposeConfig) -> str:
    """What the trajectory shows against its own steps that begin at motions `starts`; empty if it shows them all."""
    if not episode.success:
        return "the episode did not succeed"
    for start, end in zip(starts, [*starts[1:], len(episode)], strict=True):
        try:
            step = parse_step(episode.steps[start])
        except UserError as error:
            return error.what
        if reason := check_step(step, span_of(episode, step, start, end, episode.targets[end - 1]), config):
            return f"'{step}' {reason}"
    return ""


def check_step(step: Step, span: Span, config: DecomposeConfig) -> str:
    """What a step's span does not show, in words that follow the step's text; empty if all is there."""
    return _check_action(step, span, config) or ("never comes near it" if span.reach > config.reach_distance else "")


def _check_action(step: Step, span: Span, config: DecomposeConfig) -> str:
    distance = np.linalg.norm(span.travel)
    match step.action:
        case "grasp":
            return _first(
                (span.opened[-1], "ends with an open gripper"),
                (not span.opened[-2], "closes a gripper that was not open"),
                (not span.opened[:-1].all(), "begins with a closed gripper"),
                (not _near(span.poses[-1], span.target, config), "closes away from it"),
            )
        case "release":
            return _check_release(step, span, config)
        case "lift":
            return _first(
                (span.opened[:-1].any(), "lifts with an open gripper"),
                (span.poses[-1, 2] - span.poses[0, 2] < config.rise, "does not rise"),
                (_left_behind(span), "leaves it behind"),
            )
        case "push":
            return _first(
                (not _presses(span, config) and not _moves_forward(span, config), "neither goes down nor forward"),
                (span.opened[-1], "pushes with an open gripper"),
            )
        case "rotate":
            return _first(
                (_turn(span.poses[-2:]) < config.turn, "does not turn"),
                (span.opened.any(), "turns with an open gripper"),
            )
        case "move":
            return _first(
                (distance < config.displacement, "does not move"),
                (span.opened.any(), "moves with an open gripper"),
                (not _comes_nearer(span), "does not come nearer"),
                (_left_behind(span), "leaves it behind"),
            )
        case "pull":
            return _first(
                (distance < config.displacement, "does not move"),
                (span.opened[0], "moves with an open gripper"),
                (_left_behind(span), "leaves it behind"),
            )
        case "slide":
            return _first(
                (distance < config.displacement, "does not move"),
                (not _moves_forward(span, config), "does not move forward"),
                (not _near(span.poses[-1], span.target, config), "ends away from it"),
            )


def _check_release(step: Step, span: Span, config: DecomposeConfig) -> str:
    if not span.opened[-1]:
        return "ends with a closed gripper"
    if span.opened[0]:
        return "opens a gripper that was not closed"
    away = _distance(span.poses[span.acting], span.target) > config.inside_distance
    return "opens away from it" if step.target and away else ""


def _first(*findings: tuple[bool, str]) -> str:
    return next((text for found, text in findings if found), "")


def _distance(pose: np.ndarray, target: np.ndarray) -> float:
    return float(np.linalg.norm(pose[:3] - target))


def _near(pose: np.ndarray, target: np.ndarray, config: DecomposeConfig) -> bool:
    return _distance(pose, target) <= config.grasp_distance


def _presses(span: Span, config: DecomposeConfig) -> bool:
    return bool(span.travel[2] <= -config.press)


def _moves_forward(span: Span, config: DecomposeConfig) -> bool:
    return bool(np.linalg.norm(span.travel[:2]) >= config.displacement)


def _comes_nearer(span: Span) -> bool:
    return _distance(span.poses[-1], span.target) < _distance(span.poses[0], span.target)


def _carried(episode: Episode, named: list[int], start: int, end: int) -> np.ndarray | None:
    """Displacement of that of the things `named` nearest to the tip; unknown where the episode ends with the step."""
    if end >= len(episode):
        return None
    before = episode.objects.positions[start, named]
    nearest = np.argmin(np.linalg.norm(before - episode.observations[start].gripper_pose[:3], axis=1))
    return episode.objects.positions[end, named][nearest] - before[nearest]


def _left_behind(span: Span) -> bool:
    """Whether the thing moved less than half as far as the hand."""
    moved = np.linalg.norm(span.poses[-1, :3] - span.poses[0, :3])
    return span.carried is not None and bool(np.linalg.norm(span.carried) < moved / 2)


def _turn(poses: np.ndarray) -> float:
    """Angle between the rotations of two poses (2, 7) [rad]."""
    return float(2 * np.arccos(np.clip(abs(poses[0, 3:] @ poses[1, 3:]), 0, 1)))
