"""`clap collect demos`."""

from __future__ import annotations

from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage

app = typer.Typer(help="Collect demonstrations.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("demos")
def demos(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    tasks: options.Tasks = None,
    episodes: Annotated[int | None, typer.Option("--episodes", min=1, help="Demonstrations per variation.")] = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """The simulator's expert demonstrates every variation: writes demos.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.collect import collect_demos
    from stages.settings.loader import load_config

    resolved = load_config(
        config,
        settings or (),
        seed=seed,
        collect__taskvars=tasks or None,
        collect__episodes_per_variation=episodes,
        collect__workers=workers,
    )
    out = RunDirectory(run).demos
    run_stage(
        "collect demos",
        lambda progress: collect_demos(resolved, out, resume=resume, overwrite=overwrite, progress=progress),
        json_,
        run=run,
    )
