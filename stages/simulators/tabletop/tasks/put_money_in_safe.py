"""Take the bank notes from the top of a safe and put them on one of its three shelves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stages.core.steps import Step
from stages.geometry.poses import axis_rotation
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import DOWN, grasp, motion, move, release, tip_at
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.base import Task
from stages.simulators.tabletop.things.safe import SHELVES, Shelf, bank_notes, safe

TILT = np.deg2rad(48)
"""Of the hand from straight down [rad]."""

TILTED = axis_rotation(1, -TILT) @ DOWN
"""Rotation (3, 3) of a tip that leans forward along world X, its fingers along world Y."""

RAISED, IN_FRONT, INSIDE = 0.10, 0.13, 0.03
"""Of the tip: its height over the grasp when it leaves the top, its distance before and behind the front [m]."""

PIVOT = np.array([-0.20, 0.16, 0.0])
"""The point of the safe's frame that is placed in the region [m]: there the arm reaches the front at any yaw."""

CLEARANCE = 0.002
"""Height over the shelf at which the hand lets go [m]."""


class PutMoneyInSafe(Task[str]):
    """Parameters: the shelf."""

    name = "put_money_in_safe"
    variations = dict(enumerate(SHELVES))
    levels = {"train": (0, 1), "l3": (2,)}
    region = (0.14, 0.17, -0.09, -0.02)
    yaw_range = (0.0, np.pi / 2)

    behind = 0.04
    """How far behind the centre of the load the hand holds it [m]."""

    def place(self, rng: np.random.Generator) -> np.ndarray:
        base = super().place(rng)
        base[:3, 3] -= base[:3, :3] @ PIVOT
        return base

    def instructions(self) -> list[str]:
        return [
            f"put the bank notes on the {self.parameters} of the safe",
            f"put the money away in the safe on the {self.parameters}",
            f"take the bank notes from the top of the safe and leave them on the {self.parameters}",
            f"place the money on the {self.parameters} in the safe",
            f"store the bundle of bank notes on the {self.parameters}",
        ]

    def novel_instructions(self) -> list[str]:
        return [
            f"the cash belongs on the {self.parameters} of the safe",
            f"stow the money inside the safe, on its {self.parameters}",
        ]

    def build(self, scene: Scene, rng: np.random.Generator) -> None:
        self.shelves = safe(scene)
        self.load = self._load(scene, rng)

    def _load(self, scene: Scene, rng: np.random.Generator) -> Thing:
        return bank_notes(scene, rng.uniform(0.07, 0.17), rng.uniform(-0.07, 0.07), rng.uniform(-np.pi / 2, 0))

    def expert(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.shelves[self.parameters])

    def mistake(self, state: State) -> Iterator[Motion]:
        yield from self._put(state, self.shelves[SHELVES[SHELVES.index(self.parameters) - 1]])

    def success(self, state: State) -> bool:
        shelf = self.shelves[self.parameters]
        return state.detects(shelf.detector, self.load) and state.holds_nothing([self.load])

    def _put(self, state: State, shelf: Shelf) -> Iterator[Motion]:
        """The hand is tilted all the way; it faces along the load to grasp it, and into the safe from then on."""
        load, place = self.load, shelf.place
        hold = tip_at(state.position(load, (-self.behind, 0, 0)), state.matrix(load)[:3, :3] @ TILTED)
        yield from grasp(state, load, hold)
        yield from self._back_out(state, place)
        entry = state.position(place)
        inside, height = state.matrix(place)[:3, 0], (0, 0, load.size[2] / 2 + CLEARANCE)
        yield from move(state, load, place, entry + (self.behind - IN_FRONT) * inside + height, keypoint=entry)
        target = entry + (self.behind + INSIDE) * inside + height
        yield from release(state, load, place, target, keypoint=entry, retreat=0)

    def _back_out(self, state: State, place: Thing) -> Iterator[Motion]:
        """Off the top of the safe and in front of it, turning the load end on, in two equal parts."""
        start = state.tip[:3, 3]
        end = state.position(place, (-IN_FRONT, 0, 0))
        end[2] = start[2] + RAISED
        rotation = state.matrix(place)[:3, :3] @ TILTED
        for waypoint in ((start + end) / 2 + (0, 0, RAISED / 2), end):
            yield motion(tip_at(waypoint, rotation), False, Step("lift", self.load.name), state.position(self.load))
