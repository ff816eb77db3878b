"""What a command shows: progress on stderr while it works, then a table, or one JSON object, on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

LINE_SECONDS = 10.0
"""Time between lines of progress where stderr is not a terminal [s]."""

Report = Callable[[int, int, str], None]
Summary = dict[str, Any]


def run_stage(
    title: str,
    stage: Callable[[Report], Summary],
    json_: bool,
    table: Callable[..., RenderableType] | None = None,
    run: Path | None = None,
) -> Summary:
    """Run a stage with progress, then show its summary, unless it has none, and return it.

    Args:
        title: name of the stage.
        stage: takes a progress callback and returns the summary.
        json_: one JSON object on stdout, and nothing else there.
        table: how to show the summary, from the title and it; by default as names and values.
        run: directory that the stage writes to, no other process at the same time.

    Raises:
        UserError: another process writes to `run`.
    """
    from stages.artifacts.lock import exclusive

    with exclusive(run) if run else nullcontext(), progress_of(title) as report, redirect_stdout(sys.stderr):
        summary = stage(report)
    if summary:
        show(title, summary, json_, table)
    return summary


def show(title: str, summary: Summary, json_: bool, table: Callable[..., RenderableType] | None = None) -> None:
    """Print a summary on stdout."""
    if json_:
        print(json.dumps(summary))
    else:
        Console().print((table or summary_table)(title, summary))


@contextmanager
def progress_of(title: str) -> Iterator[Report]:
    """A progress bar on a terminal, now and then a line elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(title, console)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=f"{title}: {what}")


def summary_table(title: str, summary: Summary) -> Group:
    """Names and values of a summary; a mapping inside has a line for each of its entries, or a table of its own below
    if those are mappings too."""
    table = Table(title=title, show_header=False, title_justify="left")
    below = []
    for name, value in summary.items():
        if isinstance(value, dict) and value and all(isinstance(entry, dict) for entry in value.values()):
            below.append(_columns(name.replace("_", " "), value))
        else:
            table.add_row(name.replace("_", " "), _text(value))
    return Group(table, *below)


def _columns(title: str, rows: dict[str, dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    for name in names:
        table.add_column(name.replace("_", "\n"), justify="right")
    for label, row in rows.items():
        table.add_row(label, *(_inline(row[name]) if name in row else "" for name in names))
    return table


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_inline(entry)}" for name, entry in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(map(_inline, value)) or "none"
    return _inline(value)


def _inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_inline(entry)}" for name, entry in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _lines(title: str, console: Console) -> Report:
    last = -LINE_SECONDS

    def report(done: int, total: int, what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS or done == total:
            last = time.monotonic()
            console.print(f"{title}: {done}/{total} {what}", highlight=False, markup=False)

    return report
