"""Blocks and the goals that they are carried to. Each builder adds a thing to the scene and returns it."""

from __future__ import annotations

from stages.simulators.tabletop.colours import GOAL_GREEN, GOAL_RED, PALETTE
from stages.simulators.tabletop.scene import Scene, Thing

BLOCK = 0.05
"""Edge of a block [m]."""

BALL_HEIGHT = 0.23
SQUARE = 0.075


def block(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """A cube that can be carried, named "<colour> block"; its anchor is its centre."""
    thing = scene.add(f"{colour} block", (x, y, BLOCK / 2), yaw, free=True, size=(BLOCK,) * 3)
    scene.box(thing, (BLOCK,) * 3, PALETTE[colour])
    return thing


def goal_square(scene: Scene, x: float = 0.0, y: float = 0.0) -> Thing:
    """The light green square on the table, named "green square"; its anchor is its centre."""
    thing = scene.add("green square", (x, y, 0.0005), kind="place", size=(SQUARE, SQUARE, 0.001))
    scene.box(thing, (SQUARE, SQUARE, 0.001), GOAL_GREEN, collide=False)
    return thing


def goal_ball(scene: Scene, x: float, y: float) -> Thing:
    """The red ball that hangs in the air and can be passed through, named "red ball"; its anchor is its centre."""
    thing = scene.add("red ball", (x, y, BALL_HEIGHT), kind="place", size=(0.08,) * 3)
    scene.sphere(thing, 0.04, GOAL_RED, collide=False)
    return thing
