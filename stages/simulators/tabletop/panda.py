"""The Franka Emika Panda with its hand, as published: kinematic chain, limits and masses, added to a MuJoCo world.

Chain and limits: Franka's control parameters (modified Denavit-Hartenberg). Masses: Gaz, Cognetti, Oliva, Robuffo
Giordano and De Luca, "Dynamic identification of the Franka Emika Panda robot with retrieval of feasible parameters
using penalty-based optimization", RA-L 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from stages.geometry.poses import axis_rotation, matrix_to_quaternion
from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.tabletop.panda_meshes import LinkShape, panda_shapes

BASE_POSITION = np.array([-0.31, 0.0, TABLE_HEIGHT])
ROBOT_MASK_ID = 1
ARM_JOINTS = tuple(f"joint{index}" for index in range(1, 8))
FINGER_JOINTS = ("finger_joint1", "finger_joint2")
PAD_GEOMS = ("left_pad", "right_pad")
TIP_SITE = "tip"
GRIPPER_ACTUATOR = "gripper"

LOWER = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
UPPER = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
VELOCITY = np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61])
TORQUE = np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0])
STIFFNESS = np.array([4500.0, 4500.0, 3500.0, 3500.0, 2000.0, 2000.0, 2000.0])
DAMPING = STIFFNESS / 10
FINGER_TRAVEL = 0.04
GRIP_FORCE = 60.0
"""Of the tendon that closes both fingers [N]."""

OPEN_COMMAND, CLOSED_COMMAND = FINGER_TRAVEL, -FINGER_TRAVEL
"""Targets of the finger position; the closed one lies beyond the stop, so that the force is constant."""

HAND_TURN = -np.pi / 4
FLANGE = 0.107
TIP = 0.1034
"""Tip in front of the flange [m], between the pads."""

FINGER_BASE = 0.0584
PAD_SIZE, PAD_CENTRE = (0.0174, 0.0142, 0.0178), (0.0, 0.0071, 0.0449)
KNUCKLE_SIZE, KNUCKLE_CENTRE = (0.021, 0.0115, 0.036), (0.0, 0.0203, 0.018)
PAD_FRICTION = (1.2, 0.02, 0.0005)

LIGHT = (0.93, 0.93, 0.94)
DARK = (0.16, 0.17, 0.19)
GRAY = (0.62, 0.64, 0.67)


@dataclass(frozen=True)
class _Link:
    """One moving link: the frame of its joint in its parent's (modified DH a, d [m], alpha [rad]) and its inertia.

    Attributes:
        mass: [kg]; centre: [m]; inertia: xx, yy, zz, xy, xz, yz about the centre [kg m^2].
    """

    a: float
    d: float
    alpha: float
    mass: float
    centre: tuple[float, float, float]
    inertia: tuple[float, float, float, float, float, float]


_H = np.pi / 2
_LINKS = (
    _Link(0.0, 0.333, 0.0, 4.970684, (3.875e-3, 2.081e-3, -4.762e-2),
          (7.0337e-1, 7.0661e-1, 9.1170e-3, -1.3900e-4, 6.7720e-3, 1.9169e-2)),
    _Link(0.0, 0.0, -_H, 0.646926, (-3.141e-3, -2.872e-2, 3.495e-3),
          (7.9620e-3, 2.8110e-2, 2.5995e-2, -3.9250e-3, 1.0254e-2, 7.0400e-4)),
    _Link(0.0, 0.316, _H, 3.228604, (2.7518e-2, 3.9252e-2, -6.6502e-2),
          (3.7242e-2, 3.6155e-2, 1.0830e-2, -4.7610e-3, -1.1396e-2, -1.2805e-2)),
    _Link(0.0825, 0.0, _H, 3.587895, (-5.317e-2, 1.04419e-1, 2.7454e-2),
          (2.5853e-2, 1.9552e-2, 2.8323e-2, 7.7960e-3, -1.3320e-3, 8.6410e-3)),
    _Link(-0.0825, 0.384, -_H, 1.225946, (-1.1953e-2, 4.1065e-2, -3.8437e-2),
          (3.5549e-2, 2.9474e-2, 8.6270e-3, -2.1170e-3, -4.0370e-3, 2.2900e-4)),
    _Link(0.0, 0.0, _H, 1.666555, (6.0149e-2, -1.4117e-2, -1.0517e-2),
          (1.9640e-3, 4.3540e-3, 5.4330e-3, 1.0900e-4, -1.1580e-3, 3.4100e-4)),
    _Link(0.088, 0.0, _H, 0.735522, (1.0517e-2, -4.252e-3, 6.1597e-2),
          (1.2516e-2, 1.0027e-2, 4.8150e-3, -4.2800e-4, -1.1960e-3, -7.4100e-4)),
)  # fmt: skip

_ALWAYS_TOUCHING = (("link5", "link7"), ("link6", "hand"), ("left_finger", "right_finger"))
"""Links that are no neighbours in the chain but whose convex covers may touch all the time."""


def add_panda(spec: mujoco.MjSpec) -> None:
    """Add the robot at `BASE_POSITION`, with a tip site, position servos on the arm and one actuator on the gripper."""
    shapes = panda_shapes()
    body = spec.worldbody.add_body(name="link0", pos=BASE_POSITION)
    _add_shape(spec, body, "link0", shapes["link0"])
    for index, link in enumerate(_LINKS, start=1):
        body = _add_link(body, index, link)
        _add_shape(spec, body, f"link{index}", shapes[f"link{index}"])
    _add_hand(spec, body, shapes)
    _add_actuators(spec)
    for first, second in _ALWAYS_TOUCHING:
        spec.add_exclude(bodyname1=first, bodyname2=second)


def _add_link(parent: mujoco.MjsBody, index: int, link: _Link) -> mujoco.MjsBody:
    body = parent.add_body(
        name=f"link{index}",
        pos=[link.a, -np.sin(link.alpha) * link.d, np.cos(link.alpha) * link.d],
        quat=[np.cos(link.alpha / 2), np.sin(link.alpha / 2), 0, 0],
        mass=link.mass,
        ipos=link.centre,
        fullinertia=link.inertia,
        explicitinertial=True,
        gravcomp=1,
    )
    limits = np.rad2deg([LOWER[index - 1], UPPER[index - 1]])
    body.add_joint(name=ARM_JOINTS[index - 1], axis=[0, 0, 1], range=limits, limited=True, armature=0.1, damping=1)
    return body


def _add_hand(spec: mujoco.MjSpec, flange: mujoco.MjsBody, shapes: dict[str, LinkShape]) -> None:
    turn = _wxyz(axis_rotation(2, HAND_TURN))
    hand = flange.add_body(
        name="hand", pos=[0, 0, FLANGE], quat=turn, mass=0.73, ipos=[-0.01, 0, 0.03], explicitinertial=True,
        inertia=[0.001, 0.0025, 0.0017], gravcomp=1,
    )  # fmt: skip
    _add_shape(spec, hand, "hand", shapes["hand"])
    hand.add_site(name=TIP_SITE, pos=[0, 0, TIP])
    _add_finger(spec, hand, "left", FINGER_JOINTS[0], shapes["finger"], turned=False)
    _add_finger(spec, hand, "right", FINGER_JOINTS[1], shapes["finger"], turned=True)
    spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT, name1=FINGER_JOINTS[0],
        name2=FINGER_JOINTS[1], solref=[0.005, 1], solimp=[0.95, 0.99, 0.001, 0.5, 2],
    )  # fmt: skip


def _add_finger(
    spec: mujoco.MjSpec, hand: mujoco.MjsBody, side: str, joint: str, shape: LinkShape, turned: bool
) -> None:
    finger = hand.add_body(
        name=f"{side}_finger", pos=[0, 0, FINGER_BASE], quat=[0, 0, 0, 1] if turned else [1, 0, 0, 0], mass=0.015,
        ipos=[0, 0.01, 0.025], inertia=[2.375e-6, 2.375e-6, 7.5e-7], explicitinertial=True, gravcomp=1,
    )  # fmt: skip
    finger.add_joint(
        name=joint, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[0, 1, 0], range=[0, FINGER_TRAVEL], limited=True,
        armature=0.1, damping=10,
    )  # fmt: skip
    _add_visual(spec, finger, "finger_shell", shape.shell, DARK)
    _add_visual(spec, finger, "finger_trim", shape.trim, GRAY)
    box = mujoco.mjtGeom.mjGEOM_BOX
    finger.add_geom(
        name=f"{side}_pad", type=box, size=np.divide(PAD_SIZE, 2), pos=PAD_CENTRE, friction=PAD_FRICTION, group=3,
        priority=1, condim=4,
    )  # fmt: skip
    finger.add_geom(type=box, size=np.divide(KNUCKLE_SIZE, 2), pos=KNUCKLE_CENTRE, group=3)


def _add_shape(spec: mujoco.MjSpec, body: mujoco.MjsBody, link: str, shape: LinkShape) -> None:
    _add_visual(spec, body, f"{link}_shell", shape.shell, LIGHT)
    _add_visual(spec, body, f"{link}_trim", shape.trim, DARK)
    spec.add_mesh(name=f"{link}_hull", uservert=shape.hull.ravel())
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=f"{link}_hull", group=3)


def _add_visual(spec, body: mujoco.MjsBody, name: str, mesh: tuple[np.ndarray, np.ndarray], colour) -> None:
    vertices, triangles = mesh
    if not len(triangles):
        return
    if spec.mesh(name) is None:
        spec.add_mesh(
            name=name, uservert=vertices.ravel(), userface=triangles.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )  # fmt: skip
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, group=0, contype=0, conaffinity=0, rgba=[*colour, 1])


def _add_actuators(spec: mujoco.MjSpec) -> None:
    for joint, stiffness, damping, torque in zip(ARM_JOINTS, STIFFNESS, DAMPING, TORQUE, strict=True):
        servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=stiffness, kv=damping)
        servo.forcelimited, servo.forcerange = True, [-torque, torque]
    tendon = spec.add_tendon(name="fingers")
    for joint in FINGER_JOINTS:
        tendon.wrap_joint(joint, 0.5)
    gripper = spec.add_actuator(name=GRIPPER_ACTUATOR, target="fingers", trntype=mujoco.mjtTrn.mjTRN_TENDON)
    gripper.set_to_position(kp=3000, kv=100)
    gripper.forcelimited, gripper.forcerange = True, [-GRIP_FORCE, GRIP_FORCE]


def _wxyz(rotation: np.ndarray) -> np.ndarray:
    return matrix_to_quaternion(rotation)[[3, 0, 1, 2]]
