"""A picture of a planner's answers: what it saw, where it pointed, what it planned, beside the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from textwrap import fill, shorten

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patheffects import Normal, Stroke

from stages.artifacts.answers import Answers
from stages.core.errors import UserError
from stages.geometry.canonical import CanonicalViews
from stages.rollouts.failures import KEYPOINT_TOLERANCE, landing

ROWS = 8
"""Keyframes in a picture of the worst ones."""

CELL, WORDS, PLAN, LINE, HEAD = 2.1, 3.4, 4.0, 0.14, 0.45
"""Sides of a view, widths of the text columns, heights of a line of text and of the heading [inch]."""

TRUE, SAID, HEAT, INK = "#00a050", "#ff2d95", "#2030ff", "#1b2028"
"""Colours of the truth, of what was said, of heatmaps, and of what is right."""

GOOD, BAD = "#12803f", "#c2333a"
"""Colours of the words for what is missing and for what is wrong."""


@dataclass(frozen=True)
class Row:
    """A pictured keyframe: number `place` of the pictures, `k` of the keyframes, of episode `number` in its file."""

    answers: Answers
    number: int
    place: int

    @property
    def k(self) -> int:
        return int(self.answers.pictured[self.place])

    @property
    def badness(self) -> tuple[bool, float]:
        """Wrong steps are worst, then keypoints far off."""
        return not self.answers.steps_right[self.k], float(self.answers.keypoint_errors[self.k])


def choose_rows(answers: Sequence[Answers], episode: int | None = None) -> list[Row]:
    """The pictured keyframes of an episode or, if `episode` is None, the worst of each, the worst of all first.

    Raises:
        UserError: no such keyframe has a picture.
    """
    rows = [Row(one, number, place) for number, one in enumerate(answers) for place in range(len(one.pictured))]
    if episode is None:
        worst = {row.number: row for row in sorted(rows, key=lambda row: row.badness)}
        return sorted(worst.values(), key=lambda row: row.badness, reverse=True)[:ROWS]
    if chosen := [row for row in rows if row.number == episode]:
        return chosen
    known = ", ".join(map(str, sorted({row.number for row in rows})))
    raise UserError(f"there is no picture of episode {episode}", f"These have pictures: {known or 'none'}")


def sheet_size(rows: Sequence[Row]) -> tuple[float, float]:
    """Width and height of a picture of these rows [inch]."""
    count = max((len(row.answers.view_names) for row in rows), default=0)
    return count * CELL + WORDS + PLAN, sum(map(_height, rows)) + HEAD


def draw_answers(figure: FigureBase, rows: Sequence[Row]) -> None:
    """Fill a figure of that size with the rows."""
    count = len(rows[0].answers.view_names)
    figure.suptitle(_KEY, fontsize=8, x=0.01, ha="left")
    grid = figure.subplots(
        len(rows),
        count + 2,
        squeeze=False,
        width_ratios=[*[CELL] * count, WORDS, PLAN],
        height_ratios=[*map(_height, rows)],
    )
    for row, line in zip(rows, grid, strict=True):
        _draw_views(line[:count], row)
        _write(line[count], _words(row))
        _write(line[count + 1], list(_plan_lines(row)))


_KEY = "keypoint: true green, said pink, blue lines around where it may be; numbers: where objects were said to be"


def _height(row: Row) -> float:
    return max(CELL, LINE * (1 + max(len(list(_plan_lines(row))), len(_words(row)))))


def _draw_views(cells: Sequence[Axes], row: Row) -> None:
    answers, k = row.answers, row.k
    images = answers.views[row.place]
    size = images.shape[1]
    views = CanonicalViews(names=answers.view_names, size=size)
    heatmaps = answers.heatmaps[row.place] if answers.heatmaps.size else [None] * len(images)
    points = views.project(np.array([answers.true_keypoints[k], answers.keypoints[k]]))
    objects = views.project(answers.objects[k].reshape(-1, 3))
    for v, (axes, image, heatmap) in enumerate(zip(cells, images, heatmaps, strict=True)):
        axes.imshow(image, extent=(0, size, size, 0))
        if heatmap is not None:
            _outline(axes, heatmap, size)
        for number, pixel in enumerate(objects[v], 1):
            axes.annotate(str(number), pixel, (5, 5), textcoords="offset points", fontsize=6, color=INK, bbox=_TAG)
            axes.plot(*pixel, ".", color=INK, markersize=4)
        axes.plot(*points[v, 0], "s", color=TRUE, markersize=11, fillstyle="none", mew=1.8, path_effects=_HALO)
        axes.plot(*points[v, 1], "x", color=SAID, markersize=9, mew=2, path_effects=_HALO)
        axes.set(xlim=(0, size), ylim=(size, 0))
        axes.set_axis_off()
        axes.set_anchor("NW")
        axes.set_title(answers.view_names[v], fontsize=6, pad=1, loc="left")


_TAG = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.7}
_HALO = [Stroke(linewidth=3.5, foreground="white"), Normal()]


def _outline(axes: Axes, heatmap: np.ndarray, size: int) -> None:
    """Lines around the cells (C, C) that hold more than a tenth, and more than half, of the greatest probability."""
    share = heatmap.astype(float) / max(float(heatmap.max()), 1e-9)
    middles = (np.arange(len(share)) + 0.5) * size / len(share)
    axes.contour(middles, middles, share, levels=[0.1, 0.5], colors=HEAT, linewidths=[0.7, 1.4])


Line = tuple[str, str]
"""A line of text and its colour."""


def _words(row: Row) -> list[Line]:
    """What was asked, and how good the answer was."""
    answers, k = row.answers, row.k
    lines = [(f"episode {row.number}: {answers.taskvar}, seed {answers.seed}, motion {answers.motions[k] + 1}", INK)]
    lines += [(text, INK) for text in fill(f"“{answers.instruction}”", 58).splitlines()]
    lines.append(("", INK))
    if answers.steps_right[k]:
        lines.append((shorten(f"step: {answers.true_steps[k]}", 62, placeholder="…"), INK))
    else:
        lines.append((shorten(f"step: {answers.steps[k]}", 62, placeholder="…"), BAD))
        lines.append((shorten(f"true: {answers.true_steps[k]}", 62, placeholder="…"), GOOD))
    error = answers.keypoint_errors[k]
    wrong = error > KEYPOINT_TOLERANCE
    where = f", on: {landing(answers.keypoints[k], answers.names, answers.positions[k])}" if wrong else ""
    lines.append((f"keypoint {100 * error:.1f} cm off{where}", BAD if wrong else INK))
    lines.append((f"confidence {100 * answers.confidence[k]:.0f} %", INK))
    for number, (phrase, off) in enumerate(zip(answers.phrases, answers.object_errors[k], strict=True), 1):
        lines.append((f"{number}  {phrase}: {100 * off:.1f} cm off", BAD if off > KEYPOINT_TOLERANCE else INK))
    return lines


def _plan_lines(row: Row) -> Iterator[Line]:
    """The plan as said and, where it is wrong, as it should be; the present step is pointed at."""
    answers = row.answers
    right = "right" if answers.plan_right else "wrong" if answers.plan else "none found"
    yield f"plan: {right}, confidence {100 * answers.plan_confidence:.0f} %", INK if answers.plan_right else BAD
    aligned = SequenceMatcher(None, answers.true_plan, answers.plan, autojunk=False)
    now = answers.true_step_index[row.k]
    for tag, first, last, begin, end in aligned.get_opcodes():
        for true, said in zip_longest(range(first, last), range(begin, end)):
            if said is not None:
                pointer = "▸" if tag == "equal" and true == now else " "
                yield _numbered(pointer, said, answers.plan), INK if tag == "equal" else BAD
            if true is not None and tag != "equal":
                yield _numbered("▸" if true == now else " ", true, answers.true_plan, "true: "), GOOD


def _numbered(pointer: str, index: int, plan: Sequence[str], before: str = "") -> str:
    return f"{pointer or ' '} {before}{index + 1}. {shorten(plan[index], 66, placeholder='…')}"


def _write(axes: Axes, lines: Sequence[Line]) -> None:
    axes.set_axis_off()
    for number, (text, colour) in enumerate(lines):
        axes.annotate(
            text,
            (0.01, 1),
            xytext=(0, -72 * LINE * (number + 0.3)),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=7,
            color=colour,
            va="top",
        )
