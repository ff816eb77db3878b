"""Stage: fine-tune the planner on demonstrations with their keypoints and plans.

`accelerate launch -m clap_cli finetune-vlm ...` trains on several GPUs: every process computes its share of each step,
the main one alone writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from stages.artifacts.annotations import Keypoints, Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import parent, publish_directory, writing
from stages.artifacts.header import EPISODES, Header, Parent
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.core.errors import UserError
from stages.core.progress import Progress, silent
from stages.geometry.canonical import CanonicalViews
from stages.runtime.distributed import distributed_state, in_main, is_main
from stages.settings.loader import Config
from stages.settings.vlm import VlmConfig

if TYPE_CHECKING:
    from stages.planner.pointing.model import PlannerModel
    from stages.planner.training.batches import Sample
    from stages.planner.training.keyframes import Keyframe
    from stages.planner.training.loop import TrainingState
    from stages.planner.training.sampler import PlannerSampler
    from stages.planner.training.validation import HeldOut

REHEARSED = {"locate": 0.9, "decide": 0.1}
"""Shares of the kinds of rehearsed examples."""

VALIDATION_STEPS = 4
"""Held-out samples whose loss is looked at, counted in training steps."""

VARIED = 3
"""How often each held-out keyframe is varied to calibrate the confidence: as it is, nearly all answers are right."""


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

    TensorBoard's logs are in the folder of the same name with ".tensorboard".

    Returns:
        steps, minutes, samples_per_second, keyframes, variations (those trained on), the losses of the last step and
        the best held-out ones, steps, loss and minutes of the planning model, and the held-out plan and step accuracy,
        keypoint error and errors of confidence; nothing in processes other than the main one.

    Raises:
        UserError: inputs that do not belong together, demonstrations of test variations, an unknown base, or an
            existing `out_dir`.
    """
    parents = [parent(demos, *EPISODES), parent(keypoints, "clap.keypoints"), parent(plans, "clap.plans")]
    parents += _bases(config.vlm)
    header = Header.create(
        "clap.vlm", config=config.as_dict(), settings=config.settings("vlm"), seed=config.seed, parents=parents
    )
    if (summary := in_main(lambda: begin(out_dir, header, resume=resume, overwrite=overwrite))) is not None:
        return summary if is_main() else {}
    if config.refuse_test_variations:
        with Demonstrations(demos) as episodes:
            episodes.refuse_test_variations()
    progress = progress if is_main() else silent
    model = _start(config)
    training, valid = _keyframes(demos, keypoints, plans, progress)
    work = in_main(lambda: open_partial(out_dir, header))
    state = _train(config, model, training, valid, work, out_dir.with_name(f"{out_dir.name}.tensorboard"), progress)
    if not is_main():
        return {}
    finished = work / "model"
    shutil.rmtree(finished, ignore_errors=True)
    model.save_pretrained(finished)
    language = _train_language(config, training, work, finished, progress)
    summary = _summary(config, state, training, valid)
    if language:
        summary |= {"planning_model_steps": len(language), "planning_model_loss": round(language[-1]["loss"], 4)}
        summary["planning_model_minutes"] = round(language[-1]["seconds"] / 60, 2)
    held_out = None
    if valid:
        held_out, varied = _predictions(config, finished, model, valid, progress)
        summary |= {name: round(value, 4) for name, value in held_out.summary().items()}
        held_out, errors = _calibrate(finished, held_out, varied)
        summary |= errors
    summary["path"] = str(out_dir)
    summary["variations"] = sorted({frame.taskvar for frame in training})
    with writing(out_dir.with_suffix(".h5"), header, summary) as file:
        _write(file, state, held_out)
    publish_directory(finished, out_dir, header, summary)
    close_partial(out_dir)
    return summary


