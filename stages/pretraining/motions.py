"""Motions in procedural scenes, as the fine predictor's training wants them."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np

from stages.core.progress import Progress
from stages.predictor.cloud import PointCloud, cloud_of
from stages.predictor.data import GENEROUS, MARGIN, MotionExample, prepare
from stages.runtime.worker_pool import map_unordered
from stages.settings.fine import FineConfig
from stages.simulators.tabletop.families import FURNITURE, SHAPES
from stages.simulators.tabletop.procedural import paint, procedural_world
from stages.simulators.tabletop.procedural_motions import Acts, SeenMotion, play

MOST_THINGS = 7
ACTS = 3
"""Things in a scene at most, and what is done one after the other."""

WORKED = ("suitcase", "binder", "bin", "casket", "toaster", "camera", "bell", "radio", "printer", "organizer")
"""Families besides furniture that a hand can work."""

FURNISHED = 0.75
"""Share of scenes with at least one thing that can be worked, and of acts that work one where there is one."""


def render_motions(
    scenes: int, config: FineConfig, image_size: int, seed: int, folder: Path, workers: int, progress: Progress
) -> list[MotionExample]:
    """The motions of many scenes; those that `folder` holds already are used again.

    Args:
        image_size: of the cameras [px].
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index}.npz" for index in range(scenes)]
    missing = [path for path in paths if not path.is_file()]
    done = scenes - len(missing)
    for _ in map_unordered(partial(_MotionMaker, config, image_size, seed), missing, workers):
        done += 1
        progress(done, scenes, "playing procedural scenes")
    return [example for path in paths for example in load_motions(path)]


class _MotionMaker:
    """Plays the scene of a path, whose name is its number, in a worker process."""

    def __init__(self, config: FineConfig, image_size: int, seed: int) -> None:
        self._config, self._image_size, self._seed = config, image_size, seed

    def __call__(self, path: Path) -> None:
        rng = np.random.default_rng([self._seed, int(path.stem), 3])
        save_motions(path, examples_of(played(rng, self._image_size), self._config))


def played(rng: np.random.Generator, image_size: int) -> list[SeenMotion]:
    """What is done in a random scene."""
    count = int(rng.integers(2, MOST_THINGS + 1))
    nouns, worked = list(SHAPES), [noun for noun in SHAPES if noun in FURNITURE or noun in WORKED]
    pool = worked if rng.random() < FURNISHED / 2 else nouns
    world = procedural_world(rng, pool, count, held=0.0)
    paint(rng, world)
    acts, seen = Acts(world, rng), []
    for _ in range(ACTS):
        possible = acts.on_parts() if rng.random() < FURNISHED else []
        possible = possible or acts.on_things() or acts.on_parts()
        if not possible:
            break
        act = play(world, possible[rng.integers(len(possible))](), image_size)
        seen += act
        if act and act[-1].motion.step.action in ("lift", "move"):
            break  # the hand still holds something, which nothing else is done with
    return seen


def examples_of(seen: list[SeenMotion], config: FineConfig) -> list[MotionExample]:
    """Motions as examples, but for those that end outside the cube around their keypoint."""
    half = config.extent / 2 - MARGIN
    within = [one for one in seen if np.abs(one.motion.action[:3] - one.motion.keypoint).max() < half]
    return [_example(one, config) for one in within]


def _example(seen: SeenMotion, config: FineConfig) -> MotionExample:
    observation, keypoint = seen.observation, np.asarray(seen.motion.keypoint, float)
    return MotionExample(
        cloud=prepare(cloud_of(observation), keypoint, observation.gripper_pose, config, GENEROUS),
        keypoint=keypoint,
        step=str(seen.motion.step),
        motion_index=seen.index,
        gripper_pose=observation.gripper_pose,
        gripper_open=observation.is_open,
        action=np.asarray(seen.motion.action, float),
    )


def save_motions(path: Path, examples: list[MotionExample]) -> None:
    """Write the motions of a scene, all or nothing: an array of each kind, points from their keypoints in 16 bits."""
    sizes = [len(example.cloud.points) for example in examples]
    clouds = [example.cloud for example in examples]
    offsets = [example.cloud.points - example.keypoint for example in examples]
    arrays = dict(
        sizes=np.array(sizes, np.int64),
        points=np.concatenate([np.zeros((0, 3)), *offsets]).astype(np.float16),
        colours=np.concatenate([np.zeros((0, 3), np.uint8), *(cloud.colours for cloud in clouds)]),
        cameras=np.concatenate([np.zeros(0, np.uint8), *(cloud.cameras for cloud in clouds)]),
        **{
            name: np.array([getattr(example, name) for example in examples])
            for name in ("keypoint", "step", "motion_index", "gripper_pose", "gripper_open", "action")
        },
    )
    unfinished = path.with_suffix(".partial")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_motions(path: Path) -> list[MotionExample]:
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    ends = np.cumsum(arrays["sizes"])
    found = []
    for number, (start, end) in enumerate(zip(ends - arrays["sizes"], ends, strict=True)):
        keypoint = arrays["keypoint"][number]
        points = arrays["points"][start:end].astype(np.float32) + keypoint.astype(np.float32)
        found.append(
            MotionExample(
                cloud=PointCloud(points, arrays["colours"][start:end], arrays["cameras"][start:end]),
                keypoint=keypoint,
                step=str(arrays["step"][number]),
                motion_index=int(arrays["motion_index"][number]),
                gripper_pose=arrays["gripper_pose"][number],
                gripper_open=bool(arrays["gripper_open"][number]),
                action=arrays["action"][number],
                episode=path.stem,
                index=number,
            )
        )
    return found
