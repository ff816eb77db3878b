"""Pre-training examples: a procedural scene with things to list and point at, and moments of plans to follow."""

from __future__ import annotations

import numpy as np

from stages.core.steps import Step, parse_step
from stages.planner import prompts
from stages.planner.training.execution_states import random_execution_state
from stages.planner.training.loop import Sample
from stages.pretraining.scenes import Look

MAX_LOCATED = 8


def locate_sample(rng: np.random.Generator, scene: Look) -> Sample:
    """Where are these things?"""
    chosen = rng.permutation(len(scene.phrases))[:MAX_LOCATED]
    names = [scene.phrases[i] for i in chosen]
    return Sample(prompts.locate_request(names), prompts.locate_answer(names), scene.positions[chosen], scene.views)


def list_sample(rng: np.random.Generator, scene: Look) -> Sample:
    """What is in view?"""
    order = rng.permutation(len(scene.things.names))
    names = [scene.things.names[i] for i in order]
    return Sample(prompts.list_request(), prompts.list_answer(names), scene.things.positions[order], scene.views)


def decide_sample(rng: np.random.Generator, scene: Look) -> Sample:
    """A moment of a plan about two of the scene's things."""
    first, second = (scene.phrases[i] for i in rng.permutation(len(scene.phrases))[:2])
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
    places = [scene.phrases.index(phrase) for phrase in named]
    return Sample(*prompts.FULL.decision(instruction, plan, *moment), scene.positions[places], scene.views)
