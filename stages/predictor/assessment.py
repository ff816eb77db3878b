"""How far predictions are from what experts did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stages.core.steps import parse_step
from stages.geometry.poses import quaternion_to_matrix, rotation_angle
from stages.predictor.data import MotionExample, disturbed_keypoint, hand_is_free
from stages.predictor.predictor import FinePredictor
from stages.predictor.rotation import facing
from stages.settings.fine import FineConfig


@dataclass(frozen=True)
class HeldOut:
    """Predictions beside the truth, for N motions.

    Attributes:
        examples: the motions.
        actions: (N, 9) predicted.
        confidence: (N,).
        position_error: (N,) [m].
        rotation_error: (N,) [rad]; where nothing is held, with the fingers exchanged if that is nearer.
    """

    examples: list[MotionExample]
    actions: np.ndarray
    confidence: np.ndarray
    position_error: np.ndarray
    rotation_error: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """Actions (N, 9) of the experts."""
        return np.array([example.action for example in self.examples]).reshape(-1, 9)

    def errors(self) -> dict[str, dict[str, float]]:
        """Errors over all motions ("all") and over those of every kind of step; see `summarise`."""
        kinds = np.array([parse_step(example.step).action for example in self.examples])
        groups = {"all": np.ones(len(kinds), bool)} | {kind: kinds == kind for kind in sorted(set(kinds))}
        return {name: self.summarise(members) for name, members in groups.items()}

    def summarise(self, members: np.ndarray) -> dict[str, float]:
        """Medians and 90th percentiles [m, degrees], and shares of right flags, over a mask (N,) of motions."""
        position, rotation = self.position_error[members], np.rad2deg(self.rotation_error[members])
        right = (self.actions == self.truth)[members]
        return {
            "motions": int(members.sum()),
            "position_median": float(np.median(position)),
            "position_p90": float(np.percentile(position, 90)),
            "rotation_median": float(np.median(rotation)),
            "rotation_p90": float(np.percentile(rotation, 90)),
            "gripper": float(right[:, 7].mean()),
            "collision": float(right[:, 8].mean()),
        }


def assess(predictor: FinePredictor, examples: list[MotionExample]) -> HeldOut:
    """What the predictor says about examples."""
    predictions = predictor.predict_examples(examples)
    actions = np.array([[*p.pose, p.gripper_open, p.ignore_collision] for p in predictions], float).reshape(-1, 9)
    truth = np.array([example.action for example in examples]).reshape(-1, 9)
    predicted, right = quaternion_to_matrix(actions[:, 3:7]), quaternion_to_matrix(truth[:, 3:7])
    free = np.array([hand_is_free(example.step, example.gripper_open) for example in examples], bool)
    predicted = np.where(free[:, None, None], facing(predicted, right), predicted)
    return HeldOut(
        examples=examples,
        actions=actions,
        confidence=np.array([p.confidence for p in predictions]),
        position_error=np.linalg.norm(actions[:, :3] - truth[:, :3], axis=1),
        rotation_error=rotation_angle(predicted, right),
    )


def with_planner_errors(examples: list[MotionExample], config: FineConfig, seed: int) -> list[MotionExample]:
    """The same examples with the keypoints that an erring planner would give."""
    rng = np.random.default_rng([seed, 2])
    return [
        replace(example, keypoint=disturbed_keypoint(example.keypoint, example.action[:3], config, rng))
        for example in examples
    ]
