"""`clap decompose`."""

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
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """The language plan of every episode, aligned to its keyframes and checked: writes plans.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.config import load_config
    from stages.decompose import decompose

    resolved = load_config(config, settings or (), seed=seed)
    paths = RunDirectory(run)
    run_stage(
        "decompose",
        lambda progress: decompose(
            resolved,
            demos or paths.demos,
            keypoints or paths.keypoints,
            paths.plans,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        ),
        json_,
    )
