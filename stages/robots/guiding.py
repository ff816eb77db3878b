"""One demonstration that a person gives by guiding the robot's hand, keyframe by keyframe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stages.core.errors import UserError
from stages.core.observation import OPEN, Observation
from stages.robots.keys import END, Keys
from stages.robots.robot import Robot

HELP = "Enter, space: keyframe; o, c: open, close the fingers, and keyframe; d: done; u: discard, and begin anew"

AT_REST, LOOK = 0.002, 0.15
"""A tip that moves less than this [m] in this time [s] counts as being at rest."""

_KEYFRAME, _OPEN, _CLOSE, _DONE, _DISCARD = ("\n", "\r", " "), "o", "c", "d", "u"
_WAIT = 0.05


@dataclass
class Demonstration:
    """What a person showed: K motions and K + 1 keyframes.

    Attributes:
        opened: whether the fingers were told to be open, at each keyframe.
        trajectory: arrays by the names of `stages.simulators.protocol.Trajectory`.
    """

    observations: list[Observation] = field(default_factory=list)
    opened: list[bool] = field(default_factory=list)
    trajectory: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def actions(self) -> np.ndarray:
        """(K, 9) tip pose, gripper open, ignore collision; world frame."""
        after = zip(self.observations[1:], self.opened[1:], strict=True)
        rows = [np.append(observation.gripper_pose, (float(opened), 1.0)) for observation, opened in after]
        return np.array(rows, float).reshape(-1, 9)


def guide_demonstration(robot: Robot, keys: Keys, say: Callable[[str], None]) -> Demonstration | None:
    """Record what a person shows, until it is done or discarded (None).

    Raises:
        UserError: the keys end, or the robot is lost or in doubt.
    """
    robot.begin()
    shown = Demonstration()
    opened = robot.arm.state().gripper_open > OPEN
    while True:
        key = keys.next(_WAIT)
        robot.arm.state()  # for the recording
        if key == END:
            raise UserError("the keys have ended within a demonstration, which is lost", "Go on with --resume")
        if key == _DISCARD:
            return None
        if key == _DONE and len(shown.observations) > 1:
            shown.trajectory = robot.trajectory()
            return shown
        if key == _DONE:
            say("There is nothing to keep yet: at least two keyframes make a demonstration")
        elif key in (*_KEYFRAME, _OPEN, _CLOSE):
            if _moves(robot):
                say("The arm moves: hold it still, and press the key again")
                continue
            opened = _moved_fingers(robot, key, opened)
            shown.observations.append(robot.observe())
            shown.opened.append(opened)
            say(_told(len(shown.observations), shown.observations[-1], robot.arm.state().width))
        elif key:
            say(HELP)


def _moves(robot: Robot) -> bool:
    before = robot.arm.state().tip_pose
    time.sleep(LOOK)
    return bool(np.linalg.norm(robot.arm.state().tip_pose[:3] - before[:3]) > AT_REST)


def _moved_fingers(robot: Robot, key: str, opened: bool) -> bool:
    """Do what a key asks of the fingers; whether they are meant to be open now."""
    if key == _OPEN:
        robot.arm.open_hand()
    elif key == _CLOSE:
        robot.arm.close_hand()
    return key == _OPEN or opened and key != _CLOSE


def _told(number: int, observation: Observation, width: float) -> str:
    place = "({:.3f}, {:.3f}, {:.3f}) m".format(*observation.gripper_pose[:3])
    return f"Keyframe {number}: hand at {place}, fingers {width * 1000:.0f} mm apart"
