"""One closed-loop episode: the policy acts, the expert tells what it would have done from the same states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol
from zlib import crc32

import numpy as np

from stages.artifacts.episode import TRAJECTORY, Episode, ObjectTracks, Predictions
from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.errors import UserError
from stages.core.observation import Observation
from stages.oracle.oracle import Oracle
from stages.rollouts.failures import DecisionRecord, classify, giving_up
from stages.rollouts.wordings import TRAINING, Wordings
from stages.simulators.protocol import Motion, SceneObject, Simulator


class Policy(Protocol):
    """What can be evaluated."""

    def reset(self, instruction: str) -> None: ...

    def select_action(self, observation: Observation, given: Given = NOTHING_GIVEN) -> Decision: ...


@dataclass(frozen=True)
class RolloutJob:
    """One episode to run; `index` is its place in the file, `episode` its number within the variation."""

    index: int
    task: str
    variation: int
    level: str
    episode: int
    seed: int

    @property
    def taskvar(self) -> str:
        """Task and variation, as "task+variation"."""
        return f"{self.task}+{self.variation}"

    @property
    def rng_seed(self) -> list[int]:
        """Entropy that belongs to this placement of this variation."""
        return [self.seed, crc32(self.task.encode()), self.variation]


@dataclass(frozen=True)
class Rollout:
    """What came of a job.

    Attributes:
        episode: in the layout of demonstrations.
        expert_actions: (K, 9) what the expert would have done, NaN where it had finished.
        finished: the policy declared its plan done.
        failure: see `failures.classify`.
        seconds: wall-clock time of each decision by stage of the policy [s].
    """

    episode: Episode
    expert_actions: np.ndarray
    finished: bool
    failure: str
    seconds: dict[str, list[float]]


def choose_instruction(instructions: Sequence[str], job: RolloutJob) -> str:
    """The paraphrase of an episode, the same in every run."""
    return instructions[int(np.random.default_rng([*job.rng_seed, 1]).integers(len(instructions)))]


def roll_out(
    simulator: Simulator,
    policy: Policy,
    job: RolloutJob,
    max_steps: int,
    oracle: Oracle | None = None,
    instruction: str | None = None,
    watch: Callable[[Decision], None] | None = None,
    wordings: Wordings = TRAINING,
) -> Rollout:
    """Run one episode to success, an error, the policy's end, or `max_steps` motions.

    Args:
        oracle: what replaces the policy's answers.
        instruction: what to do, instead of one of the task's own.
        watch: called with every decision before it is executed.
        wordings: that one is chosen of, without `instruction`.
    """
    instructions, observation = simulator.reset(job.task, job.variation, job.seed)
    instructions = wordings.options(simulator, instructions, job.task, job.variation)
    if instruction is None:
        instruction = choose_instruction(instructions, job)
    record, oracle = _Record(simulator.truth(), observation), oracle or Oracle()
    expert = simulator.expert()
    error, finished, given_up = "", False, ""
    try:
        policy.reset(instruction)
        while len(record) < max_steps and not error and not record.success:
            motion, things = next(expert, None), simulator.truth()
            started = perf_counter()
            decision = policy.select_action(observation, oracle.given(motion, things, observation))
            elapsed = perf_counter() - started
            if decision.finished:
                finished, given_up = True, giving_up(decision.plan, str(motion.step) if motion else "")
                break
            record.before(decision, motion, things, decision.seconds | {"total": elapsed})
            if watch is not None:
                watch(decision)
            observation, success, _, info = simulator.step(decision.action)
            record.after(observation, success)
            error = info.get("error") or ""
    except UserError as refusal:
        error = str(refusal)
    limit = len(record) >= max_steps
    failure = classify(record.success, error or None, given_up, limit, record.decision_records)
    episode = record.episode(simulator, job, instruction, instructions, error)
    return Rollout(episode, record.expert_actions, finished, failure, record.seconds)


class _Record:
    """Everything noted while an episode runs."""

    def __init__(self, things: list[SceneObject], observation: Observation) -> None:
        self.things = things
        self.observations = [observation]
        self.decisions: list[Decision] = []
        self.motions: list[Motion | None] = []
        self.positions: list[np.ndarray] = []
        self.rewards: list[float] = []
        self.seconds: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self.decisions)

    @property
    def success(self) -> bool:
        return bool(self.rewards and self.rewards[-1])

    def before(
        self, decision: Decision, motion: Motion | None, things: list[SceneObject], seconds: dict[str, float]
    ) -> None:
        self.decisions.append(decision)
        self.motions.append(motion)
        self.positions.append(np.array([thing.position for thing in things]).reshape(-1, 3))
        for stage, value in seconds.items():
            self.seconds.setdefault(stage, []).append(float(value))

    def after(self, observation: Observation, success: bool) -> None:
        self.observations.append(observation)
        self.rewards.append(float(success))

    @property
    def expert_actions(self) -> np.ndarray:
        return _rows([np.full(9, np.nan) if m is None else m.action for m in self.motions], 9)

    @property
    def targets(self) -> np.ndarray:
        return _rows([np.full(3, np.nan) if m is None else m.keypoint for m in self.motions], 3)

    @property
    def true_steps(self) -> tuple[str, ...]:
        return tuple("" if m is None else str(m.step) for m in self.motions)

    @property
    def decision_records(self) -> list[DecisionRecord]:
        names = [thing.name for thing in self.things]
        rows = zip(self.decisions, self.true_steps, self.targets, self.expert_actions, self.positions, strict=True)
        return [
            DecisionRecord(d.plan, d.step, true_step, d.keypoint, target, d.action, expert, names, positions)
            for d, true_step, target, expert, positions in rows
        ]

    def episode(
        self, simulator: Simulator, job: RolloutJob, instruction: str, instructions: Sequence[str], error: str
    ) -> Episode:
        trajectory = simulator.trajectory()
        arrays = {name: getattr(trajectory, name) for name in TRAJECTORY}
        actions = _rows([d.action for d in self.decisions], 9)
        return Episode(
            task=job.task,
            variation=job.variation,
            level=job.level,
            seed=job.seed,
            instruction=instruction,
            instructions=tuple(instructions),
            success=self.success,
            observations=tuple(self.observations),
            actions=actions,
            steps=tuple(true or d.step for true, d in zip(self.true_steps, self.decisions, strict=True)),
            targets=self.targets,
            objects=self._tracks(),
            states=trajectory.states[trajectory.keyframes[: len(self)]],
            rewards=np.array(self.rewards),
            trajectory=arrays,
            plan=tuple(self.decisions[-1].plan) if self.decisions else (),
            error=error,
            predictions=self._predictions(actions),
        )

    def _tracks(self) -> ObjectTracks:
        return ObjectTracks(
            names=tuple(thing.name for thing in self.things),
            kinds=tuple(thing.kind for thing in self.things),
            mask_ids=np.array([thing.mask_id for thing in self.things], np.int64),
            positions=np.array(self.positions).reshape(len(self), len(self.things), 3),
        )

    def _predictions(self, actions: np.ndarray) -> Predictions:
        return Predictions(
            steps=tuple(d.step for d in self.decisions),
            keypoints=_rows([d.keypoint for d in self.decisions], 3),
            confidence=np.array([d.confidence for d in self.decisions], float),
            objects=tuple({name: [float(x) for x in p] for name, p in d.objects.items()} for d in self.decisions),
            actions=actions,
        )


def _rows(values: Sequence[np.ndarray], width: int) -> np.ndarray:
    return np.array(values, float).reshape(len(values), width)
