"""The motions of drawers: pulled open by their handles, pushed shut, filled."""

from __future__ import annotations

from collections.abc import Iterator

from stages.core.steps import Step
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Thing
from stages.simulators.tabletop.skills.furniture import FORWARD, pull, push_forward
from stages.simulators.tabletop.skills.hand import (
    backed_off,
    grasp,
    lift,
    motion,
    move,
    pointing_down,
    release,
    square_yaw,
    tip_at,
)
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.things.cabinet import Cabinet, Drawer, tray_floor

PULL = 0.18
"""How far a drawer is pulled [m]."""

LEAVE = 0.035
"""How far the hand goes back from the handle of a drawer that it leaves open [m]."""

IN_FRONT = 0.04
"""Distance from a handle at which a push begins [m]."""

REACH_BEYOND = 0.012
"""Distance of the tip from the middle of a handle that is pushed: what the fingers reach beyond the tip [m]."""

LIFT = 0.06
"""From the top of the cabinet [m]."""

OVER_TOP = 0.026
"""How far above its place on the cabinet's top a thing is carried to a drawer [m]."""

INSIDE = 0.075
"""Place of a thing in an open drawer: distance from the drawer's face, clear of the handles above [m]."""

DROP = 0.03
"""Height over a drawer's floor from which a thing is let fall: the open fingers stay above what lies there [m]."""


def pull_open(state: State, drawer: Drawer, *, let_go: bool = False) -> Iterator[Motion]:
    """Grasp the handle of a shut drawer, the hand level, and pull it straight out; then leave it if asked."""
    rotation, handle = state.matrix(drawer.body)[:3, :3], drawer.handle
    yield from grasp(state, handle, tip_at(state.position(handle), rotation @ FORWARD))
    yield from pull(state, handle, -rotation[:, 0], PULL, let_go=let_go)
    if let_go:
        yield motion(backed_off(state.tip, LEAVE), True, Step("pull", handle.name), state.position(handle))


def push_shut(state: State, drawer: Drawer) -> Iterator[Motion]:
    """Push an open drawer in with the closed hand against the middle of its handle."""
    transform, ajar = state.matrix(drawer.body), state.joint(drawer.body)
    contact = state.position(drawer.handle) - REACH_BEYOND * transform[:3, 0]
    start, end = contact - IN_FRONT * transform[:3, 0], contact + ajar * transform[:3, 0]
    yield from push_forward(state, drawer.body, transform[:3, :3] @ FORWARD, start, end)


def put_into(state: State, item: Thing, drawer: Drawer, measures: Cabinet, last: bool = False) -> Iterator[Motion]:
    """Take a thing from the top of the cabinet and let it fall into an open drawer; stay there if it is the last."""
    rotation, start = state.matrix(drawer.body)[:3, :3], state.position(item)
    yield from grasp(state, item, tip_at(start, pointing_down(square_yaw(state, item))))
    yield from lift(state, item, LIFT)
    middle = state.position(drawer.body, (INSIDE, 0, 0))
    _, aside, above = rotation.T @ (start - middle)
    bottom = tray_floor(measures) + item.size[2] / 2 + DROP
    place, over = middle + rotation @ (0, aside, bottom), middle + rotation @ (0, aside, above + OVER_TOP)
    yield from move(state, item, drawer.body, over, keypoint=state.position(drawer.body))
    retreat = 0 if last else over[2] - place[2]
    yield from release(state, item, drawer.body, place, keypoint=state.position(drawer.body), retreat=retreat)
