"""Listing what is in view: every name that the model knows is looked for, and those that mean something are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.geometry.canonical import CanonicalViews
from stages.planner.calibration import NEAR
from stages.planner.pointing.reading import Pointing, read_instances
from stages.planner.pointing.session import Session

PRESENT = 0.88
"""A name is in view if its probability to mean something there is larger.

Like `SHARE` chosen from a sweep on 60 held-out procedural scenes and on held-out training variations, where precision
and recall are 71 and 66 %, and 63 and 68 %; with 0.5 precision is 13 and 28 points lower, recall 11 and 5 higher."""

SHARE = 0.5
"""A further thing of one name is listed if it has more than this share of the probability of the surest one."""

APART = 0.015
"""Things of different nouns are farther apart [m]; in training demonstrations the nearest, bank notes in a safe, are
0.018 apart."""

AT_ONCE = 64
"""Names that are looked for in one pass."""


def list_things(session: Session, names: Sequence[str], cameras: CanonicalViews) -> list[tuple[str, Pointing]]:
    """Names in view with their places, the surest first; of names for the same thing the surest alone."""
    found = [
        (name, pointing)
        for some in (names[first : first + AT_ONCE] for first in range(0, len(names), AT_ONCE))
        for name, row in zip(some, session.locate(some).rows(), strict=True)
        for pointing in (read_instances(*row, cameras, SHARE) if _is_present(row) else ())
    ]
    found.sort(key=lambda one: one[1].features[4])
    kept: list[tuple[str, Pointing]] = []
    for name, pointing in found:
        if not any(_same_thing(name, pointing, *other) for other in kept):
            kept.append((name, pointing))
    return kept


def _is_present(row: tuple[np.ndarray, float, np.ndarray]) -> bool:
    scores, nowhere, _ = row
    highest = scores.max()
    return highest + np.log(np.exp(scores - highest).sum()) > nowhere + np.log(PRESENT / (1 - PRESENT))


def _same_thing(name: str, pointing: Pointing, other: str, known: Pointing) -> bool:
    same_noun = name.split()[-1] == other.split()[-1]
    return float(np.linalg.norm(pointing.point - known.point)) < (NEAR if same_noun else APART)