def _bases(config: VlmConfig) -> list[Parent]:
    """Base models that are folders, so that a change of them is noticed."""
    from stages.planner.bases import base_digest, resolved

    named = {"base": config.base, "language base": config.planning_model}
    digests = {role: base_digest(name) for role, name in named.items() if name}
    return [Parent(resolved(named[role]), role, digest) for role, digest in digests.items() if digest]


def _start(config: Config) -> PlannerModel:
    """The model before training: adapters on a pre-trained base, or a random one to be trained whole.

    Weights that stay as they are keep the type that they were published in, unless training is in float32.
    """
    import torch

    from stages.planner.pointing.model import PlannerModel

    torch.manual_seed(config.seed)
    adapted = config.vlm.lora_rank and config.vlm.pretrained
    model = PlannerModel.from_base(config.vlm, "auto" if adapted and _bfloat16(config) else torch.float32)
    if adapted:
        model.add_adapters()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def _bfloat16(config: Config) -> bool:
    from stages.runtime.precision import use_bfloat16

    return use_bfloat16(config.vlm.precision, distributed_state().device)


def _keyframes(
    demos: Path, keypoints: Path, plans: Path, progress: Progress
) -> tuple[Sequence[Keyframe], Sequence[Keyframe]]:
    """Those of the training and of the held-out episodes."""
    from stages.planner.training.keyframes import read_keyframes

    with Demonstrations(demos) as episodes, Keypoints(keypoints, demos) as points, Plans(plans, demos) as steps:
        training, valid = (
            read_keyframes(episodes, points, steps, episodes.indices(part), progress) for part in ("train", "valid")
        )
    if not training:
        raise UserError(f"No episode of {demos} can be trained on", "See what 'clap decompose' reported")
    return training, valid


def _train(
    config: Config,
    model: PlannerModel,
    training: Sequence[Keyframe],
    valid: Sequence[Keyframe],
    work: Path,
    log: Path,
    progress: Progress,
) -> TrainingState:
    from stages.planner.language.grammar import words_of
    from stages.planner.training.augmentation import Paints
    from stages.planner.training.loop import train
    from stages.planner.training.sampler import PlannerSampler
    from stages.settings.vlm import without_augmentation
    from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS

    auxiliary, paints = _auxiliary(config, model.views, work, progress), Paints(PALETTE, RARE_COLOURS)
    sampler = PlannerSampler(training, config.vlm, model.views, config.seed, paints, auxiliary)
    model.names, model.phrase_words = sampler.names, words_of([*sampler.nameable, *PALETTE, *RARE_COLOURS])
    plain = PlannerSampler(valid, without_augmentation(config.vlm), model.views, config.seed + 1, paints)
    return train(model, sampler, work / "checkpoint.pt", progress, _some(plain) if valid else (), log)


def _train_language(
    config: Config, training: Sequence[Keyframe], work: Path, finished: Path, progress: Progress
) -> list[dict[str, float]]:
    """Train and write the planning model beside the pointing one, where there is a separate one; gives its curve."""
    from stages.planner.language.text import TextSampler
    from stages.planner.language.training import Schedule, start_language, train_language
    from stages.planner.planner import LANGUAGE
    from stages.planner.prompts import plan_phrases
    from stages.planner.training.keyframes import text_examples
    from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS

    vlm = config.vlm
    if vlm.plans_itself:
        return []
    phrases = frozenset(phrase for frame in training for phrase in plan_phrases(frame.plan))
    model = start_language(vlm, phrases, progress)
    model.model.to(distributed_state().device)
    sampler = TextSampler(text_examples(training), tuple(PALETTE), tuple(RARE_COLOURS))
    schedule = Schedule(vlm.language_rate, vlm.language_batch, vlm.language_steps, vlm.language_minutes)
    curve = train_language(
        model, sampler, schedule, config.seed, work / "language.pt", progress, vlm.checkpoint_seconds
    )
    model.save_pretrained(finished / LANGUAGE)
    return curve


def _some(sampler: PlannerSampler) -> list[Sample]:
    return [sample for step in range(VALIDATION_STEPS) for sample in sampler(step)]


