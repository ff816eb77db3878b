"""A picture of the embedded tasks: every variation at its start and at the end of its demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stages.core.progress import Progress, silent
from stages.simulators.tabletop.cameras import STUDIO
from stages.simulators.tabletop.environment import Tabletop
from stages.simulators.tabletop.tasks import TASKS, every_variation, find_task, taskvar

CAPTION = 16
"""Height of the line under a picture [px]."""

PAPER, INK = (255, 255, 255), (30, 34, 40)


ALL = "all"


def contact_sheet(task: str, out: Path, *, seed: int = 0, progress: Progress = silent) -> dict[str, Any]:
    """Draw a task, or every task if it is `ALL`.

    Args:
        seed: of the scenes.

    Returns:
        tasks, variations, picture.

    Raises:
        UserError: unknown task.
    """
    if task == ALL:
        return sheet_of_all(out, seed=seed, progress=progress)
    return sheet_of_task(task, out, seed=seed, progress=progress)


def sheet_of_task(
    task: str, out: Path, *, seed: int = 0, size: int = 256, progress: Progress = silent
) -> dict[str, Any]:
    """A row for each variation of the task's levels: the scene as cameras see it, on the way, and at its end."""
    find_task(task)
    variations = [pair for pair in every_variation() if pair[0] == task]
    rows: list[Image.Image] = []
    for number, (name, variation) in enumerate(variations):
        progress(number, len(variations), taskvar(name, variation))
        rows += _row(name, variation, seed, size)
    _grid(rows, len(rows) // len(variations)).save(_prepared(out))
    return {"tasks": [task], "variations": [taskvar(*pair) for pair in variations], "picture": str(out)}


def sheet_of_all(
    out: Path, *, seed: int = 0, size: int = 200, columns: int = 8, progress: Progress = silent
) -> dict[str, Any]:
    """One picture of every task, on the way of its first variation's demonstration."""
    first = {name: variation for name, variation in reversed(every_variation())}
    pictures = []
    for number, name in enumerate(TASKS):
        progress(number, len(TASKS), name)
        simulator, states = _demonstration(name, first[name], seed)
        pictures.append(_captioned(_seen(simulator, states[_middle(states)], STUDIO, size), name))
    _grid(pictures, columns).save(_prepared(out))
    return {"tasks": list(TASKS), "variations": [taskvar(*pair) for pair in first.items()], "picture": str(out)}


def _row(task: str, variation: int, seed: int, size: int) -> list[Image.Image]:
    simulator, states = _demonstration(task, variation, seed)
    views = [(0, STUDIO), (0, "front"), (0, "left_shoulder"), (_middle(states), STUDIO), (-1, STUDIO)]
    captions = [taskvar(task, variation), "front", "left shoulder", "on the way", "done"]
    return [
        _captioned(_seen(simulator, states[moment], camera, size), caption)
        for (moment, camera), caption in zip(views, captions, strict=True)
    ]


def _demonstration(task: str, variation: int, seed: int) -> tuple[Tabletop, np.ndarray]:
    """A simulator in an episode, and the states (K + 1, D) before and after each of its expert's motions."""
    simulator = Tabletop(cameras=())
    simulator.reset(task, variation, seed)
    for motion in simulator.expert():
        simulator.step(motion.action)
    recording = simulator.trajectory()
    return simulator, recording.states[recording.keyframes]


def _middle(states: np.ndarray) -> int:
    """A moment before the end at which most demonstrations have the thing in the hand."""
    return min(-(-2 * (len(states) - 1) // 3), len(states) - 2)


def _seen(simulator: Tabletop, state: np.ndarray, camera: str, size: int) -> Image.Image:
    return Image.fromarray(simulator.render_state(state, camera, size)[camera].rgb)


def _captioned(picture: Image.Image, caption: str) -> Image.Image:
    card = Image.new("RGB", (picture.width, picture.height + CAPTION), PAPER)
    card.paste(picture, (0, 0))
    font = ImageFont.load_default(size=11)
    ImageDraw.Draw(card).text((3, picture.height + 1), caption, fill=INK, font=font)
    return card


def _grid(cards: Sequence[Image.Image], columns: int, gap: int = 4) -> Image.Image:
    rows = -(-len(cards) // columns)
    width, height = cards[0].width + gap, cards[0].height + gap
    sheet = Image.new("RGB", (columns * width - gap, rows * height - gap), PAPER)
    for number, card in enumerate(cards):
        sheet.paste(card, (number % columns * width, number // columns * height))
    return sheet


def _prepared(out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    return out
