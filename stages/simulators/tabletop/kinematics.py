"""Where the joints must be for the tip to be somewhere: analytic search, continuous tracking, collision checks."""

from __future__ import annotations

from collections.abc import Iterator

import frankik
import mujoco
import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.bodies import free_geoms, geoms_below
from stages.simulators.tabletop.panda import (
    ARM_JOINTS,
    BASE_POSITION,
    HAND_TURN,
    LOWER,
    TIP,
    TIP_SITE,
    UPPER,
)

REDUNDANT = np.linspace(LOWER[6], UPPER[6], 61)
"""Angles of the last joint that are tried: one every 5.5 degrees [rad]."""

ACCURACY = 1e-5
"""Error left by tracking [m and rad]."""

LARGEST_JUMP = 0.35
"""A joint that moves further than this between neighbouring points of a line has changed branch [rad]."""

PENETRATION = 0.002
"""Contacts shallower than this are no collision [m]."""

LIMIT_MARGIN = 0.01


class Kinematics:
    """Inverse kinematics and collision checks of the arm in one scene.

    Args:
        model: compiled scene with the robot.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._arm = np.array([model.joint(name).qposadr[0] for name in ARM_JOINTS])
        self._columns = np.array([model.joint(name).dofadr[0] for name in ARM_JOINTS])
        self._site = model.site(TIP_SITE).id
        self._robot = geoms_below(model, model.body("link0").id)
        self._free = free_geoms(model)
        self._passable = np.zeros(model.ngeom, bool)
        self._jacobian = np.zeros((6, model.nv))

    def follow(self, qpos: np.ndarray) -> None:
        """Take over where everything is now, for the collision checks: what the hand touches is passable."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        pairs = self._data.contact.geom
        touching = pairs[self._robot[pairs].any(axis=1)].ravel()
        root_of = self._model.body_rootid[self._model.geom_bodyid]
        self._passable = self._free & np.isin(root_of, root_of[touching])

    def forward(self, joints: np.ndarray) -> np.ndarray:
        """(4, 4) tip pose in the world of joint angles (7,)."""
        self._data.qpos[self._arm] = joints
        mujoco.mj_kinematics(self._model, self._data)
        transform = np.eye(4)
        transform[:3, :3] = self._data.site_xmat[self._site].reshape(3, 3)
        transform[:3, 3] = self._data.site_xpos[self._site]
        return transform

    def solutions(self, tip: np.ndarray, near: np.ndarray) -> Iterator[np.ndarray]:
        """Joint angles (7,) within limits and free of self-collision that bring the tip to a pose (4, 4).

        Sorted by the largest joint movement from `near` (7,).
        """
        flange = _flange(tip)
        found = np.concatenate([frankik.ik_full(flange, near, angle) for angle in REDUNDANT])
        found = found[np.isfinite(found).all(axis=1)]
        found = found[((found > LOWER + LIMIT_MARGIN) & (found < UPPER - LIMIT_MARGIN)).all(axis=1)]
        order = np.argsort(np.abs(found - near).max(axis=1), kind="stable")
        return (joints for joints in found[order] if not self.collides(joints, scene=False))

    def track(self, tips: np.ndarray, start: np.ndarray) -> np.ndarray | None:
        """Joint angles (N, 7) that take the tip through poses (N, 4, 4) without a jump, or None.

        Damped least squares from point to point, staying in the posture of `start` (7,).
        """
        joints, path = start, []
        for tip in tips:
            moved = self._solve_near(tip, joints)
            if moved is None or np.abs(moved - joints).max() > LARGEST_JUMP:
                return None
            joints = moved
            path.append(joints)
        return np.array(path)

    def collides(self, joints: np.ndarray, scene: bool = True) -> bool:
        """Whether the arm would touch itself or, if asked, the things around it, but for those that it holds."""
        self._data.qpos[self._arm] = joints
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        contact = self._data.contact
        pairs = contact.geom[contact.dist < -PENETRATION]
        robot = self._robot[pairs]
        hit = robot.all(axis=1)
        if scene:
            hit |= robot.any(axis=1) & ~self._passable[pairs].any(axis=1)
        return bool(hit.any())

    def _solve_near(self, tip: np.ndarray, joints: np.ndarray, iterations: int = 20) -> np.ndarray | None:
        joints = joints.copy()
        for _ in range(iterations):
            here = self.forward(joints)
            error = _twist(here, tip)
            if np.abs(error).max() < ACCURACY:
                return joints
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_jacSite(self._model, self._data, self._jacobian[:3], self._jacobian[3:], self._site)
            jacobian = self._jacobian[:, self._columns]
            damped = jacobian @ jacobian.T + 1e-6 * np.eye(6)
            joints = np.clip(joints + jacobian.T @ np.linalg.solve(damped, error), LOWER, UPPER)
        return None


def _flange(tip: np.ndarray) -> np.ndarray:
    """Flange pose (4, 4) in the robot's base frame of a tip pose in the world."""
    offset = np.eye(4)
    offset[:3, :3] = axis_rotation(2, -HAND_TURN)
    offset[:3, 3] = 0, 0, -TIP
    flange = tip @ offset
    flange[:3, 3] -= BASE_POSITION
    return flange


def _twist(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(6,) translation and rotation vector from one pose (4, 4) to another, in the world."""
    relative = there[:3, :3] @ here[:3, :3].T
    return np.concatenate([there[:3, 3] - here[:3, 3], rotation_vector(relative)])


def rotation_vector(rotation: np.ndarray) -> np.ndarray:
    """(3,) axis times angle [rad] of a rotation matrix, by MuJoCo's quaternion logarithm."""
    quaternion, vector = np.empty(4), np.empty(3)
    mujoco.mju_mat2Quat(quaternion, rotation.ravel())
    mujoco.mju_quat2Vel(vector, quaternion, 1.0)
    return vector
