"""Stage `train-fine`: the fine-grained action predictor from demonstrations -> fine/ and fine.h5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from stages.artifacts.annotations import KeypointAnnotation, Keypoints, PlanAnnotation, Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.digest import directory_digest
from stages.artifacts.files import parent, publish_directory, writing
from stages.artifacts.header import EPISODES, Header, Parent
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.core.errors import UserError
from stages.core.lookahead import next_focus
from stages.core.progress import Progress, silent
from stages.predictor.assessment import HeldOut, assess, with_planner_errors
from stages.predictor.cloud import cloud_of
from stages.predictor.data import GENEROUS, MotionExample, PredictorSampler, home_of, prepare
from stages.predictor.predictor import SHIPPED, FinePredictor
from stages.predictor.training import Curves, Trainer
from stages.settings.fine import FineConfig
from stages.settings.loader import Config

CHECKPOINT = "checkpoint.pt"
MODEL = "model"
_TEXT = h5py.string_dtype()


def train_fine(
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
    """Train on the episodes of the training part whose plans fit, and measure on those held out.

    Writes the model to `out_dir`, curves and held-out predictions to the file of the same name with ".h5".

    Returns:
        motions, steps, minutes, samples_per_second, loss, held_out (errors with the true keypoints by kind of step),
        held_out_disturbed (the same with a planner's errors), path, variations (those trained on).

    Raises:
        UserError: an input cannot be read or does not belong to `demos`, they are of test variations, nothing is left
            to train on, or `out_dir` exists and neither flag is given.
    """
    parents = [parent(demos, *EPISODES), parent(keypoints, "clap.keypoints"), parent(plans, "clap.plans")]
    parents += _base(config.fine.base)
    header = Header.create(
        "clap.fine",
        config=config.as_dict(),
        settings=config.settings("fine"),
        seed=config.seed,
        parents=parents,
    )
    if (summary := begin(out_dir, header, resume=resume, overwrite=overwrite)) is not None:
        return summary
    if config.refuse_test_variations:
        with Demonstrations(demos) as episodes:
            episodes.refuse_test_variations()
    predictor = _create(config)
    examples = load_examples(config.fine, demos, keypoints, plans, progress)
    predictor.network.home.copy_(torch.from_numpy(home_of(examples["train"])))
    partial = open_partial(out_dir, header)
    trainer = _train(predictor, examples["train"], config, partial / CHECKPOINT, progress)
    held_out = _assess(predictor, examples["valid"], config)
    summary = _summary(trainer, held_out, len(examples["train"]), out_dir)
    with Demonstrations(demos) as episodes:
        summary["variations"] = episodes.variations("train")
    predictor.save_pretrained(partial / MODEL)
    with writing(curves_path(out_dir), header, summary) as file:
        _write(file, trainer.curves, held_out)
    publish_directory(partial / MODEL, out_dir, header, summary)
    close_partial(out_dir)
    return summary


def _base(name: str) -> list[Parent]:
    """The base if it is a folder, so that a change of it is noticed."""
    if not name or name in SHIPPED or not Path(name).is_dir():
        return []
    return [Parent(str(Path(name).resolve()), "base", directory_digest(Path(name)))]


def curves_path(out_dir: Path) -> Path:
    """Where the curves of the model in `out_dir` are."""
    return out_dir.with_name(f"{out_dir.name}.h5")


def load_examples(
    config: FineConfig, demos: Path, keypoints: Path, plans: Path, progress: Progress = silent
) -> dict[str, list[MotionExample]]:
    """All motions of the episodes whose plans fit, by part: train, valid.

    Raises:
        UserError: an input cannot be read or does not belong to `demos`, or there is no motion to train on.
    """
    examples: dict[str, list[MotionExample]] = {"train": [], "valid": []}
    with Demonstrations(demos) as episodes, Keypoints(keypoints, demos) as points, Plans(plans, demos) as lines:
        parts = {index: part for part in examples for index in episodes.indices(part)}
        for done, (index, part) in enumerate(sorted(parts.items())):
            progress(done, len(parts), "episodes read")
            if lines.episode(index).ok:
                examples[part] += _episode_examples(episodes, points, lines, index, config)
    if not examples["train"]:
        hint = "Collect more demonstrations, or look at the plans' problems with `clap view`"
        raise UserError(f"{plans} has no training episode whose plan fits", hint)
    return examples


def _episode_examples(
    episodes: Demonstrations, points: Keypoints, lines: Plans, index: int, config: FineConfig
) -> list[MotionExample]:
    episode = episodes.episode(index, images=False)
    plan, annotation = lines.episode(index), points.episode(index)
    keypoints = annotation.keypoints
    examples = []
    for k in np.flatnonzero(np.isfinite(keypoints).all(axis=1)):
        observation = episodes.observation(index, int(k))
        cloud = prepare(cloud_of(observation), keypoints[k], observation.gripper_pose, config, GENEROUS)
        examples.append(
            MotionExample(
                cloud=cloud,
                keypoint=keypoints[k],
                step=plan.plan[plan.step_index[k]],
                motion_index=int(plan.motion_index[k]),
                gripper_pose=observation.gripper_pose,
                gripper_open=observation.is_open,
                action=episode.actions[k],
                next_keypoint=_next_keypoint(plan, annotation, int(k)),
                episode=f"demo_{index}",
                index=int(k),
            )
        )
    return examples


def _next_keypoint(plan: PlanAnnotation, annotation: KeypointAnnotation, motion: int) -> np.ndarray | None:
    """Where the thing that the plan goes to next is before a motion: of several things of its name the one nearest to
    the keypoint that it will have then."""
    focus = next_focus(plan.plan, plan.step_index[motion])
    ahead = [k for k, phrase in enumerate(annotation.phrases) if k > motion and phrase == focus]
    places = annotation.positions[motion][[name == focus for name in annotation.names]]
    if not ahead or not len(places):
        return None
    return min(places, key=lambda place: np.linalg.norm(place - annotation.keypoints[ahead[0]]))


def _create(config: Config) -> FinePredictor:
    if config.fine.threads:
        torch.set_num_threads(config.fine.threads)
    torch.manual_seed(config.seed)
    return FinePredictor.create(config.fine, "cuda" if torch.cuda.is_available() else "cpu")


def _train(
    predictor: FinePredictor, examples: list[MotionExample], config: Config, checkpoint: Path, progress: Progress
) -> Trainer:
    """Train to the end of the budget, from the checkpoint if there is one."""
    from stages.simulators.tabletop.colours import PALETTE

    sampler = PredictorSampler(examples, config.fine, predictor.network.text, config.seed, PALETTE)
    trainer = Trainer(predictor.network, sampler, config.fine)
    if checkpoint.exists():
        trainer.load(checkpoint)
    steps = config.fine.steps

    def report(state: Trainer) -> None:
        progress(round(state.done * steps), steps, f"steps, loss {state.curves['loss'][-1]:.2f}")

    trainer.train(checkpoint, report)
    trainer.use_average()
    return trainer


def _assess(predictor: FinePredictor, examples: list[MotionExample], config: Config) -> dict[str, HeldOut]:
    """Held-out predictions with true keypoints and with those of an erring planner; empty if nothing is held out."""
    if not examples:
        return {}
    disturbed = with_planner_errors(examples, config.fine, config.seed)
    return {"held_out": assess(predictor, examples), "held_out_disturbed": assess(predictor, disturbed)}


def _summary(trainer: Trainer, held_out: dict[str, HeldOut], motions: int, out_dir: Path) -> dict[str, Any]:
    samples = trainer.step * trainer.config.batch_size
    loss = trainer.curves.get("loss", [])[-10:]
    return {
        "motions": motions,
        "steps": trainer.step,
        "minutes": trainer.seconds / 60,
        "samples_per_second": samples / max(trainer.seconds, 1e-9),
        "loss": float(np.mean(loss)) if loss else None,
        "held_out": None,
        "held_out_disturbed": None,
        **{name: result.errors() for name, result in held_out.items()},
        "path": str(out_dir),
    }


def _write(file: h5py.File, curves: Curves, held_out: dict[str, HeldOut]) -> None:
    """Curves as one array each; held-out predictions as arrays over motions."""
    for name, values in curves.items():
        file[f"curves/{name}"] = np.array(values)
    for name, result in held_out.items():
        group = file.create_group(name)
        for key in ("episode", "step"):
            texts = np.array([getattr(example, key) for example in result.examples], object)
            group.create_dataset(key, data=texts, dtype=_TEXT)
        for key in ("index", "motion_index", "keypoint"):
            group[key] = np.array([getattr(example, key) for example in result.examples])
        for key in ("truth", "actions", "confidence", "position_error", "rotation_error"):
            group[key] = getattr(result, key)
