"""An episode in HDF5: robomimic's layout of a demonstration, ours beside it."""

from __future__ import annotations

import json

import h5py
import numpy as np
from h5py import h5d

from stages.artifacts.datasets import create
from stages.artifacts.episode import TRAJECTORY, Episode, ObjectTracks, Predictions
from stages.artifacts.next_observations import FINAL, FINGER_SIGNS, FINGERS, OBS, write_next_observations
from stages.core.observation import CameraFrame, Observation
from stages.geometry.workspace import WORKSPACE_HIGH, WORKSPACE_LOW

FINGER_TRAVEL = 0.04
"""Stroke of one Panda finger [m]."""

_TEXT = h5py.string_dtype()
_ATTRIBUTES = ("task", "variation", "taskvar", "level", "seed", "instruction", "success", "error")


def write_episode(group: h5py.Group, episode: Episode) -> list[h5d.DatasetID]:
    """Fill the group of a demonstration; returns the open data sets of observations (`datasets.create`)."""
    _write_attributes(group, episode)
    _write_motions(group, episode)
    written = _write_observations(group, episode)
    write_next_observations(group)
    _write_tracks(group.create_group("objects"), episode.objects)
    trajectory = group.create_group("trajectory")
    for name in TRAJECTORY:
        _compressed(trajectory, name, np.asarray(episode.trajectory[name]))
    if episode.predictions is not None:
        _write_predictions(group.create_group("predictions"), episode.predictions)
    return written


def read_episode(group: h5py.Group, *, images: bool = True) -> Episode:
    """The episode of a group; without `images` its observations have no cameras, which is fast."""
    count = int(group.attrs["num_samples"])
    attributes = group.attrs
    return Episode(
        **{name: attributes[name].item() for name in ("variation", "seed", "success")},
        **{name: str(attributes[name]) for name in ("task", "level", "instruction", "error")},
        instructions=tuple(json.loads(attributes["instructions"])),
        plan=tuple(json.loads(attributes["plan"])),
        observations=tuple(read_observation(group, k, images=images) for k in range(count + 1)),
        actions=group["actions_abs"][()],
        steps=tuple(group["steps"].asstr()[()]),
        targets=group["targets"][()],
        objects=_read_tracks(group["objects"]),
        states=group["states"][()],
        rewards=group["rewards"][()],
        trajectory={name: group["trajectory"][name][()] for name in TRAJECTORY},
        predictions=_read_predictions(group["predictions"]) if "predictions" in group else None,
    )


def read_observation(group: h5py.Group, k: int, *, images: bool = True) -> Observation:
    """Observation k of K + 1; the last one is the final one."""
    count = int(group.attrs["num_samples"])
    if not 0 <= k <= count:
        raise IndexError(f"observation {k} of {count + 1}")
    source, row = (group[OBS], k) if k < count else (group[FINAL], 0)
    return Observation(
        cameras={name: _read_frame(source, name, row) for name in camera_names(group)} if images else {},
        gripper_pose=np.concatenate([source["robot0_eef_pos"][row], source["robot0_eef_quat"][row]]),
        gripper_open=float(source["robot0_gripper_open"][row, 0]),
        joint_positions=source["robot0_joint_pos"][row],
        time=float(source["time"][row, 0]),
    )


def camera_names(group: h5py.Group) -> list[str]:
    """Cameras of a demonstration, in the order in which they were given."""
    return json.loads(group.attrs["cameras"])


def normalised_actions(actions: np.ndarray) -> np.ndarray:
    """Actions (K, 9) with every component in [-1, 1]: positions relative to the workspace cube, flags -1 or 1."""
    actions = np.array(actions, float).reshape(-1, 9)
    centre, half = (WORKSPACE_HIGH + WORKSPACE_LOW) / 2, (WORKSPACE_HIGH - WORKSPACE_LOW) / 2
    actions[:, :3] = (actions[:, :3] - centre) / half
    actions[:, 7:] = 2 * actions[:, 7:] - 1
    return np.clip(actions, -1, 1)


def _write_attributes(group: h5py.Group, episode: Episode) -> None:
    for name in _ATTRIBUTES:
        group.attrs[name] = getattr(episode, name)
    group.attrs["num_samples"] = len(episode)
    group.attrs["steps_taken"] = len(episode)
    group.attrs["instructions"] = json.dumps(episode.instructions)
    group.attrs["plan"] = json.dumps(episode.plan)
    group.attrs["cameras"] = json.dumps(list(episode.observations[0].cameras))


