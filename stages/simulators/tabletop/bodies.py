"""Which shapes of a model belong to what."""

from __future__ import annotations

import mujoco
import numpy as np


def geoms_below(model: mujoco.MjModel, root: int) -> np.ndarray:
    """(ngeom,) bool: which geoms belong to a body of the tree under `root`, itself included."""
    inside = np.zeros(model.nbody, bool)
    inside[root] = True
    for body in range(root + 1, model.nbody):
        inside[body] = inside[model.body_parentid[body]]
    return inside[model.geom_bodyid]


def free_geoms(model: mujoco.MjModel) -> np.ndarray:
    """(ngeom,) bool: which geoms belong to a body that can be carried away."""
    free = model.jnt_bodyid[model.jnt_type == mujoco.mjtJoint.mjJNT_FREE]
    return np.isin(model.body_rootid[model.geom_bodyid], free)
