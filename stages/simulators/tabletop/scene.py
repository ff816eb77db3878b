"""Building a task's scene: named things placed on the table, made of simple shapes, joints and detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from stages.geometry.poses import axis_rotation, matrix_to_quaternion
from stages.simulators.protocol import Kind
from stages.simulators.tabletop.colours import Colour

VISUAL_GROUP = 0
"""Geom group of everything that cameras see; invisible shapes carry `HIDDEN_GROUP`."""

HIDDEN_GROUP = 4
FIRST_MASK_ID = 2
"""Instance ids: 0 is the surroundings, 1 the robot, things count from here."""

FRICTION = (0.8, 0.005, 0.0001)
DENSITY = 400.0
"""Of wood and plastic things [kg/m^3]."""


@dataclass(frozen=True)
class Thing:
    """A named body.

    Attributes:
        name: noun phrase, as instructions and steps say it.
        body: name of the MuJoCo body, unique in the scene; its joint, if any, has the same name.
        mask_id: instance id in masks, given to its shapes and to those of unnamed bodies below it.
        kind: an object, a part of one, or a place.
        size: (3,) extents [m], or None.
        anchor: (3,) the point that stands for it, in its own frame [m].
    """

    name: str
    body: str
    mask_id: int
    kind: Kind
    size: tuple[float, float, float] | None
    anchor: tuple[float, float, float]


class Scene:
    """Adds the things of one task to a MuJoCo specification.

    Positions are given in the frame of the task's base (Z up, origin on the table top), which is itself placed at
    random on the table; positions of parts and shapes are given in the frame of the thing that they belong to.

    Args:
        spec: the world with table and robot.
        base: (4, 4) pose of the task's base in the world.
    """

    def __init__(self, spec: mujoco.MjSpec, base: np.ndarray) -> None:
        self.spec = spec
        self.base = base
        self.things: list[Thing] = []

    def add(
        self,
        name: str,
        position: Sequence[float] = (0.0, 0.0, 0.0),
        yaw: float = 0.0,
        *,
        rotation: np.ndarray | None = None,
        parent: Thing | None = None,
        free: bool = False,
        kind: Kind = "object",
        size: Sequence[float] | None = None,
        anchor: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> Thing:
        """Add a thing without shapes: at a pose of the base frame, or of its parent's.

        Args:
            name: noun phrase; several things may share one.
            rotation: (3, 3), in place of a yaw [rad] about Z.
            free: it can be carried away; only things without a parent can.
        """
        pose = np.eye(4)
        pose[:3, :3] = axis_rotation(2, yaw) if rotation is None else rotation
        pose[:3, 3] = position
        if parent is None:
            pose = self.base @ pose
        above = self.spec.worldbody if parent is None else self.spec.body(parent.body)
        body = above.add_body(name=f"{name} {len(self.things)}", pos=pose[:3, 3], quat=_wxyz(pose[:3, :3]))
        if free:
            body.add_freejoint(name=body.name)
        extents = None if size is None else tuple(float(value) for value in size)
        identity = FIRST_MASK_ID + len(self.things)
        thing = Thing(name, body.name, identity, kind, extents, tuple(float(value) for value in anchor))
        self.things.append(thing)
        return thing

    def box(self, thing: Thing, size: Sequence[float], colour: Colour, position=(0, 0, 0), **options) -> mujoco.MjsGeom:
        """A box of full extents `size` (3,) [m]; see `_shape` for the options."""
        return self._shape(thing, mujoco.mjtGeom.mjGEOM_BOX, np.asarray(size) / 2, colour, position, **options)

    def cylinder(
        self, thing: Thing, radius: float, height: float, colour: Colour, position=(0, 0, 0), **options
    ) -> mujoco.MjsGeom:
        """An upright cylinder [m]."""
        size = (radius, height / 2, 0)
        return self._shape(thing, mujoco.mjtGeom.mjGEOM_CYLINDER, size, colour, position, **options)

    def sphere(self, thing: Thing, radius: float, colour: Colour, position=(0, 0, 0), **options) -> mujoco.MjsGeom:
        """A sphere [m]."""
        return self._shape(thing, mujoco.mjtGeom.mjGEOM_SPHERE, (radius, 0, 0), colour, position, **options)

    def mesh(
        self, thing: Thing, vertices: np.ndarray, faces: np.ndarray, colour: Colour, position=(0, 0, 0), **options
    ) -> mujoco.MjsGeom:
        """A triangle mesh, vertices (V, 3) [m] and faces (F, 3); where it collides, its convex hull does."""
        return self._shape(
            thing, mujoco.mjtGeom.mjGEOM_MESH, (0, 0, 0), colour, position, mesh=self._mesh(vertices, faces), **options
        )

    def slide(self, thing: Thing, axis: Sequence[float], limits: tuple[float, float], **physics) -> None:
        """Let the thing slide along an axis of its own frame; limits [m], physics as MuJoCo's joint attributes."""
        self._joint(thing, mujoco.mjtJoint.mjJNT_SLIDE, axis, limits, (0, 0, 0), physics)

    def hinge(
        self,
        thing: Thing,
        axis: Sequence[float],
        limits: tuple[float, float],
        position: Sequence[float] = (0, 0, 0),
        **physics,
    ) -> None:
        """Let the thing turn about an axis of its own frame through `position`; limits [rad]."""
        self._joint(thing, mujoco.mjtJoint.mjJNT_HINGE, axis, np.rad2deg(limits), position, physics)

    def box_detector(self, thing: Thing, size: Sequence[float], position=(0, 0, 0)) -> str:
        """An invisible box that moves with the thing; returns its name for `State.detects`."""
        return self._detector(thing, mujoco.mjtGeom.mjGEOM_BOX, np.asarray(size) / 2, position)

    def convex_detector(self, thing: Thing, vertices: np.ndarray, position=(0, 0, 0)) -> str:
        """The invisible convex hull of vertices (V, 3) [m]."""
        mesh = self._mesh(vertices, None)
        return self._detector(thing, mujoco.mjtGeom.mjGEOM_MESH, (0, 0, 0), position, mesh=mesh)

    def no_contact(self, first: Thing, second: Thing) -> None:
        """Let two things pass through each other, such as a drawer and its cabinet."""
        self.spec.add_exclude(bodyname1=first.body, bodyname2=second.body)

    def gear(self, driven: Thing, driver: Thing, ratio: float) -> None:
        """Make the joint of one thing move `ratio` times as far as another's, as a gear or a linkage would."""
        kind, joint = mujoco.mjtEq.mjEQ_JOINT, mujoco.mjtObj.mjOBJ_JOINT
        equality = self.spec.add_equality(type=kind, objtype=joint, name1=driven.body, name2=driver.body)
        equality.data[1] = ratio

    def _shape(
        self,
        thing: Thing,
        kind: mujoco.mjtGeom,
        size: Sequence[float],
        colour: Colour,
        position: Sequence[float],
        *,
        mesh: str = "",
        rotation: np.ndarray | None = None,
        collide: bool = True,
        visible: bool = True,
        density: float = DENSITY,
        friction: Sequence[float] = FRICTION,
        alpha: float = 1.0,
    ) -> mujoco.MjsGeom:
        """Add a shape to a thing.

        Args:
            rotation: (3, 3) of the shape in the thing's frame.
            collide, visible: what it takes part in.
            density: [kg/m^3], of movable things.
            friction: sliding, torsional, rolling.
        """
        return self.spec.body(thing.body).add_geom(
            type=kind,
            size=list(size),
            meshname=mesh,
            pos=list(position),
            quat=_wxyz(np.eye(3) if rotation is None else rotation),
            rgba=[*colour, alpha],
            group=VISUAL_GROUP if visible else HIDDEN_GROUP - 1,
            contype=int(collide),
            conaffinity=int(collide),
            density=density,
            friction=list(friction),
        )

    def _joint(self, thing, kind, axis, limits, position, physics) -> None:
        self.spec.body(thing.body).add_joint(
            name=thing.body,
            type=kind,
            axis=list(axis),
            pos=list(position),
            range=list(limits),
            limited=True,
            **physics,
        )

    def _detector(self, thing: Thing, kind: mujoco.mjtGeom, size, position, mesh: str = "") -> str:
        name = f"detector {len(self.spec.geoms)}"
        self.spec.body(thing.body).add_geom(
            name=name,
            type=kind,
            size=list(size),
            meshname=mesh,
            pos=list(position),
            group=HIDDEN_GROUP,
            contype=0,
            conaffinity=0,
            density=0,
        )
        return name

    def _mesh(self, vertices: np.ndarray, faces: np.ndarray | None) -> str:
        name = f"mesh {len(self.spec.meshes)}"
        mesh = self.spec.add_mesh(name=name, uservert=np.asarray(vertices, float).ravel())
        if faces is not None:
            mesh.userface = np.asarray(faces, np.int32).ravel()
        return name