def _auxiliary(
    config: Config, views: CanonicalViews, work: Path, progress: Progress
) -> Callable[[np.random.Generator], Any] | None:
    """What draws rehearsed examples about procedural scenes; None where none are wanted."""
    from stages.pretraining.procedural_samples import ProceduralSampler, render_scenes

    if not config.vlm.weight_auxiliary or not config.vlm.auxiliary_scenes:
        return None
    image_size, seed = config.collect.image_size, config.seed + 1
    with distributed_state().main_process_first():
        scenes = render_scenes(config.vlm.auxiliary_scenes, image_size, seed, work / "scenes", 0, progress)
    return ProceduralSampler(scenes, views, REHEARSED).one


def _summary(
    config: Config, state: TrainingState, training: Sequence[Keyframe], valid: Sequence[Keyframe]
) -> dict[str, Any]:
    summary = {
        "steps": state.step,
        "minutes": round(state.seconds / 60, 2),
        "samples_per_second": round(state.step * config.vlm.batch_size / max(state.seconds, 1e-9), 1),
        "keyframes": len(training),
        "held_out_keyframes": len(valid),
        "language_loss": round(state.curve[-1]["language"], 4),
        "pointer_loss": round(state.curve[-1]["pointer"], 4),
    }
    if state.best is not None:
        best = state.validation[state.best]
        summary |= {
            "ended_early": state.out_of_patience(config.vlm.patience),
            "best_step": best["step"],
            "held_out_language_loss": round(best["language"], 4),
            "held_out_pointer_loss": round(best["pointer"], 4),
        }
    return summary


def _predictions(
    config: Config, finished: Path, model: PlannerModel, valid: Sequence[Keyframe], progress: Progress
) -> tuple[HeldOut, HeldOut]:
    """What the planner, as it was written, says of the held-out keyframes, and of each as training might show it."""
    from stages.planner.planner import Planner
    from stages.planner.training.augmentation import Paints
    from stages.planner.training.sampler import PlannerSampler
    from stages.planner.training.validation import held_out_predictions, single_predictions
    from stages.simulators.tabletop.colours import PALETTE, RARE_COLOURS

    rng, device = np.random.default_rng(config.seed + 2), next(model.parameters()).device
    sampler = PlannerSampler(valid, config.vlm, model.views, config.seed + 2, Paints(PALETTE, RARE_COLOURS))
    varied = [sampler.varied(rng, frame) for frame in valid for _ in range(VARIED)]
    planner = Planner.from_pretrained(finished, str(device))
    return held_out_predictions(planner, valid, progress), single_predictions(planner, varied, progress)


def _calibrate(finished: Path, held_out: HeldOut, varied: HeldOut) -> tuple[HeldOut, dict[str, float]]:
    """Fit and write the calibration of the confidence, to answers about held-out keyframes as they are and varied.

    Returns:
        The first with the confidence that they now have, and how wrong it is on average where it was not fitted.
    """
    from stages.evaluation.statistics import reliability
    from stages.planner.calibration import Calibration
    from stages.planner.training.validation import HeldOut

    graded = HeldOut([*held_out.episodes, *varied.episodes]).graded()
    calibration = Calibration(**{name: answers.fit() for name, answers in graded.items()})
    calibration.save(finished)
    errors = {
        f"{name}_calibration_error": round(reliability(answers.probabilities(), answers.right)["error"], 4)
        for name, answers in graded.items()
    }
    return held_out.recalibrated(calibration), errors


def _write(file: h5py.File, state: TrainingState, held_out: HeldOut | None) -> None:
    """Curves as one array for each name; held-out predictions by episode."""
    from stages.planner.training.validation import write_held_out

    for group, curve in (("curves", state.curve), ("validation", state.validation)):
        for name in curve[0] if curve else ():
            file[f"{group}/{name}"] = np.array([point[name] for point in curve])
    if held_out is not None:
        write_held_out(file.create_group("held_out"), held_out)
