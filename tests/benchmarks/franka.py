"""How exactly and how steadily a simulated Franka does what it is sent: `python -m tests.benchmarks.franka`.

Replays picks of the embedded suite's expert, and makes many motions in a row to places drawn at random, on the loopback
address, in real time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np

from stages.geometry.poses import quaternion_to_matrix, rotation_angle
from stages.robots.franka import FrankaArm
from stages.robots.rig import RobotSettings
from stages.settings.robot import RobotConfig
from stages.simulators import make_simulator
from tests.franka_laboratory import franky_sim, free_address

PICKS = (("pick_and_lift", 0, 3), ("pick_and_lift", 2, 3), ("stack_blocks", 36, 3), ("put_money_in_safe", 0, 3))
LOW, HIGH = np.array([0.1, -0.3, 0.85]), np.array([0.3, 0.3, 1.25])
"""Where places are drawn [m, world]."""


def picks() -> Iterator[tuple[str, np.ndarray]]:
    """Names of tasks, and each action (9,) of their experts up to the first grasp and lift."""
    simulator = make_simulator("tabletop", image_size=8)
    for task, variation, seed in PICKS:
        simulator.reset(task, variation, seed)
        closed = 0
        for motion in simulator.expert():
            closed += motion.action[7] < 0.5
            if closed > 2:
                break
            yield f"{task}+{variation}", motion.action
            simulator.step(motion.action)
    simulator.close()


def places(count: int) -> Iterator[np.ndarray]:
    """Actions (9,) to places drawn at random, the hand looking down and turned up to 40 degrees."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        turn = rng.uniform(-0.35, 0.35)
        yield np.array([*rng.uniform(LOW, HIGH), np.cos(turn), np.sin(turn), 0, 0, 1, 1])


def errors(arm: FrankaArm, pose: np.ndarray) -> tuple[float, float]:
    """Distance [mm] and turn [degrees] of the hand from a pose (7,)."""
    here = arm.state().tip_pose
    turned = rotation_angle(quaternion_to_matrix(here[3:]), quaternion_to_matrix(pose[3:7]))
    return float(np.linalg.norm(here[:3] - pose[:3]) * 1000), float(np.degrees(turned))


def run(arm: FrankaArm, actions: Iterator[tuple[str, np.ndarray]]) -> dict[str, float | int | list[str]]:
    """Make motions; how exact and how fast they were."""
    off, seconds, refused = [], [], []
    for name, action in actions:
        started = time.monotonic()
        if problem := arm.move(action):
            refused.append(f"{name}: {problem}")
            continue
        seconds.append(time.monotonic() - started)
        off.append(errors(arm, action))
    distance, turn = np.array(off).T
    return {
        "motions": len(off),
        "refused": refused,
        "largest_error_mm": round(float(distance.max()), 3),
        "median_error_mm": round(float(np.median(distance)), 3),
        "largest_turn_degrees": round(float(turn.max()), 4),
        "median_seconds": round(float(np.median(seconds)), 2),
        "longest_seconds": round(max(seconds), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motions", type=int, default=100)
    parser.add_argument("--speed", type=float, default=0.4)
    parser.add_argument(
        "--path-tolerance", type=float, default=RobotConfig().path_tolerance, help="Raise it under load."
    )
    given = parser.parse_args()
    host = free_address()
    with franky_sim(host):
        arm = FrankaArm(
            host, RobotSettings(speed=given.speed), RobotConfig(detours="always", path_tolerance=given.path_tolerance)
        )
        print(json.dumps({"picks": run(arm, picks())}), flush=True)
        print(json.dumps({"random": run(arm, (("random", action) for action in places(given.motions)))}), flush=True)
        arm.close()


if __name__ == "__main__":
    main()
