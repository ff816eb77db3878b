"""The planning model by itself, from text: `python -m tests.benchmarks.language --split l1 --split l2 --minutes 10`.

Trained on the instructions and plans of the training variations, as their experts follow them, and asked for the plans
of every wording of the splits' variations, with the true names of what is in view. With the split "held-out" those
variations are left out of training, and so is one wording of every other ("wording"): what constants are chosen on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from stages.core.plan_equivalence import same_plan
from stages.core.steps import Step, parse_step
from stages.evaluation.statistics import Rate
from stages.planner.language.beam_search import BEAMS
from stages.planner.language.planning_model import PlanningModel
from stages.planner.language.text import Example, TextSampler
from stages.planner.language.training import Schedule, start_language, train_language
from stages.runtime.worker_pool import map_unordered
from stages.settings.vlm import VlmConfig
from stages.simulators import make_simulator
from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS
from stages.simulators.tabletop.tasks import HELD_OUT, LEVELS, is_ordered, taskvar

SEED = 200_000
LEFT_OUT = 3
"""Number of the wording that is left out with the held-out variations."""

LEFT_OUT_MARK = "held-out"
"""File beside a model that was trained without the held-out variations."""


@dataclass(frozen=True)
class Asked:
    """A variation: its wordings, the names of what is in view, and the expert's plan."""

    name: str
    trained: tuple[str, ...]
    novel: tuple[str, ...]
    names: tuple[str, ...]
    plan: tuple[Step, ...]


def played(pair: tuple[str, int]) -> Asked:
    """A variation as its expert plays it."""
    simulator = make_simulator("tabletop", image_size=16)
    instructions, _ = simulator.reset(*pair, SEED)
    names = tuple(thing.name for thing in simulator.truth())
    steps: list[str] = []
    for motion in simulator.expert():
        steps.append(str(motion.step))
        simulator.step(motion.action[:9])
    plan = tuple(parse_step(step) for step, _ in groupby(steps))
    return Asked(taskvar(*pair), tuple(instructions), tuple(simulator.novel_instructions()), names, plan)


def player() -> Callable[[tuple[str, int]], Asked]:
    """`played`, for a worker process."""
    return played


def train(variations: Sequence[Asked], hold_out: bool, config: VlmConfig) -> PlanningModel:
    """The planning model, trained for `language_minutes`, or as training starts if that is 0."""
    examples = [
        Example(text, one.plan, one.names)
        for one in variations
        for number, text in enumerate(one.trained)
        if not (hold_out and number == LEFT_OUT)
    ]
    phrases = frozenset(phrase for one in examples for step in one.plan for phrase in step.phrases)
    model = start_language(config, phrases)
    if not config.language_minutes:
        return model
    sampler = TextSampler(examples, tuple(PALETTE), tuple(RARE_COLOURS))
    schedule = Schedule(config.language_rate, config.language_batch, 10**6, config.language_minutes)
    curve = train_language(model, sampler, schedule, 0)
    print(f"{len(curve)} steps, loss {np.mean([point['loss'] for point in curve[-20:]]):.3f}")
    return model


def questions(variations: Sequence[Asked], wordings: str) -> Iterator[tuple[Asked, str]]:
    """Variations with the wordings that they are asked in."""
    for one in variations:
        texts = {"training": one.trained, "novel": one.novel, "left out": one.trained[LEFT_OUT : LEFT_OUT + 1]}
        yield from ((one, text) for text in texts[wordings])


def report(
    model: PlanningModel,
    split: str,
    asked: Sequence[tuple[Asked, str]],
    beams: int,
    constrained: bool,
    in_view: bool,
) -> None:
    """Print the share of plans that are right, with its interval, and those that are wrong."""
    rng, right, started = np.random.default_rng(5), 0, perf_counter()
    for one, text in asked:
        names = [str(name) for name in rng.permutation(one.names)] if in_view else []
        plan, _ = model.plan(text, names, beams=beams, constrained=constrained)
        same = same_plan(plan, one.plan, one.names, is_ordered(one.name))
        right += same
        if not same:
            print(f"  {one.name} | {text} | {' / '.join(map(str, plan))}")
    rate = Rate.of([True] * right + [False] * (len(asked) - right))
    seconds = (perf_counter() - started) / max(len(asked), 1)
    share = f"{100 * rate.rate:.0f} % ({100 * rate.low:.0f} to {100 * rate.high:.0f})"
    print(f"{split}: {share} of {len(asked)}, {seconds:.2f} s a plan", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", action="append", choices=("held-out", "l1", "l2", "l3", "l4"), required=True)
    parser.add_argument("--minutes", type=float, default=VlmConfig().language_minutes, help="0: without training")
    parser.add_argument("--rate", type=float, default=VlmConfig().language_rate, help="vlm.language_rate")
    parser.add_argument("--adapter", default=VlmConfig().language_adapter, help="vlm.language_adapter")
    parser.add_argument("--beams", type=int, default=BEAMS)
    parser.add_argument("--unconstrained", action="store_true", help="without the grammar of steps and copying")
    parser.add_argument("--no-view", action="store_true", help="without the names of what is in view")
    parser.add_argument(
        "--model", type=Path, help="folder that the trained model is kept in, and read from if it is there"
    )
    options = parser.parse_args()
    torch.manual_seed(0)
    hold_out = "held-out" in options.split
    if hold_out and len(options.split) > 1:
        parser.error("the held-out variations need a training of their own")
    pairs = sorted({pair for level in ("train", "l2", "l3", "l4") for pair in LEVELS[level]})
    every = dict(map_unordered(player, pairs, 0))
    trained = [every[pair] for pair in LEVELS["train"] if not (hold_out and pair in HELD_OUT)]
    if options.model and options.model.exists():
        if (options.model / LEFT_OUT_MARK).exists() != hold_out:
            parser.error(f"{options.model} was trained {'with' if hold_out else 'without'} the held-out variations")
        model = PlanningModel.from_pretrained(options.model)
    else:
        adapter, rate, minutes = options.adapter, options.rate, options.minutes
        config = VlmConfig(language_adapter=adapter, language_rate=rate, language_minutes=minutes)
        model = train(trained, hold_out, config)
        if options.model:
            model.save_pretrained(options.model)
            if hold_out:
                (options.model / LEFT_OUT_MARK).touch()
    settings = {"beams": options.beams, "constrained": not options.unconstrained, "in_view": not options.no_view}
    if hold_out:
        left_out = [every[pair] for pair in HELD_OUT]
        report(model, "held-out", list(questions(left_out, "training")), **settings)
        report(model, "wording", list(questions(trained, "left out")), **settings)
        return
    for split in options.split:
        for wordings in ("training", "novel"):
            asked = list(questions([every[pair] for pair in LEVELS[split]], wordings))
            report(model, f"{split}, {wordings} wordings", asked, **settings)


if __name__ == "__main__":
    main()
