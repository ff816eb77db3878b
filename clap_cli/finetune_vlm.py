"""`clap finetune-vlm`."""

from __future__ import annotations

from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage


def command(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    base: Annotated[
        str | None, typer.Option("--base", help="'tiny' (built in), or a Hugging Face name or path.")
    ] = None,
    demos: options.Demos = None,
    keypoints: options.Keypoints = None,
    plans: options.Plans = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """Fine-tune the planner, a vision-language model: writes vlm/ and vlm.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.config import load_config

    resolved = load_config(config, settings or (), seed=seed, vlm__base=base)
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
    )
