"""Stage `export lerobot`: demonstrations, rollouts or recordings -> a LeRobot data set v3.0."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import parent
from stages.artifacts.header import EPISODES, tool_version
from stages.bridges.lerobot.features import MOTION
from stages.bridges.lerobot.frames import dense_values, keyframe_features, keyframe_values
from stages.bridges.lerobot.layout import METADATA, ORIGIN
from stages.bridges.lerobot.writer import DataSetWriter
from stages.core.errors import UserError
from stages.core.progress import Progress, silent

ROBOT = "panda"
KEYFRAME_FPS = 1
"""Nominal: keyframes are unevenly spaced, their true times are a column."""
DENSE_FPS = 20


def export_lerobot(
    demos: Path,
    out: Path,
    *,
    video: bool = False,
    dense: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write all episodes of a file as a LeRobot data set; the folder appears only when it is complete.

    Args:
        demos: demonstrations, rollouts or recordings.
        out: the data set's folder.
        video: images as videos instead of PNG.
        dense: the recorded trajectories at `DENSE_FPS`, which have no images, instead of the keyframes.
        overwrite: replace `out`.

    Returns:
        episodes, frames, left_out (episodes without a motion), fps, path.

    Raises:
        UserError: `demos` cannot be read, has no motions or cameras of several kinds, a package is missing, or `out`
            exists and `overwrite` is not given.
    """
    origin = parent(demos, *EPISODES)
    with Demonstrations(demos) as episodes, _new_folder(out, overwrite) as folder:
        chosen = [index for index in range(len(episodes)) if len(episodes.episode(index, images=False))]
        if not chosen:
            raise UserError(f"{demos} has no episode with a motion", "Collect demonstrations first")
        fps = DENSE_FPS if dense else KEYFRAME_FPS
        features = MOTION if dense else keyframe_features(episodes.observation(chosen[0], 0), video)
        values = partial(dense_values, fps=fps) if dense else keyframe_values
        writer, frames = DataSetWriter(folder, features, fps, ROBOT), 0
        for number, index in enumerate(chosen):
            episode = episodes.episode(index, images=not dense)
            if not dense and keyframe_features(episode.observations[0], video) != features:
                what = f"episode {index} of {demos} has other cameras or image sizes than episode {chosen[0]}"
                raise UserError(what, "Export files whose episodes have the same cameras")
            found = values(episode)
            writer.add(found, episode.instruction, _metadata(episode))
            frames += len(found["time"])
            progress(number + 1, len(chosen), "episodes")
        writer.close()
        made = {"schema": origin.schema, "sha256": origin.sha256, "tool_version": tool_version()}
        (folder / ORIGIN).write_text(json.dumps(made | {"frames": "dense" if dense else "keyframes"}, indent=4))
        left_out = len(episodes) - len(chosen)
    return {"episodes": len(chosen), "frames": frames, "left_out": left_out, "fps": fps, "path": str(out)}


def _metadata(episode: Episode) -> dict[str, Any]:
    """What the format has no place for."""
    names = ("task", "variation", "level", "seed", "success")
    kept: dict[str, Any] = {name: getattr(episode, name) for name in names}
    return {f"{METADATA}{name}": value for name, value in (kept | {"instructions": list(episode.instructions)}).items()}


@contextmanager
def _new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """A folder beside `target` that takes its place when the block ends well, and is gone otherwise."""
    if target.exists() and not overwrite:
        raise UserError(f"{target} exists", "Use --overwrite to replace it, or name another folder with --out")
    if target.exists() and not (target / ORIGIN).exists():
        raise UserError(f"{target} is not an export of this tool, so it is not replaced", "Name another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
