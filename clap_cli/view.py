"""`clap view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage, show


def command(
    artifact: Annotated[
        Path | None, typer.Argument(help="A file or directory, or a name in the run such as demos.")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Draw a task of the embedded simulator, or `all` of them.")
    ] = None,
    run: options.Run = options.DEFAULT_RUN,
    episode: Annotated[
        int | None,
        typer.Option("--episode", min=0, help="Its number; the first, or the worst answers of a planner, by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The picture; by default beside the artifact, or <task>.png.")
    ] = None,
    json_: options.Json = False,
) -> None:
    """Draw an episode, a planner's answers beside the truth, the curves of a training, or the scenes of a task."""
    from stages.artifacts.run import RunDirectory
    from stages.core.errors import UserError

    if (artifact is None) == (task is None):
        raise UserError("there is nothing to draw", "Name an artifact such as demos, or a task with --task")
    if task is not None:
        from stages.viewing.contact_sheet import contact_sheet

        picture = out or Path(f"{task}.png")
        run_stage("view", lambda progress: contact_sheet(task, picture, progress=progress), json_)
        return
    from stages.viewing.view import view

    named = RunDirectory(run).stages().get(str(artifact))
    path = named[0] if named and not artifact.exists() else artifact
    show("view", view(path, episode, out), json_)
