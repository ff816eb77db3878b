"""`clap collect demos`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage, show

if TYPE_CHECKING:
    from stages.settings.loader import Config

GUIDED_EPISODES = 10
"""Demonstrations that a person is asked for."""

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
    robot: options.Robot = None,
    host: options.Host = None,
    rig: options.Rig = options.DEFAULT_RIG,
    instructions: Annotated[
        list[str] | None,
        typer.Option("--instruction", help="With --robot: what is shown, in words; repeatable for other wordings."),
    ] = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """The simulator's expert, or a person guiding a robot's hand, demonstrates: writes demos.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    resolved = load_config(
        config,
        settings or (),
        seed=seed,
        collect__taskvars=tasks or None,
        collect__episodes_per_variation=episodes,
        collect__workers=workers,
    )
    if robot is not None:
        options.check_robot(robot)
        _guided(resolved, robot, host, rig, instructions, episodes, run, resume, overwrite, json_)
        return
    from stages.collect import collect_demos

    out = RunDirectory(run).demos
    run_stage(
        "collect demos",
        lambda progress: collect_demos(resolved, out, resume=resume, overwrite=overwrite, progress=progress),
        json_,
        run=run,
    )


def _guided(
    config: Config,
    robot: str,
    host: str | None,
    rig: Path,
    instructions: list[str] | None,
    episodes: int | None,
    run: Path,
    resume: bool,
    overwrite: bool,
    json_: bool,
) -> None:
    """Demonstrations by hand; what a person is told stands in place of a bar of progress."""
    if not instructions:
        raise typer.BadParameter("say what is shown", param_hint="--instruction")
    from stages.artifacts.lock import exclusive
    from stages.artifacts.run import RunDirectory
    from stages.collect_guided import collect_guided
    from stages.robots.keys import StandardInput
    from stages.robots.opening import open_robot
    from stages.robots.rig import Rig

    laboratory = Rig.load(rig)
    with exclusive(run), redirect_stdout(sys.stderr), StandardInput() as keys:
        summary = collect_guided(
            config,
            robot,
            lambda: open_robot(laboratory, host, config.robot),
            keys,
            instructions,
            episodes or GUIDED_EPISODES,
            RunDirectory(run).demos,
            resume=resume,
            overwrite=overwrite,
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )
    show("collect demos", summary, json_)
