"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def workers(text: str) -> int | str:
    """A number of processes, or "ray"."""
    if text == "ray" or text.isdecimal():
        return text if text == "ray" else int(text)
    raise typer.BadParameter(f"'{text}' is neither an integer of at least 0 nor 'ray'")


Run = Annotated[Path, typer.Option("--run", help="Run directory: inputs are found and outputs put there.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file with settings.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="One setting, section.key=value; repeatable.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random but evaluation scenes.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep what is complete, go on with what is not.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Make it again.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of a table.")]
Processes = Annotated[int | None, typer.Option("--workers", min=0, help="Processes; 0 = one per core.")]
Workers = Annotated[
    str | None,  # an integer where one is given: Typer knows no unions
    typer.Option(
        "--workers",
        parser=workers,
        metavar="INTEGER|ray",
        help="Processes; 0 = one per core; ray = one on every CPU of a Ray cluster (docs/scale.md).",
    ),
]
Tasks = Annotated[
    list[str] | None, typer.Option("--task", help="Only this variation, such as push_button+0; repeatable.")
]
Robot = Annotated[
    str | None, typer.Option("--robot", help="A real robot instead of the simulator: franka.", metavar="NAME")
]
Host = Annotated[str | None, typer.Option("--host", help="Network address of the robot, instead of the rig's.")]
Rig = Annotated[Path, typer.Option("--rig", help="YAML file of the robot and its cameras (docs/cameras.md).")]
Demos = Annotated[Path | None, typer.Option("--demos", help="Demonstrations instead of the run's.")]
Keypoints = Annotated[Path | None, typer.Option("--keypoints", help="Keypoints instead of the run's.")]
Plans = Annotated[Path | None, typer.Option("--plans", help="Plans instead of the run's.")]
Vlm = Annotated[Path | None, typer.Option("--vlm", help="Planner instead of the run's.")]
Fine = Annotated[Path | None, typer.Option("--fine", help="Fine predictor instead of the run's.")]

DEFAULT_RUN = Path("runs/default")

DEFAULT_RIG = Path("rig.yaml")
ROBOTS = ("franka",)


def check_robot(name: str) -> None:
    """Refuse a robot that is not known.

    Raises:
        typer.BadParameter: it is not.
    """
    if name not in ROBOTS:
        raise typer.BadParameter(f"there is no robot '{name}'; valid: {', '.join(ROBOTS)}", param_hint="--robot")
