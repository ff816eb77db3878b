"""The policy: what it hands from the planner to the predictor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.decision import NOTHING_GIVEN, Given
from stages.core.observation import PointObservation
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner.planner import Planner, StepDecision
from stages.planner.pointing.reading import Pointing
from stages.policy import ClapPolicy
from stages.predictor.decoding import Prediction
from stages.settings.policy import PolicyConfig
from tests.random_policy import random_policy

PLAN = ["grasp the red block", "lift the grasped red block", "move the grasped red block to the green square"]
BLOCK, SQUARE, OTHER = WORKSPACE_CENTRE + [0.1, 0, 0], WORKSPACE_CENTRE - [0.1, 0, 0], WORKSPACE_CENTRE


class Pointed(Planner):
    """A real planner that is told where things are."""

    def decide(self, *args: object, **settings: object) -> StepDecision:
        found = super().decide(*args, **settings)
        places = {"red block": BLOCK, "green square": SQUARE}
        things = {name: Pointing(place, None, 1.0, np.zeros(5)) for name, place in places.items()}
        return StepDecision(**vars(found) | {"objects": things, "confidence": 1.0})


@pytest.mark.parametrize(
    ("line", "given", "told"),
    [
        (0, NOTHING_GIVEN, SQUARE),
        (1, NOTHING_GIVEN, SQUARE),
        (2, NOTHING_GIVEN, None),
        (0, Given(keypoint=BLOCK, next_keypoint=OTHER), OTHER),
        (0, Given(keypoint=BLOCK), None),
    ],
)
def test_the_predictor_is_told_where_the_plan_goes_next(
    line: int, given: Given, told: np.ndarray | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, rng, asked = random_policy(tmp_path), np.random.default_rng(0), []
    policy = ClapPolicy(Pointed(policy.planner.model), policy.predictor, PolicyConfig(max_replans=0))
    predict = policy.predictor.predict

    def note(*arguments: object) -> Prediction:
        asked.append(arguments[-1])
        return predict(*arguments)

    monkeypatch.setattr(policy.predictor, "predict", note)
    policy.reset("take the red block to the square")
    points = (WORKSPACE_CENTRE + rng.uniform(-0.3, 0.3, (700, 3))).astype(np.float32)
    pose = np.array([*WORKSPACE_CENTRE, 1.0, 0, 0, 0])
    seen = PointObservation(points, rng.integers(0, 255, (700, 3), dtype=np.uint8), pose, 1.0)
    step = {"plan": tuple(PLAN), "step_index": line, "motion_index": 0}
    policy.select_action(seen, Given(**(vars(given) | step)))
    assert (asked[0] is None) if told is None else np.allclose(asked[0], told)
