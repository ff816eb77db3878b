"""`clap export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage

app = typer.Typer(help="Write demonstrations in other projects' formats.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("lerobot")
def lerobot(
    run: Annotated[Path, typer.Argument(help="Run directory whose demonstrations are written.")] = options.DEFAULT_RUN,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the data set; RUN/lerobot by default.")] = None,
    demos: options.Demos = None,
    video: Annotated[bool, typer.Option("--video", help="Images as videos instead of PNG.")] = False,
    dense: Annotated[
        bool, typer.Option("--dense", help="The whole trajectories, without images, instead of the keyframes.")
    ] = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """A data set v3.0 that the lerobot package opens."""
    from stages.artifacts.run import RunDirectory
    from stages.core.errors import UserError
    from stages.export_lerobot import export_lerobot

    if video and dense:
        raise UserError("dense trajectories have no images to put in a video", "Leave --video or --dense out")
    source, target = demos or RunDirectory(run).demos, out or run / "lerobot"
    run_stage(
        "export lerobot",
        lambda progress: export_lerobot(
            source, target, video=video, dense=dense, overwrite=overwrite, progress=progress
        ),
        json_,
    )
