"""Evaluation with the simulator's expert: the harness gives what it must, however often it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import content_digest
from stages.artifacts.header import Header
from stages.artifacts.resume import open_partial, partial_of
from stages.artifacts.run import RunDirectory
from stages.core.decision import NOTHING_GIVEN, Decision, Given
from stages.core.errors import UserError
from stages.evaluate import evaluate
from stages.evaluation.outputs import rollout_path
from stages.oracle.expert import ExpertPolicy
from stages.rollouts.jobs import jobs_of, levels_of
from stages.rollouts.rollouts import RolloutJob, choose_instruction, roll_out
from stages.rollouts.seeds import FIRST_SEED, evaluation_seed
from stages.rollouts.storage import read_rollouts
from stages.serving.recordings import add_recording
from stages.settings.evaluate import PROTOCOLS, EvaluateConfig
from stages.settings.loader import Config, load_config
from stages.simulators import make_simulator
from stages.simulators.tabletop.tasks import LEVELS, make_task
from tests.conftest import clap_here

TASKVARS = "[push_button+0, push_button+13]"
SETTINGS = [
    f"evaluate.taskvars={TASKVARS}",
    "evaluate.l1=3",
    "evaluate.l2=1",
    "evaluate.image_size=32",
    "evaluate.video_size=48",
    "evaluate.video_fps=2",
]


def settings(**values: Any) -> Config:
    return load_config(None, SETTINGS, **{f"evaluate__{name}": value for name, value in values.items()})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, dict[str, Any]]:
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    return run, evaluate(settings(workers=1), None, None, "all", run)


def test_expert_succeeds_and_is_counted(finished: tuple[RunDirectory, dict[str, Any]]) -> None:
    _, summary = finished
    assert {level: row["episodes"] for level, row in summary["levels"].items()} == {"l1": 3, "l2": 1}
    assert summary["mean_over_levels"] == 1.0
    row = summary["levels"]["l1"]["variations"]["push_button+0"]
    assert (row["successes"], row["episodes"], row["rate"], row["high"]) == (3, 3, 1.0, 1.0)
    assert 0.4 < row["low"] < 0.5  # 3 of 3: n / (n + z^2)
    json.dumps(summary)


def test_rollouts_have_predictions_beside_truth(finished: tuple[RunDirectory, dict[str, Any]]) -> None:
    run, _ = finished
    with Demonstrations(run.root / "rollouts-l1-expert.h5") as demos:
        assert len(demos) == 3
        for episode in demos:
            assert episode.predictions.steps == episode.steps
            assert np.array_equal(episode.predictions.keypoints, episode.targets)
            assert np.array_equal(episode.predictions.actions, episode.actions)
            assert episode.rewards[-1] == 1 and episode.seed >= FIRST_SEED
            assert episode.instruction in episode.instructions
            assert len(episode.observations) == len(episode) + 1 == len(episode.trajectory["keyframes"])


def test_result_lines_carry_the_fields_of_gembench(finished: tuple[RunDirectory, dict[str, Any]]) -> None:
    run, _ = finished
    lines = [json.loads(line) for line in run.results.read_text().splitlines()]
    assert len(lines) == 4
    for line in lines:
        assert {"episode_id", "instr", "success", "error", "nsteps", "task", "variation", "level"} <= line.keys()
        assert line["success"] == 1.0 and line["error"] is None and line["nsteps"] == 2
    by_seed = run.root / "gembench" / "seed200" / "results.jsonl"
    summary = [json.loads(line) for line in by_seed.read_text().splitlines()]
    for line in [*lines, *summary]:  # what the benchmark's summary script needs of a line
        assert isinstance(line["checkpoint"], int) and 0 <= line["sr"] <= 1
        assert f"{line['task']}+{line['variation']}" in ("push_button+0", "push_button+13")
    assert [set(line) for line in summary] == [{"checkpoint", "task", "variation", "sr"}] * 2


def test_report_shows_the_videos(finished: tuple[RunDirectory, dict[str, Any]]) -> None:
    run, _ = finished
    html = run.report.read_text()
    assert html.count("data:image/webp;base64,") == 2
    assert "push_button+13" in html and "100.0 %" in html


def test_result_is_independent_of_workers(finished: tuple[RunDirectory, dict[str, Any]], tmp_path: Path) -> None:
    run, _ = finished
    other = RunDirectory(tmp_path)
    evaluate(settings(workers=2, videos=0), None, None, "l1", other)
    name = "rollouts-l1-expert.h5"
    assert content_digest(other.root / name) == content_digest(run.root / name)


def test_complete_rollouts_are_kept_or_refused(finished: tuple[RunDirectory, dict[str, Any]]) -> None:
    run, summary = finished
    before = (run.root / "rollouts-l1-expert.h5").stat().st_mtime_ns
    assert evaluate(settings(), None, None, "l1", run, resume=True)["levels"]["l1"] == summary["levels"]["l1"]
    assert (run.root / "rollouts-l1-expert.h5").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="--resume"):
        evaluate(settings(), None, None, "l1", run)
    with pytest.raises(UserError, match="max_steps"):
        evaluate(settings(max_steps=3), None, None, "l1", run, resume=True)


def test_killed_and_resumed_equals_uninterrupted(finished: tuple[RunDirectory, dict[str, Any]], tmp_path: Path) -> None:
    run, _ = finished
    target = tmp_path / "rollouts-l1-expert.h5"
    process = start_evaluation(tmp_path)
    wait_for_shard(partial_of(target), process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not target.exists()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "workers outlive their parent"
    with pytest.raises(UserError, match="--resume"):
        evaluate(settings(workers=1, videos=0), None, None, "l1", RunDirectory(tmp_path))
    summary = evaluate(settings(workers=1, videos=0), None, None, "l1", RunDirectory(tmp_path), resume=True)
    assert summary["levels"]["l1"]["episodes"] == 3
    assert content_digest(target) == content_digest(run.root / target.name)


def start_evaluation(folder: Path) -> subprocess.Popen:
    code = (
        "from pathlib import Path; from stages.artifacts.run import RunDirectory\n"
        "from stages.settings.loader import load_config\n"
        "from stages.evaluate import evaluate\n"
        f"settings = {[*SETTINGS, 'evaluate.workers=2', 'evaluate.videos=0']!r}\n"
        f"evaluate(load_config(None, settings), None, None, 'l1', RunDirectory(Path({str(folder)!r})))"
    )
    root = Path(__file__).resolve().parents[1]
    return subprocess.Popen([sys.executable, "-c", code], cwd=root, env=os.environ | {"OMP_NUM_THREADS": "1"})


def wait_for_shard(partial: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while not list(partial.glob("episode_*.h5")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def test_splits_and_seeds() -> None:
    levels = {"train": [("a", 0)], "l1": [("a", 0)], "l2": [("b", 1)], "l3": [], "l4": [("c", 2)]}
    assert levels_of("all", levels) == ["l1", "l2", "l4"]
    assert levels_of("train", levels) == ["train"]
    for wrong, meant in (("l5", "l1"), ("al", "all"), ("l3", "another")):
        with pytest.raises(UserError, match=meant):
            levels_of(wrong, levels)

    def training(task: str, variation: int, count: int) -> range:
        return range(count)

    fresh = {job.seed for job in jobs_of("l1", levels["l1"], EvaluateConfig(l1=50), training)}
    trained = {job.seed for job in jobs_of("train", levels["train"], EvaluateConfig(train=50), training)}
    assert len(fresh) == 50 and trained == set(range(50)) and not fresh & trained


def test_protocol_of_gembench_is_five_seeds_of_twenty_episodes() -> None:
    config = EvaluateConfig(**PROTOCOLS["gembench"])
    jobs = jobs_of("l2", [("a", 0), ("b", 1)], config, lambda *_: [])
    assert len(jobs) == 2 * 5 * 20 and len({(job.task, job.seed) for job in jobs}) == len(jobs)
    assert sorted({evaluation_seed(job.seed) for job in jobs}) == [200, 300, 400, 500, 600]
    assert {job.episode for job in jobs} == set(range(20)) and config.max_steps == 25
    with pytest.raises(UserError, match="200"):
        jobs_of("l2", [("a", 0)], EvaluateConfig(seeds=(7,)), lambda *_: [])


def test_seeds_and_novel_wordings_have_scenes_and_files_of_their_own(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    values = {"taskvars": ["push_button+13"], "l2": 2, "seeds": (200, 300), "videos": 0, "workers": 1}
    summary = evaluate(settings(**values, instructions="novel"), None, None, "l2", run)
    assert summary["levels"]["l2"]["seeds"] == {"200": 1.0, "300": 1.0} and summary["mean_over_levels_std"] == 0
    rollouts = read_rollouts(tmp_path / "rollouts-l2-expert-novel.h5")
    assert [result.seed for result in rollouts.results] == [200_000, 200_001, 300_000, 300_001]
    task = make_task("push_button", 13)
    assert {result.instruction for result in rollouts.results} <= set(task.novel_instructions())
    assert not set(task.novel_instructions()) & set(task.instructions())


def test_unknown_variation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="push_button"):
        evaluate(settings(taskvars=["push_buton+0"]), None, None, "l1", RunDirectory(tmp_path))
    with pytest.raises(UserError, match="random"):
        evaluate(settings(), None, None, "l1", RunDirectory(tmp_path), oracle=["randm"])


def test_two_runs_are_compared_scene_by_scene(finished: tuple[RunDirectory, dict[str, Any]], tmp_path: Path) -> None:
    """The expert needs two motions: the run that allows one fails wherever it was asked."""
    run, _ = finished
    evaluate(settings(max_steps=1, l1=2, videos=0), None, None, "l1", RunDirectory(tmp_path))
    outcome = clap_here("evaluate", "--compare", run.root, tmp_path, "--policy", "expert", "--json")
    assert outcome.code == 0, outcome.err
    row = {"scenes": 2, "first": 1.0, "second": 0.0, "difference": -1.0, "low": -1.0, "high": -1.0}
    assert outcome.json["levels"] == {"l1": row | {"gained": 0, "lost": 2}}
    assert outcome.json["all"] == outcome.json["levels"]["l1"]
    shown = clap_here("evaluate", "--compare", tmp_path, run.root, "--policy", "expert")
    assert "+100.0" in shown.out and "bootstrap" in shown.out
    for args, message in (((run.root, tmp_path), "no rollouts"), ((run.root, tmp_path / "x"), "no rollouts")):
        assert message in clap_here("evaluate", "--compare", *args).err


def test_what_failed_at_once_was_not_begun(tmp_path: Path) -> None:
    run, header = RunDirectory(tmp_path), Header.create("clap.rollouts", config={}, settings={}, seed=0)
    open_partial(rollout_path(run, "l1", "expert"), header)
    assert evaluate(settings(videos=0, l1=1), None, None, "l1", run)["levels"]["l1"]["successes"] == 1


def test_training_placements_are_those_of_the_demonstrations(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    evaluate(settings(train=2, videos=0, taskvars=["push_button+0"]), None, None, "train", run)
    rollouts = read_rollouts(tmp_path / "rollouts-train-expert.h5")
    assert [result.seed for result in rollouts.results] == [0, 1]


def test_instruction_is_drawn_once_and_varies() -> None:
    texts = list("abcde")
    jobs = [RolloutJob(0, "push_button", 0, "l1", 0, FIRST_SEED + k) for k in range(40)]
    drawn = [choose_instruction(texts, job) for job in jobs]
    assert drawn == [choose_instruction(texts, job) for job in jobs]
    assert set(drawn) == set(texts)


class WrongPolicy(ExpertPolicy):
    """The expert with one mistake put in."""

    def __init__(self, simulator: Any, **mistake: Any) -> None:
        super().__init__(simulator)
        self.mistake = mistake

    def select_action(self, observation: Any, given: Given = NOTHING_GIVEN) -> Decision:
        decision = super().select_action(observation, given)
        return Decision(**vars(decision) | self.mistake)


@pytest.mark.parametrize(
    ("mistake", "failure"),
    [
        ({"finished": True, "plan": ["push the maroon button"]}, "stopped early"),
        ({"step": "push the red button", "action": np.array([0.3, 0, 1.1, 1, 0, 0, 0, 0, 1.0])}, "wrong step"),
        ({"plan": ["push it"], "step": "push it", "action": np.array([0.3, 0, 1.1, 1, 0, 0, 0, 0, 1.0])}, "wrong plan"),
        ({"finished": True, "plan": []}, "wrong plan"),
        ({"action": np.array([0.3, 0, 1.1, 1, 0, 0, 0, 0, 1.0])}, "wrong motion"),
        ({"action": np.array([5.0, 0, 1.1, 1, 0, 0, 0, 0, 1.0])}, "wrong motion"),
    ],
)
def test_mistakes_are_named(mistake: dict[str, Any], failure: str) -> None:
    simulator = make_simulator("tabletop", image_size=16)
    job = RolloutJob(0, "push_button", 0, "l1", 0, FIRST_SEED)
    rollout = roll_out(simulator, WrongPolicy(simulator, **mistake), job, max_steps=3)
    simulator.close()
    assert not rollout.episode.success
    assert rollout.failure == failure
    assert len(rollout.episode) <= 3
    if mistake.get("action") is not None and mistake["action"][0] > 1:
        assert rollout.episode.error == "unreachable" and len(rollout.episode) == 1


def test_an_instruction_without_a_plan_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    simulator = make_simulator("tabletop", image_size=16)

    class Speechless(ExpertPolicy):
        def reset(self, instruction: str) -> None:
            raise UserError("there is no plan")

    job = RolloutJob(0, "push_button", 0, "l1", 0, FIRST_SEED)
    rollout = roll_out(simulator, Speechless(simulator), job, max_steps=3)
    assert (rollout.failure, rollout.episode.success, len(rollout.episode)) == ("no plan", False, 0)
    header = Header.create("clap.rollouts", config={}, settings={}, seed=0)
    add_recording(tmp_path / "empty.h5", job, rollout, header, {})
    with Demonstrations(tmp_path / "empty.h5") as demos:
        assert len(demos.episode(0)) == 0 and demos.episode(0).error == "there is no plan."
    assert read_rollouts(tmp_path / "empty.h5").results[0].failure == "no plan"


def test_every_level_of_the_simulator_can_be_asked_for() -> None:
    for level, variations in LEVELS.items():
        jobs = jobs_of(level, variations, EvaluateConfig(), lambda task, variation, count: range(count))
        assert [job.index for job in jobs] == list(range(len(jobs)))
