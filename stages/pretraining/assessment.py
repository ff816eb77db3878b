"""What a base knows: places, names, counts and plans of scenes and instructions that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from stages.core.progress import Progress
from stages.planner.planner import Planner
from stages.planner.prompts import KEYPOINT
from stages.planner.training.loop import Exchange
from stages.pretraining import exchanges
from stages.pretraining.language import compose
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
    """Shares in [0, 1] of what is right on fresh scenes, and as many instructions of each kind; places within 3 cm.

    Returns:
        located (all), located_<kind> of referring expressions, median_error [m], named, counted, planned_<skills>.
    """
    rng = np.random.default_rng(seed)
    errors: dict[str, list[float]] = defaultdict(list)
    named, counted = [], []
    for done, scene in enumerate(scenes, 1):
        shown = look(rng, scene, paints, planner.model.views, 0.05)
        if shown.phrases:
            for phrase, pointing in planner.locate(list(shown.phrases), shown.views).items():
                truth = shown.positions[shown.phrases.index(phrase)]
                errors[kind_of(phrase, shown)].append(float(np.linalg.norm(pointing.point - truth)))
        if shown.things.names:
            named.append(_says(planner, exchanges.name_exchange(rng, shown)))
            counted.append(_says(planner, exchanges.count_exchange(rng, shown)))
        progress(done, len(scenes), "assessing scenes")
    every = np.concatenate(list(errors.values()))
    result = {"located": float(np.mean(every < 0.03)), "median_error": float(np.median(every))}
    result |= {f"located_{kind}": float(np.mean(np.array(found) < 0.03)) for kind, found in sorted(errors.items())}
    result |= {"named": float(np.mean(named)), "counted": float(np.mean(counted))}
    for skills in (1, 2):
        asked = [compose(rng, tuple(paints), skills) for _ in scenes]
        right = [planner.plan(instruction, shown.views).steps == plan for instruction, plan in asked]
        result[f"planned_{skills}"] = float(np.mean(right))
        progress(skills, 2, "assessing plans")
    return result


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


def _says(planner: Planner, exchange: Exchange) -> float:
    """Share of the answer's items that the model says itself, word for word."""
    backbone = planner.model.backbone
    inputs = backbone.encode([exchange.request], [""], exchange.views[None])
    inputs.pop("answer_mask")
    with torch.inference_mode():
        said = planner.model.vlm.generate(
            **inputs,
            max_new_tokens=80,
            do_sample=False,
            eos_token_id=backbone.end_id,
            pad_token_id=backbone.tokenizer.pad_token_id,
        )
    text = backbone.tokenizer.decode(said[0, inputs["input_ids"].shape[1] :]).replace(backbone.end, "")
    true, heard = (value.replace(KEYPOINT, "").split("; ") for value in (exchange.answer, text.strip()))
    return float(np.mean([item in heard for item in true]))
