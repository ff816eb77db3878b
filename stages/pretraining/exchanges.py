"""Pre-training examples: a procedural scene with things to locate, plans to make, and plans to follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.planner import prompts
from stages.planner.training import Exchange
from stages.pretraining.language import MAX_SKILLS, compose, random_memory, random_phrases
from stages.pretraining.scenes import Look
from stages.steps import parse_step

MAX_LOCATED = 5


def locate_exchange(rng: np.random.Generator, scene: Look) -> Exchange:
    """Where are these things?"""
    chosen = rng.permutation(len(scene.phrases))[:MAX_LOCATED]
    names = [scene.phrases[i] for i in chosen]
    return Exchange(prompts.locate_request(names), prompts.locate_answer(names), scene.positions[chosen], scene.views)


def decide_exchange(rng: np.random.Generator, scene: Look) -> Exchange:
    """A moment of a plan about the scene's things; plans that need what the scene lacks are drawn again."""
    while True:
        instruction, plan = compose(rng, scene.phrases, int(rng.integers(1, MAX_SKILLS)))
        wanted = prompts.plan_phrases(plan)
        if set(wanted) <= set(scene.phrases):
            break
    steps = [parse_step(step) for step in plan]
    memory, gripper_open, now = random_memory(rng, steps)
    places = [scene.phrases.index(phrase) for phrase in [*wanted, steps[now].focus]]
    return Exchange(
        prompts.decide_request(instruction, plan, memory, gripper_open),
        prompts.decide_reasoning(plan) + prompts.decide_choice(plan, now),
        scene.positions[places],
        scene.views,
    )


def plan_exchange(rng: np.random.Generator, colours: Sequence[str], views: np.ndarray) -> Exchange:
    """An instruction about anything, with its plan; the views (V, S, S, 3) do not matter and may be none."""
    instruction, plan = compose(rng, random_phrases(rng, colours, 6), int(rng.integers(1, MAX_SKILLS + 1)))
    return Exchange(prompts.plan_request(instruction), prompts.plan_answer(plan), np.zeros((0, 3)), views)


def follow_exchange(rng: np.random.Generator, colours: Sequence[str], views: np.ndarray) -> Exchange:
    """Which step comes now, in text alone: the plan's things are not pointed at."""
    instruction, plan = compose(rng, random_phrases(rng, colours, 6), int(rng.integers(1, MAX_SKILLS + 1)))
    steps = [parse_step(step) for step in plan]
    memory, gripper_open, now = random_memory(rng, steps)
    request = prompts.decide_request(instruction, plan, memory, gripper_open)
    answer = (prompts.decide_reasoning(plan) + prompts.decide_choice(plan, now)).replace(prompts.KEYPOINT, "")
    return Exchange(request, answer, np.zeros((0, 3)), views)
