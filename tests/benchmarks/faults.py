"""Planted faults, and how many of them a policy recovers from: `python -m tests.benchmarks.faults --run runs/laptop`.

In scenes where the first step is a grasp, one thing goes wrong once, and the rest is the policy's: the keypoint of the
grasp lies on another thing, the grasp is 5 cm off, the thing is pushed 6 cm away as the hand approaches, or the grasp
is taken for done. Success with recovery and without it (`policy.max_recoveries=0`) in the same scenes; and no fault.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np

from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.observation import Observation
from stages.core.steps import parse_step
from stages.evaluation.statistics import Rate, paired_difference
from stages.planner.prompts import Memory
from stages.policy import ClapPolicy
from stages.rollouts.jobs import jobs_of
from stages.rollouts.policies import one_torch_thread
from stages.rollouts.rollouts import RolloutJob, roll_out
from stages.settings.evaluate import EvaluateConfig
from stages.settings.loader import load_config
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import LEVELS

GRASPS = 2
"""Motions of a grasp."""

OFF, PUSHED = 0.05, 0.06
"""How far a grasp is off, and a thing is pushed away [m]."""


class Faulty:
    """A policy in whose first grasp one thing goes wrong."""

    def __init__(self, policy: ClapPolicy, simulator: Tabletop, fault: str, seed: int) -> None:
        self.policy, self.simulator, self.fault = policy, simulator, fault
        self._rng, self._done = np.random.default_rng(seed), 0
        angle = self._rng.uniform(0, 2 * np.pi)
        self._sideways = np.array([np.cos(angle), np.sin(angle), 0.0])

    def reset(self, instruction: str) -> None:
        self.policy.reset(instruction)

    def select_action(self, observation: Observation, given: Given = NOTHING_GIVEN) -> Decision:
        """The policy's decision, or a wrong one during the first grasp."""
        first, self._done = self._done < GRASPS, self._done + 1
        if first and self.fault == "keypoint on another thing":
            given = replace(given, keypoint=self._another_thing(observation))
        if self._done == 2 and self.fault == "thing pushed away":
            self._push_away()
            observation = self.simulator._observe(self.simulator._now.data)
        decision = self.policy.select_action(observation, given)
        if self._done == 1 and self.fault == "step skipped":
            self.policy._memory = Memory(0, GRASPS)
        if first and self.fault == "grasp 5 cm off":
            return replace(decision, action=decision.action + np.append(OFF * self._sideways, np.zeros(6)))
        return decision

    def _another_thing(self, observation: Observation) -> np.ndarray:
        things = [thing for thing in self.simulator.truth() if thing.kind == "object"]
        target = self._target()
        others = [thing.position for thing in things if np.linalg.norm(thing.position - target) > 0.05]
        return others[self._rng.integers(len(others))] if others else np.asarray(observation.gripper_pose[:3])

    def _target(self) -> np.ndarray:
        return next(self.simulator.expert()).keypoint

    def _push_away(self) -> None:
        now, target = self.simulator._now, self._target()
        nearest = min(now.things, key=lambda thing: np.linalg.norm(now.state.position(thing) - target))
        joint = now.model.body_jntadr[now.model.body_rootid[now.model.body(nearest.body).id]]
        if joint >= 0 and now.model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
            start = now.model.jnt_qposadr[joint]
            now.data.qpos[start : start + 3] += PUSHED * self._sideways
            mujoco.mj_forward(now.model, now.data)


FAULTS = ("none", "keypoint on another thing", "grasp 5 cm off", "thing pushed away", "step skipped")


def outcome(policy: ClapPolicy, simulator: Tabletop, job: RolloutJob, fault: str) -> bool:
    """Whether an episode with a fault succeeds."""
    return roll_out(simulator, Faulty(policy, simulator, fault, job.seed), job, 25).episode.success


def begins_with_a_grasp(simulator: Tabletop, job: RolloutJob) -> bool:
    simulator.reset(job.task, job.variation, job.seed)
    return parse_step(str(next(simulator.expert()).step)).action == "grasp"


def main() -> None:
    """Print a row for each fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/laptop"))
    parser.add_argument("--config", type=Path, default=Path("examples/laptop.yaml"))
    parser.add_argument("--split", default="l1")
    parser.add_argument("--episodes", type=int, default=3, help="per variation")
    options = parser.parse_args()
    config = load_config(options.config)
    simulator = Tabletop()
    settings = EvaluateConfig(taskvars=config.evaluate.taskvars, **{options.split: options.episodes})
    jobs = jobs_of(options.split, LEVELS[options.split], settings, lambda *_: ())
    jobs = [job for job in jobs if begins_with_a_grasp(simulator, job)]
    names = np.array([job.taskvar for job in jobs])
    policies = [
        ClapPolicy.from_pretrained(options.run / "vlm", options.run / "fine", config=replace(config.policy, **changes))
        for changes in ({"max_recoveries": 0}, {})
    ]
    print(f"{len(jobs)} scenes of {options.split}; success without and with recovery, 95 % intervals")
    for fault in FAULTS:
        with one_torch_thread():
            without, having = (np.array([outcome(p, simulator, job, fault) for job in jobs]) for p in policies)
        gain = paired_difference(without, having, names, 0)
        shown = [
            f"{100 * r.rate:.0f} % ({100 * r.low:.0f} to {100 * r.high:.0f})" for r in map(Rate.of, (without, having))
        ]
        interval = f"{100 * gain['low']:+.0f} to {100 * gain['high']:+.0f}"
        print(f"{fault:28} {shown[0]:18} {shown[1]:18} {100 * gain['difference']:+.0f} ({interval})", flush=True)


if __name__ == "__main__":
    main()
