"""A planner's decision and plan in milliseconds, beside plain generation: `python -m tests.benchmarks.plan --calls 30`.

A decision is round 2 with a plan of eight steps: canonical views of the fused cloud of four cameras, the request, the
task's objects, the step, its keypoint. Beside it, in turns, Hugging Face's greedy `generate` with its cache writes as
many tokens as the same answer has with coordinates as text, from the same views with the same model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from stages.geometry.clouds import fuse
from stages.planner import prompts
from stages.planner.hand import UNSEEN, Hand
from stages.planner.language.grammar import words_of
from stages.planner.planner import Planner
from stages.planner.pointing.coordinates import spell_keypoints
from stages.planner.pointing.model import PlannerModel
from stages.planner.prompts import Memory
from stages.settings.vlm import VlmConfig
from stages.simulators import make_simulator

TASK, VARIATION = "stack_blocks", 30
INSTRUCTION = "stack 2 gray blocks on the green square"
BLOCK, PLACE = "gray block", "green square"
PLAN = 2 * [
    f"grasp the {BLOCK}",
    f"lift the grasped {BLOCK}",
    f"move the grasped {BLOCK} to the {PLACE}",
    f"release the grasped {BLOCK} at the {PLACE}",
]
MEMORY = Memory(3, 2)


def cloud(image_size: int = 128) -> tuple[np.ndarray, np.ndarray, Hand]:
    """Points (N, 3) [m] and colours (N, 3) that the planner sees of a scene, and the gripper."""
    simulator = make_simulator("tabletop", image_size=image_size)
    _, observation = simulator.reset(TASK, VARIATION, 0)
    return *fuse(observation, hide_arm=True), UNSEEN.at(observation)


def milliseconds(calls: int, *functions: Callable[[], object]) -> list[float]:
    """Median wall-clock time of each of some functions, called in turns; the first turn warms up."""
    spent: list[list[float]] = [[] for _ in functions]
    for _ in range(calls + 1):
        for function, times in zip(functions, spent, strict=True):
            started = time.perf_counter()
            function()
            times.append(1000 * (time.perf_counter() - started))
    return [median(times[1:]) for times in spent]


def written_answer(planner: Planner) -> str:
    """The answer of round 2 with coordinates."""
    answer = planner.protocol.decide_beginning(PLAN) + planner.protocol.decide_choice(PLAN, MEMORY, 4)
    points = np.linspace(0.1, 0.3, 3 * answer.count(prompts.KEYPOINT)).reshape(-1, 3) + [0, 0, 0.6]
    return spell_keypoints(answer, points) + planner.model.backbone.end


@torch.inference_mode()
def generate(planner: Planner, request: str, tokens: int, views: np.ndarray) -> None:
    """So many tokens of an answer, without a grammar."""
    batch = planner.model.backbone.encode([request], [""], views[None, ..., :3])
    batch.pop("answer_mask")
    said = planner.model.vlm.generate(
        **batch, do_sample=False, use_cache=True, min_new_tokens=tokens, max_new_tokens=tokens
    )
    assert said.shape[1] == batch["input_ids"].shape[1] + tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--planner", type=Path, help="a trained planner; otherwise the base as it is")
    options = parser.parse_args()
    if options.planner:
        planner = Planner.from_pretrained(options.planner)
    else:
        planner = Planner(PlannerModel.from_base(VlmConfig(base=options.base)))
        planner.model.phrase_words = words_of(prompts.plan_phrases(PLAN))
    seen, request = cloud(), prompts.FULL.decide_request(INSTRUCTION, PLAN, MEMORY, True)
    tokens = len(planner.tokenizer(written_answer(planner), add_special_tokens=False)["input_ids"])
    looking, looked = Planner(planner.model), planner.views(*seen)
    decide, again, written, views, plan = milliseconds(
        options.calls,
        lambda: planner.decide(INSTRUCTION, PLAN, MEMORY, True, planner.views(*seen)),
        lambda: looking.decide(INSTRUCTION, PLAN, MEMORY, True, looked),
        lambda: generate(planner, request, tokens, planner.views(*seen)),
        lambda: planner.views(*seen),
        lambda: planner.plan(INSTRUCTION, planner.views(*seen)),
    )
    lines = len(planner.plan(INSTRUCTION, planner.views(*seen)).steps)
    print(f"{torch.get_num_threads()} threads, {len(seen[0])} points, median of {options.calls} calls, in turns")
    print(f"views of the cloud                                  {views:7.1f} ms")
    print(f"decision, views included                            {decide:7.1f} ms")
    print(f"generate, {tokens} tokens of coordinate text, views included {written:7.1f} ms")
    print(f"generate / decision                                 {written / decide:7.1f}")
    print(f"another decision about the same views               {again:7.1f} ms")
    print(f"generate / another decision                         {written / again:7.1f}")
    print(f"plan of {lines} steps, views included                     {plan:7.1f} ms")


if __name__ == "__main__":
    main()
