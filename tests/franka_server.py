"""franky-sim with what a laboratory has beside the robot: a person who guides the arm, and a thing to grasp.

`python -m tests.franka_server 127.0.0.9 [--thing METRES]`; prints "ready", then reads lines: `guide` and seven joint
angles [rad] moves the arm there as a hand would and prints "there"; `release` lets it hold where it is.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np
from franky_sim import SimulationServer
from franky_sim.mujoco_simulator import FrankaMujocoRobot, MujocoSimulator

GUIDE_SECONDS = 0.4
REACHED = 0.003
"""Error of the joints at which the arm counts as being there; one of them trembles [rad]."""

TIP = (0.5545, 0.0, 0.5214)
"""Where the simulated robot's tip is at first, base frame [m]."""


class Person:
    """Whoever guides the arm: what the robot holds while no program moves it."""

    def __init__(self, robot: FrankaMujocoRobot) -> None:
        self._robot, self._posture = robot, None
        self._hold = robot.joint_position_control
        robot.joint_position_control = self._control

    def guide(self, joints: Sequence[float]) -> None:
        """Move the arm to joint angles (7,) [rad], and wait until it is at rest."""
        start = np.array(self._robot.inner_state.q)
        for share in np.linspace(0, 1, 40)[1:]:
            self._posture = start + share * (np.asarray(joints) - start)
            time.sleep(GUIDE_SECONDS / 40)
        while np.abs(np.array(self._robot.inner_state.q) - joints).max() > REACHED:
            time.sleep(0.02)

    def release(self) -> None:
        """Leave the arm to the program."""
        self._posture = None

    def _control(self, target: Sequence[float], has_new_command: bool = True) -> None:
        self._hold(target if self._posture is None else self._posture, has_new_command)


def _put_thing(simulator: MujocoSimulator, width: float) -> None:
    """A cube between the fingers, on a pillar."""
    x, y, z = TIP
    half, top = width / 2, z - width / 2
    pillar = ET.SubElement(simulator.worldbody, "body", name="pillar", pos=f"{x} {y} {top / 2 - 0.001}")
    ET.SubElement(pillar, "geom", type="box", size=f"0.005 0.005 {top / 2}")
    cube = ET.SubElement(simulator.worldbody, "body", name="cube", pos=f"{x} {y} {z}")
    ET.SubElement(cube, "freejoint", name="cube_joint")
    ET.SubElement(cube, "geom", type="box", size=f"{half} {half} {half}", mass="0.05", friction="1 0.05 0.001")


def _obey(person: Person) -> None:
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "guide":
            person.guide([float(number) for number in numbers])
        else:
            person.release()
        print("there", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("--thing", type=float, default=0.0)
    given = parser.parse_args()
    with MujocoSimulator() as simulator:
        robot = simulator.add_robot()
        if given.thing:
            _put_thing(simulator, given.thing)
        with SimulationServer(simulator, hostname_candidates=[given.host]) as server:
            print("ready", flush=True)
            threading.Thread(target=_obey, args=(Person(robot),), daemon=True).start()
            server.run_forever()


if __name__ == "__main__":
    main()
