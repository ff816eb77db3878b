"""The simulator's own expert as a policy: what evaluation must give about 100 % for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.observation import Observation, PointObservation
from stages.simulators.protocol import Motion, Simulator


class ExpertPolicy:
    """Does what the expert of a simulator would do; sees ground truth, not images.

    Args:
        simulator: the one that is being controlled.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._motions: Iterator[Motion] = iter(())
        self._plan: list[str] = []
        self._motion_index = -1
        self._commanded_open: float | None = None

    def reset(self, instruction: str) -> None:
        """Begin an episode after the simulator's reset; the instruction is not needed."""
        self._motions, self._plan, self._motion_index = self.simulator.expert(), [], -1
        self._commanded_open = None

    def select_action(self, observation: Observation | PointObservation, given: Given = NOTHING_GIVEN) -> Decision:
        """The expert's next motion, whatever is given; holds still and is finished once it has none."""
        motion = next(self._motions, None)
        if motion is None:
            return self._hold(observation)
        self._advance(str(motion.step))
        self._commanded_open = float(motion.action[7])
        things = {thing.name: thing.position for thing in self.simulator.truth()}
        return Decision(
            action=np.asarray(motion.action, float),
            plan=list(self._plan),
            step=self._plan[-1],
            step_index=len(self._plan) - 1,
            motion_index=self._motion_index,
            keypoint=motion.keypoint,
            objects={phrase: things[phrase] for phrase in motion.step.phrases if phrase in things},
            confidence=1.0,
            finished=False,
        )

    def _advance(self, step: str) -> None:
        if self._plan and self._plan[-1] == step:
            self._motion_index += 1
        else:
            self._plan.append(step)
            self._motion_index = 0

    def _hold(self, observation: Observation | PointObservation) -> Decision:
        opened = float(observation.is_open) if self._commanded_open is None else self._commanded_open
        return Decision(
            action=np.concatenate([observation.gripper_pose, [opened, 1.0]]),
            plan=list(self._plan),
            step=self._plan[-1] if self._plan else "",
            step_index=max(len(self._plan) - 1, 0),
            motion_index=self._motion_index + 1,
            keypoint=np.asarray(observation.gripper_pose[:3]),
            objects={},
            confidence=1.0,
            finished=True,
        )
