"""`clap view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import show


def command(
    artifact: Annotated[Path, typer.Argument(help="A file or directory, or a name in the run such as demos.")],
    run: options.Run = options.DEFAULT_RUN,
    episode: Annotated[int, typer.Option("--episode", min=0, help="Number of the episode.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="The picture; beside the artifact by default.")] = None,
    json_: options.Json = False,
) -> None:
    """Draw an episode with its views, keypoints and plan, or the curves of a training."""
    from stages.artifacts.run import RunDirectory
    from stages.view import view

    named = RunDirectory(run).stages().get(str(artifact))
    path = named[0] if named and not artifact.exists() else artifact
    show("view", view(path, episode, out), json_)
