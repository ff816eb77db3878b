"""Stage `evaluate --planner-only`: the planner is asked at every step of the expert's way -> planner-<split>.h5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import collect
from stages.annotate_keypoints import annotate_episode
from stages.artifacts.answer_files import SCHEMA, PlannerAnswers, shard_answers, write_planner_answers
from stages.artifacts.files import parent
from stages.artifacts.header import Header
from stages.artifacts.resume import begin, close_partial, open_partial
from stages.artifacts.run import RunDirectory
from stages.artifacts.shard_runner import make_missing_shards
from stages.artifacts.shards import assemble, read_notes
from stages.core.progress import Progress, part_of, silent
from stages.decompose import decompose_episode
from stages.evaluation.confusion import confusions
from stages.evaluation.outputs import planner_path, write_outputs
from stages.evaluation.planner_quality import quality_table
from stages.evaluation.results import latency
from stages.rollouts.jobs import (
    check_any,
    check_held_out,
    check_taskvars,
    jobs_of,
    levels_of,
    taskvars_of,
    training_seeds,
    untrained,
)
from stages.rollouts.policies import one_torch_thread
from stages.rollouts.rollouts import RolloutJob, choose_instruction
from stages.rollouts.wordings import Wordings
from stages.settings.loader import Config
from stages.simulators.suites import suite_of

if TYPE_CHECKING:
    from stages.planner.planner import Planner
    from stages.simulators.protocol import Simulator

_DECISIVE = ("simulator", "taskvars", "seeds", "constrained", "names", "image_size")
"""Settings of the evaluation that decide what is asked, beside the number of episodes."""

LISTED = 20
"""Confusions of each kind kept in a summary."""


@dataclass(frozen=True)
class _Level:
    """The questions of one level: what makes them, and where the answers go."""

    level: str
    target: Path
    jobs: list[RolloutJob]
    header: Header
    wordings: Wordings

    def describe(self, job: RolloutJob) -> str:
        """What is being done, for the progress."""
        return f"{self.level} {job.taskvar}"


def evaluate_planner(
    config: Config,
    vlm: Path,
    split: str,
    run: RunDirectory,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask a planner about scenes that an expert plays, and report on its answers.

    The scenes are those of the evaluation in closed loop. The plan is asked for once an episode; then, at every
    keyframe, the objects, the step and the keypoint, with the true plan and memory given.

    Args:
        vlm: directory of the planner.
        split: train, held-out, l1, l2, l3, l4 or all (l1 to l4).
        run: answers and report go there.

    Returns:
        {levels: {level: `quality_table`, confused, untrained, left_out (reason -> episodes), seconds}, ...}.

    Raises:
        UserError: unknown split or variation, no episode, or answers exist and neither `resume` nor `overwrite` is
            given.
    """
    suite = suite_of(config.evaluate.simulator)
    suite.require_truth("--planner-only")
    available = suite.levels
    check_taskvars(config.evaluate.taskvars, available)
    check_held_out(split, vlm, None, refuse_test_variations=config.refuse_test_variations)
    wordings = Wordings.of(config.evaluate.instructions, taskvars_of(available))
    levels = [_level(config, vlm, level, available[level], run, wordings) for level in levels_of(split, available)]
    check_any(split, [level.jobs for level in levels])
    levels = [level for level in levels if level.jobs]
    found = [begin(level.target, level.header, resume=resume, overwrite=overwrite) for level in levels]
    left = sum(len(level.jobs) for level, summary in zip(levels, found, strict=True) if summary is None)
    summaries, done = {}, 0
    for level, summary in zip(levels, found, strict=True):
        if summary is None:
            summary = _run(config, vlm, level, part_of(progress, done, left))
            done += len(level.jobs)
        summaries[level.level] = summary
    write_outputs(run, config.evaluate, progress)
    return {
        "vlm": str(vlm),
        "instructions": wordings.name,
        "levels": summaries,
        "report": str(run.report),
    }


