"""What every real arm offers, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

LOOK_FIRST = "Nothing more is sent: look at the robot, then start again"
"""What to do about an arm in doubt."""


@dataclass(frozen=True)
class ArmState:
    """An arm with its hand at one moment.

    Attributes:
        tip_pose: (7,) position [m] and quaternion xyzw, world frame.
        joint_positions: (7,) [rad].
        joint_velocities: (7,) [rad/s].
        gripper_open: opening in [0, 1], 1 = fully open.
        width: distance of the fingers [m].
        time: by the robot's clock [s].
    """

    tip_pose: np.ndarray
    joint_positions: np.ndarray
    joint_velocities: np.ndarray
    gripper_open: float
    width: float
    time: float


class Arm(Protocol):
    """An arm that is connected.

    Attributes:
        on_state: called with every state that is read, also while the arm moves.
    """

    on_state: Callable[[ArmState], None]

    @property
    def doubt(self) -> str:
        """Why nothing is sent any more, until a person has looked; "" = nothing is wrong."""

    def state(self) -> ArmState:
        """How the arm is now.

        Raises:
            UserError: the connection is lost.
        """

    def move(self, action: np.ndarray) -> str:
        """Move the tip to a pose, then the fingers if they are to change.

        Args:
            action: (9,) tip pose, gripper open, ignore collision; world frame.

        Returns:
            Why nothing was sent, as the robot cannot or must not go there; "" if it was done.

        Raises:
            UserError: in doubt: the arm is stopped, and nothing is sent any more.
        """

    def open_hand(self) -> None:
        """Open the fingers; see `move` for errors."""

    def close_hand(self) -> None:
        """Close the fingers, on whatever is between them; see `move` for errors."""

    def stop(self) -> None:
        """Stop whatever moves."""

    def close(self) -> None:
        """Stop whatever moves, and let go of the robot."""
