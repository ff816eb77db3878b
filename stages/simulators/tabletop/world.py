"""The room: physics settings, floor, table and robot, the same for every task."""

from __future__ import annotations

import mujoco
import numpy as np

from stages.geometry.workspace import TABLE_HEIGHT
from stages.simulators.tabletop.panda import add_panda

TIMESTEP = 0.002
TABLE_SIZE = (1.60, 1.60, 0.04)
TABLE_CENTRE = (0.15, 0.0)
PLANKS = 10
WOOD = np.array([0.72, 0.60, 0.46])
LEG = (0.30, 0.28, 0.27)
FLOOR = (0.56, 0.57, 0.58)


def new_world() -> mujoco.MjSpec:
    """A world with everything but a task.

    The contact settings hold and stack small blocks reliably where MuJoCo's defaults drop some: an elliptic friction
    cone with a stiff normal direction, and contacts that respond within 10 ms.
    """
    spec = mujoco.MjSpec()
    spec.compiler.degree = True
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10
    geom = spec.default.geom
    geom.solref = [0.01, 1]
    geom.solimp = [0.95, 0.99, 0.001, 0.5, 2]
    geom.condim = 4
    add_panda(spec)
    _add_room(spec)
    return spec


def _add_room(spec: mujoco.MjSpec) -> None:
    width, depth, thickness = TABLE_SIZE
    box = mujoco.mjtGeom.mjGEOM_BOX
    x, y = TABLE_CENTRE
    spec.worldbody.add_geom(
        name="table", type=box, size=np.divide(TABLE_SIZE, 2), pos=[x, y, TABLE_HEIGHT - thickness / 2], group=3
    )
    tints = np.random.default_rng(7).uniform(0.95, 1.03, PLANKS)
    for index, tint in enumerate(tints):
        centre = y + depth * ((index + 0.5) / PLANKS - 0.5)
        _decorate(
            spec, (width, depth / PLANKS - 0.002, thickness), (x, centre, TABLE_HEIGHT - thickness / 2), WOOD * tint
        )
    _decorate(spec, (width, depth, thickness / 2), (x, y, TABLE_HEIGHT - thickness * 0.75 - 0.003), WOOD * 0.7)
    for side_x in (-1, 1):
        for side_y in (-1, 1):
            corner = (x + side_x * (width / 2 - 0.06), y + side_y * (depth / 2 - 0.06), TABLE_HEIGHT / 2 - 0.02)
            _decorate(spec, (0.06, 0.06, TABLE_HEIGHT - 0.04), corner, LEG)
    _decorate(spec, (6, 6, 0.02), (0, 0, -0.01), FLOOR)


def _decorate(spec: mujoco.MjSpec, size, position, colour) -> None:
    """A box that is only seen."""
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=np.divide(size, 2), pos=position, rgba=[*colour, 1], group=0,
        contype=0, conaffinity=0,
    )  # fmt: skip
