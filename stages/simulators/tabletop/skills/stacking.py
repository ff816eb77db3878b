"""Stacking blocks on the green square: the scene's areas, the test volume and the motions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stages.simulators.protocol import Motion
from stages.simulators.tabletop.scene import Scene, Thing
from stages.simulators.tabletop.skills.hand import grasp_block, lift, move, release
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.things.blocks import BLOCK

COLUMN = 0.20
ABOVE = 0.05
"""Height over its place to which a block is carried before it is set down [m]."""

LIFT = 0.18
RETREAT = 0.18
"""How far the hand goes up from a block that it has set down: clear of the stack on its way to the next [m]."""


def areas_around(inner: float, outer: float = 0.21) -> list[tuple[float, float, float, float]]:
    """The four flat areas (x low, x high, y low, y high) between two squares of half widths `inner`, `outer` [m]."""
    return [
        (-outer, -inner, -outer, outer),
        (inner, outer, -outer, outer),
        (-inner, inner, -outer, -inner),
        (-inner, inner, inner, outer),
    ]


def column(scene: Scene, square: Thing) -> str:
    """The thin upright detector on the middle of the square."""
    return scene.box_detector(square, (0.01, 0.01, COLUMN), (0, 0, COLUMN / 2))


def in_column(state: State, detector: str, blocks: Sequence[Thing]) -> list[Thing]:
    """The blocks in the column from the bottom to the top; of those side by side, only one counts."""
    inside = [thing for thing in blocks if state.detects(detector, thing)]
    inside.sort(key=lambda thing: state.position(thing)[2])
    stacked: list[Thing] = []
    for thing in inside:
        if not stacked or state.position(thing)[2] - state.position(stacked[-1])[2] > 0.8 * BLOCK:
            stacked.append(thing)
    return stacked


def put_on_top(
    state: State, thing: Thing, square: Thing, stacked: Sequence[Thing], last: bool = False
) -> Iterator[Motion]:
    """Grasp a block, carry it over the square and set it on what is stacked there; stay there if it is the last."""
    top = state.position(square)
    if stacked:
        top[2] = state.position(stacked[-1])[2] + BLOCK / 2
    place = top + (0, 0, BLOCK / 2)
    yield from grasp_block(state, thing)
    yield from lift(state, thing, LIFT)
    yield from move(state, thing, square, place + (0, 0, ABOVE), keypoint=top)
    yield from release(state, thing, square, place, keypoint=top, retreat=0 if last else RETREAT)
