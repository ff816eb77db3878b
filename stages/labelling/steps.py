"""Steps in the step language from what the hand did with its gripper closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import quaternion_to_matrix, rotation_angle
from stages.labelling.grips import Grip
from stages.labelling.wording import Wording

RISE = 0.02
"""A lift begins with a motion that rises at least this much, and more than it goes aside [m]."""

TURN, IN_PLACE = 0.1, 0.05
"""A motion that turns the hand by more than this [rad] and carries it less than that [m] is a rotation."""

ARC = (0.12, 1.2)
"""Between successive motions along an arc the direction changes by such angles [rad], always the same way."""


@dataclass(frozen=True)
class Path:
    """Where the hand was.

    Attributes:
        positions: (K + 1, 3) of the tip [m].
        rotations: (K + 1, 3, 3) of the tip.
    """

    positions: np.ndarray
    rotations: np.ndarray

    @classmethod
    def of(cls, poses: np.ndarray) -> Path:
        """The path through tip poses (K + 1, 7)."""
        return cls(poses[:, :3], quaternion_to_matrix(poses[:, 3:]))

    def travel(self, motion: int) -> np.ndarray:
        """(3,) displacement in a motion [m]."""
        return self.positions[motion + 1] - self.positions[motion]

    def rises(self, motion: int) -> bool:
        """Whether a motion goes up more than aside."""
        travel = self.travel(motion)
        return bool(travel[2] >= max(RISE, np.linalg.norm(travel[:2])))

    def turns(self, motion: int) -> bool:
        """Whether a motion turns the hand and little else."""
        angle = rotation_angle(self.rotations[motion], self.rotations[motion + 1])
        return bool(angle > TURN and np.linalg.norm(self.travel(motion)) < IN_PLACE)

    def goes_forward(self, motion: int) -> bool:
        """Whether a motion goes where the hand points."""
        return bool(self.travel(motion) @ self.rotations[motion][:, 2] > np.linalg.norm(self.travel(motion)) / 2)

    def is_arc(self, motions: Sequence[int]) -> bool:
        """Whether three motions or more go round something, as what hangs on a hinge does."""
        ways = [self.travel(motion) for motion in motions if np.linalg.norm(self.travel(motion)) > RISE]
        if len(ways) < 3:
            return False
        axes = np.cross(ways[:-1], ways[1:])
        angles = [np.arctan2(np.linalg.norm(axis), a @ b) for axis, a, b in zip(axes, ways, ways[1:], strict=False)]
        return bool(all(ARC[0] < angle < ARC[1] for angle in angles) and (axes @ axes[0] > 0).all())


def grip_steps(path: Path, grip: Grip, holds: bool, thing: str, wording: Wording) -> list[Step]:
    """The step of every motion of a grip.

    Args:
        holds: whether the gripper closed on something.
        thing: noun phrase of what is acted on.
        wording: what the task is about.
    """
    count = grip.end - grip.start
    if not holds:
        return [Step("slide", thing, wording.target) if wording.target else Step("push", thing)] * count
    held = wording.tool or thing
    last = grip.end if grip.opened is None else grip.opened - 1
    steps = [Step("grasp", held)] * (grip.closed - grip.start)
    steps += _holding(path, range(grip.closed, last), held, wording)
    return steps + [Step("release", held, _target(wording, thing))] * (grip.end - last)


def _target(wording: Wording, thing: str) -> str:
    return wording.target or (thing if wording.tool else "")


def _holding(path: Path, motions: range, held: str, wording: Wording) -> list[Step]:
    """The steps of the motions between a grasp and a release."""
    named = bool(wording.target or wording.tool)
    arc = not named and path.is_arc([motion for motion in motions if not path.turns(motion)])
    carried = named or any(map(path.rises, motions[:1]))
    steps: list[Step] = []
    for motion in motions:
        if path.turns(motion):
            steps.append(Step("rotate", held))
        elif arc or not carried:
            forward = not arc and path.goes_forward(motion)
            steps.append(Step("push" if forward else "pull", held))
        elif motion == motions[0] and path.rises(motion) or not named:
            steps.append(Step("lift", held))
        else:
            steps.append(Step("move", held, wording.target))
    return _with_tool(path, steps, motions, wording) if wording.tool else steps


def _with_tool(path: Path, steps: list[Step], motions: range, wording: Wording) -> list[Step]:
    """Moves of a tool go to the thing that it is for until the hand is down, and then to the target."""
    moves = [k for k, step in enumerate(steps) if step.action == "move"]
    lowest = min(moves, key=lambda k: path.positions[motions[k] + 1][2], default=0)
    to_thing = [k for k in moves if k <= lowest or not wording.target]
    return [Step(s.action, s.object, wording.object) if k in to_thing else s for k, s in enumerate(steps)]


def pushed_in_turn(count: int, wording: Wording) -> list[str]:
    """The thing that each of `count` motions with an empty hand pushes, where several are pushed in turn."""
    listed = next((names for names in wording.lists if len(names) > 1 and count % len(names) == 0), ())
    names = listed or (wording.object,)
    return [names[motion * len(names) // count] for motion in range(count)]
