"""Small things that several tasks share. Each builder adds a thing to the scene and returns it."""

from __future__ import annotations

from collections.abc import Sequence

from stages.simulators.tabletop.colours import GOAL_GREEN, GOAL_RED, PALETTE
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.state import State

BLOCK = 0.05
"""Edge of a block [m]."""

BUTTON_TOP = 0.03
"""Height of an untouched button's cap above the table [m]."""

BUTTON_TRAVEL = 0.007
PRESSED = 0.003
"""How far a cap must have moved to count as pressed [m]."""

BALL_HEIGHT = 0.23
SQUARE = 0.075


def block(scene: Scene, colour: str, x: float, y: float, yaw: float) -> Thing:
    """A cube that can be carried, named "<colour> block"; its anchor is its centre."""
    thing = scene.add(f"{colour} block", (x, y, BLOCK / 2), yaw, free=True, size=(BLOCK,) * 3)
    scene.box(thing, (BLOCK,) * 3, PALETTE[colour])
    return thing


def button(scene: Scene, colour: str, x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> Thing:
    """A red push button on a coloured base, named "<colour> button"; its anchor is the top of the cap.

    Returns:
        The cap, whose joint is negative when pressed.
    """
    base = scene.add(f"{colour} button base", (x, y, 0.01), yaw, size=(0.10, 0.10, 0.02), kind="part")
    scene.box(base, (0.10, 0.10, 0.02), PALETTE[colour])
    scene.cylinder(base, 0.033, 0.003, (0.55, 0.55, 0.57), (0, 0, 0.0105), collide=False)
    cap = scene.add(
        f"{colour} button", (0, 0, 0.01), parent=base, size=(0.10, 0.10, BUTTON_TOP), anchor=(0, 0, BUTTON_TOP - 0.02)
    )
    scene.cylinder(cap, 0.028, BUTTON_TOP - 0.022, PALETTE["red"], (0, 0, (BUTTON_TOP - 0.018) / 2))
    scene.slide(cap, (0, 0, 1), (-BUTTON_TRAVEL, 0.003), stiffness=300, damping=3, armature=0.01)
    scene.no_contact(base, cap)
    return cap


def pressed(state: State, cap: Thing) -> bool:
    """Whether a button is down now."""
    return state.joint_change(cap) > PRESSED


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


def different_colours(rng, colours: Sequence[str], count: int, avoid: Sequence[str] = ()) -> list[str]:
    """Draw `count` different colours, none of them in `avoid`."""
    return rng.choice([colour for colour in colours if colour not in avoid], size=count, replace=False).tolist()
