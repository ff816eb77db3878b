"""`clap tasks` and `clap tasks check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from clap_cli import options
from clap_cli.show import run_stage

app = typer.Typer(help="List the tasks of the embedded simulator (no subcommand), or check their experts.")


@app.callback(invoke_without_command=True)
def tasks(
    context: typer.Context,
    level: Annotated[str | None, typer.Option("--level", help="train, l1, l2, l3, l4, or all (l1 to l4).")] = None,
    json_: options.Json = False,
) -> None:
    """Tasks, variations, levels and instructions."""
    if context.invoked_subcommand:
        return
    from stages.tasks import list_tasks

    rows = list_tasks(level)
    if json_:
        print(json.dumps({"tasks": rows}))
    else:
        Console().print(_listing(rows))


@app.command("check")
def check(
    tasks: options.Tasks = None,
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="Fresh scenes of each variation.")] = 50,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first scene.")] = 900_000,
    workers: options.Processes = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the table as Markdown too.")] = None,
    json_: options.Json = False,
) -> None:
    """The experts solve fresh scenes of every variation; exit code 1 if one solves fewer than 98 %."""
    from stages.tasks import check_tasks

    summary = run_stage(
        "tasks check",
        lambda progress: check_tasks(tasks or (), episodes, seed, workers or 0, out, progress),
        json_,
        _figures,
    )
    if summary["unreliable"]:
        raise typer.Exit(1)


def _listing(rows: list[dict[str, Any]]) -> Table:
    """A line for each task of a level."""
    count = len({row["task"] for row in rows})
    table = Table(caption=f"{len(rows)} variations of {count} tasks", caption_justify="left")
    for name in ("level", "task", "variations", "such as"):
        table.add_column(name)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["level"], row["task"]), []).append(row)
    for (level, task), variations in groups.items():
        numbers = ", ".join(str(row["variation"]) for row in variations)
        table.add_row(level, task, numbers, variations[0]["instructions"][0])
    return table


def _figures(title: str, summary: dict[str, Any]) -> Table:
    """A line for each variation."""
    caption = f"{summary['successes']} of {summary['episodes']} scenes solved, {summary['redraws']} placements redrawn"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("level")
    table.add_column("variation", overflow="fold")
    for name in ("solved", "redraws", "motions", "s/episode"):
        table.add_column(name, justify="right")
    failures = [row["failed_seeds"] for row in summary["variations"]]
    if any(failures):
        table.add_column("failed seeds", overflow="fold")
    for row in summary["variations"]:
        figures = f"{row['successes']}/{row['episodes']}", str(row["redraws"]), str(row["motions"])
        failed = [" ".join(map(str, row["failed_seeds"]))] if any(failures) else []
        style = "red" if row["taskvar"] in summary["unreliable"] else None
        table.add_row(row["level"], row["taskvar"], *figures, f"{row['seconds']:.2f}", *failed, style=style)
    return table
