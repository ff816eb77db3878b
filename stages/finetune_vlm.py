"""Stage: fine-tune the planner on demonstrations with their keypoints and plans."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages.artifacts.annotations import Keypoints, Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import parent, publish_directory, writing
from stages.artifacts.header import Header
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.config import Config
from stages.errors import UserError
from stages.geometry.canonical import CanonicalViews
from stages.progress import Progress, silent

REHEARSED = {"locate": 0.5, "decide": 0.25, "plan": 0.25}
"""Shares of the kinds of rehearsed examples."""


def finetune_vlm(
    config: Config,
    demos: Path,
    keypoints: Path,
    plans: Path,
    out_dir: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train adapters and pointer on the training episodes and write the planner, with curves beside it.

    Returns:
        steps, minutes, keyframes, and the held-out plan and step accuracy and keypoint error.

    Raises:
        UserError: inputs that do not belong together, demonstrations of test variations, an unknown base, or an
            existing `out_dir`.
    """
    import torch

    from stages.planner.data import Sampler, read_keyframes
    from stages.planner.grammar import phrase_words
    from stages.planner.model import PlannerModel
    from stages.planner.planner import Planner
    from stages.planner.training import train
    from stages.planner.validation import held_out_predictions

    parents = [parent(demos, "clap.demos"), parent(keypoints, "clap.keypoints"), parent(plans, "clap.plans")]
    header = Header.create(
        "clap.vlm", config=config.as_dict(), settings=config.settings("vlm"), seed=config.seed, parents=parents
    )
    if (summary := begin(out_dir, header, resume=resume, overwrite=overwrite)) is not None:
        return summary
    if config.fair:
        with Demonstrations(demos) as episodes:
            episodes.refuse_test_variations()
    torch.manual_seed(config.seed)
    model = PlannerModel.from_base(config.vlm)
    with Demonstrations(demos) as episodes, Keypoints(keypoints, demos) as points, Plans(plans, demos) as steps:
        training = read_keyframes(episodes, points, steps, episodes.indices("train"), progress)
        valid = read_keyframes(episodes, points, steps, episodes.indices("valid"), progress)
    if not training:
        raise UserError(f"No episode of {demos} can be trained on", "See what 'clap decompose' reported")
    work = open_partial(out_dir, header)
    if config.vlm.lora_rank:
        model.add_adapters()
    sampler = Sampler(training, config.vlm, model.views, config.seed, _auxiliary(config, model.views, work, progress))
    model.phrase_words = phrase_words(sampler.nameable)
    state = train(model, sampler, work / "checkpoint.pt", progress)
    finished = work / "model"
    shutil.rmtree(finished, ignore_errors=True)
    model.save_pretrained(finished)
    summary = {
        "steps": state.step,
        "minutes": round(state.seconds / 60, 2),
        "keyframes": len(training),
        "held_out_keyframes": len(valid),
        "path": str(out_dir),
    }
    held_out = None
    if valid:
        model.merge_adapters()
        held_out = held_out_predictions(Planner(model), valid, progress)
        summary |= {name: round(value, 4) for name, value in held_out.summary().items()}
    with writing(out_dir.with_suffix(".h5"), header, summary) as file:
        _write_curves(file, state.curve)
        if held_out is not None:
            _write_held_out(file, held_out)
    publish_directory(finished, out_dir, header, summary)
    close_partial(out_dir)
    return summary


def _auxiliary(
    config: Config, views: CanonicalViews, work: Path, progress: Progress
) -> Callable[[np.random.Generator], Any] | None:
    """What draws rehearsed examples about procedural scenes; None where none are wanted."""
    from stages.procedural_exchanges import ProceduralExchanges, render_scenes

    if not config.vlm.weight_auxiliary or not config.vlm.auxiliary_scenes:
        return None
    image_size, seed = config.collect.image_size, config.seed + 1
    scenes = render_scenes(config.vlm.auxiliary_scenes, image_size, seed, work / "scenes", 0, progress)
    return ProceduralExchanges(scenes, views, REHEARSED).one


def _write_curves(file: h5py.File, curve: list[dict[str, float]]) -> None:
    for name in curve[0] if curve else ():
        file[f"curves/{name}"] = np.array([point[name] for point in curve])


def _write_held_out(file: h5py.File, held_out: Any) -> None:
    group, text = file.create_group("held_out"), h5py.string_dtype()
    frames = held_out.keyframes
    group["episode"] = np.array([frame.episode for frame in frames])
    group["motion"] = np.array([frame.index for frame in frames])
    group.create_dataset("taskvar", data=[frame.taskvar for frame in frames], dtype=text)
    group["step_index"] = held_out.step_index
    group["step_index_true"] = np.array([frame.step_index for frame in frames])
    group["keypoint"] = held_out.keypoints
    group["keypoint_true"] = np.array([frame.keypoint for frame in frames])
    group["confidence"] = held_out.confidence
    plans = ["\n".join(held_out.plans[frame.episode]) for frame in frames]
    group.create_dataset("plan", data=plans, dtype=text)
    group.create_dataset("plan_true", data=["\n".join(frame.plan) for frame in frames], dtype=text)