def scatter(
    rng: np.random.Generator,
    areas: Sequence[tuple[float, float, float, float]],
    count: int,
    gap: float = 0.10,
    taken: Sequence[Sequence[float]] = (),
) -> np.ndarray:
    """Draw places that keep a distance from each other.

    Args:
        areas: rectangles (x low, x high, y low, y high) [m]; larger ones are drawn more often.
        count: how many places.
        gap: least distance between two centres [m].
        taken: (x, y) of what already stands there.

    Returns:
        (count, 3): x, y and a yaw in [-pi, pi).
    """
    boxes = np.asarray(areas, float)
    share = np.prod(boxes[:, 1::2] - boxes[:, ::2], axis=1)
    while True:
        box = boxes[rng.choice(len(boxes), size=count, p=share / share.sum())]
        centres = box[:, ::2] + rng.random((count, 2)) * (box[:, 1::2] - box[:, ::2])
        yaws = rng.uniform(-np.pi, np.pi, count)
        everything = np.concatenate([centres, np.reshape(taken, (-1, 2))])
        distances = np.linalg.norm(centres[:, None] - everything[None], axis=-1)
        distances[np.arange(count), np.arange(count)] = np.inf
        if distances.min() >= gap:
            return np.column_stack([centres, yaws])


def _wxyz(rotation: np.ndarray) -> np.ndarray:
    return matrix_to_quaternion(rotation)[[3, 0, 1, 2]]
