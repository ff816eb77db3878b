"""Stage `decompose`: the language plan of every episode, aligned to its motions and checked -> plans.h5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.artifacts.annotations import KeypointAnnotation, Keypoints, PlanAnnotation, labelled, write_plan
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import parent, writing
from stages.artifacts.header import EPISODES, Header
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.shards import NAME
from stages.core.errors import UserError
from stages.core.progress import Progress, silent
from stages.decomposition.alignment import Aligner
from stages.decomposition.checks import check_plan
from stages.settings.decompose import DecomposeConfig
from stages.settings.loader import Config, nearest

if TYPE_CHECKING:
    from stages.decomposition.writer import PlanWriter

MODES = ("rules", "llm")


@dataclass(frozen=True)
class _Plans:
    """What was said of one episode.

    Attributes:
        taskvar: of the episode.
        kept: what is written.
        rules: by the demonstration's own steps.
        model: by the language model; None where none was asked.
    """

    taskvar: str
    kept: PlanAnnotation
    rules: PlanAnnotation
    model: PlanAnnotation | None = None


def decompose(
    config: Config,
    demos: Path,
    keypoints: Path,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the plan of every episode; those whose trajectory shows something else are marked not ok, with the reason.

    Returns:
        episodes, ok, plans (different ones), steps (per plan, mean), problems (reason -> episodes), path; of a language
        model's plans also model, questions (asked), agreeing (episodes that its plan agrees with), fallen_back (that
        have the rules' plan instead), same_as_rules (share of episodes), differences (taskvar, instruction, episodes,
        and what model and rules say).

    Raises:
        UserError: unknown mode or model, inputs that do not belong together, or `out` exists and neither flag is given.
    """
    settings = config.decompose
    _check(settings)
    header = Header.create(
        "clap.plans",
        config=config.as_dict(),
        settings=config.settings("decompose"),
        seed=config.seed,
        parents=[parent(demos, *EPISODES), parent(keypoints, "clap.keypoints")],
    )
    with Demonstrations(demos) as episodes, Keypoints(keypoints, demos) as annotations:
        if (summary := begin(out, header, resume=resume, overwrite=overwrite)) is not None:
            return summary
        writer = _load_writer(settings.model, out, header) if settings.mode == "llm" else None
        plans, summary = [], {}
        with writing(out, header, summary) as file:
            groups = file.create_group("episodes")
            for index in range(len(episodes)):
                annotation = annotations.episode(index)
                episode = labelled(episodes.episode(index, images=False), annotation)
                plans.append(_decompose(episode, annotation, settings, writer))
                write_plan(groups.create_group(NAME.format(index)), plans[-1].kept)
                progress(index + 1, len(episodes), "episodes")
            summary.update(_summary([plan.kept for plan in plans], out))
            if writer is not None:
                summary.update({"model": settings.model, "questions": writer.asked} | _comparison(plans))
    close_partial(out)
    return summary


def decompose_episode(episode: Episode, config: DecomposeConfig, problem: str = "") -> PlanAnnotation:
    """The plan of an episode: its motions' steps, equal neighbours taken together.

    Args:
        episode: images are not needed.
        config: the limits of the checks.
        problem: what is already known to be wrong with it.
    """
    starts = [k for k, step in enumerate(episode.steps) if k == 0 or step != episode.steps[k - 1]]
    step_index = np.searchsorted(starts, np.arange(len(episode)), side="right") - 1
    problem = problem or check_plan(episode, starts, config)
    return PlanAnnotation(
        instruction=episode.instruction,
        plan=tuple(episode.steps[k] for k in starts),
        step_index=step_index,
        motion_index=np.arange(len(episode)) - np.array(starts, int)[step_index],
        ok=not problem,
        problem=problem,
    )


def _check(settings: DecomposeConfig) -> None:
    if settings.mode not in MODES:
        raise UserError(f"there is no decompose.mode '{settings.mode}'", nearest(settings.mode, MODES))
    if settings.mode == "llm" and not settings.model:
        raise UserError("mode 'llm' needs a language model", "Name one with --model, a Hugging Face name or a path")
    if settings.mode == "rules" and (settings.model or settings.fall_back):
        raise UserError("the rules ask no language model", "Add --mode llm, or leave --model and the fall-back out")


def _load_writer(model: str, out: Path, header: Header) -> PlanWriter:
    from stages.decomposition.language_model import LanguageModel
    from stages.decomposition.writer import PlanWriter

    return PlanWriter(LanguageModel.load(model), open_partial(out, header) / "answers.json")


def _decompose(
    episode: Episode, annotation: KeypointAnnotation, settings: DecomposeConfig, writer: PlanWriter | None
) -> _Plans:
    rules = decompose_episode(episode, settings, annotation.problem)
    if writer is None:
        return _Plans(episode.taskvar, rules, rules)
    plan = Aligner(episode, annotation.keypoints, settings)(writer(episode))
    if annotation.problem:
        plan = replace(plan, ok=False, problem=annotation.problem)
    return _Plans(episode.taskvar, rules if settings.fall_back and not plan.ok else plan, rules, plan)


def _summary(plans: Sequence[PlanAnnotation], out: Path) -> dict[str, Any]:
    return {
        "episodes": len(plans),
        "ok": sum(plan.ok for plan in plans),
        "plans": len({plan.plan for plan in plans}),
        "steps": round(float(np.mean([len(plan.plan) for plan in plans])), 2) if plans else 0.0,
        "problems": dict(Counter(plan.problem for plan in plans if not plan.ok)),
        "path": str(out),
    }


def _comparison(plans: Sequence[_Plans]) -> dict[str, Any]:
    """How the model's plans compare with the rules'."""
    pairs = [(plan, plan.model) for plan in plans if plan.model is not None]
    different = Counter(
        (plan.taskvar, model.instruction, model.plan, plan.rules.plan, model.problem)
        for plan, model in pairs
        if model.plan != plan.rules.plan
    )
    return {
        "agreeing": sum(model.ok for _, model in pairs),
        "fallen_back": sum(plan.kept is not model for plan, model in pairs),
        "same_as_rules": round(1 - different.total() / max(len(pairs), 1), 4),
        "differences": [
            {
                "taskvar": taskvar,
                "instruction": instruction,
                "episodes": episodes,
                "model": said,
                "rules": rules,
                "problem": problem,
            }
            for (taskvar, instruction, said, rules, problem), episodes in different.most_common()
        ],
    }
