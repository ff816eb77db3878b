"""`clap pretrain-vlm`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clap_cli import options
from clap_cli.show import run_stage


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder of the base, as `clap finetune-vlm --base` reads it.")],
    work: Annotated[
        Path | None, typer.Option("--work", help="Folder of scenes and checkpoints, used again; beside --out.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, key=value, such as steps=100; repeatable.")
    ] = None,
    json_: options.Json = False,
) -> None:
    """Train a tiny vision-language base from nothing on procedural scenes, none of them a benchmark's."""
    from stages.pretrain_vlm import pretrain_vlm
    from stages.settings.loader import assigned
    from stages.settings.pretrain import PretrainConfig

    config = assigned(PretrainConfig(), settings or ())
    scratch = work or out.with_name(f"{out.name}.partial")
    run_stage("pretrain vlm", lambda progress: pretrain_vlm(config, out, scratch, progress), json_)
