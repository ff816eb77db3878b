"""What a base knows: places, names, counts and plans of scenes and instructions that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.progress import Progress
from stages.planner.planner import Planner
from stages.pretraining.scenes import ClutterScene, look


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
        for kind, phrases in shown.phrases.items():
            for phrase, pointing in planner.locate(list(phrases), shown.views).items():
                errors[kind].append(float(np.linalg.norm(pointing.point - phrases[phrase])))
        if shown.things.names:
            listed = {name for name, _ in planner.list_things(shown.views)}
            named.append(len(listed & set(shown.things.names)) / len(set(shown.things.names)))
        progress(done, len(scenes), "assessing scenes")
    every = np.concatenate(list(errors.values()))
    result = {"located": float(np.mean(every < 0.03)), "median_error": float(np.median(every))}
    result |= {f"located_{kind}": float(np.mean(np.array(found) < 0.03)) for kind, found in sorted(errors.items())}
    return result | {"listed": float(np.mean(named))}
