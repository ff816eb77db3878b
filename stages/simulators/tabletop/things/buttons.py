"""Push buttons."""

from __future__ import annotations

from stages.simulators.tabletop.colours import PALETTE
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.state import State

BUTTON_TOP = 0.03
"""Height of an untouched button's cap above the table [m]."""

BUTTON_TRAVEL = 0.007
PRESSED = 0.003
"""How far a cap must have moved to count as pressed [m]."""


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
