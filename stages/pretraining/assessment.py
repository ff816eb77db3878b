"""What a base knows: places, names, counts and plans of scenes and instructions that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.progress import Progress
from stages.planner.planner import Planner
from stages.pretraining.references import SIDES
from stages.pretraining.scenes import ClutterScene, Look, look

PARTS = ("lid", "handle", "rim", "button", "shelf", "door")


def assess(
    planner: Planner,
    scenes: Sequence[ClutterScene],
    paints: Mapping[str, tuple],
    seed: int,
    progress: Progress,
) -> dict[str, float]:
    """Shares in [0, 1] of what is right on fresh scenes; places within 3 cm.

    Returns:
        located (all), located_<kind> of referring expressions, median_error [m], listed (share of things named).
    """
    rng = np.random.default_rng(seed)
    errors: dict[str, list[float]] = defaultdict(list)
    named = []
    for done, scene in enumerate(scenes, 1):
        shown = look(rng, scene, paints, planner.model.views, 0.05)
        if shown.phrases:
            for phrase, pointing in planner.locate(list(shown.phrases), shown.views).items():
                truth = shown.positions[shown.phrases.index(phrase)]
                errors[kind_of(phrase, shown)].append(float(np.linalg.norm(pointing.point - truth)))
        if shown.things.names:
            listed = {name for name, _ in planner.list_things(shown.views)}
            named.append(len(listed & set(shown.things.names)) / len(set(shown.things.names)))
        progress(done, len(scenes), "assessing scenes")
    every = np.concatenate(list(errors.values()))
    result = {"located": float(np.mean(every < 0.03)), "median_error": float(np.median(every))}
    result |= {f"located_{kind}": float(np.mean(np.array(found) < 0.03)) for kind, found in sorted(errors.items())}
    return result | {"listed": float(np.mean(named))}


def kind_of(phrase: str, scene: Look) -> str:
    """Which kind of referring expression it is."""
    if phrase in scene.things.names:
        return "colour"
    if phrase in scene.things.nouns:
        return "noun"
    if phrase.split()[-1] in PARTS:
        return "part"
    first = phrase.split()[0]
    return "size" if first in ("big", "small") else "side" if first in SIDES else "relation"
