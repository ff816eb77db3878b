"""Settings of `clap evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stages.settings.ranges import Count, Pixels, Positive, Seed, Seeds, Variations, Whole, Workers


@dataclass(frozen=True)
class EvaluateConfig:
    """How a policy is evaluated.

    Attributes:
        simulator: name for `make_simulator`.
        taskvars: evaluate only these variations ("task+variation"); empty = all of the level.
        train, held_out, l1, l2, l3, l4: episodes per variation of each level; of each evaluation seed, but for `train`.
            "held-out" are training variations that `collect.hold_out` keeps out of training.
        rlbench18: episodes per task of RLBench's eighteen, each of a variation drawn at random (PerAct: 25).
        scenes: folder of recorded episodes in whose scenes the simulator "rlbench" begins, such as GemBench's
            test_dataset/microsteps: seed<S>/<task>/variation<V>/episodes/episode<E>; empty = seeds draw the scenes.
        seeds: evaluation seeds; each has placements of its own (`jobs.placement`).
        instructions: "training" wordings, "novel" ones that training never hears, or the path of a JSON file with your
            own: variation ("task+variation") -> list of wordings.
        constrained: whether the planner alone (`--planner-only`) decodes plans under the grammar of the step language,
            with copied noun phrases; closed loop always does.
        names: what the planner alone is given as in view: the "true" names, or those "listed" by
            itself, as in closed loop.
        max_steps: motions per episode at most (GemBench: 25).
        image_size: side of the square camera images [px].
        device: where the models run ("cpu", "cuda").
        workers: processes; 0 = one per core; "ray" = one on every CPU of a Ray cluster.
        seed: of what the policy itself draws (random keypoints).
        videos: successes, and failures of each cause, per task and level shown in the report, this many of each.
        video_size: side of the video frames [px].
        video_fps: frames per second of the videos at most.
    """

    simulator: str = "tabletop"
    taskvars: Variations = ()
    train: Whole = 3
    held_out: Whole = 10
    l1: Whole = 3
    l2: Whole = 4
    l3: Whole = 10
    l4: Whole = 4
    rlbench18: Whole = 25
    scenes: str = ""
    seeds: Seeds = (200,)
    instructions: str = "training"
    constrained: bool = True
    names: Literal["true", "listed"] = "true"
    max_steps: Count = 25
    image_size: Pixels = 128
    device: str = "cpu"
    workers: Workers = 0
    seed: Seed = 0
    videos: Whole = 1
    video_size: Pixels = 256
    video_fps: Positive = 10.0

    def episodes(self, level: str) -> int:
        """Episodes per variation of a level."""
        return getattr(self, level.replace("-", "_"))


PROTOCOLS: dict[str, dict[str, Any]] = {
    "gembench": {"seeds": (200, 300, 400, 500, 600), "l1": 20, "l2": 20, "l3": 20, "l4": 20, "max_steps": 25},
}
"""Published protocols by name: what they set."""
