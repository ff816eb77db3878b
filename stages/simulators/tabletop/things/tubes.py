"""Round walls for things to go into or over: MuJoCo's shapes are convex, so a wall that collides is made of boxes."""

from __future__ import annotations

import numpy as np

from stages.simulators.tabletop.colours import DARK
from stages.simulators.tabletop.scene import Scene, Thing


def round_wall(
    scene: Scene,
    thing: Thing,
    low: tuple[float, float],
    high: tuple[float, float],
    thickness: float,
    boxes: int = 8,
    **options,
) -> None:
    """An invisible wall around the thing's Z axis, closed inside, notched outside.

    Args:
        low, high: radius and height of the inner side at its lower and upper edge [m].
        options: as of `Scene.box`.
    """
    rise, spread = high[1] - low[1], high[0] - low[0]
    slant, length = np.arctan2(spread, rise), np.hypot(spread, rise)
    width = 2 * max(low[0], high[0]) * np.tan(np.pi / boxes)
    for angle in 2 * np.pi * np.arange(boxes) / boxes:
        radial = np.array([np.cos(angle), np.sin(angle), 0.0])
        across = np.array([-np.sin(angle), np.cos(angle), 0.0])
        along = np.sin(slant) * radial + (0, 0, np.cos(slant))
        outward = np.cross(across, along)
        centre = (low[0] + high[0]) / 2 * radial + (0, 0, (low[1] + high[1]) / 2) + thickness / 2 * outward
        rotation = np.stack([outward, across, along], axis=1)
        scene.box(thing, (thickness, width, length), DARK, centre, rotation=rotation, visible=False, **options)
