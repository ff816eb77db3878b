"""Open an export with the lerobot package itself, read every frame, and compare with the demonstrations.

Run it in an environment that has lerobot (docs/interoperability.md):
python -m tests.compatibility.lerobot DIR --demos DEMOS
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

# torchvision is built for another torch here: it imports once these operators are declared.
_OPERATORS = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _OPERATORS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402
from lerobot.datasets.utils import dataset_to_policy_features  # noqa: E402

from stages.artifacts.demonstrations import Demonstrations  # noqa: E402
from stages.artifacts.episode import Episode  # noqa: E402
from stages.bridges.lerobot.layout import DEPTH, IMAGES, extrinsics_key, intrinsics_key  # noqa: E402

LOSS = 8.0
"""Mean difference of a video's pixels from the images', of 255."""


def main() -> None:
    """Metadata, every frame, a batch, delta timestamps and statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--demos", type=Path, help="Compare with these demonstrations.")
    args = parser.parse_args()
    data = LeRobotDataset("local/export", root=args.folder)
    print(data)
    print({key: tuple(feature.shape) for key, feature in dataset_to_policy_features(data.features).items()})
    for index in range(len(data)):
        _check_counts(data, index)
    _check_batches(data)
    _check_statistics(data)
    if args.demos:
        with Demonstrations(args.demos) as demos:
            _compare(data, demos)
    print(f"{len(data)} frames of {data.num_episodes} episodes are what was written")


def _require(holds: object, what: str) -> None:
    if not holds:
        raise SystemExit(f"{what} is not as it should be")


def _check_counts(data: LeRobotDataset, index: int) -> None:
    item = data[index]
    row = data.meta.episodes[int(item["episode_index"])]
    _require(int(item["index"]) == index, f"the index of frame {index}")
    _require(row["dataset_from_index"] + int(item["frame_index"]) == index, f"the place of frame {index}")
    _require(abs(float(item["timestamp"]) - int(item["frame_index"]) / data.fps) < 1e-4, f"the time of frame {index}")
    _require(item["task"] == row["tasks"][0], f"the task of frame {index}")
    for key in data.meta.camera_keys:
        _require(item[key].dtype == torch.float32 and 0 <= item[key].min() <= item[key].max() <= 1, key)


def _check_batches(data: LeRobotDataset) -> None:
    """torch's loader with workers, and neighbouring frames asked for by time."""
    for batch in torch.utils.data.DataLoader(data, batch_size=8, num_workers=0, shuffle=True):
        _require(torch.isfinite(batch["observation.state"]).all(), "a batch's state")
    asked = {"action": [0.0, 1 / data.fps, 2 / data.fps], "observation.state": [-1 / data.fps, 0.0]}
    chunks = LeRobotDataset("local/export", root=data.root, delta_timestamps=asked)
    first, length = chunks[0], data.meta.episodes[0]["length"]
    _require(first["action"].shape == (3, 8), "an action chunk")
    _require(first["observation.state_is_pad"].tolist() == [True, False], "padding at the beginning")
    _require(chunks[length - 1]["action_is_pad"].tolist() == [False, True, True], "padding at the end")


def _check_statistics(data: LeRobotDataset) -> None:
    for key in ("observation.state", "action"):
        values = np.stack([np.asarray(row) for row in data.hf_dataset.with_format("numpy")[key]])
        found = data.meta.stats[key]
        for name, expected in (("mean", values.mean(0)), ("std", values.std(0)), ("min", values.min(0))):
            np.testing.assert_allclose(found[name], expected, atol=1e-5)
        _require(found["count"][0] == len(values), f"the count of {key}")
    for key in data.meta.camera_keys:
        _require(data.meta.stats[key]["mean"].shape == (3, 1, 1), f"the statistics of {key}")


def _compare(data: LeRobotDataset, demos: Demonstrations) -> None:
    """Keyframes are the demonstrations' observations, dense frames begin and end with them."""
    used = [index for index in range(len(demos)) if len(demos.episode(index, images=False))]
    dense = "observation.images." not in "".join(data.meta.camera_keys)
    for number, index in enumerate(used):
        episode, row = demos.episode(index), data.meta.episodes[number]
        frames = range(row["dataset_from_index"], row["dataset_to_index"])
        _require(row["tasks"] == [episode.instruction], f"the task of episode {number}")
        if dense:
            start = data[frames[0]]["observation.state"].numpy()
            np.testing.assert_allclose(start[:7], episode.trajectory["gripper_pose"][0], atol=1e-6)
        else:
            _require(len(frames) == len(episode.observations), f"the length of episode {number}")
            for k, frame in enumerate(frames):
                _compare_keyframe(data[frame], episode, k, video=bool(data.meta.video_keys))


def _compare_keyframe(item: dict, episode: Episode, k: int, video: bool) -> None:
    seen, motion = episode.observations[k], min(k, len(episode) - 1)
    state = [*seen.gripper_pose, seen.gripper_open, *seen.joint_positions]
    np.testing.assert_allclose(item["observation.state"], state, atol=1e-6)
    np.testing.assert_allclose(item["action"], episode.actions[motion, :8], atol=1e-6)
    _require(item["step"] == episode.steps[motion], "a step")
    _require(bool(item["next.done"]) == (k == len(episode)), "the end")
    for name, frame in seen.cameras.items():
        image = np.moveaxis(item[f"{IMAGES}{name}"].numpy(), 0, -1) * 255
        difference = np.abs(image - frame.rgb)
        _require(difference.mean() < LOSS if video else difference.max() < 1e-3, f"an image of {name}")
        np.testing.assert_array_equal(item[f"{DEPTH}{name}"], frame.depth)
        np.testing.assert_allclose(item[intrinsics_key(name)], frame.intrinsics, rtol=1e-6)
        np.testing.assert_allclose(item[extrinsics_key(name)], frame.camera_to_world, atol=1e-6)


if __name__ == "__main__":
    main()
