"""`clap deploy`, `clap deploy serve` and `clap deploy drive`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage, show

Bundle = Annotated[Path | None, typer.Option("--bundle", help="Bundle instead of the run's.")]
Device = Annotated[str | None, typer.Option("--device", help="Where the models run: cpu or cuda.")]

app = typer.Typer(help="Make a self-contained bundle (no subcommand), serve it, or drive the robot with it.")


@app.callback(invoke_without_command=True)
def bundle(
    context: typer.Context,
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    vlm: options.Vlm = None,
    fine: options.Fine = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """Put planner and predictor into one directory that is enough to act: writes bundle/."""
    if context.invoked_subcommand:
        return
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    resolved = load_config(config, settings or ())
    from stages.deploy import bundle as make_bundle

    paths = RunDirectory(run)
    run_stage(
        "deploy",
        lambda progress: make_bundle(
            resolved,
            vlm or paths.vlm,
            fine or paths.fine,
            paths.bundle,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        ),
        json_,
        run=run,
    )


@app.command("serve")
def serve(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    bundle: Bundle = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; loopback by default.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 = any free one.")] = None,
    device: Device = None,
    token: Annotated[
        str, typer.Option("--token", envvar="CLAP_TOKEN", help="Requests must carry it; needed unless on loopback.")
    ] = "",
    json_: options.Json = False,
) -> None:
    """Serve a bundle's actions over HTTP until Ctrl-C."""
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    resolved = load_config(config, settings or (), deploy__host=host, deploy__port=port, deploy__device=device).deploy
    from stages.deploy import serve as serve_bundle

    summary = serve_bundle(bundle or RunDirectory(run).bundle, resolved, token=token)
    show("deploy serve", summary, json_)


@app.command("drive")
def drive(
    instruction: Annotated[str, typer.Argument(help="What to do, in words.")],
    task: Annotated[str | None, typer.Option("--task", help="Scene of the simulator, such as push_button+0.")] = None,
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: Annotated[int, typer.Option("--seed", help="Placement of the scene.")] = 200_000,
    bundle: Bundle = None,
    device: Device = None,
    out: Annotated[Path | None, typer.Option("--out", help="Recordings instead of the run's.")] = None,
    robot: options.Robot = None,
    host: options.Host = None,
    rig: options.Rig = options.DEFAULT_RIG,
    yes: Annotated[bool, typer.Option("--yes", help="A real robot moves without being asked for.")] = False,
    json_: options.Json = False,
) -> None:
    """Drive the embedded robot, or a real one, from a typed instruction, and record it: adds to recordings.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.settings.loader import load_config

    resolved, paths = load_config(config, settings or (), deploy__device=device), RunDirectory(run)
    bundle, out = bundle or paths.bundle, out or paths.recordings
    if robot is not None:
        options.check_robot(robot)
        from stages.deploy import drive_robot

        summary = drive_robot(bundle, instruction, rig, host, out, config=resolved, ask=None if yes else _ask)
    else:
        if task is None:
            raise typer.BadParameter("name a scene, or a --robot", param_hint="--task")
        from stages.deploy import drive as drive_embedded
        from stages.simulators.tabletop.tasks import parse_taskvar

        name, variation = parse_taskvar(task)
        summary = drive_embedded(bundle, instruction, name, variation, seed, out, config=resolved.deploy)
    show("deploy drive", summary, json_)


def _ask(question: str) -> bool:
    """A person's answer; no, where nobody can answer."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
