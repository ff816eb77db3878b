"""The command line on tiny real runs: every command, bad input, interruption, a full disk."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
from checkpoints import save_causal_model
from conftest import TINY, Outcome, clap_alone, clap_here, clap_process
from PIL import Image

from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.files import content_digest
from stages.artifacts.lock import exclusive
from stages.artifacts.resume import partial_of
from stages.core.errors import UserError
from stages.simulators.protocol import Motion
from stages.simulators.tabletop.skills.hand import displaced, push_down
from stages.simulators.tabletop.state import State
from stages.simulators.tabletop.tasks.push_button import PushButton

COMMANDS = [
    ["collect", "demos"],
    ["annotate-keypoints"],
    ["decompose"],
    ["finetune-vlm"],
    ["train-fine"],
    ["evaluate"],
    ["deploy"],
    ["deploy", "serve"],
    ["deploy", "drive"],
    ["pretrain-vlm"],
    ["pretrain-fine"],
    ["status"],
    ["tasks"],
    ["tasks", "check"],
    ["view"],
]

TRAINING = (
    *("vlm.steps=2", "vlm.auxiliary_scenes=4", "vlm.batch_size=2"),
    *("fine.steps=2", "fine.batch_size=2", "fine.base=", "fine.width=32", "fine.depth=1"),
)
ROLLING = ("evaluate.max_steps=2", "evaluate.image_size=32", "evaluate.video_size=48", "evaluate.video_fps=2")
DRIVING = ("deploy.max_steps=2", "deploy.image_size=32")


def sets(*assignments: str) -> list[str]:
    return [part for assignment in assignments for part in ("--set", assignment)]


def refused(outcome: Outcome, *words: str) -> bool:
    """Whether a command ended with one clear line that has the words."""
    assert outcome.code == 2, outcome
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and not outcome.out, outcome
    return all(word in lines[0] for word in words)


class TestHelp:
    def test_help_needs_no_heavy_package(self) -> None:
        code = (
            "import sys; sys.argv = ['clap', '--help']\n"
            "from clap_cli.app import main\n"
            "try: main()\n"
            "except SystemExit as end: assert not end.code\n"
            "heavy = {'torch', 'transformers', 'mujoco', 'open3d', 'h5py', 'matplotlib'} & set(sys.modules)\n"
            "assert not heavy, heavy\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_every_command_explains_itself(self, command: list[str]) -> None:
        outcome = clap_here(*command, "--help")
        assert outcome.code == 0 and "Usage" in outcome.out

    def test_version(self) -> None:
        assert clap_here("--version").out.strip()


def planning(language: Path) -> list[str]:
    """Options for a planning model that is trained in no time."""
    return sets(f"vlm.language={language}", "vlm.language_steps=2", "vlm.language_batch=2")


@pytest.fixture(scope="module")
def trained_run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with trained models and a bundle."""
    run = tmp_path_factory.mktemp("models") / "run"
    shutil.copytree(tiny_run, run)
    base = run.parent / "base"
    language = save_causal_model(run.parent / "causal", ["push the maroon button", "grasp the red block\nlift it"])
    small = sets("scenes=2", "steps=2", "batch_size=2", "image_size=32", "assessed=4", "workers=1")
    for args in (
        ("pretrain-vlm", "--out", base, *small),
        ("finetune-vlm", "--run", run, "--base", base, *planning(language), *sets(*TRAINING)),
        ("train-fine", "--run", run, *sets(*TRAINING)),
        ("pretrain-fine", "--out", run.parent / "motions", *small),
        ("deploy", "--run", run),
    ):
        outcome = clap_here(*args, "--json")
        assert outcome.code == 0, outcome.err
        assert isinstance(outcome.json, dict)
    return run


