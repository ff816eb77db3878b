"""Confidence that means something: from what a planner's answers look like to how probably they are right.

Logistic regressions on held-out answers whose truth is known, kept in a file in the planner's folder.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

FILE = "calibration.json"
NEAR = 0.03
"""A keypoint is right within this distance of the true one [m]."""

_RIDGE = 1.0
_ITERATIONS = 50
_FOLDS = 5


@dataclass(frozen=True)
class Logistic:
    """A probability from F features.

    Attributes:
        mean, scale: (F,) of the features that it was fitted to.
        weights: (F,) of the features less their mean, over their scale.
        bias: log odds at the mean.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (...) of features (..., F)."""
        standard = (features - np.array(self.mean)) / np.array(self.scale)
        return 1 / (1 + np.exp(-np.clip(standard @ np.array(self.weights) + self.bias, -30, 30)))

    @classmethod
    def fit(cls, features: np.ndarray, right: np.ndarray) -> Logistic:
        """The most probable one, with small weights a priori, by Newton's method.

        One right and one wrong answer more are supposed at the mean, so that nothing ever is certain.

        Args:
            features: (N, F), N at least 1.
            right: (N,) bool.
        """
        mean, scale = features.mean(0), features.std(0)
        scale = np.where(scale > 1e-9, scale, 1.0)
        count = features.shape[1]
        rows = np.column_stack([(features - mean) / scale, np.ones(len(features))])
        rows = np.concatenate([rows, np.eye(count + 1)[[count, count]]])
        wanted = np.append(right.astype(float), [1.0, 0.0])
        penalty = np.diag([*np.full(count, _RIDGE), 0.0])
        parameters = np.zeros(count + 1)
        for _ in range(_ITERATIONS):
            probable = 1 / (1 + np.exp(-np.clip(rows @ parameters, -30, 30)))
            slope = rows.T @ (probable - wanted) + penalty @ parameters
            curvature = (rows * (probable * (1 - probable))[:, None]).T @ rows + penalty
            parameters -= np.linalg.solve(curvature + 1e-9 * np.eye(count + 1), slope)
        return cls(tuple(mean.tolist()), tuple(scale.tolist()), tuple(parameters[:-1].tolist()), float(parameters[-1]))


@dataclass(frozen=True)
class Calibration:
    """What the confidence of plans and of decisions is made with; without a fit it is the model's own probability.

    Attributes:
        plan: of `Plan.features`, that the plan is exactly right.
        keypoint: of `StepDecision.features`, that the step is right and its keypoint within `NEAR` of the true one.
        place: of `Pointing.features`, that a named thing is within `NEAR` of the point.
    """

    plan: Logistic | None = None
    keypoint: Logistic | None = None
    place: Logistic | None = None

    @classmethod
    def identity(cls) -> Calibration:
        """Where no held-out answers are known."""
        return cls()

    def save(self, folder: Path) -> None:
        """Write `FILE` into a planner's folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """What `save` wrote; the identity where nothing was written."""
        if not (folder / FILE).is_file():
            return cls.identity()
        content = json.loads((folder / FILE).read_text())
        return cls(**{name: value and Logistic(**value) for name, value in content.items()})


@dataclass(frozen=True)
class Graded:
    """Answers whose truth is known.

    Attributes:
        features: (N, F), N at least 1.
        right: (N,) bool.
        groups: (N,) int; answers of one group, such as an episode, are alike.
    """

    features: np.ndarray
    right: np.ndarray
    groups: np.ndarray

    def fit(self) -> Logistic:
        """The regression on all answers."""
        return Logistic.fit(self.features, self.right)

    def probabilities(self) -> np.ndarray:
        """(N,) of being right, each from a regression on the answers of other groups."""
        fold = np.unique(self.groups, return_inverse=True)[1] % _FOLDS
        found = np.full(len(self.right), np.mean(self.right))
        for number in np.unique(fold):
            inside = fold == number
            if not inside.all():
                found[inside] = Logistic.fit(self.features[~inside], self.right[~inside])(self.features[inside])
        return found
