"""`clap annotate-keypoints`."""

from __future__ import annotations

from clap_cli import options
from clap_cli.show import run_stage


def command(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    demos: options.Demos = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """Where the things that steps speak of are, in 3D and in the canonical views: writes keypoints.h5."""
    from stages.annotate_keypoints import annotate_keypoints
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    resolved = load_config(config, settings or (), seed=seed, annotate__workers=workers)
    paths = RunDirectory(run)
    run_stage(
        "annotate keypoints",
        lambda progress: annotate_keypoints(
            resolved, demos or paths.demos, paths.keypoints, resume=resume, overwrite=overwrite, progress=progress
        ),
        json_,
        run=run,
    )
