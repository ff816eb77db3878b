"""Arranging the things of a compiled scene: beside, on and in each other, in the air, and in the hand.

A thing is taken for the bounding box of its shapes; two things are apart if their boxes are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from stages.geometry.poses import axis_rotation, matrix_to_quaternion
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.tabletop.bodies import geoms_below
from stages.simulators.tabletop.families.draft import ROOM

AREA_LOW, AREA_HIGH = np.array([-0.12, -0.38]), np.array([0.5, 0.38])
"""Where middles of things are drawn from: x and y, world frame [m]."""

LIMITS_LOW, LIMITS_HIGH = np.array([-0.25, -0.48]), np.array([0.68, 0.48])
"""Where things should end: x and y, world frame [m]."""

HANGING, INSIDE = 0.15, 0.35
"""Shares of things that hang in the air, and that lie on or in another thing where one has room."""

HIGHEST = 0.35
"""Of the feet of hanging things above the table [m]."""

LYING = 0.12
"""Share of small things that lie on one side."""

TOWARDS_ROBOT = 0.6
"""Share of furniture whose front looks roughly at the robot."""

NEAR = 0.5
"""Share of things that are put next to another one."""

WIDEST_GAP = 0.05
"""Between things next to each other [m]."""

LARGE = 0.15
"""Second longest edge from which a thing only stands on the table [m]."""

GRASPABLE, LONGEST_HELD = 0.075, 0.24
"""Width between the fingers and length of what can be held [m]."""

PALM = 0.06
"""How far the upper end of what is held reaches behind the tip at most [m]."""

TRIES = 40
SIGNS = np.stack(np.meshgrid(*[[-1, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
"""(8, 3) of a box's corners."""


@dataclass(frozen=True)
class Placed:
    """Where the box of a thing is.

    Attributes:
        corners: (4, 2) of its footprint, world frame [m].
        low, high: heights of its lower and its upper face, world frame [m].
    """

    corners: np.ndarray
    low: float
    high: float

    @property
    def centre(self) -> np.ndarray:
        return self.corners.mean(axis=0)

    @property
    def radius(self) -> float:
        """From the centre to a corner [m]."""
        return float(np.linalg.norm(self.corners[0] - self.centre))

    def apart(self, other: Placed, gap: float) -> bool:
        """Whether another box is at least so far away [m] along a face of either, or above or below."""
        if self.low >= other.high - 1e-4 or other.low >= self.high - 1e-4:
            return True
        for first in (self.corners, other.corners):
            for axis in (first[1] - first[0], first[3] - first[0]):
                axis = axis / (np.linalg.norm(axis) + 1e-9)
                one, two = self.corners @ axis, other.corners @ axis
                if one.min() - two.max() >= gap or two.min() - one.max() >= gap:
                    return True
        return False

    def holds(self, points: np.ndarray) -> bool:
        """Whether one of points (N, 3) lies in the upright box around it."""
        low = np.append(self.corners.min(axis=0), self.low)
        high = np.append(self.corners.max(axis=0), self.high)
        return bool(np.any(np.all((points > low) & (points < high), axis=1)))


def bounding_box(
    model: mujoco.MjModel, data: mujoco.MjData, body: int, world: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) of all shapes at and below a body, in its frame or the world's [m]."""
    geoms = np.flatnonzero(geoms_below(model, body)).tolist()
    pieces = [_outline(model, geom) @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom] for geom in geoms]
    points = np.concatenate(pieces)
    if not world:
        points = (points - data.xpos[body]) @ data.xmat[body].reshape(3, 3)
    return points.min(axis=0), points.max(axis=0)


