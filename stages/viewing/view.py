"""A picture of an artifact: an episode with its plan, a planner's answers, or the curves of a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from stages.artifacts.annotations import Plans
from stages.artifacts.answer_files import read_all_answers
from stages.artifacts.answers import Answers
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import open_artifact, open_hdf5
from stages.artifacts.header import EPISODES, Header, damage_as_user_error, get_header
from stages.artifacts.run import RunDirectory
from stages.core.errors import UserError
from stages.geometry.canonical import CanonicalViews
from stages.geometry.clouds import fuse
from stages.viewing.answer_sheet import Row, choose_rows, draw_answers, sheet_size

CELL = 1.7
"""Side of an image in the picture [inch]."""

CURVE_HEIGHT = 3.0
"""Height of the curves of a training [inch]."""

TARGET, PREDICTED = "#00d07e", "#ff2d95"
"""Colours of true and predicted keypoints."""


@dataclass(frozen=True)
class _Subject:
    """An episode and what is known of it."""

    episode: Episode
    plan: tuple[str, ...]
    lines: tuple[str, ...]
    problem: str


def view(artifact: Path, episode: int | None = None, out: Path | None = None) -> dict[str, Any]:
    """Draw an artifact into a PNG.

    Args:
        artifact: demos, rollouts, recordings, keypoints or plans (an episode is drawn), a planner's answers, or a
            trained model's directory or curves (and the planner's answers about held-out episodes).
        episode: its number; by default the first one, or the worst answers of all.
        out: the picture; beside the artifact by default.

    Returns:
        artifact, episode (None where the picture is not of one), picture.

    Raises:
        UserError: not an artifact with something to see, or no such episode.
    """
    path = curves_of(artifact) if artifact.is_dir() else artifact
    schema = _schema(path)
    if schema in ("clap.vlm", "clap.fine"):
        figure = _draw_training(path, schema, episode)
    elif schema == "clap.planner_evaluation":
        figure = _draw_sheet(choose_rows(_answers(path, schema, "episodes"), episode))
    elif schema in (*EPISODES, "clap.keypoints", "clap.plans"):
        episode = episode or 0
        figure = _draw_episode(_subject(path, schema, episode))
    else:
        raise UserError(f"{path} is a {schema} artifact, which has no picture", "View demos, plans, vlm.h5 or fine.h5")
    out = out or path.with_name(path.stem + ("" if episode is None else f"-{episode}") + ".png")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=100)
    return {"artifact": str(artifact), "episode": episode, "picture": str(out)}


def curves_of(directory: Path) -> Path:
    """The file of curves beside a trained model's directory."""
    curves = directory.with_name(f"{directory.name}.h5")
    if not curves.exists():
        raise UserError(f"{directory} has no curves beside it", "View a file such as demos.h5, or a model's directory")
    return curves


def _schema(path: Path) -> str:
    if not path.exists():
        raise UserError(f"{path} does not exist", "Name an artifact, such as runs/default/demos.h5")
    with open_hdf5(path, "the stage that made it") as file, damage_as_user_error(path):
        schema = str(file.attrs.get("schema", ""))
    if not schema:
        raise UserError(f"{path} names no schema: it is not an artifact of this tool", "Name another file")
    return schema


def _subject(path: Path, schema: str, number: int) -> _Subject:
    """The episode that an artifact holds or speaks of, with its plan where there is one."""
    plans = path if schema == "clap.plans" else RunDirectory(path.parent).plans
    demos = path if schema in EPISODES else _parent(path, schema, EPISODES)
    with Demonstrations(demos) as opened:
        episode = opened.episode(number)
    if (plan := _plan_of(plans, demos, required=schema == "clap.plans", number=number)) is not None:
        lines = tuple(
            f"{line + 1}.{motion + 1}" for line, motion in zip(plan.step_index, plan.motion_index, strict=True)
        )
        return _Subject(episode, plan.plan, lines, plan.problem)
    return _Subject(episode, episode.plan, tuple(str(k + 1) for k in range(len(episode))), episode.error)


def _plan_of(plans: Path, demos: Path, *, required: bool, number: int) -> Any:
    try:
        with Plans(plans, demos) as opened:
            return opened.episode(number)
    except UserError:
        if required:
            raise
        return None


def _parent(path: Path, schema: str, wanted: tuple[str, ...]) -> Path:
    with open_artifact(path, schema) as file:
        header: Header = get_header(file, path)
    return next(Path(parent.path) for parent in header.parents if parent.schema in wanted)


