"""`clap pretrain-fine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder of the base, for `clap train-fine --set fine.base=`.")],
    work: Annotated[
        Path | None, typer.Option("--work", help="Folder of motions and a checkpoint, used again; beside --out.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, key=value, such as steps=100; repeatable.")
    ] = None,
    json_: options.Json = False,
) -> None:
    """Train a base of the fine predictor from nothing on motions in procedural scenes, none of them a benchmark's."""
    from stages.pretrain_fine import pretrain_fine
    from stages.settings.loader import assigned
    from stages.settings.pretrain import PretrainFineConfig

    config = assigned(PretrainFineConfig(), settings or ())
    scratch = work or out.with_name(f"{out.name}.partial")
    run_stage("pretrain fine", lambda progress: pretrain_fine(config, out, scratch, progress), json_)
