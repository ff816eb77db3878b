"""Training data: one example per motion, drawn anew with other errors, turns and gaps every time it is seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from stages.core.steps import MAX_MOTIONS, parse_step
from stages.geometry.canonical import CanonicalViews
from stages.geometry.poses import axis_rotation, matrix_to_quaternion, quaternion_to_matrix
from stages.predictor.cloud import PointCloud, draw, hand_density, hand_features, next_features
from stages.predictor.decoding import Targets, label
from stages.predictor.rotation import HALF_TURN, mean_rotation
from stages.predictor.transformer import Inputs
from stages.settings.fine import FineConfig

MARGIN = 0.01
"""Distance [m] that a target keeps from the faces of the cube."""

GENEROUS = 0.12
"""How much farther than the cube [m] an example's cloud reaches on every side, for turns and keypoint errors."""


@dataclass(frozen=True)
class MotionExample:
    """One motion of an expert.

    Attributes:
        cloud: what was seen before it, around the keypoint, without the hand, one point a camera and voxel.
        keypoint: (3,) [m].
        step: text of the language step.
        motion_index: which motion of the step this is.
        gripper_pose: (7,) before the motion.
        gripper_open: whether the gripper was open before the motion.
        action: (9,) pose, open, ignore_collision.
        next_keypoint: (3,) where the plan goes next [m]; None = not known.
        episode: name of the demonstration.
        index: of the motion in the demonstration.
    """

    cloud: PointCloud
    keypoint: np.ndarray
    step: str
    motion_index: int
    gripper_pose: np.ndarray
    gripper_open: bool
    action: np.ndarray
    next_keypoint: np.ndarray | None = None
    episode: str = ""
    index: int = 0


def prepare(
    cloud: PointCloud, keypoint: np.ndarray, gripper_pose: np.ndarray, config: FineConfig, reach: float
) -> PointCloud:
    """The part of a cloud that matters: within `reach` [m] of the cube around the keypoint, thinned, without hand."""
    near = cloud.around(np.asarray(keypoint), config.extent + 2 * reach).thinned(config.voxel)
    return near.without_hand(gripper_pose) if config.hide_hand else near


def hand_is_free(step: str, gripper_open: bool) -> bool:
    """Whether nothing is in the hand during a motion of a step, so that its fingers can be exchanged."""
    return gripper_open or parse_step(step).action in ("push", "slide")


def views_at(centre: np.ndarray, config: FineConfig) -> CanonicalViews:
    """The canonical views zoomed at a point (3,)."""
    return CanonicalViews(np.asarray(centre, float), config.extent, config.image_size, tuple(config.views))


def augment(
    example: MotionExample, config: FineConfig, rng: np.random.Generator
) -> tuple[MotionExample, np.ndarray, float]:
    """Another plausible sight of a motion.

    Returns:
        the example turned about its keypoint, with a disturbed keypoint, gripper pose, colours and cloud, at times
        with exchanged fingers, since either way of an earlier grasp may have been taken; and the angle [rad] by
        which the world was turned.
    """
    turn = np.deg2rad(rng.uniform(-config.turn, config.turn))
    pivot = example.keypoint
    gripper = turn_pose(example.gripper_pose, turn, pivot)
    gripper[:3] += config.gripper_jitter * rng.standard_normal(3)
    action = example.action.copy()
    action[:7] = turn_pose(action[:7], turn, pivot)
    if rng.random() < config.finger_exchange:
        gripper = exchange_fingers(gripper)
        if not hand_is_free(example.step, example.gripper_open):
            action[:7] = exchange_fingers(action[:7])
    cloud = disturb(example.cloud, config, rng)
    rotation = axis_rotation(2, turn).astype(np.float32)
    points = (cloud.points - pivot.astype(np.float32)) @ rotation.T + pivot.astype(np.float32)
    keypoint = disturbed_keypoint(pivot, action[:3], config, rng)
    turned = MotionExample(
        PointCloud(points, cloud.colours, cloud.cameras), keypoint, example.step, example.motion_index, gripper,
        example.gripper_open, action, disturbed_next(example.next_keypoint, turn, pivot, config, rng),
        example.episode, example.index,
    )  # fmt: skip
    return turned, turn


def turn_pose(pose: np.ndarray, angle: float, pivot: np.ndarray) -> np.ndarray:
    """A pose (7,) turned by `angle` [rad] about the vertical through `pivot` (3,)."""
    rotation = axis_rotation(2, angle)
    quaternion = matrix_to_quaternion(rotation @ quaternion_to_matrix(pose[3:7]))
    return np.concatenate([rotation @ (pose[:3] - pivot) + pivot, quaternion])


def exchange_fingers(pose: np.ndarray) -> np.ndarray:
    """A pose (7,) of the tip turned by half a turn about its approach axis."""
    return np.concatenate([pose[:3], matrix_to_quaternion(quaternion_to_matrix(pose[3:7]) @ HALF_TURN)])


def disturbed_keypoint(
    keypoint: np.ndarray, target: np.ndarray, config: FineConfig, rng: np.random.Generator
) -> np.ndarray:
    """A keypoint (3,) as an erring planner would give it, but with the target still in sight."""
    if rng.random() < config.keypoint_outliers:
        error = rng.uniform(-config.outlier_jitter, config.outlier_jitter, 3)
    else:
        error = config.keypoint_jitter * rng.standard_normal(3)
    reach = config.extent / 2 - MARGIN
    return np.clip(keypoint + error, target - reach, target + reach)


