"""Success against errors of the keypoint: `python -m tests.benchmarks.offsets --run runs/laptop`.

Plans, steps and keypoints are true, but every keypoint lies 0 to 10 cm off in a random direction; only the fine
predictor's motions are the policy's. The scenes and directions are the same for every distance. Recovery is off, so
that no second look makes up for the predictor.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from stages.evaluation.statistics import Rate
from stages.oracle.oracle import Oracle, expert_plan
from stages.policy import ClapPolicy
from stages.rollouts.jobs import jobs_of
from stages.rollouts.policies import one_torch_thread
from stages.rollouts.rollouts import RolloutJob, roll_out
from stages.runtime.worker_pool import map_unordered
from stages.settings.evaluate import EvaluateConfig
from stages.settings.loader import load_config
from stages.settings.policy import PolicyConfig
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import LEVELS

DISTANCES = (0.0, 0.01, 0.02, 0.04, 0.06, 0.10)
"""Of a keypoint from the true one [m]."""

MOTIONS = 25


class DisplacedOracle(Oracle):
    """The true plan, steps and keypoints, the keypoint a fixed distance [m] off."""

    def __init__(self, plan: list[str], distance: float, seed: list[int]) -> None:
        super().__init__(("plan", "step", "keypoint"), plan)
        self._distance, self._directions = distance, np.random.default_rng(seed)

    def _keypoint(self, motion: Motion | None) -> np.ndarray | None:
        true, direction = super()._keypoint(motion), self._directions.standard_normal(3)
        return None if true is None else true + self._distance * direction / np.linalg.norm(direction)


class Episodes:
    """Runs a scene once for every distance, in a worker process."""

    def __init__(self, run: Path, config: PolicyConfig) -> None:
        self._simulator = Tabletop()
        self._policy = ClapPolicy.from_pretrained(run / "vlm", run / "fine", config=config)

    def __call__(self, job: RolloutJob) -> list[bool]:
        """Whether the episode succeeds, distance by distance."""
        plan = expert_plan(self._simulator, job.task, job.variation, job.seed)
        oracles = [DisplacedOracle(plan, distance, job.rng_seed) for distance in DISTANCES]
        with one_torch_thread():
            rollouts = [roll_out(self._simulator, self._policy, job, MOTIONS, oracle) for oracle in oracles]
        return [rollout.episode.success for rollout in rollouts]


def main() -> None:
    """Print a row for each distance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/laptop"))
    parser.add_argument("--config", type=Path, default=Path("examples/laptop.yaml"))
    parser.add_argument("--split", default="l1")
    parser.add_argument("--episodes", type=int, default=3, help="per variation")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    config = load_config(options.config)
    settings = EvaluateConfig(taskvars=config.evaluate.taskvars, **{options.split: options.episodes})
    jobs = jobs_of(options.split, LEVELS[options.split], settings, lambda *_: ())
    make = partial(Episodes, options.run, replace(config.policy, max_recoveries=0))
    outcomes = np.array([successes for _, successes in map_unordered(make, jobs, options.workers)])
    print(f"{len(jobs)} scenes of {options.split}; success with plans and steps true, 95 % intervals")
    for distance, successes in zip(DISTANCES, outcomes.T, strict=True):
        rate = Rate.of(successes)
        print(f"{100 * distance:3.0f} cm off {100 * rate.rate:4.0f} % ({100 * rate.low:.0f} to {100 * rate.high:.0f})")


if __name__ == "__main__":
    main()