def _draw_episode(subject: _Subject) -> Figure:
    """One row per observation: cameras, then canonical views with keypoints."""
    episode = subject.episode
    cameras = list(episode.observations[0].cameras)
    views = CanonicalViews()
    rows, columns = len(episode.observations), len(cameras) + len(views.names)
    head = 0.5 + 0.16 * (2 + len(subject.plan))
    figure = Figure(figsize=(columns * CELL + 1.2, rows * (CELL + 0.25) + head))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.1 / figure.get_figwidth(),
        right=1 - 0.1 / figure.get_figwidth(),
        bottom=0.05 / figure.get_figheight(),
        top=1 - head / figure.get_figheight(),
        hspace=0.16,
        wspace=0.04,
    )
    figure.text(0.01, 1 - 0.1 / figure.get_figheight(), _headline(subject), va="top", fontsize=9)
    for k, observation in enumerate(episode.observations):
        for column, name in enumerate(cameras):
            _show(grid[k, column], observation.cameras[name].rgb, name if k == 0 else "")
        colours, _ = views.render(*fuse(observation))
        for v, (name, image) in enumerate(zip(views.names, colours, strict=True)):
            axes = grid[k, len(cameras) + v]
            _show(axes, image, f"canonical {name}" if k == 0 else "")
            for point, colour, marker in _keypoints(episode, k):
                axes.plot(*views.project(point)[v], marker, color=colour, markersize=9, fillstyle="none", mew=1.5)
        text = f"{subject.lines[k]}  {episode.steps[k]}" if k < len(episode) else "end"
        grid[k, 0].text(0, -0.03, text, transform=grid[k, 0].transAxes, fontsize=7, va="top")
    return figure


def _headline(subject: _Subject) -> str:
    episode = subject.episode
    outcome = "success" if episode.success else "failure"
    lines = [f"{episode.taskvar}, seed {episode.seed}, {outcome}: “{episode.instruction}”"]
    lines += [f"   {index + 1}. {step}" for index, step in enumerate(subject.plan)]
    marks = "true keypoint: green square" + ("; predicted: pink cross" if episode.predictions else "")
    return "\n".join([*lines, f"{marks}{f'; {subject.problem}' if subject.problem else ''}"])


def _keypoints(episode: Episode, k: int) -> Iterator[tuple[np.ndarray, str, str]]:
    """Points (3,) to mark in observation k, with colour and marker."""
    if k < len(episode):
        yield episode.targets[k], TARGET, "s"
        if episode.predictions is not None:
            yield episode.predictions.keypoints[k], PREDICTED, "x"


def _show(axes: Axes, image: np.ndarray, title: str) -> None:
    axes.imshow(image)
    axes.set_axis_off()
    axes.set_title(title, fontsize=7, pad=2)


def _draw_training(path: Path, schema: str, episode: int | None) -> Figure:
    """Curves and, below them, the worst answers about held-out episodes; of an episode its answers alone."""
    answers = _answers(path, schema, "held_out") if schema == "clap.vlm" else []
    if episode is not None:
        return _draw_sheet(choose_rows(answers, episode))
    curves = _curves(path, schema)
    rows = choose_rows(answers)
    if not rows:
        figure = Figure(figsize=(4 * len(curves), CURVE_HEIGHT), layout="constrained")
        _draw_curves(figure, curves)
        return figure
    width, height = sheet_size(rows)
    figure = Figure(figsize=(width, height + CURVE_HEIGHT), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[CURVE_HEIGHT, height])
    _draw_curves(above, curves)
    draw_answers(below, rows)
    return figure


def _draw_sheet(rows: Sequence[Row]) -> Figure:
    if not rows:
        raise UserError("there are no answers with pictures", "Evaluate the planner on more episodes")
    figure = Figure(figsize=sheet_size(rows), layout="constrained")
    draw_answers(figure, rows)
    return figure


def _answers(path: Path, schema: str, group: str) -> list[Answers]:
    with open_artifact(path, schema) as file:
        return read_all_answers(file[group]) if group in file else []


def _curves(path: Path, schema: str) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """By name: steps and values in training and, where there is one, of held-out examples."""
    with open_artifact(path, schema) as file:
        groups = [{k: v[()] for k, v in file.get(name, {}).items()} for name in ("curves", "validation")]
    named: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for curves in groups:
        steps = curves.pop("step", np.zeros(0))
        for name, values in curves.items():
            if steps.size and values.shape == steps.shape:
                named.setdefault(name, []).append((steps, values))
    if not named:
        raise UserError(f"{path} has no curves: the training was too short for a point", "Train for more steps")
    return named


def _draw_curves(figure: FigureBase, curves: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> None:
    """One panel per curve over the training steps."""
    panels = np.ravel(figure.subplots(1, len(curves), squeeze=False))
    for axes, (name, lines) in zip(panels, curves.items(), strict=True):
        for (steps, values), label in zip(lines, ("training", "held out"), strict=False):
            axes.plot(steps, values, label=label, marker="." if len(steps) < 10 else "")
        if len(lines) > 1:
            axes.legend(fontsize=7)
        axes.set_xlabel("step")
        axes.set_title(name.replace("_", " "))
        axes.grid(alpha=0.3)
