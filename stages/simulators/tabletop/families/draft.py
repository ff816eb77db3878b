"""A thing under construction: shapes, parts and the room it offers to other things, all in one colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.geometry.poses import axis_rotation
from stages.simulators.tabletop.colours import Colour
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.things.meshes import extruded, turned

SIDES = 18
"""Of a round surface, which is drawn as a prism."""

FEW_SIDES = 10
"""Up to here edges are seen: neighbouring faces share no normals."""

ROOM = "room"
"""What the names of the sites begin with that mark room for other things."""

OPEN_ABOVE = 0.4
"""Height of room that nothing bounds from above [m]."""

Point = Sequence[float]


@dataclass(frozen=True)
class Draft:
    """A thing or a part that is being built.

    The frame of a thing has its origin at the middle of the thing's foot, Z up, and X out of its front; positions of
    shapes and parts are given in the frame of the draft that they are added to, lengths in metres, angles in radians.

    Attributes:
        noun: of the thing, which begins the names of its parts.
        rng: where dimensions are drawn from.
    """

    scene: Scene
    thing: Thing
    noun: str
    colour: Colour
    rng: np.random.Generator

    def draw(self, low: float, high: float) -> float:
        """A number between two others."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True as often as `share` says."""
        return bool(self.rng.random() < share)

    def pick(self, *options: str) -> str:
        """One of the options."""
        return options[self.rng.integers(len(options))]

    def box(self, size: Point, position: Point = (0, 0, 0), rotation: np.ndarray | None = None) -> None:
        """A box of full extents `size` (3,)."""
        self.scene.box(self.thing, size, self.colour, position, rotation=rotation, collide=False)

    def block(self, size: Point, foot: Point = (0, 0, 0)) -> None:
        """A box of full extents `size` (3,) that stands on the point `foot`."""
        self.box(size, (foot[0], foot[1], foot[2] + size[2] / 2))

    def cylinder(self, radius: float, height: float, position: Point = (0, 0, 0), axis: int = 2) -> None:
        """A cylinder whose axis is a coordinate axis."""
        rotation = None if axis == 2 else axis_rotation(1 - axis, np.pi / 2)
        self.scene.cylinder(self.thing, radius, height, self.colour, position, rotation=rotation, collide=False)

    def ellipsoid(self, radii: Point, position: Point = (0, 0, 0)) -> None:
        """An ellipsoid of radii (3,) along X, Y and Z."""
        latitude = np.linspace(-np.pi / 2, np.pi / 2, 9)
        vertices, faces = turned(np.column_stack([np.cos(latitude), np.sin(latitude)]), SIDES)
        self.mesh(vertices * np.asarray(radii), faces, position)

    def sphere(self, radius: float, position: Point = (0, 0, 0)) -> None:
        """A sphere."""
        self.ellipsoid((radius, radius, radius), position)

    def mesh(
        self, vertices: np.ndarray, faces: np.ndarray, position: Point = (0, 0, 0), rotation: np.ndarray | None = None
    ) -> None:
        """A triangle mesh, vertices (V, 3) and faces (F, 3)."""
        self.scene.mesh(self.thing, vertices, faces, self.colour, position, rotation=rotation, collide=False)

    def turned(
        self,
        profile: Sequence[Point],
        position: Point = (0, 0, 0),
        *,
        sides: int = SIDES,
        rotation: np.ndarray | None = None,
    ) -> None:
        """The surface of a section turned about Z.

        Args:
            profile: (P, 2) radius and height, upwards along the outside (and down along the inside of what is hollow);
                its ends are joined to the axis.
        """
        outline = np.asarray(profile, float)
        section = [[0, outline[0, 1]], *outline, [0, outline[-1, 1]]]
        surface = turned(np.array(section), sides)
        self.mesh(*(faceted(*surface) if sides <= FEW_SIDES else surface), position, rotation)

    def hollow(self, profile: Sequence[Point], wall: float, position: Point = (0, 0, 0), *, sides: int = SIDES) -> None:
        """A vessel, open above, with a profile (P, 2) of radius and height of its outside and a wall of a thickness."""
        outside = np.asarray(profile, float)
        inside = np.maximum(outside[::-1] - (wall, 0), (0.001, outside[0, 1] + wall))
        self.turned(np.concatenate([outside, inside]), position, sides=sides)

    def extruded(
        self,
        outline: Sequence[Point],
        height: float,
        position: Point = (0, 0, 0),
        rotation: np.ndarray | None = None,
    ) -> None:
        """A prism on an outline (P, 2), counter-clockwise and star-shaped around its middle, along Z from z = 0."""
        surface = extruded(np.asarray(outline, float), height)
        self.mesh(*(faceted(*surface) if len(outline) <= FEW_SIDES else surface), position, rotation)

    def bar(self, start: Point, end: Point, thickness: float) -> None:
        """A square bar between two points."""
        start, along = np.asarray(start, float), np.subtract(end, start)
        length = float(np.linalg.norm(along))
        self.box((length, thickness, thickness), start + along / 2, _towards(along / length))

    def part(
        self,
        words: str,
        position: Point = (0, 0, 0),
        *,
        rotation: np.ndarray | None = None,
        anchor: Point = (0, 0, 0),
        shade: float = 1.0,
    ) -> Draft:
        """A part without shapes, called by its thing's noun and by `words`.

        Args:
            rotation: (3, 3).
            anchor: (3,) where it would be touched, in its own frame.
            shade: by how much it is lighter or darker than what it belongs to.
        """
        name = f"{self.noun} {words}"
        thing = self.scene.add(name, position, rotation=rotation, parent=self.thing, kind="part", anchor=anchor)
        return Draft(self.scene, thing, self.noun, tuple(shade * value for value in self.colour), self.rng)

    def slides(self, furthest: float, out: float) -> None:
        """Let a part slide along X.

        Args:
            furthest: how far it comes out [m].
            out: how far it is out as it is drawn [m].
        """
        self.scene.slide(self.thing, (1, 0, 0), (-out, furthest - out))

    def turns(self, axis: Point, widest: float, angle: float) -> None:
        """Let a part turn about its origin.

        Args:
            axis: (3,) about which it opens.
            widest: how far it opens [rad].
            angle: how far it is open as it is drawn [rad].
        """
        self.scene.hinge(self.thing, axis, (-angle, widest - angle))

    def room(self, size: Point, foot: Point = (0, 0, 0)) -> None:
        """Mark a space of full extents `size` (3,) that stands on the point `foot`, where other things fit."""
        spec = self.scene.spec
        spec.body(self.thing.body).add_site(
            name=f"{ROOM} {len(spec.sites)}",
            pos=[foot[0], foot[1], foot[2] + size[2] / 2],
            size=[max(value / 2, 1e-4) for value in size],
            group=4,
        )

    def top(self, width: float, depth: float, height: float) -> None:
        """Mark a flat top of extents along X and Y at a height as room."""
        self.room((width, depth, OPEN_ABOVE), (0, 0, height))


