"""Keyframes of a dense trajectory by the field's rule: the gripper changes, the arm stands still, the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stages.core.observation import OPEN

STILL = 0.1
"""Joint speed below which the arm stands still [rad/s]."""

BUFFER = 4
"""Samples that pass between two stops."""

SAME_PLACE = 0.005
"""Candidates between which the tip stays within this distance belong to one stop [m]."""

SAME_TURN = 0.05
"""The same for the tip's rotation [rad]."""

AT_REST = 0.02
"""Samples of a stop whose speed is within this of its least are equally at rest [rad/s]."""


@dataclass(frozen=True)
class KeyframeCheck:
    """Found keyframes beside the ends of the commanded motions.

    Attributes:
        keyframes: (K + 1,) sample of the first observation and of each motion's end, as found; where a motion's end
            was not found, the end itself.
        extra: stops found within motions.
        missed: motion ends that were not found.
    """

    keyframes: np.ndarray
    extra: int
    missed: int


def candidate_keyframes(joint_velocities: np.ndarray, gripper_open: np.ndarray) -> list[int]:
    """Samples that the field's rule marks (RLBench's keypoint discovery).

    A sample is marked if the gripper's state differs from the one before; if all joint speeds (T, 7) are below `STILL`
    while the gripper's state is the same over the neighbouring samples and the last stop is at least `BUFFER` samples
    ago; and if it is the last.

    Args:
        joint_velocities: (T, 7) [rad/s].
        gripper_open: (T,) opening in [0, 1].
    """
    is_open = np.asarray(gripper_open) > OPEN
    still = np.all(np.abs(joint_velocities) < STILL, axis=1)
    last = len(is_open) - 1
    marked, wait = [], 0
    for i in range(1, last + 1):
        unchanged = 2 <= i < last - 1 and len(set(is_open[i - 2 : i + 2])) == 1
        stopped = bool(still[i]) and unchanged and wait <= 0
        wait = BUFFER if stopped else wait - 1
        if is_open[i] != is_open[i - 1] or stopped or i == last:
            marked.append(i)
    return marked


def marked_keyframes(joint_velocities: np.ndarray, gripper_open: np.ndarray) -> np.ndarray:
    """All samples (N,) that the rule marks, with sample 0 in front; of two adjacent ones at the end the last alone."""
    marked = candidate_keyframes(joint_velocities, gripper_open)
    if len(marked) > 1 and marked[-1] - marked[-2] == 1:
        del marked[-2]
    return np.array([0, *marked])


def find_keyframes(trajectory: Mapping[str, np.ndarray]) -> np.ndarray:
    """Keyframes (N,) of a trajectory, with sample 0 in front.

    The rule marks a stop several times: where the arm halts, where the fingers change, where they are done. Here one
    stop is one keyframe, its last sample at rest, which is what the robot sees before it moves on.

    Args:
        trajectory: joint_velocities (T, 7), gripper_open (T,), gripper_pose (T, 7).
    """
    speed = np.abs(trajectory["joint_velocities"]).max(axis=1)
    pose, opening = trajectory["gripper_pose"], trajectory["gripper_open"]
    stops: list[list[int]] = [[0]]
    for sample in candidate_keyframes(trajectory["joint_velocities"], opening):
        if _same_place(pose, stops[-1][-1], sample):
            stops[-1].append(sample)
        else:
            stops.append([sample])
    acted = (opening[stops[0][-1]] > OPEN) != (opening[0] > OPEN)
    found = [0, *(_last_at_rest(speed, stop[-1]) for stop in stops[0 if acted else 1 :])]
    return np.array(found)


def check_keyframes(trajectory: Mapping[str, np.ndarray]) -> KeyframeCheck:
    """Find the keyframes and lay them beside the recorded ends of the motions, `trajectory["keyframes"]` (K + 1,)."""
    pose = trajectory["gripper_pose"]
    left = list(find_keyframes(trajectory)[1:])
    keyframes, missed = [0], 0
    for end in trajectory["keyframes"][1:]:
        match = next((sample for sample in left if _same_place(pose, min(sample, end), max(sample, end))), None)
        if match is None:
            missed += 1
        else:
            left.remove(match)
        keyframes.append(int(end if match is None else match))
    return KeyframeCheck(np.array(keyframes), extra=len(left), missed=missed)


def _same_place(pose: np.ndarray, first: int, last: int) -> bool:
    """Whether the tip stayed where it was from one sample to another."""
    between = pose[first : last + 1]
    distance = np.linalg.norm(between[:, :3] - pose[first, :3], axis=1)
    cosine = np.clip(np.abs(between[:, 3:] @ pose[first, 3:]), 0, 1)
    return bool(distance.max() < SAME_PLACE and (2 * np.arccos(cosine)).max() < SAME_TURN)


def _last_at_rest(speed: np.ndarray, sample: int) -> int:
    """The last sample at rest of the standstill that goes on from `sample`."""
    end = sample
    while end + 1 < len(speed) and speed[end + 1] < STILL:
        end += 1
    stop = speed[sample : end + 1]
    return sample + int(np.flatnonzero(stop <= stop.min() + AT_REST)[-1])
