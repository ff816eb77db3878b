"""`clap status`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.tree import Tree

from clap_cli import options

_STYLES = {"complete": "green", "stale": "yellow", "unfinished": "yellow", "damaged": "red", "missing": "dim"}


def command(
    run: options.Run = options.DEFAULT_RUN,
    verify: Annotated[bool, typer.Option("--verify", help="Read everything and compare it with the digests.")] = False,
    json_: options.Json = False,
) -> None:
    """Draw what a run holds, what each artifact was made from, and what is stale."""
    import json

    from stages.artifacts.lineage import lineage
    from stages.artifacts.run import RunDirectory
    from stages.core.errors import UserError

    if not run.is_dir():
        raise UserError(f"there is no run directory {run}", "Name one with --run, or begin with `clap collect demos`")
    nodes = lineage(RunDirectory(run), verify_content=verify)
    if json_:
        print(json.dumps({"run": str(run), "artifacts": [_values(node) for node in nodes]}))
    else:
        Console().print(_tree(str(run), nodes))


def _values(node: Any) -> dict[str, Any]:
    names = ("name", "schema", "state", "reason", "created", "command")
    return {name: getattr(node, name) for name in names} | {"path": str(node.path), "parents": list(node.parents)}


def _tree(title: str, nodes: list[Any]) -> Tree:
    """Every artifact under the last of its parents."""
    root = Tree(title)
    branches = {}
    for node in nodes:
        above = next((branches[name] for name in reversed(node.parents) if name in branches), root)
        branches[node.name] = above.add(_label(node))
    return root


def _label(node: Any) -> str:
    made_from = f"  from {', '.join(node.parents)}" if node.parents else ""
    reason = f": {node.reason}" if node.reason else ""
    return f"{node.name}  [{_STYLES[node.state]}]{node.state}{reason}[/]{made_from}  [dim]{node.created}[/]"
