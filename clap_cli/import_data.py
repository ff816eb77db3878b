"""`clap import`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage

if TYPE_CHECKING:
    from stages.bridges.data_set import OpenDataSet
    from stages.settings.import_data import ImportConfig

app = typer.Typer(help="Read demonstrations of other projects.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)]
Episodes = Annotated[int | None, typer.Option("--episodes", min=1, help="At most so many of each variation.")]


@app.command("rlbench")
def rlbench(
    source: Source,
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    tasks: options.Tasks = None,
    episodes: Episodes = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """A data set as RLBench's generator writes it, without RLBench: writes demos.h5."""
    from stages.bridges.rlbench import RlbenchData

    given = (run, config, settings, seed, tasks, episodes, workers, resume, overwrite, json_)
    _import("rlbench", lambda read: partial(RlbenchData, keyframes=read.keyframes), source, *given)


@app.command("lerobot")
def lerobot(
    source: Source,
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    tasks: options.Tasks = None,
    episodes: Episodes = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """A LeRobot data set v3.0 with depth or organised clouds: writes demos.h5."""
    from stages.bridges.lerobot.reader import LerobotData

    given = (run, config, settings, seed, tasks, episodes, workers, resume, overwrite, json_)
    _import("lerobot", lambda read: partial(LerobotData, keyframes=read.keyframes), source, *given)


@app.command("gembench")
def gembench(
    source: Source,
    instructions: Annotated[
        Path | None,
        typer.Option("--instructions", help="GemBench's taskvars_instructions_new.json, where not in the folder."),
    ] = None,
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    tasks: options.Tasks = None,
    episodes: Episodes = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """GemBench's key steps in LMDB: writes demos.h5."""
    from stages.bridges.gembench import GembenchData

    given = (run, config, settings, seed, tasks, episodes, workers, resume, overwrite, json_)
    _import("gembench", lambda _: partial(GembenchData, instructions=instructions), source, *given)


def _import(
    name: str,
    reader: Callable[[ImportConfig], OpenDataSet],
    source: Path,
    run: Path,
    config: Path | None,
    settings: list[str] | None,
    seed: int | None,
    tasks: list[str] | None,
    episodes: int | None,
    workers: int | str | None,
    resume: bool,
    overwrite: bool,
    json_: bool,
) -> None:
    """Run the import with a reader of data sets of one kind."""
    from stages.artifacts.run import RunDirectory
    from stages.import_data import import_data
    from stages.settings.loader import load_config

    resolved = load_config(
        config,
        settings or (),
        seed=seed,
        import_data__taskvars=tasks or None,
        import_data__episodes_per_variation=episodes,
        import_data__workers=workers,
    )
    out, open_data_set = RunDirectory(run).demos, reader(resolved.import_data)
    run_stage(
        f"import {name}",
        lambda progress: import_data(
            resolved, name, open_data_set, source, out, resume=resume, overwrite=overwrite, progress=progress
        ),
        json_,
        run=run,
    )
