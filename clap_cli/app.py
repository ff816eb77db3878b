"""The `clap` command."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Annotated, NoReturn

import typer

from clap_cli import (
    annotate_keypoints,
    calibrate,
    collect,
    decompose,
    deploy,
    evaluate,
    export_data,
    finetune_vlm,
    import_data,
    pretrain_fine,
    pretrain_vlm,
    status,
    tasks,
    train_fine,
    view,
)
from stages.core.errors import UserError

app = typer.Typer(
    name="clap",
    help="Coarse-to-fine language-aligned manipulation: from demonstrations to a robot that follows instructions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(collect.app, name="collect")
app.add_typer(import_data.app, name="import")
app.command("annotate-keypoints")(annotate_keypoints.command)
app.command("decompose")(decompose.command)
app.command("finetune-vlm")(finetune_vlm.command)
app.command("train-fine")(train_fine.command)
app.command("evaluate")(evaluate.command)
app.add_typer(deploy.app, name="deploy")
app.add_typer(export_data.app, name="export")
app.command("pretrain-vlm")(pretrain_vlm.command)
app.command("pretrain-fine")(pretrain_fine.command)
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(tasks.app, name="tasks")
app.command("status")(status.command)
app.command("view")(view.command)

USER_ERROR = 2
INTERRUPTED = 130

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DISK_FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR}


def _version(wanted: bool) -> None:
    if wanted:
        from stages.artifacts.header import tool_version

        print(tool_version())
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line; what the user can put right is one line on stderr and a non-zero exit."""
    _quiet_libraries()
    if files := sys.modules.get("stages.artifacts.files"):  # not imported for its own sake: --help needs no HDF5
        files.OPENED.clear()
    try:
        code = app(standalone_mode=False) or 0
    except UserError as error:
        _fail(str(error), USER_ERROR)
    except typer.TyperException as error:
        _fail(_usage(error), USER_ERROR)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if (message := _system_message(error)) is not None:
            _fail(message, 1)
        if (message := _damage_message()) is not None:
            _fail(message, USER_ERROR)
        raise
    if code == INTERRUPTED:
        _fail("interrupted; what was complete is kept. Run the same command with --resume to go on.", INTERRUPTED)
    sys.exit(code)


def _quiet_libraries() -> None:
    """Keep other packages' bars and notices, here and in worker processes, out of our progress."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")
    warnings.filterwarnings("ignore", category=FutureWarning)


def _fail(message: str, code: int) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    return f"{message}. See `{context.command_path} --help`." if context else f"{message}."


def _damage_message() -> str | None:
    """One line for an artifact that is not what was written, which explains any other error; None if all are whole."""
    from stages.artifacts.integrity import damage

    found = damage()
    return str(found) if found else None


def _system_message(error: BaseException) -> str | None:
    """One line for what the system refuses: a full disk, a place where nothing may be written; None for bugs."""
    number, text = getattr(error, "errno", None), str(error)
    if number in _DISK_FULL or any(known in text for known in _DISK_FULL_TEXTS):
        return "the disk is full; what was complete is kept. Make room and run it again, a stage with --resume."
    if number in _NOT_ALLOWED:
        return f"{error.filename}: {error.strerror}. Name a place that can be written."
    return None
