"""`clap finetune-vlm`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage


class Ablation(StrEnum):
    """What can be left out of the planner, as in the paper's ablations."""

    plan = "plan"
    memory = "memory"
    objects = "objects"
    pretraining = "pretraining"


SETTINGS = {
    Ablation.plan: "vlm__use_plan",
    Ablation.memory: "vlm__use_memory",
    Ablation.objects: "vlm__use_objects",
    Ablation.pretraining: "vlm__pretrained",
}


def command(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            help="'tiny' (built in), or a Hugging Face name or path of Qwen2.5-VL, Qwen3-VL, SmolVLM or PaliGemma.",
        ),
    ] = None,
    ablate: Annotated[
        list[Ablation] | None,
        typer.Option("--ablate", help="Leave this out: plan, memory, objects or pretraining; repeatable."),
    ] = None,
    demos: options.Demos = None,
    keypoints: options.Keypoints = None,
    plans: options.Plans = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """Fine-tune the planner, a vision-language model: writes vlm/, vlm.h5, and vlm.tensorboard/ as it goes.

    On several GPUs: `accelerate launch -m clap_cli finetune-vlm ...`.
    """
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    without = {SETTINGS[ablation]: False for ablation in ablate or ()}
    resolved = load_config(config, settings or (), seed=seed, vlm__base=base, **without)
    from stages.finetune_vlm import finetune_vlm

    paths = RunDirectory(run)
    run_stage(
        "finetune vlm",
        lambda progress: finetune_vlm(
            resolved,
            demos or paths.demos,
            keypoints or paths.keypoints,
            plans or paths.plans,
            paths.vlm,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        ),
        json_,
        run=run,
    )
