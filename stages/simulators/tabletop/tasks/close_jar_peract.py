"""Close the jar of the named colour: set the lid on its mouth and turn it; another jar stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.colours import COLOURS, different_colours
from stages.simulators.tabletop.scene import Scene, Thing, scatter
from stages.simulators.tabletop.skills.hand import lift, move
from stages.simulators.tabletop.skills.screwing import grasp_to_turn, screw_in
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.jar import JAR_HEIGHT, LID_GRIP, SEAT, height_on_mouth, jar, lid

LID_PLACE = (0.0, -0.10)
BOUNDARY = (-0.11, 0.11, 0.05, 0.11)
GAP = 0.13
"""Least distance between the jars [m]: room for a finger beside the lid that is set on one of them."""

ABOVE = 0.05
"""Height over its seat to which the lid is carried before it is set down [m]."""

TURN = np.deg2rad(90)
TURNED = np.deg2rad(45)
"""Least clockwise turn of the lid on the mouth [rad]."""

SEATED = 0.002
"""How near to its seat the lid must come to rest [m]."""


class CloseJarPeract(Task[str]):
    """Parameters: the colour of the jar to close. The jars have no thread: the lid goes straight over the neck."""

    name = "close_jar_peract"
    variations = dict(enumerate(COLOURS))
    levels = {"train": (15, 16), "l2": (3, 4)}
    region = (0.18, 0.24, -0.10, 0.10)
    yaw_range = (-1.885, 1.885)

    def instructions(self) -> list[str]:
        return [
            f"close the {self.parameters} jar",
            f"screw the lid on the {self.parameters} jar",
            f"put the lid on the {self.parameters} jar and turn it",
            f"grasp the lid, set it on the {self.parameters} jar and screw it tight",
            f"the {self.parameters} jar is open, close it with the lid",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"make sure that nothing can fall out of the {self.parameters} jar",
            f"twist the cover tight over the mouth of the {self.parameters} vessel",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        (other,) = different_colours(rng, COLOURS, 1, avoid=[self.parameters])
        places = scatter(rng, [BOUNDARY], count=2, gap=GAP)
        self.target = jar(scene, self.parameters, *places[0])
        self.other = jar(scene, other, *places[1])
        self.lid = lid(scene, *LID_PLACE)
        self.first_angle: float | None = None

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._close(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._close(state, self.other)

    def success(self, state: State) -> bool:
        """The lid must have turned since it was first seen around the neck, sit on the mouth and be let go."""
        height = height_on_mouth(state, self.lid, self.target)
        if np.isinf(height):
            self.first_angle = None
            return False
        relative = state.matrix(self.target)[:3, :3].T @ state.matrix(self.lid)[:3, :3]
        angle = float(np.arctan2(relative[1, 0], relative[0, 0]))
        if self.first_angle is None:
            self.first_angle = angle
        turned = (self.first_angle - angle + np.pi) % (2 * np.pi) - np.pi
        return bool(turned > TURNED and height < SEATED and not state.holds(self.lid))

    def _close(self, state: State, vessel: Thing) -> Iterator[Motion]:
        mouth = state.position(vessel)
        seat = mouth + (0, 0, SEAT + LID_GRIP - JAR_HEIGHT)
        yield from grasp_to_turn(state, self.lid, mouth, TURN)
        yield from lift(state, self.lid)
        yield from move(state, self.lid, vessel, seat + (0, 0, ABOVE), keypoint=mouth)
        yield from move(state, self.lid, vessel, seat, keypoint=mouth)
        yield from screw_in(state, self.lid, vessel, TURN, keypoint=mouth)