class TestStages:
    """A run from demonstrations to a driven robot, each command seeing only what the ones before wrote."""

    def test_models_are_trained_and_kept_when_resumed(self, trained_run: Path) -> None:
        made = {name: (trained_run / name).stat().st_mtime_ns for name in ("vlm.h5", "fine.h5")}
        base = trained_run.parent / "base"
        language = planning(trained_run.parent / "causal")
        for args in (("finetune-vlm", "--base", base, *language), ("train-fine",)):
            outcome = clap_here(*args, "--run", trained_run, "--resume", "--json", *sets(*TRAINING))
            assert outcome.code == 0 and outcome.json["steps"] == 2
        assert made == {name: (trained_run / name).stat().st_mtime_ns for name in made}
        outcome = clap_here("train-fine", "--run", trained_run, "--resume", *sets(*TRAINING, "fine.steps=3"))
        assert refused(outcome, "steps: 2 instead of 3", "--overwrite")

    def test_a_base_of_another_architecture_is_refused(self, trained_run: Path) -> None:
        weights = (trained_run / "fine" / "model.safetensors").read_bytes()
        base = f"fine.base={trained_run.parent / 'motions'}"
        outcome = clap_here("train-fine", "--run", trained_run, "--overwrite", *sets(*TRAINING, base))
        assert refused(outcome, "fine.width is 32, but 128 in the base", "--set fine.base=")
        assert (trained_run / "fine" / "model.safetensors").read_bytes() == weights

    def test_work_of_other_settings_is_not_gone_on_with(self, trained_run: Path) -> None:
        base = trained_run.parent / "motions"
        outcome = clap_here("pretrain-fine", "--out", base, *sets("scenes=3"))
        assert refused(outcome, "made with other settings", "scenes: 2 instead of 3", "--work")

    def test_evaluation(self, trained_run: Path) -> None:
        args = ("--run", trained_run, "--task", "push_button+0", "--episodes", "2", "--workers", "1", *sets(*ROLLING))
        outcome = clap_here("evaluate", "--split", "l1", *args, "--json")
        assert outcome.code == 0, outcome.err
        level = outcome.json["levels"]["l1"]
        rate = level["variations"]["push_button+0"]
        assert level["episodes"] == rate["episodes"] == 2 and 0 <= rate["low"] <= rate["rate"] <= rate["high"] <= 1
        with Demonstrations(trained_run / "rollouts-l1.h5") as rollouts:
            assert len(rollouts) == 2 and all(episode.predictions is not None for episode in rollouts)
        assert (trained_run / "results.jsonl").read_text().strip()
        assert "<html" in (trained_run / "report.html").read_text()
        table = clap_here("evaluate", "--split", "l1", *args, "--resume")
        assert table.code == 0 and "push_button+0" in table.out and "report.html" in table.out
        picture = clap_here("view", "rollouts-l1", "--run", trained_run, "--json")
        assert Image.open(picture.json["picture"]).width > 500

    def test_variations_that_were_not_trained_on_are_marked(self, trained_run: Path, tmp_path: Path) -> None:
        models = ("--vlm", trained_run / "vlm", "--fine", trained_run / "fine", "--run", tmp_path)
        tasks = ("--task", "push_button+0", "--task", "push_button+4", "--episodes", "1", "--workers", "1")
        rolled = ("evaluate", "--split", "l1", *models, *tasks, *sets(*ROLLING))
        asked = ("evaluate", "--split", "l1", "--planner-only", *models[:2], *models[4:], *tasks, *sets(*ROLLING))
        for args in (rolled, asked):
            outcome = clap_here(*args, "--json")
            assert outcome.code == 0, outcome.err
            assert outcome.json["levels"]["l1"]["untrained"] == ["push_button+4"]
            table = clap_here(*args, "--resume").out
            assert "push_button+4 *" in table and "push_button+0 *" not in table and "* not trained on" in table
            page = (tmp_path / "report.html").read_text()
            assert "push_button+4 (not trained on)" in page or "L1: push_button+4." in page

    def test_the_expert_can_be_evaluated(self, trained_run: Path, tmp_path: Path) -> None:
        args = ("--task", "push_button+0", "--episodes", "1", "--workers", "1", *sets(*ROLLING))
        outcome = clap_here("evaluate", "--split", "l1", "--run", tmp_path, "--policy", "expert", *args, "--json")
        assert outcome.code == 0 and outcome.json["levels"]["l1"]["successes"] == 1

    def test_rollouts_can_be_annotated_and_decomposed(self, tmp_path: Path) -> None:
        args = ("--task", "push_button+0", "--episodes", "1", "--workers", "1", *sets(*ROLLING))
        clap_here("evaluate", "--split", "l1", "--run", tmp_path, "--policy", "expert", *args)
        demos = next(tmp_path.glob("rollouts-l1*.h5"))
        annotated = clap_here("annotate-keypoints", "--run", tmp_path, "--demos", demos, "--workers", "1", "--json")
        assert annotated.code == 0 and annotated.json["episodes"] == 1
        planned = clap_here("decompose", "--run", tmp_path, "--demos", demos, "--json")
        assert planned.code == 0 and planned.json["ok"] == 1

    def test_driving(self, trained_run: Path) -> None:
        """Two steps of training make no planner: it may have no plan, and must say so in one line."""
        args = ("push the maroon button", "--run", trained_run, "--task", "push_button+0", *sets(*DRIVING))
        outcome = clap_here("deploy", "drive", *args, "--json")
        if outcome.code:
            assert "plan" in outcome.err.splitlines()[-1]
        else:
            assert outcome.json["success"] in (True, False) and (trained_run / "recordings.h5").exists()

    @pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
    def test_a_server_ends_when_told_to(self, trained_run: Path, ending: signal.Signals, code: int) -> None:
        process = clap_process("deploy", "serve", "--run", trained_run, "--port", "0")
        try:
            announced = next(line for line in process.stderr if line.startswith("Serving "))
            url = re.search(r"http://[\d.:]+", announced)[0]
            health = json.load(urllib.request.urlopen(f"{url}/health"))
            assert health["status"] == "ok" and health["bundle"] == "bundle"
            process.send_signal(ending)
            out, err = process.communicate(timeout=20)
            assert process.returncode == code and "Traceback" not in err
            assert code or "requests" in out
        finally:
            process.kill()

    def test_status(self, trained_run: Path) -> None:
        nodes = clap_here("status", "--run", trained_run, "--json").json["artifacts"]
        states = {node["name"]: node["state"] for node in nodes}
        assert all(states[name] == "complete" for name in ("demos", "keypoints", "plans", "vlm", "fine", "bundle"))
        assert "complete" in clap_here("status", "--run", trained_run, "--verify").out

    def test_what_was_collected_again_makes_the_rest_stale(self, trained_run: Path, tmp_path: Path) -> None:
        copy = tmp_path / "run"
        shutil.copytree(trained_run, copy)
        args = ("--task", "push_button+0", "--episodes", "1", *TINY)
        assert clap_here("collect", "demos", "--run", copy, *args, "--overwrite").code == 0
        nodes = {node["name"]: node for node in clap_here("status", "--run", copy, "--json").json["artifacts"]}
        assert {nodes[name]["state"] for name in ("keypoints", "plans", "vlm", "fine", "bundle")} == {"stale"}
        assert refused(clap_here("train-fine", "--run", copy, "--overwrite"), "made from another clap.demos")
        assert "demos has changed" in " ".join(clap_here("status", "--run", copy).out.split())

    @pytest.mark.parametrize("name", ["demos", "keypoints", "plans"])
    def test_pictures(self, trained_run: Path, tmp_path: Path, name: str) -> None:
        outcome = clap_here(
            "view", name, "--run", trained_run, "--episode", "1", "--out", tmp_path / "a" / "view.png", "--json"
        )
        assert outcome.code == 0, outcome.err
        assert Image.open(tmp_path / "a" / "view.png").height > 500

    @pytest.mark.parametrize("name", ["vlm", "fine"])
    def test_curves(self, trained_run: Path, tmp_path: Path, name: str) -> None:
        outcome = clap_here("view", name, "--run", trained_run, "--out", tmp_path / "view.png", "--json")
        assert outcome.code == 0, outcome.err
        assert Image.open(tmp_path / "view.png").width > 500

    @pytest.mark.parametrize("harm", ["data set", "header"])
    def test_damage_is_named_whatever_it_leads_to(self, trained_run: Path, tmp_path: Path, harm: str) -> None:
        run = tmp_path / "run"
        shutil.copytree(trained_run, run)
        with h5py.File(run / "plans.h5", "r+") as file:
            if harm == "data set":
                del file["episodes/demo_0/step_index"]
            else:
                file.attrs["summary"] = "[]"
        if harm == "data set":
            assert refused(clap_here("view", "plans", "--run", run), "plans.h5 is damaged", "move it away")
        curves = bytearray((run / "fine.h5").read_bytes())
        curves[len(curves) // 2] ^= 1
        (run / "fine.h5").write_bytes(curves)
        nodes = clap_here("status", "--verify", "--run", run, "--json").json["artifacts"]
        assert {node["name"] for node in nodes if node["state"] == "damaged"} == {"plans", "fine"}


class TestSummaries:
    def test_json_is_all_there_is_on_stdout(self, tmp_path: Path) -> None:
        outcome = clap_alone("collect", "demos", "--run", tmp_path, "--task", "push_button", "--episodes", "1", *TINY)
        assert outcome.code == 0 and "demonstrations" in outcome.out and "collect demos: 1/1" in outcome.err
        again = clap_alone(
            "collect",
            "demos",
            "--run",
            tmp_path,
            "--task",
            "push_button",
            "--episodes",
            "1",
            *TINY,
            "--resume",
            "--json",
        )
        assert again.json["demonstrations"] == 1 and len(again.out.splitlines()) == 1

    def test_settings_of_a_run_are_written_into_it(self, tmp_path: Path) -> None:
        config = tmp_path / "settings.yaml"
        config.write_text("collect:\n  taskvars: [push_button+3]\n  image_size: 16\n  workers: 1\n")
        run = tmp_path / "run"
        made = clap_here("collect", "demos", "--run", run, "--config", config, "--seed", "7", "--episodes", "1")
        assert made.code == 0, made.err
        with Demonstrations(run / "demos.h5") as demos:
            header = demos.header
            assert header.config["collect"]["image_size"] == 16 and header.seed == 7
            assert header.settings["episodes_per_variation"] == 1 and "collect demos" in header.command
            assert demos.episode(0).seed == 7 and demos.episode(0).taskvar == "push_button+3"


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["colect"], ["colect", "--help"]),
            (["collect", "demos", "--tusk", "push_button"], ["--tusk"]),
            (["collect", "demos", "--episodes", "0"], ["--episodes"]),
            (["collect", "demos", "--task", "push_buton+0"], ["Did you mean 'push_button'"]),
            (["collect", "demos", "--task", "push_button+99"], ["no variation 99"]),
            (["collect", "demos", "--set", "collect.episode=3"], ["collect.episode", "Did you mean"]),
            (["collect", "demos", "--set", "collect.workers=two"], ["an integer"]),
            (["collect", "demos", "--config", "missing.yaml"], ["missing.yaml", "cannot be read"]),
            (["collect", "demos", "--set", "collect.simulator=rlbench"], ["rlbench", "CoppeliaSim"]),
            (["collect", "demos", "--resume", "--overwrite", "--task", "push_button"], ["exclude each other"]),
            (["annotate-keypoints"], ["demos.h5 does not exist", "clap collect demos"]),
            (["decompose"], ["demos.h5 does not exist"]),
            (["finetune-vlm"], ["demos.h5 does not exist"]),
            (["train-fine"], ["demos.h5 does not exist"]),
            (["evaluate"], ["--split"]),
            (
                ["evaluate", "--split", "l1", "--policy", "expert", "--set", "evaluate.l1=0"],
                ["no episode of split 'l1'"],
            ),
            (
                ["evaluate", "--split", "l1", "--policy", "expert", "--task", "push_button+13"],
                ["no episode of split 'l1'"],
            ),
            (["evaluate", "--split", "l9"], ["no split 'l9'"]),
            (["evaluate", "--split", "l1"], ["vlm does not exist", "clap finetune-vlm"]),
            (["evaluate", "--split", "l1", "--oracle", "guess"], ["no oracle 'guess'"]),
            (["evaluate", "--split", "l1", "--policy", "me"], ["me"]),
            (["evaluate", "--split", "l1", "--task", "nothing+0"], ["nothing"]),
            (["deploy"], ["vlm does not exist"]),
            (["deploy", "serve"], ["bundle does not exist"]),
            (["deploy", "drive", "push it", "--task", "push_button+0"], ["bundle does not exist"]),
            (["deploy", "drive", "push it"], ["--task"]),
            (["view", "missing.h5"], ["missing.h5 does not exist"]),
            (["pretrain-vlm", "--out", "base", "--set", "scene=3"], ["Did you mean 'scenes'"]),
            (["pretrain-fine", "--out", "base", "--set", "scene=3"], ["Did you mean 'scenes'"]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_one_clear_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], words: list[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert refused(clap_here(*args), *words)
        assert not (tmp_path / "runs").exists()

    def test_status_of_nothing(self, tmp_path: Path) -> None:
        assert refused(clap_here("status", "--run", tmp_path / "nothing"), "no run directory")

    def test_artifacts_in_the_wrong_place(self, tiny_run: Path, tmp_path: Path) -> None:
        assert refused(
            clap_here("annotate-keypoints", "--run", tmp_path, "--demos", tiny_run / "plans.h5"),
            "clap.plans",
            "clap.demos",
        )
        (tmp_path / "text.h5").write_text("text")
        assert refused(clap_here("annotate-keypoints", "--run", tmp_path, "--demos", tmp_path / "text.h5"), "HDF5")
        assert refused(clap_here("view", tmp_path / "text.h5"), "HDF5")
        content = (tiny_run / "demos.h5").read_bytes()
        (tmp_path / "demos.h5").write_bytes(content[: len(content) // 2])
        assert refused(clap_here("annotate-keypoints", "--run", tmp_path), "truncated", "move this one away")
        h5py.File(tmp_path / "empty.h5", "w").close()
        assert refused(clap_here("decompose", "--run", tmp_path, "--demos", tmp_path / "empty.h5"), "no schema")

    def test_artifacts_of_another_run(self, tiny_run: Path, tmp_path: Path) -> None:
        args = ("--task", "push_button+4", "--episodes", "1", *TINY)
        assert clap_here("collect", "demos", "--run", tmp_path, *args).code == 0
        outcome = clap_here("decompose", "--run", tmp_path, "--keypoints", tiny_run / "keypoints.h5")
        assert refused(outcome, "made from another clap.demos")

    def test_test_variations_are_never_trained_on(self, tmp_path: Path) -> None:
        args = ("--task", "push_button+0", "--task", "push_button+13", "--episodes", "1", *TINY)
        for stage in (["collect", "demos", *args], ["annotate-keypoints"], ["decompose"]):
            assert clap_here(*stage, "--run", tmp_path).code == 0
        for stage in ("finetune-vlm", "train-fine"):
            assert refused(clap_here(stage, "--run", tmp_path), "push_button+13", "L2", "refuse_test_variations=false")

    def test_existing_artifacts_are_kept(self, tiny_run: Path) -> None:
        before = content_digest(tiny_run / "plans.h5")
        assert refused(clap_here("decompose", "--run", tiny_run), "exists", "--resume", "--overwrite")
        assert content_digest(tiny_run / "plans.h5") == before

    def test_a_place_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        outcome = clap_here(
            "collect", "demos", "--run", tmp_path / "file", "--task", "push_button", "--episodes", "1", *TINY
        )
        assert outcome.code == 1 and outcome.err.count("\n") <= 2 and "error: " in outcome.err


class TestInterruption:
    def test_ctrl_c_keeps_what_is_complete(self, tmp_path: Path) -> None:
        command = ("collect", "demos", "--run", tmp_path, "--task", "push_button", "--episodes", "8", *TINY)
        process = clap_process(*command)
        shards = partial_of(tmp_path / "demos.h5")
        while process.poll() is None and not list(shards.glob("episode_*.h5")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in err and not out
        assert err.splitlines()[-1].startswith("error: interrupted") and "--resume" in err
        kept = len(list(shards.glob("episode_*.h5")))
        assert kept >= 1
        outcome = clap_alone(*command, "--resume", "--json")
        assert outcome.json["demonstrations"] == 8

    def test_ctrl_c_with_workers(self, tmp_path: Path) -> None:
        process = clap_process(
            "collect", "demos", "--run", tmp_path, "--task", "push_button", "--episodes", "50", *TINY[:-1], "2"
        )
        shards = partial_of(tmp_path / "demos.h5")
        while process.poll() is None and not list(shards.glob("episode_*.h5")):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in err

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """A limit on the size of files stands for the end of the disk: it fails in the same places."""
        command = ("collect", "demos", "--run", tmp_path, "--task", "push_button", "--episodes", "2", *TINY)
        outcome = clap_alone(*command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)))
        assert outcome.code == 1 and "Traceback" not in outcome.err
        assert "the disk is full" in outcome.err.splitlines()[-1]
        assert not (tmp_path / "demos.h5").exists()
        assert clap_alone(*command, "--resume").code == 0

    def test_annotation_killed_and_resumed(self, tiny_run: Path, tmp_path: Path) -> None:
        shutil.copy(tiny_run / "demos.h5", tmp_path)
        command = ("annotate-keypoints", "--run", tmp_path, "--workers", "1", "--resume")
        process = clap_process(*command)
        shards = partial_of(tmp_path / "keypoints.h5")
        while process.poll() is None and not list(shards.glob("episode_*.h5")):
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert clap_alone(*command).code == 0
        assert content_digest(tmp_path / "keypoints.h5") == content_digest(tiny_run / "keypoints.h5")


def test_summaries_are_kept_with_artifacts(tiny_run: Path) -> None:
    with h5py.File(tiny_run / "plans.h5", "r") as file:
        assert json.loads(file.attrs["summary"])["episodes"] == 4


class TestTasks:
    def test_every_variation_is_listed_with_its_wordings(self) -> None:
        rows = clap_here("tasks", "--json").json["tasks"]
        assert len(rows) == len({(row["task"], row["variation"]) for row in rows}) >= 92
        assert all(len(row["instructions"]) >= 4 and len(row["novel_instructions"]) >= 2 for row in rows)
        assert {row["level"] for row in clap_here("tasks", "--level", "l4", "--json").json["tasks"]} == {"l4"}
        shown = clap_here("tasks", "--level", "l4").out
        assert "push_buttons4" in shown and "12 variations of 6 tasks" in shown

    def test_experts_are_checked_and_written_down(self, tmp_path: Path) -> None:
        table = tmp_path / "experts.md"
        options = ("--task", "push_button+0", "--task", "push_button+13", "--episodes", "2", "--workers", "1")
        outcome = clap_here("tasks", "check", *options, "--out", table, "--json")
        assert outcome.code == 0 and outcome.json["successes"] == outcome.json["episodes"] == 4
        assert "| l2 | push_button+13 | 2/2 |" in table.read_text()

    def test_an_expert_that_fails_is_an_exit_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def beside(task: PushButton, state: State) -> Iterator[Motion]:
            return displaced(push_down(state, task.button), (0, 0.09, 0))

        monkeypatch.setattr(PushButton, "expert", beside)
        outcome = clap_here("tasks", "check", "--task", "push_button+0", "--episodes", "2", "--workers", "1", "--json")
        assert outcome.code == 1
        assert outcome.json["unreliable"] == ["push_button+0"]
        assert outcome.json["variations"][0]["failed_seeds"] == [900_000, 900_001]

    def test_a_picture_of_a_task(self, tmp_path: Path) -> None:
        picture = tmp_path / "sheet.png"
        outcome = clap_here("view", "--task", "close_microwave", "--out", picture, "--json")
        assert outcome.code == 0 and outcome.json["variations"] == ["close_microwave+0"]
        with Image.open(picture) as image:
            assert image.width > 4 * 256 and image.height > 256
            assert len(image.convert("RGB").resize((64, 16)).getcolors(1024)) > 100

    def test_unknown_names_are_refused(self) -> None:
        assert refused(clap_here("view", "--task", "push_buton"), "push_button")
        assert refused(clap_here("view"), "--task")
        assert refused(clap_here("tasks", "check", "--task", "push_button+99"), "99")
        assert refused(clap_here("tasks", "--level", "l9"), "l4")

    def test_gembench_protocol_with_smaller_numbers(self, tmp_path: Path) -> None:
        smaller = ("--episodes", "1", "--eval-seed", "200", "--eval-seed", "300", "--task", "push_button+13")
        options = ("--split", "l2", "--policy", "expert", "--workers", "1", "--run", tmp_path)
        outcome = clap_here("evaluate", *options, "--protocol", "gembench", *smaller, *sets(*ROLLING), "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["levels"]["l2"]["seeds"] == {"200": 1.0, "300": 1.0}
        assert outcome.json["levels"]["l2"]["std"] == outcome.json["mean_over_levels_std"] == 0.0
        for seed in (200, 300):
            line = json.loads((tmp_path / "gembench" / f"seed{seed}" / "results.jsonl").read_text())
            assert (line["task"], line["variation"], line["sr"]) == ("push_button", 13, 1.0)
        assert refused(clap_here("evaluate", *options, "--protocol", "gembench2"), "gembench")


class TestTwoAtOnce:
    def test_a_run_in_use_is_refused_with_the_process_until_that_ends(self, tmp_path: Path) -> None:
        """Also when it is killed."""
        code = (
            "import sys, time\nfrom pathlib import Path\nfrom stages.artifacts.lock import exclusive\n"
            f"with exclusive(Path({str(tmp_path)!r})):\n    print('held', flush=True)\n    time.sleep(100)"
        )
        command = ("collect", "demos", "--run", tmp_path, "--task", "push_button+0", "--episodes", "1", *TINY)
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline().strip() == b"held"
            assert refused(clap_here(*command), f"in use by process {holder.pid}", "another --run")
            assert not (tmp_path / "demos.h5").exists()
            holder.kill()
        assert clap_here(*command).code == 0

    def test_processes_that_train_together_share_the_lock(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with exclusive(tmp_path):
            monkeypatch.setenv("RANK", "1")
            with exclusive(tmp_path):
                pass
            monkeypatch.setenv("RANK", "0")
            with pytest.raises(UserError, match="in use"), exclusive(tmp_path):
                pass
