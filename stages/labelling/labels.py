"""Labels of an episode that has none: steps, things with their places, and keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

from stages.artifacts.episode import Episode, ObjectTracks
from stages.core.steps import Step
from stages.labelling.grips import EMPTY, FAR, Grip, grips_of, is_graded
from stages.labelling.steps import Path, grip_steps, pushed_in_turn
from stages.labelling.surfaces import Surfaces
from stages.labelling.wording import Wording, read_wording

HELD = 0.05
"""A gripper that closes this near to a surface closes on it [m]."""


@dataclass
class _Labels:
    """What is found of an episode, grip by grip."""

    steps: list[Step] = field(default_factory=list)
    keypoints: list[np.ndarray] = field(default_factory=list)
    tracks: list[tuple[str, str, int, np.ndarray]] = field(default_factory=list)

    def add_thing(self, name: str, kind: str, mask_id: int, positions: np.ndarray) -> None:
        """Something with a place (K, 3) before each motion; a place that has a name already keeps it."""
        if kind != "place" or all(name != known for known, *_ in self.tracks):
            self.tracks.append((name, kind, mask_id, positions))


def label_episode(episode: Episode) -> Episode:
    """The episode with steps, objects and targets inferred from images, instructions and what the hand did."""
    poses = np.array([observation.gripper_pose for observation in episode.observations])
    path, surfaces, wording = Path.of(poses), Surfaces(episode), read_wording(episode.instructions)
    grips = grips_of([observation.is_open for observation in episode.observations])
    holds = [_holds(episode, grip, path, surfaces) for grip in grips]
    things, labels = list(wording.objects(sum(holds))), _Labels()
    for grip, held in zip(grips, holds, strict=True):
        thing = things.pop(0) if held and things else wording.object
        steps = grip_steps(path, grip, held, thing, wording)
        if held:
            _carried(labels, grip, steps, path, surfaces)
        else:
            _pushed(labels, grip, steps, path, surfaces, wording)
    names, kinds, mask_ids, positions = zip(*labels.tracks, strict=True)
    return replace(
        episode,
        steps=tuple(map(str, labels.steps)),
        targets=np.array(labels.keypoints),
        objects=ObjectTracks(names, kinds, np.array(mask_ids), np.stack(positions, axis=1)),
    )


def _holds(episode: Episode, grip: Grip, path: Path, surfaces: Surfaces) -> bool:
    """Whether the gripper closes on something."""
    if grip.closed == grip.start:
        return False
    openings = [observation.gripper_open for observation in episode.observations]
    if is_graded(openings):
        return openings[grip.closed] > EMPTY
    near = surfaces.nearest(grip.start, path.positions[grip.closed])[2] < HELD
    return near and bool(np.linalg.norm(path.travel(grip.closed - 1)) < FAR)


def _carried(labels: _Labels, grip: Grip, steps: Sequence[Step], path: Path, surfaces: Surfaces) -> None:
    """Add a grip with something in the hand: it goes where the hand goes, from where it was taken to where it is left.

    What is taken, and where it goes, is looked up in what was seen before the hand came.
    """
    place, mask_id, _ = surfaces.nearest(grip.start, path.positions[grip.closed])
    held = _held_track(path, grip, place)
    labels.add_thing(steps[0].object, "object", mask_id, held)
    for target, group in groupby(range(len(steps)), lambda k: steps[k].target):
        motions = [grip.start + k for k in group]
        labels.steps += [steps[k - grip.start] for k in motions]
        if not target:
            labels.keypoints += [held[k] for k in motions]
            continue
        arrived = grip.opened if motions[-1] + 1 == grip.end and grip.opened else motions[-1] + 1
        point, mask_id, _ = surfaces.nearest(grip.start, path.positions[arrived])
        labels.add_thing(target, "place", mask_id, np.tile(point, (len(held), 1)))
        labels.keypoints += [point] * len(motions)


def _held_track(path: Path, grip: Grip, place: np.ndarray) -> np.ndarray:
    """Places (K, 3) before each motion of something that is taken at `place` and left where the gripper opens."""
    moments = np.clip(np.arange(len(path.positions) - 1), grip.closed, grip.opened or len(path.positions) - 1)
    offset = path.rotations[grip.closed].T @ (place - path.positions[grip.closed])
    return path.positions[moments] + path.rotations[moments] @ offset


def _pushed(
    labels: _Labels, grip: Grip, steps: Sequence[Step], path: Path, surfaces: Surfaces, wording: Wording
) -> None:
    """Add a grip of an empty hand: what it touches first is what it pushes, and goes with it from there on."""
    names = pushed_in_turn(len(steps), wording) if steps[0].action == "push" else [steps[0].object] * len(steps)
    for name, group in groupby(range(len(steps)), lambda k: names[k]):
        motions = [grip.start + k for k in group]
        track, mask_id = _pushed_track(path, motions, surfaces)
        labels.add_thing(name, "object", mask_id, track)
        point = None
        if target := steps[0].target:
            point, mask_id, _ = surfaces.nearest(grip.start, path.positions[grip.end])
            labels.add_thing(target, "place", mask_id, np.tile(point, (len(track), 1)))
        labels.steps += [replace(steps[0], object=name)] * len(motions)
        labels.keypoints += [track[k] if point is None else point for k in motions]


def _pushed_track(path: Path, motions: Sequence[int], surfaces: Surfaces) -> tuple[np.ndarray, int]:
    """Places (K, 3) before each motion of what `motions` push, and its mask id."""
    begin, end = motions[0], motions[-1] + 1
    contact = surfaces.first_contact(begin, path.positions[begin : end + 1])
    piece, hand = contact or (len(motions) - 1, path.positions[end])
    place, mask_id, _ = surfaces.nearest(begin, hand)
    moments = np.arange(len(path.positions) - 1)
    moved = path.positions[np.clip(moments, 0, end)] - hand
    return place + np.where(moments[:, None] > begin + piece, moved, 0), mask_id
