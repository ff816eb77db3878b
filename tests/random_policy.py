"""A policy of random weights, and what it may send a robot whatever these are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from stages.geometry.tip_limits import LOWEST_TIP
from stages.geometry.workspace import WORKSPACE_HIGH, WORKSPACE_LOW
from stages.planner.planner import Plan, Planner
from stages.planner.pointing.model import PlannerModel
from stages.policy import ClapPolicy
from stages.predictor.predictor import FinePredictor
from stages.settings.fine import FineConfig
from stages.settings.vlm import VlmConfig
from tests.checkpoints import VIEW_SIZES, write_checkpoint

PLAN = ("grasp the maroon button", "lift the grasped maroon button")


class Given(Planner):
    """A real planner whose plan is given."""

    def plan(self, *_: object, **__: object) -> Plan:
        return Plan(list(PLAN), 1.0, np.zeros(2))


def random_policy(folder: Path) -> ClapPolicy:
    """Of random weights, in the size of a test."""
    torch.manual_seed(0)
    write_checkpoint("qwen2_5_vl", folder)
    config = VlmConfig(base=str(folder), image_size=VIEW_SIZES["qwen2_5_vl"], pointer_cells=8)
    predictor = FinePredictor.create(FineConfig(base="", image_size=32, width=32, depth=1, heads=2))
    return ClapPolicy(Given(PlannerModel.from_base(config)), predictor)


def may_be_sent(action: np.ndarray) -> bool:
    """Whether a robot may be sent an action (8,) or (9,)."""
    low = np.array([*WORKSPACE_LOW[:2], LOWEST_TIP])
    inside = (action[:3] >= low - 1e-6).all() and (action[:3] <= WORKSPACE_HIGH + 1e-6).all()
    return bool(np.isfinite(action).all() and inside and abs(np.linalg.norm(action[3:7]) - 1) < 1e-5)
