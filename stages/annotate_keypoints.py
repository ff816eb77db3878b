"""Stage `annotate`: where the things that steps speak of are, in 3D and in the canonical views -> keypoints.h5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts.annotations import InferredLabels, KeypointAnnotation, write_keypoints
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import parent
from stages.artifacts.header import EPISODES, Header
from stages.artifacts.places import distance_to_focus
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.shard_runner import make_missing_shards
from stages.artifacts.shards import assemble, read_notes, write_shard
from stages.core.errors import UserError
from stages.core.observation import CameraFrame, Observation
from stages.core.progress import Progress, silent
from stages.core.steps import parse_step
from stages.geometry.canonical import CanonicalViews
from stages.geometry.clouds import fuse
from stages.labelling.labels import label_episode
from stages.settings.annotate import AnnotateConfig
from stages.settings.loader import Config

SHOWN = 0.03
"""A surface this near to an inferred place is that of what is there [m]."""

NOTHING = -1
"""Label of pixels that show nothing."""


def annotate_keypoints(
    config: Config,
    demos: Path,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Annotate every keyframe of a file of demonstrations.

    Returns:
        episodes, keypoints, mismatches (episodes whose targets do not fit their steps), visible (share of the
        keypoints' objects seen in at least one view), problems (the first few), path.

    Raises:
        UserError: `demos` cannot be read, a camera of an episode with ground truth has no masks, or `out` exists and
            neither flag is given.
    """
    header = Header.create(
        "clap.keypoints",
        config=config.as_dict(),
        settings=config.settings("annotate"),
        seed=config.seed,
        parents=[parent(demos, *EPISODES)],
    )
    if (summary := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
        return summary
    with Demonstrations(demos) as opened:
        count = len(opened)
    shards = open_partial(out, header)
    make_worker = partial(_make_worker, config.annotate, demos, shards)
    make_missing_shards(shards, range(count), make_worker, config.annotate.workers, progress)
    summary = _summary(read_notes(shards, count), out)
    assemble(shards, count, out, header, summary, "episodes")
    close_partial(out)
    return summary


def annotate_episode(episode: Episode, config: AnnotateConfig) -> KeypointAnnotation:
    """The keypoints of one episode; steps, objects and keypoints are inferred where it has none.

    Raises:
        UserError: a camera has no instance masks, and the episode has ground truth.
    """
    views = CanonicalViews(names=config.views, size=config.view_size)
    inferred = None
    if not episode.is_labelled:
        episode = label_episode(episode)
        inferred = InferredLabels(episode.steps, episode.objects.kinds, episode.objects.mask_ids)
    objects = episode.objects
    pixels = np.moveaxis(views.project(objects.positions), 0, 2)
    visible = [
        _visible(label_views(observation, views), objects.mask_ids, row, config.visible_radius)
        if inferred is None
        else _shown(observation, views, places, row, config.visible_radius)
        for observation, row, places in zip(episode.observations, pixels, objects.positions, strict=False)
    ]
    return KeypointAnnotation(
        phrases=tuple(_focus(step) for step in episode.steps),
        keypoints=episode.targets,
        names=objects.names,
        positions=objects.positions,
        keypoint_pixels=np.moveaxis(views.project(episode.targets), 0, 1),
        object_pixels=pixels,
        object_visible=np.array(visible, bool).reshape(pixels.shape[:3]),
        views=config.views,
        extent=views.extent,
        size=views.size,
        problem="" if inferred else check_targets(episode, config.tolerance),
        inferred=inferred,
    )


def check_targets(episode: Episode, tolerance: float) -> str:
    """What does not fit between the steps' words, the targets and the true positions; empty if all fits."""
    for k, text in enumerate(episode.steps):
        if not (phrase := _focus(text)):
            return f"motion {k} has no step"
        if phrase not in episode.objects.names:
            return f"motion {k} speaks of the {phrase}, which the scene does not have"
        distance = distance_to_focus(episode.targets[k], parse_step(text), episode.objects, k)
        if not distance <= tolerance:
            return f"the target of motion {k} is {distance:.3f} m from the {phrase}"
    return ""


def label_views(observation: Observation, views: CanonicalViews) -> np.ndarray:
    """Instance ids (V, S, S) int64 that the canonical views show, `NOTHING` where they are empty."""
    labelled = {name: replace(frame, rgb=_encoded(name, frame)) for name, frame in observation.cameras.items()}
    colours, depth = views.render(*fuse(replace(observation, cameras=labelled)))
    ids = colours[..., 0].astype(np.int64) + (colours[..., 1].astype(np.int64) << 8)
    return np.where(depth < 0, NOTHING, ids)


def _encoded(name: str, frame: CameraFrame) -> np.ndarray:
    """Instance ids (H, W) as a colour image (H, W, 3)."""
    if frame.mask is None:
        raise UserError(f"the camera {name} has no instance masks", "Annotate demonstrations of a simulator")
    return np.stack([frame.mask & 0xFF, frame.mask >> 8, np.zeros_like(frame.mask)], axis=-1).astype(np.uint8)


def _visible(labels: np.ndarray, mask_ids: np.ndarray, pixels: np.ndarray, radius: int) -> np.ndarray:
    """Which objects (M, V) show their own surface near their pixels (M, V, 2) in labelled views (V, S, S)."""
    size = labels.shape[-1]
    seen = np.zeros(pixels.shape[:2], bool)
    for m, v in np.ndindex(seen.shape):
        seen[m, v] = bool((labels[v][_window(pixels[m, v], size, radius)] == mask_ids[m]).any())
    return seen


def _shown(
    observation: Observation, views: CanonicalViews, places: np.ndarray, pixels: np.ndarray, radius: int
) -> np.ndarray:
    """Which places (M, 3) lie on a surface (M, V) that the views show near their pixels (M, V, 2)."""
    _, depth = views.render(*fuse(observation, hide_arm=True))
    points = views.pixel_points(depth)
    seen = np.zeros(pixels.shape[:2], bool)
    for m, v in np.ndindex(seen.shape):
        near = points[v][_window(pixels[m, v], views.size, radius)].reshape(-1, 3)
        seen[m, v] = bool((np.linalg.norm(near - places[m], axis=1) < SHOWN).any())
    return seen


def _window(pixel: np.ndarray, size: int, radius: int) -> tuple[slice, slice]:
    """Rows and columns of an image around a pixel (2,); none where it is not in the image."""
    column, row = np.floor(pixel).astype(int)
    if not (0 <= column < size and 0 <= row < size):
        return slice(0), slice(0)
    return slice(max(0, row - radius), row + radius + 1), slice(max(0, column - radius), column + radius + 1)


def _focus(step: str) -> str:
    """The noun phrase of a step's keypoint; empty where nobody knows the step, as in some rollouts."""
    return parse_step(step).focus if step else ""


def _make_worker(config: AnnotateConfig, demos: Path, shards: Path) -> Callable[[int], None]:
    opened = Demonstrations(demos)

    def work(index: int) -> None:
        episode = opened.episode(index)
        annotation = annotate_episode(episode, config)
        notes = {
            "motions": len(episode),
            "problem": f"{episode.taskvar}, episode {index}: {annotation.problem}" if annotation.problem else "",
            "visible": _visible_keypoints(annotation),
        }
        write_shard(shards, index, lambda group: write_keypoints(group, annotation), notes)

    return work


def _visible_keypoints(annotation: KeypointAnnotation) -> int:
    """How many keypoints have their nearest object of that name visible in at least one view."""
    count = 0
    for k, phrase in enumerate(annotation.phrases):
        named = [m for m, name in enumerate(annotation.names) if name == phrase]
        if named:
            distances = np.linalg.norm(annotation.positions[k, named] - annotation.keypoints[k], axis=1)
            count += bool(annotation.object_visible[k, named[int(np.argmin(distances))]].any())
    return count


def _summary(notes: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    problems = [note["problem"] for note in notes if note["problem"]]
    motions = sum(note["motions"] for note in notes)
    return {
        "episodes": len(notes),
        "keypoints": motions,
        "mismatches": len(problems),
        "visible": round(sum(note["visible"] for note in notes) / max(motions, 1), 4),
        "problems": problems[:5],
        "path": str(out),
    }
