"""What a base knows: places and names of scenes that it was not trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.progress import Progress
from stages.planner.planner import Planner
from stages.pretraining.scenes import ClutterScene, Look, look


def assess(
    planner: Planner,
    scenes: Sequence[ClutterScene],
    paints: Mapping[str, tuple],
    seed: int,
    progress: Progress,
) -> dict[str, float]:
    """Shares in [0, 1] of what is right on fresh scenes; places within 3 cm.

    Returns:
        located (all), located_<kind> of referring expressions, median_error [m], listing_precision and listing_recall
        of what is found where every noun of a scene is looked for in every colour.
    """
    rng = np.random.default_rng(seed)
    errors: dict[str, list[float]] = defaultdict(list)
    listed, true, right = 0, 0, 0
    for done, scene in enumerate(scenes, 1):
        shown = look(rng, scene, paints, planner.model.views, 0.05)
        for kind, phrases in shown.phrases.items():
            for phrase, pointing in planner.locate(list(phrases), shown.views).items():
                errors[kind].append(float(np.linalg.norm(pointing.point - phrases[phrase])))
        found = [name for name, _ in planner.list_things(shown.views, _candidates(shown, paints))]
        there = Counter(shown.things.names)
        listed, true = listed + len(found), true + there.total()
        right += (Counter(found) & there).total()
        progress(done, len(scenes), "assessing scenes")
    every = np.concatenate(list(errors.values()))
    result = {"located": float(np.mean(every < 0.03)), "median_error": float(np.median(every))}
    result |= {f"located_{kind}": float(np.mean(np.array(found) < 0.03)) for kind, found in sorted(errors.items())}
    return result | {"listing_precision": right / max(listed, 1), "listing_recall": right / max(true, 1)}


def _candidates(scene: Look, paints: Mapping[str, tuple]) -> list[str]:
    """Names that could be in view, by its nouns: in every colour, and without one where colours have no names."""
    nouns = sorted(set(scene.things.nouns))
    return [f"{paint} {noun}" for paint in paints for noun in nouns] if any(scene.things.colours) else nouns
