"""Screw the light bulb of the named holder into the lamp; another bulb waits in another holder."""

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
from stages.simulators.tabletop.things.lamp import GLASS_CENTRE, SOCKET_DEPTH, lamp_without_bulb, light_bulb

LAMP_PLACE = (0.0, 0.10)
BOUNDARY = (-0.12, 0.12, -0.12, -0.05)
GAP = 0.145
"""Least distance between the holders [m]: they do not overlap at any yaw."""

LIFT = 0.19
ABOVE = 0.035
"""Height of the bulb's tip over the socket when it comes from the side [m]."""

INSERTED, CLEARANCE = 0.014, 0.002
"""How deep the bulb's tip goes before the turn, and how far from the socket's floor it ends [m]."""

TURN = np.deg2rad(165)


class LightBulbInPeract(Task[str]):
    """Parameters: the colour of the bulb's holder. The socket has no thread: the hand moves the turning bulb down."""

    name = "light_bulb_in_peract"
    variations = dict(enumerate(COLOURS))
    levels = {"train": (17, 19), "l2": (1, 2)}
    region = (0.17, 0.23, -0.10, 0.10)

    def instructions(self) -> list[str]:
        return [
            f"screw in the {self.parameters} light bulb",
            f"put the light bulb from the {self.parameters} holder into the lamp",
            f"take the light bulb out of the {self.parameters} holder and screw it into the lamp",
            f"the lamp needs a light bulb, use the {self.parameters} one",
            f"fit the {self.parameters} light bulb into the socket of the lamp",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"get the lamp ready to shine with the bulb that the {self.parameters} stand holds",
            f"twist the {self.parameters} bulb into its fitting",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        (other,) = different_colours(rng, COLOURS, 1, avoid=[self.parameters])
        places = scatter(rng, [BOUNDARY], count=2, gap=GAP)
        self.socket, self.inside = lamp_without_bulb(scene, *LAMP_PLACE)
        self.target = light_bulb(scene, self.parameters, *places[0])
        self.other = light_bulb(scene, other, *places[1])

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._screw_in(state, self.target)

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._screw_in(state, self.other)

    def success(self, state: State) -> bool:
        return state.detects(self.inside, self.target) and state.holds_nothing([self.target, self.other])

    def _screw_in(self, state: State, bulb: Thing) -> Iterator[Motion]:
        mouth = state.position(self.socket)
        tip_in_mouth = mouth + (0, 0, GLASS_CENTRE)
        depth = SOCKET_DEPTH - CLEARANCE - INSERTED
        yield from grasp_to_turn(state, bulb, mouth, TURN)
        yield from lift(state, bulb, LIFT)
        yield from move(state, bulb, self.socket, tip_in_mouth + (0, 0, ABOVE), keypoint=mouth)
        yield from move(state, bulb, self.socket, tip_in_mouth - (0, 0, INSERTED), keypoint=mouth)
        yield from screw_in(state, bulb, self.socket, TURN, keypoint=mouth, depth=depth, motions=3)