def _outline(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Points (P, 3) around a shape in its own frame: vertices of a mesh, or corners of a bounding box [m]."""
    mesh = model.geom_dataid[geom]
    if mesh >= 0:
        return model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
    return model.geom_aabb[geom, :3] + SIGNS * model.geom_aabb[geom, 3:]


class Arrangement:
    """Moves bodies of a model that stand on the world, each with all below it.

    Args:
        model, data: MuJoCo's, after mj_kinematics.
        bodies: ids of the things.

    Attributes:
        rooms: each a site, and the body of the thing that it is in or on.
    """

    def __init__(self, rng: np.random.Generator, model: mujoco.MjModel, data: mujoco.MjData, bodies: list[int]) -> None:
        self._rng, self._model, self._data = rng, model, data
        self._bodies = bodies
        self._boxes = {body: bounding_box(model, data, body) for body in bodies}
        self._placed: dict[int, Placed] = {}
        self._gap = rng.uniform(0.0, 0.02)
        sites = (site for site in range(model.nsite) if model.site(site).name.startswith(ROOM))
        self.rooms = [(site, int(model.body_rootid[model.site_bodyid[site]])) for site in sites]

    @property
    def placed(self) -> list[Placed]:
        """Where things are by now."""
        return list(self._placed.values())

    def graspable(self) -> list[int]:
        """Bodies that a hand can hold from above."""
        sizes = {body: high - low for body, (low, high) in self._boxes.items()}
        return [body for body, size in sizes.items() if min(size[:2]) < GRASPABLE and size.max() < LONGEST_HELD]

    def spread(self, leave: int | None = None) -> None:
        """Place all things but one that is to be held, the largest first."""
        order = sorted(self._bodies, key=lambda body: -float(np.prod(np.ptp(self._boxes[body], axis=0)[:2])))
        for body in order:
            if body != leave:
                self._place(body)

    def hold(self, body: int, tip: np.ndarray) -> None:
        """Put a thing between the fingers of a tip (4, 4), its upper end towards the palm."""
        low, high = self._boxes[body]
        size, rotation = high - low, np.diag([1.0, -1.0, -1.0])
        if size[0] < size[1]:
            rotation = rotation @ axis_rotation(2, np.pi / 2)
        if self._rng.random() < 0.5:
            rotation = rotation @ axis_rotation(2, np.pi)
        depth = self._rng.uniform(max(size[2] / 2 - PALM, 0), max(size[2] / 2 - PALM, 0.3 * size[2], 0.001))
        inside = np.array([0, 0, depth]) - rotation @ ((low + high) / 2)
        self._move(body, tip[:3, :3] @ rotation, tip[:3, :3] @ inside + tip[:3, 3])

    def width(self, body: int) -> float:
        """Of a thing between the fingers [m]."""
        return float(min((self._boxes[body][1] - self._boxes[body][0])[:2]))

    def reach(self, body: int) -> float:
        """How far below the tip a held thing ends at most [m]."""
        return float(self._boxes[body][1][2] - self._boxes[body][0][2])

    def _place(self, body: int) -> None:
        large, draw = np.sort(np.ptp(self._boxes[body], axis=0))[1] > LARGE, self._rng.random()
        if not large and draw < HANGING:
            self._settle(body, self._hanging(body))
        elif large or draw > HANGING + INSIDE or not self._put_in_room(body):
            self._settle(body, self._standing(body, large))

    def _standing(self, body: int, large: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rotations (3, 3) and places (3,) of the middle of the foot on the table."""
        tilt = self._tilt() if not large and self._rng.random() < LYING else np.eye(3)
        while True:
            yaw = self._rng.uniform(-np.pi, np.pi)
            if large and self._rng.random() < TOWARDS_ROBOT:
                yaw = np.pi + self._rng.uniform(-0.9, 0.9)
            rotation = axis_rotation(2, yaw) @ tilt
            yield rotation, np.append(self._spot(body), TABLE_HEIGHT)

    def _hanging(self, body: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same in the air, every other thing turned at will."""
        turned = self._rng.random() < 0.5
        while True:
            yaw, pitch, roll = self._rng.uniform(-np.pi, np.pi, 3) * (1, turned, turned)
            rotation = axis_rotation(2, yaw) @ axis_rotation(1, pitch) @ axis_rotation(0, roll)
            height = TABLE_HEIGHT + self._rng.uniform(0.02, HIGHEST)
            yield rotation, np.append(self._rng.uniform(AREA_LOW, AREA_HIGH), height)

    def _tilt(self) -> np.ndarray:
        """A quarter turn about a level axis (3, 3)."""
        return axis_rotation(int(self._rng.integers(2)), self._rng.choice([-1, 1]) * np.pi / 2)

    def _spot(self, body: int) -> np.ndarray:
        """(2,) somewhere in the area, or next to what stands there [m]."""
        low, high = self._boxes[body]
        if not self._placed or self._rng.random() > NEAR:
            return self._rng.uniform(AREA_LOW, AREA_HIGH)
        other = self.placed[self._rng.integers(len(self._placed))]
        angle = self._rng.uniform(-np.pi, np.pi)
        distance = 0.4 * np.linalg.norm(high[:2] - low[:2]) + other.radius + self._rng.uniform(0, WIDEST_GAP)
        return np.clip(other.centre + distance * np.array([np.cos(angle), np.sin(angle)]), AREA_LOW, AREA_HIGH)

    def _settle(self, body: int, poses: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take the first of some poses that is free, or else the last."""
        for _ in range(TRIES):
            rotation, foot = next(poses)
            foot[:2] = self._within_limits(body, rotation, foot[:2])
            box = self._placed_box(body, rotation, foot)
            if all(box.apart(other, self._gap) for other in self.placed):
                break
        self._enter(body, rotation, foot)

    def _put_in_room(self, body: int) -> bool:
        """Put a thing where another has room for it, if any has."""
        for index in self._rng.permutation(len(self.rooms)):
            site, host = self.rooms[index]
            turn = self._data.site_xmat[site].reshape(3, 3)
            if host == body or host not in self._placed or turn[2, 2] < 0.99:
                continue
            for _ in range(4):
                if self._try_room(body, site, host, turn):
                    return True
        return False

    def _try_room(self, body: int, site: int, host: int, turn: np.ndarray) -> bool:
        low, high = self._boxes[body]
        yaw = self._rng.uniform(-np.pi, np.pi) if self._rng.random() < 0.5 else np.pi / 2 * self._rng.integers(4)
        own = axis_rotation(2, yaw)
        extent = np.abs(own) @ (high - low)
        slack = self._model.site_size[site] - extent / 2
        if slack.min() < 0:
            return False
        offset = np.append(self._rng.uniform(-slack[:2], slack[:2]), -self._model.site_size[site][2])
        rotation, foot = turn @ own, turn @ offset + self._data.site_xpos[site]
        box = self._placed_box(body, rotation, foot)
        if not all(box.apart(other, 0.0) for key, other in self._placed.items() if key != host):
            return False
        self._enter(body, rotation, foot)
        return True

    def _placed_box(self, body: int, rotation: np.ndarray, foot: np.ndarray) -> Placed:
        """The box of a thing turned by (3, 3) that stands with the middle of its foot on a point (3,)."""
        low, high = self._boxes[body]
        half, extent = (high - low) / 2, np.abs(rotation) @ (high - low)
        level = rotation[:2] * half  # (2, 3): what each half edge adds to the footprint
        first, second = level[:, np.argsort(-np.linalg.norm(level, axis=0))[:2]].T
        corners = np.array([-first - second, first - second, first + second, second - first])
        return Placed(corners + foot[:2], float(foot[2]), float(foot[2] + extent[2]))

    def _within_limits(self, body: int, rotation: np.ndarray, place: np.ndarray) -> np.ndarray:
        low, high = self._boxes[body]
        half = (np.abs(rotation) @ (high - low) / 2)[:2]
        return np.clip(place, np.minimum(LIMITS_LOW + half, 0), np.maximum(LIMITS_HIGH - half, 0))

    def _enter(self, body: int, rotation: np.ndarray, foot: np.ndarray) -> None:
        """Put a thing with the middle of its foot on a point (3,)."""
        low, high = self._boxes[body]
        rise = (np.abs(rotation) @ (high - low))[2] / 2
        self._placed[body] = self._placed_box(body, rotation, foot)
        self._move(body, rotation, foot + (0, 0, rise) - rotation @ ((low + high) / 2))

    def _move(self, body: int, rotation: np.ndarray, position: np.ndarray) -> None:
        self._model.body_pos[body] = position
        self._model.body_quat[body] = matrix_to_quaternion(rotation)[[3, 0, 1, 2]]
        mujoco.mj_kinematics(self._model, self._data)
