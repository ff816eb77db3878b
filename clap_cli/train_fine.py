"""`clap train-fine`."""

from __future__ import annotations

from clap_cli import options
from clap_cli.show import run_stage


def command(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    demos: options.Demos = None,
    keypoints: options.Keypoints = None,
    plans: options.Plans = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """Train the fine-grained action predictor: writes fine/ and fine.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    resolved = load_config(config, settings or (), seed=seed)
    from stages.train_fine import train_fine

    paths = RunDirectory(run)
    run_stage(
        "train fine",
        lambda progress: train_fine(
            resolved,
            demos or paths.demos,
            keypoints or paths.keypoints,
            plans or paths.plans,
            paths.fine,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        ),
        json_,
        run=run,
    )
