"""CLAP in closed loop: the planner says where and what, the predictor says exactly how."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from stages.bridges.lerobot.batches import BatchedPolicy
from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.errors import UserError
from stages.core.instruction import read_instruction
from stages.core.lookahead import next_focus
from stages.core.observation import Observation, PointObservation
from stages.core.steps import MAX_MOTIONS, parse_step
from stages.geometry.clouds import fuse
from stages.geometry.tip_limits import safe_action
from stages.planner.hand import UNSEEN
from stages.planner.planner import Planner, StepDecision
from stages.planner.prompts import Memory
from stages.planner.second_look import decide_with_second_look
from stages.predictor.decoding import Prediction
from stages.predictor.predictor import FinePredictor
from stages.recovery import HOLDING, Attempt, Recovery
from stages.safety import blindness, check_keypoint, check_observation
from stages.settings.policy import PolicyConfig

if TYPE_CHECKING:
    import torch


class ClapPolicy:
    """Planner and predictor; `reset` with an instruction, then `select_action` at every keyframe.

    A decision that is not sure is made from other sides of the scene too, and the surest counts. One still in doubt is
    not carried out at once: the policy stays still and looks again, and plans anew if it still doubts; a step that the
    hand contradicts is planned anew right away. A grasp that came to nothing is begun again (`stages.recovery`). Where
    too little is seen, or a predicted action must not be sent, the policy stays still and says why.

    It has LeRobot's form too: `reset()`, then `select_action` with a batch, which says itself what to do.

    Attributes:
        batched: what was decided last for each robot of a batch is in its `decisions`.
    """

    def __init__(self, planner: Planner, predictor: FinePredictor, config: PolicyConfig | None = None) -> None:
        self.planner, self.predictor, self.config = planner, predictor, config or PolicyConfig()
        self.reset("")

    @classmethod
    def from_pretrained(
        cls, vlm: Path, fine: Path, device: str = "cpu", config: PolicyConfig | None = None
    ) -> ClapPolicy:
        """Load what `clap finetune-vlm` and `clap train-fine` wrote."""
        planner = Planner.from_pretrained(Path(vlm), device)
        return cls(planner, FinePredictor.from_pretrained(Path(fine), device), config)

    def reset(self, instruction: str = "") -> None:
        """Begin an episode: the plan is made at the first observation.

        Args:
            instruction: what to do; empty where batches say it.

        Raises:
            UserError: the instruction has no word, or is too long.
        """
        self._instruction, self._memory = read_instruction(instruction) if instruction else "", Memory()
        self.batched = BatchedPolicy(lambda: ClapPolicy(self.planner, self.predictor, self.config))
        self._plan: list[str] = []
        """The plan or, where the planner is not given one, the steps done so far."""
        self._doubts_left, self._looked = self.config.max_replans, False
        self._commanded_open: float | None = None
        self._hand = UNSEEN
        self._recovery = Recovery(self.config.max_recoveries)

    @overload
    def select_action(self, observation: Observation | PointObservation, given: Given = NOTHING_GIVEN) -> Decision: ...

    @overload
    def select_action(self, observation: Mapping[str, Any]) -> torch.Tensor: ...

    def select_action(
        self, observation: Observation | PointObservation | Mapping[str, Any], given: Given = NOTHING_GIVEN
    ) -> Decision | torch.Tensor:
        """The next keyframe action; of a batch in LeRobot's form the actions (B, 8).

        Args:
            observation: RGB-D cameras, a cloud fused already, or a batch (`stages.bridges.lerobot.batches`).
            given: used in place of own answers; where the keypoint or the action is, nothing is in doubt.

        Raises:
            UserError: `reset` was not called, the instruction has no plan, `stages.safety` refuses the observation or
                the keypoint, or a plan is given to a planner that does without.
        """
        if isinstance(observation, Mapping):
            return self.batched.select_action(observation, self._instruction)
        if not self._instruction:
            raise UserError("There is no instruction yet", "Call reset(instruction) first")
        clock = _Clock()
        check_observation(observation)
        self._hand = self._hand.at(observation)
        if given.keypoint is not None:
            check_keypoint(given.keypoint)
        visible, everything = _clouds(observation)
        if problem := blindness(visible[0]):
            return self._stay(observation, problem)
        closed = self._commanded_open is not None and self._commanded_open < 0.5
        line = self._recovery.empty_handed(self._plan, self._memory, closed, observation.gripper_open)
        if line is not None:
            return self._begin_again(observation, line, "with nothing in the hand")
        views = self.planner.views(*visible, self._hand)
        clock.note("views")
        if self._plan_first(views, given):
            clock.note("plan")
        choice = self._decide(visible, views, observation, given)
        line = self._recovery.left_behind(self._plan, self._memory, choice.objects, observation.gripper_pose[:3])
        own = given.keypoint is None and given.action is None
        if line is not None and closed and own:
            return self._begin_again(observation, line, "with another thing in the hand", elsewhere=True)
        looks_again, replanned = False, False
        if own and self._doubts_left:
            contradicted = self._contradicted(choice, observation)
            looks_again = self._doubtful(choice) and not contradicted and not self._looked
            if not looks_again and (contradicted or self._doubtful(choice)):
                self._doubts_left -= 1
                replanned = self._replan(views, given)
                if replanned or contradicted and self._go_back(choice):
                    choice = self._decide(visible, views, observation, given)
        self._looked = looks_again
        clock.note("decision")
        motions = self._memory.motions if choice.step_index == self._memory.step_index else 0
        motions = motions if given.motion_index is None else given.motion_index
        where = choice.keypoint.point if given.keypoint is None else np.asarray(given.keypoint, float)
        finished = motions >= MAX_MOTIONS and choice.step_index >= len(self._plan) - 1
        motions = motions if finished else motions % MAX_MOTIONS  # a step that takes longer begins anew
        motion = self.predictor.predict(
            *everything,
            where,
            choice.step,
            motions,
            observation.gripper_pose,
            observation.is_open,
            self._next_keypoint(choice, given),
        )
        clock.note("predictor")
        wanted = _action(motion) if given.action is None else np.asarray(given.action, float)
        action, problem = (self._still(observation), "") if finished or looks_again else safe_action(wanted)
        if problem:
            return self._stay(observation, problem)
        if not looks_again:
            self._remember(choice, motions, where)
        self._commanded_open = float(action[7])
        return Decision(
            action=action,
            plan=list(self._plan),
            step=choice.step,
            step_index=choice.step_index,
            motion_index=motions,
            keypoint=where,
            objects={phrase: pointing.point for phrase, pointing in choice.objects.items()},
            confidence=choice.confidence * motion.confidence,
            finished=finished,
            looked_again=looks_again,
            replanned=replanned,
            seconds=clock.seconds,
        )

    def _plan_first(self, views: np.ndarray, given: Given) -> bool:
        """Plan at the first observation; whether that took thought."""
        if given.plan is not None and not self.planner.protocol.plan:
            raise UserError("This planner works without a plan, so none can be given to it", "Leave out --oracle plan")
        if self._plan or not self.planner.protocol.plan:
            return False
        if given.plan is not None:
            self._plan = list(given.plan)
            return False
        self._plan = self.planner.plan(self._instruction, views, given.names).steps
        if not self._plan:
            raise UserError(f"There is no plan for '{self._instruction}'", "Say it in other words")
        return True

    def _decide(
        self, visible: Cloud, views: np.ndarray, observation: Observation | PointObservation, given: Given
    ) -> StepDecision:
        def ask(views: np.ndarray, excluded: Sequence[np.ndarray]) -> StepDecision:
            return self.planner.decide(
                self._instruction,
                self._plan,
                self._memory,
                observation.is_open,
                views,
                step_index=given.step_index,
                excluded=excluded,
            )

        below, excluded = self.config.look_again_below, self._recovery.excluded(self._memory)
        return decide_with_second_look(self.planner, ask, views, visible, self._hand, below, excluded)

    def _next_keypoint(self, choice: StepDecision, given: Given) -> np.ndarray | None:
        """Where the plan goes next, as the planner points at it now."""
        if given.keypoint is not None or choice.step_index >= len(self._plan):
            return given.next_keypoint
        thing = choice.objects.get(next_focus(self._plan, choice.step_index))
        return None if thing is None else thing.point

    def _still(self, observation: Observation | PointObservation) -> np.ndarray:
        """The action (9,) that changes nothing: the gripper stays as it was commanded last, whatever it holds open."""
        opened = float(observation.is_open) if self._commanded_open is None else self._commanded_open
        return safe_action(np.concatenate([observation.gripper_pose, [opened, 0.0]]))[0]

    def _stay(self, observation: Observation | PointObservation, problem: str) -> Decision:
        """Nothing is done, as there is a problem."""
        return Decision(
            action=self._still(observation),
            plan=list(self._plan),
            step=self._plan[max(self._memory.step_index, 0)] if self._plan else "",
            step_index=max(self._memory.step_index, 0),
            motion_index=self._memory.motions,
            keypoint=np.asarray(observation.gripper_pose[:3], float),
            objects={},
            confidence=0.0,
            finished=False,
            problem=problem,
        )

    def _go_back(self, choice: StepDecision) -> bool:
        """To the grasp of what a step needs in the hand; whether there is one."""
        line = self._recovery.grasp_of(self._plan, choice.step_index)
        if line is not None:
            self._memory = self._recovery.begin_again(line, elsewhere=False).memory
        return line is not None

    def _begin_again(
        self, observation: Observation | PointObservation, line: int, what: str, elsewhere: bool = False
    ) -> Decision:
        """Open the hand, and go back to what was known before a line of the plan."""
        lost, attempt = self._plan[self._memory.step_index], self._recovery.begin_again(line, elsewhere)
        self._memory, self._hand, self._commanded_open = attempt.memory, replace(attempt.hand, is_open=True), 1.0
        return replace(self._stay(observation, ""), recovered=f"'{lost}' was done {what}")

    def _doubtful(self, choice: StepDecision) -> bool:
        """Whether the step, its place, or a thing that it is about is not seen well."""
        named = [choice.objects[phrase] for phrase in parse_step(choice.step).phrases if phrase in choice.objects]
        return min([choice.confidence, *(thing.confidence for thing in named)]) < self.config.replan_below

    def _contradicted(self, choice: StepDecision, observation: Observation | PointObservation) -> bool:
        """Whether the step needs something in a hand that is open, or one before it was not done."""
        going_on = choice.step_index == self._memory.step_index
        action = parse_step(choice.step).action
        holds = action in HOLDING or action == "release" and not going_on
        skips = self.planner.protocol.plan and choice.step_index > self._memory.step_index + 1
        return skips or holds and observation.is_open

    def _replan(self, views: np.ndarray, given: Given) -> bool:
        """Plan anew from what is seen now; whether the plan is another one."""
        if not self.planner.protocol.plan or given.plan is not None:
            return False
        before, now = self._plan, self.planner.plan(self._instruction, views, given.names).steps
        if not now or now == before:
            return False
        self._plan, self._memory = now, _carried_over(self._memory, before, now)
        self._recovery.forget()
        return True

    def _remember(self, choice: StepDecision, motions: int, where: np.ndarray) -> None:
        """What was executed, the step being noted where no plan has it."""
        if choice.step_index != self._memory.step_index:
            self._recovery.note(choice.step_index, Attempt(self._memory, self._hand, where))
        if choice.step_index == len(self._plan):
            self._plan.append(choice.step)
        self._memory = Memory(choice.step_index, motions + 1)


def _carried_over(memory: Memory, before: list[str], after: list[str]) -> Memory:
    """What was executed last as a line of another plan; nothing, if it has no such line."""
    if memory.step_index < 0 or before[memory.step_index] not in after:
        return Memory()
    step = before[memory.step_index]
    same = memory.step_index < len(after) and after[memory.step_index] == step
    return Memory(memory.step_index if same else after.index(step), memory.motions)


class _Clock:
    """Wall-clock time [s] of each part since the one before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def note(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part], self._last = now - self._last, now


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
