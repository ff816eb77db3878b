"""CLAP in closed loop: the planner says where and what, the predictor says exactly how."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from stages.decision import Decision
from stages.errors import UserError
from stages.geometry.clouds import fuse
from stages.observation import Observation, PointObservation
from stages.planner.planner import Planner
from stages.planner.prompts import Memory
from stages.predictor.decoding import Prediction
from stages.predictor.predictor import FinePredictor
from stages.steps import MAX_MOTIONS


class ClapPolicy:
    """Planner and predictor; `reset` with an instruction, then `select_action` at every keyframe."""

    def __init__(self, planner: Planner, predictor: FinePredictor) -> None:
        self.planner, self.predictor = planner, predictor
        self._instruction = ""
        self._plan: list[str] = []
        self._memory = Memory()

    @classmethod
    def from_pretrained(cls, vlm: Path, fine: Path, device: str = "cpu") -> ClapPolicy:
        """Load what `clap finetune-vlm` and `clap train-fine` wrote."""
        return cls(Planner.from_pretrained(Path(vlm), device), FinePredictor.from_pretrained(Path(fine), device))

    def reset(self, instruction: str) -> None:
        """Begin an episode: the plan is made at the first observation."""
        self._instruction, self._plan, self._memory = instruction, [], Memory()

    def select_action(
        self, observation: Observation | PointObservation, keypoint: np.ndarray | None = None
    ) -> Decision:
        """The next keyframe action.

        Args:
            observation: RGB-D cameras, or a cloud fused already.
            keypoint: (3,) used in place of the planner's, world frame [m].

        Raises:
            UserError: `reset` was not called, or the planner finds no plan.
        """
        if not self._instruction:
            raise UserError("There is no instruction yet", "Call reset(instruction) first")
        started = time.perf_counter()
        visible, everything = _clouds(observation)
        views = self.planner.views(*visible)
        gripper_open = observation.gripper_open > 0.5
        if not self._plan:
            self._plan = self.planner.plan(self._instruction, views).steps
        decision = self.planner.decide(self._instruction, self._plan, self._memory, gripper_open, views)
        planned = time.perf_counter()
        motions = self._memory.motions if decision.step_index == self._memory.step_index else 0
        where = decision.keypoint.point if keypoint is None else np.asarray(keypoint, float)
        step = self._plan[decision.step_index]
        finished = motions >= MAX_MOTIONS  # going on with a step for longer: done, or stuck
        motion = self.predictor.predict(
            *everything, where, step, motions, observation.gripper_pose, observation.gripper_open
        )
        self._memory = Memory(decision.step_index, motions + 1)
        return Decision(
            action=_still(observation) if finished else _action(motion),
            plan=list(self._plan),
            step=step,
            step_index=decision.step_index,
            motion_index=motions,
            keypoint=where,
            objects={phrase: pointing.point for phrase, pointing in decision.objects.items()},
            confidence=decision.confidence * motion.confidence,
            finished=finished,
            seconds={"planner": planned - started, "predictor": time.perf_counter() - planned},
        )


Cloud = tuple[np.ndarray, np.ndarray]


def _clouds(observation: Observation | PointObservation) -> tuple[Cloud, Cloud]:
    """What the planner sees, the arm left out where its joint angles are known, and what the predictor sees."""
    if isinstance(observation, PointObservation):
        everything = observation.points, observation.colours
        if observation.arm is None:
            return everything, everything
        return (observation.points[~observation.arm], observation.colours[~observation.arm]), everything
    return fuse(observation, hide_arm=True), fuse(observation)


def _action(motion: Prediction) -> np.ndarray:
    return np.concatenate([motion.pose, [motion.gripper_open, motion.ignore_collision]]).astype(float)


def _still(observation: Observation | PointObservation) -> np.ndarray:
    """The action (9,) that changes nothing."""
    return np.concatenate([observation.gripper_pose, [float(observation.gripper_open > 0.5), 0.0]])