def _write_motions(group: h5py.Group, episode: Episode) -> None:
    count = len(episode)
    dones = np.zeros(count, np.int64)
    dones[-1:] = 1
    group["actions"] = normalised_actions(episode.actions)
    group["actions_abs"] = np.asarray(episode.actions, float).reshape(-1, 9)
    group["rewards"] = np.asarray(episode.rewards, float)
    group["dones"] = dones
    group["targets"] = np.asarray(episode.targets, float).reshape(-1, 3)
    group.create_dataset("steps", data=np.array(episode.steps, object), dtype=_TEXT, shape=(count,))
    _compressed(group, "states", np.asarray(episode.states))


def _write_observations(group: h5py.Group, episode: Episode) -> list[h5d.DatasetID]:
    count, written = len(episode), []
    rows = _observation_arrays(episode.observations)
    for name, part in ((OBS, slice(0, count)), (FINAL, slice(count, None))):
        target = group.create_group(name)
        for key, values in rows.items():
            is_image = values.ndim > 2 and values.shape[1] > 4 and len(values[part]) > 0
            written.append(create(target, key, values[part], (1, *values.shape[1:]) if is_image else None))
    return written


def _observation_arrays(observations: tuple[Observation, ...]) -> dict[str, np.ndarray]:
    """Every observation key of robomimic's flat layout, (K + 1, ...)."""
    arrays = {
        "robot0_eef_pos": np.stack([o.gripper_pose[:3] for o in observations]).astype(float),
        "robot0_eef_quat": np.stack([o.gripper_pose[3:] for o in observations]).astype(float),
        "robot0_joint_pos": np.stack([o.joint_positions for o in observations]).astype(float),
        "robot0_gripper_open": np.array([[o.gripper_open] for o in observations], float),
        FINGERS: np.array([o.gripper_open * FINGER_TRAVEL * FINGER_SIGNS for o in observations], float),
        "time": np.array([[o.time] for o in observations], float),
    }
    for name in observations[0].cameras:
        frames = [o.cameras[name] for o in observations]
        arrays[f"{name}_image"] = np.stack([f.rgb for f in frames])
        arrays[f"{name}_depth"] = np.stack([f.depth for f in frames]).astype(np.float32)[..., None]
        arrays[f"{name}_intrinsics"] = np.stack([f.intrinsics for f in frames]).astype(float)
        arrays[f"{name}_extrinsics"] = np.stack([f.camera_to_world for f in frames]).astype(float)
        if frames[0].mask is not None:
            arrays[f"{name}_mask"] = np.stack([f.mask for f in frames]).astype(np.uint16)
    return arrays


def _read_frame(source: h5py.Group, name: str, row: int) -> CameraFrame:
    mask = f"{name}_mask"
    return CameraFrame(
        rgb=source[f"{name}_image"][row],
        depth=source[f"{name}_depth"][row, ..., 0],
        intrinsics=source[f"{name}_intrinsics"][row],
        camera_to_world=source[f"{name}_extrinsics"][row],
        mask=source[mask][row] if mask in source else None,
    )


def _write_tracks(group: h5py.Group, tracks: ObjectTracks) -> None:
    group.create_dataset("names", data=np.array(tracks.names, object), dtype=_TEXT, shape=(len(tracks.names),))
    group.create_dataset("kinds", data=np.array(tracks.kinds, object), dtype=_TEXT, shape=(len(tracks.kinds),))
    group["mask_ids"] = np.asarray(tracks.mask_ids, np.int64)
    group["positions"] = np.asarray(tracks.positions, float)


def _read_tracks(group: h5py.Group) -> ObjectTracks:
    names, kinds = (tuple(group[key].asstr()[()]) for key in ("names", "kinds"))
    return ObjectTracks(names, kinds, group["mask_ids"][()], group["positions"][()])


def _write_predictions(group: h5py.Group, predictions: Predictions) -> None:
    shape = (len(predictions.steps),)
    objects = [json.dumps(found) for found in predictions.objects]
    group.create_dataset("step", data=np.array(predictions.steps, object), dtype=_TEXT, shape=shape)
    group.create_dataset("objects", data=np.array(objects, object), dtype=_TEXT, shape=shape)
    group["keypoint"] = np.asarray(predictions.keypoints, float).reshape(-1, 3)
    group["confidence"] = np.asarray(predictions.confidence, float)
    group["action_abs"] = np.asarray(predictions.actions, float).reshape(-1, 9)


def _read_predictions(group: h5py.Group) -> Predictions:
    return Predictions(
        steps=tuple(group["step"].asstr()[()]),
        keypoints=group["keypoint"][()],
        confidence=group["confidence"][()],
        objects=tuple(json.loads(text) for text in group["objects"].asstr()[()]),
        actions=group["action_abs"][()],
    )


def _compressed(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """A dataset with the fastest level of the compression that every HDF5 has; empty ones stay plain."""
    if values.size == 0:
        group.create_dataset(name, data=values)
    else:
        group.create_dataset(name, data=values, chunks=True, compression="gzip", compression_opts=1, shuffle=True)
