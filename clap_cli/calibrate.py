"""`clap calibrate board` and `clap calibrate hand-eye`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage

if TYPE_CHECKING:
    from stages.calibration.board import Board
    from stages.calibration.samples import Samples
    from stages.robots.rig import Rig
    from stages.settings.robot import RobotConfig

app = typer.Typer(help="Find where a rig's cameras are, with a printed board.", no_args_is_help=True)

Columns = Annotated[int, typer.Option("--columns", help="Squares of the board across.")]
Rows = Annotated[int, typer.Option("--rows", help="Squares of the board down.")]
Square = Annotated[float, typer.Option("--square", help="Side of a square, in mm.")]
Marker = Annotated[float, typer.Option("--marker", help="Side of a marker, in mm.")]
Dictionary = Annotated[str, typer.Option("--dictionary", help="Cells of a marker: 4x4, 5x5 or 6x6.")]


@app.command("board")
def board(
    out: Annotated[Path, typer.Option("--out", help="PDF or PNG file to write.")] = Path("board.pdf"),
    columns: Columns = 7,
    rows: Rows = 5,
    square: Square = 30.0,
    marker: Marker = 22.0,
    dictionary: Dictionary = "5x5",
    paper: Annotated[str, typer.Option("--paper", help="a4, a3 or letter, landscape.")] = "a4",
    dpi: Annotated[int, typer.Option("--dpi", min=50, max=1270, help="Pixels per inch; 254 = 10 per mm.")] = 254,
    json_: options.Json = False,
) -> None:
    """Draw a ChArUco board to print at true scale."""
    from stages.calibrate import print_board

    form = _board(columns, rows, square, marker, dictionary)
    run_stage("calibrate board", lambda _: print_board(form, out, paper, dpi), json_)


@app.command("hand-eye")
def hand_eye(
    camera: Annotated[str, typer.Option("--camera", help="Which of the rig's cameras.")],
    rig: options.Rig = options.DEFAULT_RIG,
    samples: Annotated[
        Path | None, typer.Option("--samples", help="Samples in a file, instead of taking them with the robot.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="Keep the samples that are taken in this NPZ file, for --samples.")
    ] = None,
    host: options.Host = None,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    columns: Columns = 7,
    rows: Rows = 5,
    square: Square = 30.0,
    marker: Marker = 22.0,
    dictionary: Dictionary = "5x5",
    limit_mm: Annotated[float, typer.Option("--limit-mm", min=0, help="Largest residual of positions, in mm.")] = 5.0,
    limit_degrees: Annotated[float, typer.Option("--limit-degrees", min=0, help="Of rotations, in degrees.")] = 1.0,
    json_: options.Json = False,
) -> None:
    """Find a camera's pose from images of the board, on the hand or held by it: writes `pose` into the rig's file."""
    from stages.calibrate import Limits, calibrate_hand_eye
    from stages.calibration.samples import Samples
    from stages.core.errors import UserError
    from stages.robots.rig import Rig
    from stages.settings.loader import load_config

    if samples and record:
        raise UserError("samples of a file are not recorded again", "Leave --samples or --record out")
    laboratory, form = Rig.load(rig), _board(columns, rows, square, marker, dictionary)
    laboratory.camera(camera)
    robot = load_config(config, settings or ()).robot
    taken = Samples.load(samples) if samples else _take(laboratory, camera, form, host, robot, record)
    limits = Limits(millimetres=limit_mm, degrees=limit_degrees)
    run_stage(
        "calibrate hand-eye",
        lambda progress: calibrate_hand_eye(laboratory, camera, taken, form, limits, progress=progress),
        json_,
    )


def _board(columns: int, rows: int, square: float, marker: float, dictionary: str) -> Board:
    from stages.calibration.board import Board

    return Board(columns, rows, square / 1000, marker / 1000, dictionary)


def _take(rig: Rig, camera: str, board: Board, host: str | None, robot: RobotConfig, record: Path | None) -> Samples:
    """Samples that a person takes with the robot; they are kept in a file."""
    from dataclasses import replace

    from stages.calibration.live import take_samples
    from stages.core.errors import UserError
    from stages.robots.cameras import UNKNOWN_POSE, open_camera
    from stages.robots.franka import FrankaArm
    from stages.robots.keys import StandardInput

    target = record or rig.path.with_name(f"samples-{camera}.npz")
    if target.exists():
        raise UserError(f"{target} exists", "Compute from it with --samples, or name another file with --record")
    host, settings = rig.address(host), replace(rig.camera(camera), pose=UNKNOWN_POSE)
    with closing(open_camera(camera, settings)) as eye, closing(FrankaArm(host, rig.robot, robot)) as arm:
        with StandardInput() as keys:
            taken = take_samples(lambda: arm.state().tip_pose, eye, board, keys, _say)
    taken.save(target)
    _say(f"{len(taken)} samples are in {target}")
    return taken


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