def disturbed_next(
    place: np.ndarray | None, turn: float, pivot: np.ndarray, config: FineConfig, rng: np.random.Generator
) -> np.ndarray | None:
    """Where the plan goes next (3,) as an erring planner would point at it in a turned scene, at times not at all."""
    error = config.keypoint_jitter * rng.standard_normal(3)
    if place is None or rng.random() < config.next_dropout:
        return None
    return axis_rotation(2, turn) @ (place - pivot) + pivot + error


def disturb(cloud: PointCloud, config: FineConfig, rng: np.random.Generator) -> PointCloud:
    """A cloud with a camera or some points missing and other colours, its cameras merged as in use."""
    keep = rng.random(len(cloud.points)) >= rng.uniform(0, 2 * config.point_dropout)
    if rng.random() < config.camera_dropout:
        seen = np.unique(cloud.cameras)
        keep &= cloud.cameras != rng.choice(seen) if len(seen) > 1 else True
    cloud = cloud[keep].merged(config.voxel)
    channels = rng.permutation(3) if rng.random() < config.colour_shuffle else np.arange(3)
    gain = (1 + config.colour_jitter * rng.standard_normal(3)).astype(np.float32)
    colours = np.clip(cloud.colours[:, channels] * gain, 0, 255).astype(np.uint8)
    return PointCloud(cloud.points, colours, cloud.cameras)


def home_of(examples: Sequence[MotionExample]) -> np.ndarray:
    """The rotation (3, 3) of the tip with which episodes begin."""
    begun = [quaternion_to_matrix(example.gripper_pose[3:]) for example in examples if example.index == 0]
    return mean_rotation(np.array(begun or [np.eye(3)]))


def merged(example: MotionExample, config: FineConfig) -> MotionExample:
    """An example whose cloud has one point a voxel, whichever camera saw it."""
    return replace(example, cloud=example.cloud.merged(config.voxel))


def recoloured(step: str, colours: Sequence[str], rng: np.random.Generator) -> str:
    """A step with its colours exchanged for others: they tell which thing is meant, not how the hand moves."""
    own = [word for word in dict.fromkeys(step.split()) if word in colours]
    others = dict(zip(own, rng.choice(colours, len(own), replace=False), strict=True)) if own else {}
    return " ".join(others.get(word, word) for word in step.split())


class PredictorSampler:
    """Batches by step number: batch k is the same whenever, and in whatever process, it is asked for.

    Args:
        colours: names of colours; those that occur in the steps are exchanged for one another.
    """

    def __init__(
        self,
        examples: list[MotionExample],
        config: FineConfig,
        text: torch.nn.Module,
        seed: int,
        colours: Collection[str] = (),
    ) -> None:
        self.examples = examples
        self.config = config
        self.text = text
        self.seed = seed
        self.colours = sorted({word for example in examples for word in example.step.split()} & set(colours))

    def indices(self, step: int) -> np.ndarray:
        """Which examples (batch_size,) batch `step` holds: epoch after epoch, shuffled anew."""
        count, size = len(self.examples), self.config.batch_size
        places = np.arange(step * size, (step + 1) * size)
        orders = {e: np.random.default_rng([self.seed, e]).permutation(count) for e in set(places // count)}
        return np.array([orders[place // count][place % count] for place in places])

    def batch(self, step: int) -> tuple[Inputs, Targets]:
        """Augmented batch number `step`."""
        rng = np.random.default_rng([self.seed, step, 1])
        chosen = self.indices(step)
        turned = [augment(self.examples[i], self.config, rng) for i in chosen]
        proprioception = rng.random(len(chosen)) >= self.config.gripper_dropout
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        steps = [recoloured(self.examples[i].step, self.colours, rng) for i in chosen]
        words = self.text.drop(self.text.tokenize(steps), self.config.word_dropout, generator)
        examples, turns = zip(*turned, strict=True)
        return collate(examples, words, self.config, turns, proprioception)


def collate(
    examples: list[MotionExample] | tuple[MotionExample, ...],
    words: torch.Tensor,
    config: FineConfig,
    turns: np.ndarray | tuple[float, ...] | None = None,
    proprioception: np.ndarray | None = None,
) -> tuple[Inputs, Targets]:
    """Network inputs and labels of examples, the world turned by `turns` [rad], the gripper's state given or not."""
    turns = np.zeros(len(examples)) if turns is None else turns
    proprioception = np.ones(len(examples), bool) if proprioception is None else proprioception
    rgb, depth, hands, held, ahead, pixels, rotations = [], [], [], [], [], [], []
    for example, turn, given in zip(examples, turns, proprioception, strict=True):
        views = views_at(example.keypoint, config)
        drawn = draw(example.cloud, views)
        rgb.append(drawn[0])
        depth.append(drawn[1])
        hands.append(
            hand_features(example.gripper_pose, example.gripper_open, example.keypoint, config.extent, turn, given)
        )
        held.append(hand_density(example.gripper_pose, given))
        ahead.append(next_features(example.next_keypoint, example.keypoint, config.extent))
        labels = label(example.action, views, hand_is_free(example.step, example.gripper_open))
        pixels.append(labels[0])
        rotations.append(labels[1])
    motions = torch.tensor([min(example.motion_index, MAX_MOTIONS - 1) for example in examples])
    inputs = Inputs(_images(rgb), _tensor(depth), words, motions, _tensor(hands), _tensor(held), _tensor(ahead))
    actions = np.array([example.action for example in examples])
    return inputs, Targets(_tensor(pixels), _tensor(rotations), _tensor(actions[:, 7]), _tensor(actions[:, 8]))


def _tensor(values: list[np.ndarray] | np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def _images(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).float() / 255
