"""How good a planner's answers are: tables of shares with their uncertainty, and errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from stages.artifacts.answers import Answers
from stages.evaluation.statistics import Rate, average_precision, reliability

Groups = Mapping[str, Sequence[Answers]]

DISTANCES = {"within_3cm": 0.03, "within_5cm": 0.05}
"""How far a place may be off [m]."""


def quality_table(answers: Iterable[Answers]) -> dict[str, Any]:
    """Quality of a level's answers and of each of its variations.

    Returns:
        episodes, keyframes; plan and step: shares {right, asked, rate, low, high, mean}, with Wilson's interval at
        95 % and the mean of the variations' rates; keypoint and object: {median [m], within_3cm, within_5cm: shares};
        keypoint_or_equal: the same where another thing of the same name is as good as the one that the expert chose;
        confidence: {plan, keypoint: `reliability`, far_off: how many keypoints of right steps are more than 5 cm off,
        and the average precision of low confidence in finding them {count, asked, average_precision}}; listing: shares
        {precision, recall}, None where nothing was listed; variations: by name the same without confidence.
    """
    groups: dict[str, list[Answers]] = defaultdict(list)
    for one in answers:
        groups[one.taskvar].append(one)
    variations = {name: _quality({name: members}) for name, members in groups.items()}
    return _quality(groups) | {"confidence": _confidence(groups), "variations": variations}


def _quality(groups: Groups) -> dict[str, Any]:
    members = [one for group in groups.values() for one in group]
    return {
        "episodes": len(members),
        "keyframes": sum(map(len, members)),
        "plan": _share(_each(groups, lambda one: [one.plan_right])),
        "step": _share(_each(groups, lambda one: one.steps_right)),
        "keypoint": _distances(_each(groups, lambda one: one.keypoint_errors)),
        "keypoint_or_equal": _distances(_each(groups, lambda one: one.errors_to_equals)),
        "object": _distances(_each(groups, lambda one: one.object_errors.ravel())),
        "listing": _listing(groups),
    }


def _listing(groups: Groups) -> dict[str, Any] | None:
    """Of what was listed the share that is there, and of what is in view the share that was listed."""
    if not any(one.listed for members in groups.values() for one in members):
        return None
    precision = _share(_each(groups, lambda one: one.listed_right))
    recall = _share(_each(groups, lambda one: np.arange(one.visible.sum()) < one.listed_right.sum()))
    return {"precision": precision, "recall": recall}


def _each(groups: Groups, values: Callable[[Answers], Sequence | np.ndarray]) -> dict[str, np.ndarray]:
    """The values of all answers by variation; variations without any are left out."""
    found = {name: np.concatenate([values(one) for one in members]) for name, members in groups.items()}
    return {name: array for name, array in found.items() if array.size}


def _share(outcomes: Mapping[str, np.ndarray]) -> dict[str, float | int] | None:
    if not outcomes:
        return None
    rate = Rate.of(np.concatenate([*outcomes.values()]))
    mean = float(np.mean([np.mean(values) for values in outcomes.values()]))
    return {
        "right": rate.successes,
        "asked": rate.episodes,
        "rate": rate.rate,
        "low": rate.low,
        "high": rate.high,
        "mean": mean,
    }


def _distances(errors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    pooled = np.concatenate([*errors.values(), np.zeros(0)])
    within = {
        name: _share({group: values <= limit for group, values in errors.items()}) for name, limit in DISTANCES.items()
    }
    known = pooled[np.isfinite(pooled)]
    return {"median": float(np.median(known)) if known.size else None, **within}


def _confidence(groups: Groups) -> dict[str, Any]:
    """How well confidences foretell right plans, and right steps with keypoints within 3 cm of a thing of that name."""
    members = [one for group in groups.values() for one in group]
    plans = [one.plan_confidence for one in members], [one.plan_right for one in members]
    near = [one.steps_right & (one.errors_to_equals <= DISTANCES["within_3cm"]) for one in members]
    confidence = np.concatenate([one.confidence for one in members] or [[]])
    far_off = np.concatenate([one.far_off for one in members] or [[]])
    return {
        "plan": reliability(*plans),
        "keypoint": reliability(confidence, np.concatenate(near or [[]])),
        "far_off": {
            "count": int(far_off.sum()),
            "asked": len(far_off),
            "average_precision": average_precision(-confidence, far_off),
        },
    }
