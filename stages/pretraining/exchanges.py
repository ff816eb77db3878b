"""Pre-training examples: a procedural scene with things to name, count and point at, plans to make and to follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.core.steps import parse_step
from stages.planner import prompts
from stages.planner.training.loop import NOWHERE, Exchange
from stages.planner.training.moments import random_moment
from stages.pretraining.language import compose
from stages.pretraining.scenes import Look
from stages.pretraining.words import plural

MAX_LOCATED = 8
SKILLS = (0.5, 0.33, 0.17)
"""How often a plan has one, two or three skills."""


def locate_exchange(rng: np.random.Generator, scene: Look) -> Exchange:
    """Where are these things?"""
    chosen = rng.permutation(len(scene.phrases))[:MAX_LOCATED]
    names = [scene.phrases[i] for i in chosen]
    return Exchange(prompts.locate_request(names), prompts.locate_answer(names), scene.positions[chosen], scene.views)


def name_exchange(rng: np.random.Generator, scene: Look) -> Exchange:
    """What is there, from left to right?"""
    order = np.argsort(-scene.things.positions[:, 1])
    answer = prompts.locate_answer([scene.things.names[i] for i in order])
    return Exchange("Name the things from left to right.", answer, scene.things.positions[order], scene.views)


def count_exchange(rng: np.random.Generator, scene: Look) -> Exchange:
    """How many are there of a colour or a noun?"""
    word = str(rng.choice((*scene.things.colours, *scene.things.nouns)))
    asked = plural(word) if word in scene.things.nouns else f"{word} things"
    return Exchange(f"How many {asked} are there?", str(scene.things.count(word)), NOWHERE, scene.views)


def decide_exchange(rng: np.random.Generator, scene: Look, colours: Sequence[str]) -> Exchange:
    """A moment of a plan about the scene's things."""
    while True:
        instruction, plan = compose(rng, colours, int(rng.integers(1, 3)), scene.phrases)
        wanted = prompts.plan_phrases(plan)
        if set(wanted) <= set(scene.phrases):
            break
    moment = random_moment(rng, plan)
    places = [scene.phrases.index(phrase) for phrase in [*wanted, parse_step(plan[moment[-1]]).focus]]
    return Exchange(*prompts.FULL.decision(instruction, plan, *moment), scene.positions[places], scene.views)


def plan_exchange(
    rng: np.random.Generator, colours: Sequence[str], views: np.ndarray, seen: Sequence[str] | None = None
) -> Exchange:
    """An instruction about anything, or about what is seen, with its plan; the views (V, S, S, 3) may be none."""
    instruction, plan = compose(rng, colours, _skills(rng), seen)
    return Exchange(prompts.plan_request(instruction), prompts.plan_answer(plan), NOWHERE, views)


def follow_exchange(rng: np.random.Generator, colours: Sequence[str], views: np.ndarray) -> Exchange:
    """Which step comes now, in text alone: the plan's things are not pointed at."""
    instruction, plan = compose(rng, colours, _skills(rng))
    return Exchange(*prompts.FULL.decision(instruction, plan, *random_moment(rng, plan)), NOWHERE, views)


def _skills(rng: np.random.Generator) -> int:
    return 1 + int(rng.choice(len(SKILLS), p=SKILLS))
