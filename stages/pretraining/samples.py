"""Pre-training examples: a procedural scene with things to point at, and moments of plans to follow."""

from __future__ import annotations

import numpy as np

from stages.core.steps import Step, parse_step
from stages.planner import prompts
from stages.planner.training.batches import PixelWords, Sample
from stages.planner.training.execution_states import random_execution_state
from stages.pretraining.scenes import Look

MAX_LOCATED, MAX_ABSENT = 14, 4
"""Phrases that are located at once, and such among them that mean nothing in view."""

SAID_AS_STEP = 0.3
"""Share of phrases that are located as a step says them."""

AT_OBJECT, AT_TARGET = ("grasp", "push"), ("move", "release", "slide")
"""Actions whose steps happen at their object, and at their target."""


def locate_sample(rng: np.random.Generator, scene: Look, vocabularies: tuple[tuple[str, ...], ...]) -> Sample:
    """Where are these things? All kinds of referring expressions are asked about alike, and some mean nothing here.

    Args:
        vocabularies: as of `PixelWords`.
    """
    kinds = [list(rng.permutation(list(found))) for found in scene.phrases.values() if found]
    chosen = [str(kinds[i % len(kinds)].pop()) for i in range(MAX_LOCATED) if kinds[i % len(kinds)]]
    absent = list(rng.permutation(scene.absent))[:MAX_ABSENT]
    said = [_said(rng, phrase, str(rng.choice(chosen))) for phrase in chosen] + [str(phrase) for phrase in absent]
    points = [scene.places[phrase] for phrase in chosen] + [np.full(3, np.nan)] * len(absent)
    order = rng.permutation(len(said))
    pixels = PixelWords(scene.labels, scene.words, vocabularies)
    return Sample.locating([said[i] for i in order], [points[i] for i in order], scene.views, pixels)


def _said(rng: np.random.Generator, phrase: str, other: str) -> str:
    """A phrase, or a step that happens where it is, perhaps with something else in hand."""
    if phrase.startswith("grasped ") or rng.random() > SAID_AS_STEP:
        return phrase
    action = str(rng.choice(AT_OBJECT + AT_TARGET))
    if action in AT_OBJECT:
        return str(Step(action, object=phrase))
    return str(Step(action, object=other.removeprefix("grasped "), target=phrase))


def unambiguous_phrases(scene: Look) -> list[str]:
    """Phrases of what is not in the hand, about which steps can be said."""
    return [phrase for phrase in scene.places if not phrase.startswith("grasped ") and is_unambiguous(phrase)]


def is_unambiguous(phrase: str) -> bool:
    """Whether `parse_step` reads steps about it as they are meant: "push the cup next to the box" has a target."""
    steps = [Step(action, object=phrase) for action in AT_OBJECT]
    steps += [Step(action, object=phrase, target=phrase) for action in AT_TARGET]
    return all(parse_step(str(step)) == step for step in steps)


def decide_sample(rng: np.random.Generator, scene: Look) -> Sample:
    """A moment of a plan about two of the scene's things, of at least two `unambiguous_phrases`."""
    phrases = unambiguous_phrases(scene)
    first, second = (phrases[i] for i in rng.permutation(len(phrases))[:2])
    if rng.random() < 0.5:
        steps = [Step("push", object=first), Step("push", object=second)]
        instruction = f"push the {first}, then the {second}"
    else:
        steps = [Step("grasp", object=first), Step("lift", object=first)]
        steps += [Step(action, object=first, target=second) for action in ("move", "release")]
        instruction = f"put the {first} on the {second}"
    plan = [str(step) for step in steps]
    moment = random_execution_state(rng, plan)
    named = [*prompts.plan_phrases(plan), parse_step(plan[moment[-1]]).focus]
    places = np.array([scene.places[phrase] for phrase in named])
    return Sample(*prompts.FULL.decision(instruction, plan, *moment), places, scene.views)
