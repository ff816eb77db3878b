"""The world as it is now, for experts and success tests."""

from __future__ import annotations

import mujoco
import numpy as np

from stages.geometry.poses import matrix_to_pose
from stages.simulators.tabletop.bodies import geoms_below
from stages.simulators.tabletop.panda import PAD_GEOMS, TIP_SITE
from stages.simulators.tabletop.scene import Thing

FULLY_OPEN = 0.08
"""Distance between the fingertips of an open gripper [m]."""


class State:
    """A live view of the simulation: what it returns changes as the simulation goes on.

    Args:
        model, data: MuJoCo's.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self.model = model
        self.data = data
        self._pads = [model.geom(name).id for name in PAD_GEOMS]
        self._start = data.qpos.copy()

    def matrix(self, thing: Thing) -> np.ndarray:
        """(4, 4) pose of the thing's frame in the world."""
        body = self.data.body(thing.body)
        return _transform(body.xpos, body.xmat)

    def position(self, thing: Thing, offset: np.ndarray | tuple = (0.0, 0.0, 0.0)) -> np.ndarray:
        """(3,) anchor of the thing, or a point beside it by `offset` in the thing's frame, in the world [m]."""
        transform = self.matrix(thing)
        return transform[:3, :3] @ (np.asarray(thing.anchor) + offset) + transform[:3, 3]

    def joint(self, thing: Thing) -> float:
        """Position of the thing's joint [m or rad]."""
        return float(self.data.joint(thing.body).qpos[0])

    def joint_change(self, thing: Thing) -> float:
        """Absolute change of the thing's joint since the episode began [m or rad]."""
        return abs(self.joint(thing) - float(self._start[self.model.joint(thing.body).qposadr[0]]))

    def hinge(self, thing: Thing) -> tuple[np.ndarray, np.ndarray]:
        """A point (3,) on the axis of the thing's hinge and the axis' direction (3,), in the world."""
        joint = self.data.joint(thing.body)
        return joint.xanchor.copy(), joint.xaxis.copy()

    @property
    def tip(self) -> np.ndarray:
        """(4, 4) pose of the gripper tip in the world."""
        site = self.data.site(TIP_SITE)
        return _transform(site.xpos, site.xmat)

    @property
    def tip_pose(self) -> np.ndarray:
        """(7,) pose of the gripper tip in the world."""
        return matrix_to_pose(self.tip)

    @property
    def gripper_open(self) -> float:
        """Opening of the gripper in [0, 1]."""
        width = self.data.joint("finger_joint1").qpos[0] + self.data.joint("finger_joint2").qpos[0]
        return float(np.clip(width / FULLY_OPEN, 0, 1))

    def holds(self, thing: Thing) -> bool:
        """Whether both finger pads touch the thing or one of its parts."""
        return self._held_by(self._geoms(thing))

    def holds_nothing(self, things: list[Thing]) -> bool:
        """Whether none of the things is held."""
        return not any(self.holds(thing) for thing in things)

    def detects(self, detector: str, thing: Thing) -> bool:
        """Whether any part of the thing lies in the detector."""
        volume = self.model.geom(detector).id
        return any(self._distance(volume, geom) <= 0 for geom in self._geoms(thing))

    def _distance(self, first: int, second: int) -> float:
        return mujoco.mj_geomDistance(self.model, self.data, first, second, 0.01, None)

    def _geoms(self, thing: Thing) -> set[int]:
        """Solid geoms of the thing and of the parts below it."""
        below = geoms_below(self.model, self.model.body(thing.body).id)
        return set(np.flatnonzero(below & (self.model.geom_contype > 0)).tolist())

    def _held_by(self, geoms: set[int]) -> bool:
        pairs = self.data.contact.geom[: self.data.ncon]
        touched = {pad for a, b in pairs.tolist() for pad, other in ((a, b), (b, a)) if other in geoms}
        return all(pad in touched for pad in self._pads)


def _transform(position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    transform = np.eye(4)
    transform[:3, :3] = rotation.reshape(3, 3)
    transform[:3, 3] = position
    return transform
