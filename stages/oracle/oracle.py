"""Truth, or chance, in place of the answers of a policy's modules: what each of them costs, and what it brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np

from stages.core.decision import Given
from stages.core.errors import UserError
from stages.core.lookahead import next_focus
from stages.core.observation import Observation
from stages.geometry.workspace import TABLE_HEIGHT, WORKSPACE_HIGH, WORKSPACE_LOW
from stages.settings.loader import nearest
from stages.simulators.protocol import Motion, SceneObject, Simulator

Module = Literal["plan", "list", "step", "keypoint", "action"]

MODULES: tuple[Module, ...] = get_args(Module)
"""Modules whose answers can be the truth, in the order in which they work: the plan, the names in view that it is made
from, the step that comes now, its keypoint, and the action."""

RANDOM = "random"
"""Stands among modules for keypoints by chance."""

RANDOM_HEIGHT = 0.3
"""Random keypoints lie up to this far above the table [m]."""


class Oracle:
    """Gives what replaces a policy's answers at each observation of one episode.

    Args:
        modules: those of `MODULES` whose answers are the truth, or `RANDOM`.
        plan: the expert's steps, if plans or steps are the truth.
        seed: entropy of random keypoints.
    """

    def __init__(self, modules: Sequence[str] = (), plan: Sequence[str] = (), seed: Sequence[int] = ()) -> None:
        self.modules, self._plan = modules, tuple(plan)
        self._rng = np.random.default_rng(list(seed))
        self._line, self._motion = -1, -1

    def given(self, motion: Motion | None, things: Sequence[SceneObject], observation: Observation) -> Given:
        """What replaces the policy's answers now.

        Args:
            motion: what the expert would do; None once it has finished.
            things: everything in the scene that has a name.
            observation: what the policy sees, with instance masks.
        """
        if motion is not None:
            self._advance(str(motion.step))
        knows_step = "step" in self.modules and motion is not None and self._line < len(self._plan)
        return Given(
            plan=self._plan if "plan" in self.modules else None,
            names=_visible(things, observation) if "list" in self.modules else None,
            step_index=self._line if knows_step else None,
            motion_index=self._motion if knows_step else None,
            keypoint=self._keypoint(motion),
            next_keypoint=self._next_keypoint(motion, things),
            action=np.asarray(motion.action, float) if motion is not None and "action" in self.modules else None,
        )

    def _advance(self, step: str) -> None:
        """Follow the expert through its plan; to an earlier line, where it does something again."""
        if self._plan[self._line : self._line + 1] == (step,):
            self._motion += 1
            return
        lines = [index for index, line in enumerate(self._plan) if line == step]
        later = [index for index in lines if index > self._line]
        self._line, self._motion = (later or lines or [len(self._plan)])[0], 0

    def _keypoint(self, motion: Motion | None) -> np.ndarray | None:
        if RANDOM in self.modules:
            low, high = WORKSPACE_LOW.copy(), WORKSPACE_HIGH.copy()
            low[2], high[2] = TABLE_HEIGHT, TABLE_HEIGHT + RANDOM_HEIGHT
            return self._rng.uniform(low, high)
        return np.asarray(motion.keypoint, float) if motion is not None and "keypoint" in self.modules else None

    def _next_keypoint(self, motion: Motion | None, things: Sequence[SceneObject]) -> np.ndarray | None:
        """Where the plan goes next, if keypoints are the truth and only one thing there has that name."""
        if motion is None or "keypoint" not in self.modules or not 0 <= self._line < len(self._plan):
            return None
        focus = next_focus(self._plan, self._line)
        places = [thing.position for thing in things if thing.name == focus]
        return np.asarray(places[0], float) if len(places) == 1 else None


def expert_plan(simulator: Simulator, task: str, variation: int, seed: int) -> list[str]:
    """The expert's steps in a scene, which it plays for that: the simulator must be reset afterwards."""
    simulator.reset(task, variation, seed)
    steps: list[str] = []
    for motion in simulator.expert():
        if str(motion.step) not in steps[-1:]:
            steps.append(str(motion.step))
        simulator.step(motion.action)
    return steps


def read_modules(names: Iterable[str]) -> tuple[str, ...]:
    """Modules by their names, in the order of `MODULES`.

    Raises:
        UserError: there is no such module, or steps are wanted without the plan whose lines they are.
    """
    names = set(names)
    for name in names:
        if name not in (*MODULES, RANDOM):
            raise UserError(f"there is no oracle '{name}'", nearest(name, (*MODULES, RANDOM)))
    if "step" in names and "plan" not in names:
        raise UserError("the oracle of steps gives lines of the true plan", "Say --oracle plan,step")
    if {"keypoint", RANDOM} <= names:
        raise UserError("keypoints cannot be true and random at once", "Leave out one of --oracle keypoint,random")
    return tuple(name for name in (*MODULES, RANDOM) if name in names)


def _visible(things: Sequence[SceneObject], observation: Observation) -> tuple[str, ...]:
    """Names of the things that the cameras see, one entry a thing."""
    seen = {int(number) for camera in observation.cameras.values() for number in np.unique(camera.mask)}
    return tuple(thing.name for thing in things if thing.mask_id in seen)
