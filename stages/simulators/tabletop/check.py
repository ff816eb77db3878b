"""How reliably the experts solve their tasks: `python -m stages.simulators.tabletop.check [TASK+VARIATION ...]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import every_variation, taskvar

FIRST_SEED = 900_000
"""Neither training nor evaluation uses seeds from here on."""


@dataclass(frozen=True)
class ExpertCheck:
    """One variation's figures.

    Attributes:
        taskvar: "task+variation".
        episodes, successes: how many.
        redraws: placements that the expert could not reach, drawn again before an episode.
        motions: largest number of motions in an episode.
        seconds: mean duration of an episode, its rehearsal included, without images.
        failed_seeds: those of the failures.
    """

    taskvar: str
    episodes: int
    successes: int
    redraws: int
    motions: int
    seconds: float
    failed_seeds: list[int]


def check_expert(task: str, variation: int, episodes: int, seed: int = FIRST_SEED) -> ExpertCheck:
    """Run the expert over fresh episodes of one variation, without cameras."""
    simulator = Tabletop(cameras=())
    redraws, most, failed = 0, 0, []
    start = time.perf_counter()
    for number in range(seed, seed + episodes):
        simulator.reset(task, variation, number)
        success, motions = False, 0
        for motion in simulator.expert():
            _, success, done, info = simulator.step(motion.action)
            motions += 1
            if done:
                break
        redraws += info["redraws"]
        most = max(most, motions)
        if not success:
            failed.append(number)
    seconds = (time.perf_counter() - start) / episodes
    return ExpertCheck(taskvar(task, variation), episodes, episodes - len(failed), redraws, most, seconds, failed)


def check_experts(
    variations: Sequence[tuple[str, int]], episodes: int = 50, seed: int = FIRST_SEED
) -> list[ExpertCheck]:
    """Check several variations and print a line for each."""
    print(f"{'variation':<22}{'success':>10}{'redraws':>9}{'motions':>9}{'s/episode':>11}  failed seeds", flush=True)
    checks = []
    for task, variation in variations:
        check = check_expert(task, variation, episodes, seed)
        share = f"{check.successes}/{check.episodes}"
        seeds = " ".join(map(str, check.failed_seeds))
        figures = f"{share:>10}{check.redraws:>9}{check.motions:>9}{check.seconds:>11.3f}"
        print(f"{check.taskvar:<22}{figures}  {seeds}", flush=True)
        checks.append(check)
    return checks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("taskvars", nargs="*", help="such as open_drawer+0; all by default")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    chosen = [(name.rpartition("+")[0], int(name.rpartition("+")[2])) for name in arguments.taskvars]
    check_experts(chosen or every_variation(), arguments.episodes, arguments.seed)