def _level(
    config: Config,
    vlm: Path,
    level: str,
    variations: Sequence[tuple[str, int]],
    run: RunDirectory,
    wordings: Wordings,
) -> _Level:
    settings = {name: getattr(config.evaluate, name) for name in _DECISIVE} | {level: config.evaluate.episodes(level)}
    settings |= {"tolerance": config.annotate.tolerance, "decompose": config.settings("decompose")}
    settings |= {"instructions": wordings.settings, "look_again_below": config.policy.look_again_below}
    jobs = jobs_of(level, variations, config.evaluate, partial(training_seeds, run.demos, config.seed), wordings)
    header = Header.create(
        SCHEMA, config=config.as_dict(), settings=settings, seed=config.seed, parents=[parent(vlm, "clap.vlm")]
    )
    return _Level(level, planner_path(run, level, wordings.name), jobs, header, wordings)


def _run(config: Config, vlm: Path, level: _Level, progress: Progress) -> dict[str, Any]:
    """Ask about the episodes that are missing, one shard each, and join them."""
    shards = open_partial(level.target, level.header)
    make_worker = partial(_make_worker, config, vlm, level.wordings, shards)
    make_missing_shards(shards, level.jobs, make_worker, config.evaluate.workers, progress, level.describe)
    answers = list(shard_answers(shards, len(level.jobs)))
    notes = read_notes(shards, len(level.jobs))
    confused = confusions(answers)
    summary = {
        "split": level.level,
        "instructions": level.wordings.name,
        "names": config.evaluate.names,
        "untrained": untrained([(vlm, "clap.vlm")], level.level, level.jobs),
        **quality_table(answers),
        "confused": {kind: [asdict(one) for one in found[:LISTED]] for kind, found in confused.items()},
        "left_out": dict(Counter(note["problem"] for note in notes if note["problem"]).most_common()),
        "seconds": latency(note["seconds"] for note in notes),
        "path": str(level.target),
    }
    assemble(shards, len(level.jobs), level.target, level.header, summary, "episodes")
    close_partial(level.target)
    return summary


def _make_worker(config: Config, vlm: Path, wordings: Wordings, shards: Path) -> Callable[[RolloutJob], None]:
    from stages.planner.planner import Planner
    from stages.simulators import make_simulator

    simulator = make_simulator(config.evaluate.simulator, image_size=config.evaluate.image_size)
    planner = Planner.from_pretrained(vlm, config.evaluate.device)

    def work(job: RolloutJob) -> None:
        with one_torch_thread():
            found = ask(simulator, planner, job, config, wordings)
        write_planner_answers(shards, job.index, found)

    return work


def ask(simulator: Simulator, planner: Planner, job: RolloutJob, config: Config, wordings: Wordings) -> PlannerAnswers:
    """Have an expert play a scene, make the truth of it as for training, and ask the planner."""
    from stages.planner.training.keyframes import keyframes_of
    from stages.planner.training.validation import teacher_forced_episode

    demonstration = collect.DemonstrationJob(job.index, job.task, job.variation, job.level, job.seed)
    episode, _ = collect.demonstrate(simulator, demonstration, config.collect.attempts)
    annotation = annotate_episode(episode, config.annotate)
    plan = decompose_episode(episode, config.decompose, annotation.problem)
    if not plan.ok:
        return PlannerAnswers(None, plan.problem, {})
    options = wordings.options(simulator, episode.instructions, job.task, job.variation)
    instruction = choose_instruction(options, job)
    frames = list(keyframes_of(episode, annotation, plan, job.episode))
    asked = teacher_forced_episode(
        planner,
        frames,
        instruction,
        config.evaluate.names,
        constrained=config.evaluate.constrained,
        look_again_below=config.policy.look_again_below,
    )
    answers = asked.answers(episode.seed, job.episode, all_pictures=job.episode == 0)
    return PlannerAnswers(answers, "", dict(asked.seconds))
