"""Which folder under `stages` imports which: dependencies point one way, and what everything rests on imports nothing
above it."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

STAGES = Path(__file__).resolve().parents[1] / "stages"

ALLOWED = {"core": set(), "settings": {"core"}, "robots": {"core", "geometry", "settings"}}
"""Folders that may import these and no others, not even late."""


def _imported(statements: list[ast.stmt], late: bool = False) -> Iterator[str]:
    """What is directly under `stages` in imports of a module, those inside of functions only if `late`."""
    for node in statements:
        if isinstance(node, ast.ImportFrom) and node.module == "stages":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (name.split(".")[1] for name in names if name.startswith("stages."))
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imported(node.orelse, late)
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imported([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)], late)


def _imports_between(late: bool = False) -> dict[str, set[str]]:
    """What each folder, or module, directly under `stages` imports of the others."""
    imports: dict[str, set[str]] = {}
    for path in STAGES.rglob("*.py"):
        place = path.relative_to(STAGES).parts[0].removesuffix(".py")
        found = set(_imported(ast.parse(path.read_text()).body, late))
        imports.setdefault(place, set()).update(found - {place})
    return imports


@pytest.mark.parametrize("folder", ALLOWED)
def test_foundations_import_nothing_above_them(folder):
    assert _imports_between(late=True)[folder] <= ALLOWED[folder]


def test_no_circle_of_imports_between_folders():
    try:
        TopologicalSorter(_imports_between()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
