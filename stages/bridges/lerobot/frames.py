"""An episode as frames of a LeRobot data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.artifacts.episode import Episode
from stages.bridges.lerobot.features import MOTION, OUTCOME, Feature, camera_features
from stages.bridges.lerobot.layout import (
    ACTION,
    DEPTH,
    DONE,
    IGNORE_COLLISION,
    IMAGES,
    REWARD,
    STATE,
    STEP,
    SUCCESS,
    TIME,
    extrinsics_key,
    intrinsics_key,
)
from stages.core.observation import OPEN, Observation
from stages.geometry.poses import slerp

Values = dict[str, Any]
"""Of N frames, by the keys of the features: arrays (N, ...), or N texts."""


def keyframe_features(observation: Observation, video: bool) -> dict[str, Feature]:
    """Features of data whose frames are keyframes that look like this one."""
    cameras: dict[str, Feature] = {}
    for name, frame in observation.cameras.items():
        cameras |= camera_features(name, *frame.depth.shape, video)
    return MOTION | cameras | OUTCOME


def keyframe_values(episode: Episode) -> Values:
    """The K + 1 observations of an episode, each with the motion that follows it.

    After the last one nothing follows: its action, and what comes of it, are those of the motion before.
    """
    seen = episode.observations
    after = np.minimum(np.arange(len(seen)), len(episode) - 1)
    values = {
        STATE: np.array([[*o.gripper_pose, o.gripper_open, *o.joint_positions] for o in seen]),
        ACTION: episode.actions[after, :8],
        TIME: np.array([o.time for o in seen]),
        IGNORE_COLLISION: episode.actions[after, 8] > 0.5,
        STEP: [episode.steps[k] for k in after],
        REWARD: np.asarray(episode.rewards)[after],
        DONE: np.arange(len(seen)) == len(episode),
        SUCCESS: (np.arange(len(seen)) >= len(episode) - 1) & episode.success,
    }
    for name in seen[0].cameras:
        frames = [o.cameras[name] for o in seen]
        values[f"{IMAGES}{name}"] = np.stack([frame.rgb for frame in frames])
        values[f"{DEPTH}{name}"] = np.stack([frame.depth for frame in frames])
        values[intrinsics_key(name)] = np.stack([frame.intrinsics for frame in frames])
        values[extrinsics_key(name)] = np.stack([frame.camera_to_world for frame in frames])
    return values


def dense_values(episode: Episode, fps: int) -> Values:
    """The recorded trajectory at even times, each sample with the state that comes after it as its action."""
    recorded = episode.trajectory
    time = recorded["time"]
    even = np.arange(time[0], time[-1] + 0.5 / fps, 1 / fps)
    before = np.clip(np.searchsorted(time, even, side="right") - 1, 0, max(len(time) - 2, 0))
    after = np.minimum(before + 1, len(time) - 1)
    share = np.clip((even - time[before]) / np.maximum(time[after] - time[before], 1e-9), 0, 1)[:, None]

    def between(rows: np.ndarray) -> np.ndarray:
        return (1 - share) * rows[before] + share * rows[after]

    pose, opening = recorded["gripper_pose"], recorded["gripper_open"][:, None]
    turned = slerp(pose[before, 3:], pose[after, 3:], share[:, 0])
    state = np.hstack([between(pose[:, :3]), turned, between(opening), between(recorded["joint_positions"])])
    following = state[np.minimum(np.arange(len(state)) + 1, len(state) - 1), :8].copy()
    following[:, 7] = following[:, 7] > OPEN
    return {STATE: state, ACTION: following, TIME: even}