Build = Callable[[Draft], float]
"""Adds the shapes and parts of a thing and returns its height [m]."""

Shape = Callable[[Scene, Thing, Colour, np.random.Generator], float]


def shape(build: Build) -> Shape:
    """The same with a scene, a thing in it without shapes, a colour and a generator in place of the draft."""

    def built(scene: Scene, thing: Thing, colour: Colour, rng: np.random.Generator) -> float:
        return build(Draft(scene, thing, thing.name, colour, rng))

    return built


def turn(axis: int, angle: float) -> np.ndarray:
    """Rotation (3, 3) about a coordinate axis by an angle [rad]."""
    return axis_rotation(axis, angle)


def arc(radius: float, start: float, end: float, count: int) -> np.ndarray:
    """(count, 2) points of a circle around the origin [m] between two angles [rad]."""
    angle = np.linspace(start, end, count)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def faceted(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same surface with corners of its own for every face."""
    return vertices[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)


def _towards(direction: np.ndarray) -> np.ndarray:
    """A rotation (3, 3) that takes X to a unit vector."""
    side = np.cross(direction, (0, 0, 1) if abs(direction[2]) < 0.9 else (0, 1, 0))
    side /= np.linalg.norm(side)
    return np.column_stack([direction, side, np.cross(direction, side)])
