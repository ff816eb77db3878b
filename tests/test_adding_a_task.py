"""The guide's example: a file put among the tasks is a task, without anything else being changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the example among its tasks."""
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("stages", "clap_cli"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    shutil.copy(ROOT / "examples" / "block_on_square.py", root / "stages/simulators/tabletop/tasks")
    return root


def clap(checkout: Path, *args: str) -> subprocess.CompletedProcess[str]:
    code = "from stages.simulators.tabletop import tasks; import sys; sys.argv[0] = 'clap'\n"
    code += f"assert tasks.__file__.startswith({str(checkout)!r})\nfrom clap_cli.app import main; main()"
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=200)


def test_the_example_is_listed_and_solved(checkout: Path) -> None:
    listed = json.loads(clap(checkout, "tasks", "--json").stdout)["tasks"]
    own = [row for row in listed if row["task"] == "block_on_square"]
    assert [(row["level"], row["variation"]) for row in own] == [("", 0), ("", 1)]
    checked = clap(checkout, "tasks", "check", "--task", "block_on_square+1", "--episodes", "3", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["successes"] == 3


def test_the_example_can_be_looked_at_and_collected(checkout: Path) -> None:
    seen = clap(checkout, "view", "--task", "block_on_square", "--out", "sheet.png")
    assert seen.returncode == 0 and (checkout / "sheet.png").stat().st_size > 10_000, seen.stderr
    tiny = ("--set", "collect.image_size=32", "--episodes", "1", "--workers", "1")
    collected = clap(checkout, "collect", "demos", "--task", "block_on_square+0", *tiny)
    assert collected.returncode == 0 and (checkout / "runs/default/demos.h5").exists(), collected.stderr


def test_the_controls_of_the_suite_hold_for_the_example(checkout: Path) -> None:
    shutil.copy(ROOT / "tests/test_tasks.py", checkout)
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_tasks.py", "-k", "block_on_square"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0 and "10 passed" in done.stdout, done.stdout
