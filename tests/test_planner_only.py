"""The planner alone is asked at every step of the expert's way, and what it says is counted, compared and drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from stages.artifacts.annotations import Keypoints, Plans
from stages.artifacts.answer_files import SCHEMA, read_all_answers
from stages.artifacts.answers import Answers, read_answers, write_answers
from stages.artifacts.files import content_digest, open_artifact
from stages.artifacts.resume import partial_of
from stages.artifacts.run import RunDirectory
from stages.core.progress import silent
from stages.core.steps import parse_step
from stages.evaluate_planner import evaluate_planner
from stages.evaluation.confusion import confusions
from stages.evaluation.planner_quality import quality_table
from stages.evaluation.planner_report import planner_section
from stages.evaluation.statistics import average_precision, reliability, wilson_interval
from stages.rollouts.failures import NOTHING
from stages.rollouts.seeds import FIRST_SEED
from stages.settings.loader import load_config
from stages.viewing.answer_sheet import choose_rows, draw_answers, sheet_size
from tests.checkpoints import save_causal_model
from tests.conftest import clap_here
from tests.test_report import Page

TASKS = ("pick_and_lift+0", "push_button+0")
SETTINGS = (f"evaluate.taskvars=[{', '.join(TASKS)}]", "evaluate.image_size=32", "evaluate.workers=1")
ASK = ("evaluate", "--planner-only", *(part for value in SETTINGS for part in ("--set", value)))


@pytest.fixture(scope="module")
def trained(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained")
    inputs = [f"--{name}={tiny_run / name}.h5" for name in ("demos", "keypoints", "plans")]
    language = save_causal_model(run / "language", ["push the maroon button", "grasp the red block\nlift it"])
    settings = (
        *("vlm.steps=3", "vlm.batch_size=2", "vlm.weight_auxiliary=0", "collect.image_size=32"),
        *(f"vlm.language={language}", "vlm.language_steps=2", "vlm.language_batch=2"),
    )
    outcome = clap_here("finetune-vlm", "--run", run, *inputs, *(p for value in settings for p in ("--set", value)))
    assert outcome.code == 0, outcome.err
    return run


@pytest.fixture(scope="module")
def asked(trained: Path) -> dict:
    outcome = clap_here(*ASK, "--split", "l1", "--episodes", "2", "--run", trained, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.json


def answers_in(path: Path) -> list[Answers]:
    with open_artifact(path, SCHEMA) as file:
        return read_all_answers(file["episodes"])


def test_summary_counts_what_the_file_holds(trained: Path, asked: dict) -> None:
    answers = answers_in(trained / "planner-l1.h5")
    level = asked["levels"]["l1"]
    assert [(one.taskvar, one.seed) for one in answers] == [(t, FIRST_SEED + e) for t in TASKS for e in (0, 1)]
    assert level["episodes"] == 4 and level["keyframes"] == sum(map(len, answers))
    assert level["plan"]["right"] == sum(one.plan == one.true_plan for one in answers)
    for one in answers:
        assert one.steps == tuple(one.true_plan[line] for line in one.step_index)
        assert list(one.steps_right) == [said == true for said, true in zip(one.steps, one.true_steps, strict=True)]
    errors = np.concatenate([np.linalg.norm(one.keypoints - one.true_keypoints, axis=1) for one in answers])
    assert level["keypoint"]["median"] == pytest.approx(np.median(errors))
    assert level["keypoint"]["within_5cm"]["right"] == (errors <= 0.05).sum()
    share = level["variations"]["push_button+0"]["step"]
    assert (share["low"], share["high"]) == wilson_interval(share["right"], share["asked"])
    assert set(level["seconds"]) == {"views", "plan", "decide"} and not level["left_out"]


def test_truth_is_that_of_the_training_data(trained: Path, tiny_run: Path) -> None:
    outcome = clap_here(*ASK, "--split", "train", "--episodes", "2", "--run", trained, "--json")
    assert outcome.code == 0, outcome.err
    demos = tiny_run / "demos.h5"
    with Keypoints(tiny_run / "keypoints.h5", demos) as keypoints, Plans(tiny_run / "plans.h5", demos) as plans:
        known = {plans.episode(i).plan: [] for i in range(4)}
        for i in range(4):
            known[plans.episode(i).plan].append((plans.episode(i), keypoints.episode(i)))
        for answers in answers_in(trained / "planner-train.h5"):
            plan, annotation = known[answers.true_plan].pop(0)
            np.testing.assert_array_equal(answers.true_step_index, plan.step_index)
            np.testing.assert_array_equal(answers.true_keypoints, annotation.keypoints)
            np.testing.assert_array_equal(answers.positions, annotation.positions)
    assert not any(known.values())


def test_pictures_are_of_first_episodes_and_first_mistakes(trained: Path, asked: dict) -> None:
    for answers in answers_in(trained / "planner-l1.h5"):
        wrong = np.flatnonzero(~answers.steps_right | (answers.keypoint_errors > 0.05))
        expected = range(len(answers)) if answers.episode == 0 else wrong[:1]
        assert list(answers.pictured) == list(expected)
        assert answers.views.shape == (len(expected), 3, 112, 112, 3) or not len(expected)
        if len(expected):
            assert answers.heatmaps.astype(float).sum((1, 2, 3)) == pytest.approx(np.ones(len(expected)), abs=0.02)


def test_interrupted_and_resumed_it_gives_the_same(trained: Path, asked: dict, tmp_path: Path) -> None:
    config, run = load_config(None, (*SETTINGS, "evaluate.l1=2")), RunDirectory(tmp_path)

    class Interrupted(Exception):
        pass

    def interrupt(done: int, total: int, what: str) -> None:
        if done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        evaluate_planner(config, trained / "vlm", "l1", run, progress=interrupt)
    assert partial_of(run.planner("l1")).exists() and not run.planner("l1").exists()
    summary = evaluate_planner(config, trained / "vlm", "l1", run, resume=True)
    assert content_digest(run.planner("l1")) == content_digest(trained / "planner-l1.h5")
    assert summary["levels"]["l1"]["keypoint"] == asked["levels"]["l1"]["keypoint"]


def test_novel_wordings_have_a_file_of_their_own(trained: Path, asked: dict) -> None:
    from stages.simulators.tabletop.tasks import make_task

    args = ("--split", "l1", "--episodes", "1", "--run", trained, "--instructions", "novel")
    assert clap_here(*ASK, *args, "--json").code == 0
    novel = {text for task in TASKS for text in make_task(task.split("+")[0], 0).novel_instructions()}
    assert {one.instruction for one in answers_in(trained / "planner-l1-novel.h5")} <= novel
    table = clap_here(*ASK, *args, "--resume")
    assert table.code == 0 and "push_button+0" in table.out
    assert "novel wording" in Page((trained / "report.html").read_text()).text


def test_own_wordings_are_asked_of_the_variations_that_have_any(trained: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.json"
    own.write_text(json.dumps({"push_button+0": ["give the maroon one a push"]}))
    args = (*ASK, "--split", "l1", "--episodes", "1", "--run", trained, "--instructions", own)
    assert clap_here(*args, "--json").code == 0
    (answers,) = answers_in(trained / "planner-l1-mine.h5")
    assert (answers.taskvar, answers.instruction) == ("push_button+0", "give the maroon one a push")
    assert "mine wordings" in Page((trained / "report.html").read_text()).text
    own.write_text(json.dumps({"push_button+0": ["press the maroon one"]}))
    changed = clap_here(*args, "--resume")
    assert changed.code == 2 and "instructions" in changed.err


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("[]", "mapping"),
        ("{", "JSON"),
        ('{"push_buton+0": ["x"]}', "push_button+0"),
        ('{"push_button+0": [""]}', "texts"),
    ],
)
def test_wordings_that_are_none_are_refused_in_one_line(trained: Path, tmp_path: Path, content: str, word: str) -> None:
    own = tmp_path / "mine.json"
    own.write_text(content)
    refused = clap_here(*ASK, "--split", "l1", "--run", trained, "--instructions", own)
    assert refused.code == 2 and word in refused.err and len(refused.err.splitlines()) == 1


def test_models_that_saw_the_held_out_variations_are_not_evaluated_on_them(trained: Path) -> None:
    refused = clap_here("evaluate", "--planner-only", "--split", "held-out", "--run", trained)
    assert refused.code == 2 and "collect.hold_out=true" in refused.err


def test_held_out_variations_are_left_out_of_collection() -> None:
    from stages.collect import _jobs
    from stages.simulators.tabletop.tasks import HELD_OUT, LEVELS

    config = load_config(None, ["collect.hold_out=true", "collect.episodes_per_variation=1"])
    collected = {(job.task, job.variation) for job in _jobs(config)}
    assert collected == set(LEVELS["train"]) - set(HELD_OUT) and len(HELD_OUT) == 8


def test_it_is_told_apart_from_the_closed_loop(trained: Path, asked: dict) -> None:
    page = Page((trained / "report.html").read_text())
    assert "The planner alone" in page.text and "What went wrong" not in page.text
    nodes = {node["name"]: node for node in clap_here("status", "--run", trained, "--json").json["artifacts"]}
    assert nodes["planner-l1"]["parents"] == ["vlm"] and nodes["planner-l1"]["state"] == "complete"
    refused = clap_here(*ASK, "--split", "l1", "--run", trained, "--policy", "expert")
    assert refused.code == 2 and "--planner-only" in refused.err


@pytest.mark.parametrize(("name", "args"), [("planner-l1", ()), ("planner-l1", ("--episode", "0")), ("vlm", ())])
def test_answers_are_drawn(trained: Path, asked: dict, tmp_path: Path, name: str, args: tuple[str, ...]) -> None:
    outcome = clap_here("view", name, "--run", trained, *args, "--out", tmp_path / "view.png", "--json")
    assert outcome.code == 0, outcome.err
    image = Image.open(tmp_path / "view.png")
    pictured = [len(one.pictured) for one in answers_in(trained / "planner-l1.h5")]
    rows = 2 if name == "vlm" else pictured[0] if args else sum(count > 0 for count in pictured)
    assert image.width > 1000 and image.height > 200 * rows
    pixels = np.asarray(image.convert("RGB")).astype(int)
    for colour in ((0, 160, 80), (255, 45, 149)):
        assert (abs(pixels - colour).sum(-1) < 12).sum() > 20 * rows


def test_an_episode_without_pictures_is_refused(trained: Path, asked: dict) -> None:
    outcome = clap_here("view", "planner-l1", "--run", trained, "--episode", "99")
    assert outcome.code == 2 and "no picture of episode 99" in outcome.err


@pytest.mark.parametrize("told", [True, False])
def test_planners_with_less_to_go_on_are_asked_too(tiny_run: Path, tmp_path: Path, told: bool) -> None:
    from stages.artifacts.demonstrations import Demonstrations
    from stages.planner.planner import Planner
    from stages.planner.pointing.model import PlannerModel
    from stages.planner.training.keyframes import read_keyframes
    from stages.planner.training.validation import teacher_forced_episode
    from stages.settings.vlm import VlmConfig

    demos = tiny_run / "demos.h5"
    opened = Demonstrations(demos), Keypoints(tiny_run / "keypoints.h5", demos), Plans(tiny_run / "plans.h5", demos)
    frames = read_keyframes(*opened, [0], silent)
    config = VlmConfig(use_plan=told, use_objects=False, keypoints="text")
    episode = teacher_forced_episode(Planner(PlannerModel.from_base(config)), frames, frames[0].instructions[0])
    with h5py.File(tmp_path / "answers.h5", "w") as file:
        write_answers(file, episode.answers(seed=0, episode=0, all_pictures=True))
        said = read_answers(file)
    assert list(said.step_index) == ([0] * len(frames) if told else [-1] * len(frames))
    assert all(parse_step(step) for step in said.steps)
    assert not said.phrases and not said.heatmaps.size and said.views.any()
    rows = choose_rows([said], 0)
    figure = Figure(figsize=sheet_size(rows))
    draw_answers(figure, rows)
    assert len(figure.axes) == 5 * len(frames)


PLAN = ("grasp the red cup", "lift the grasped red cup")


def answers(**changes: object) -> Answers:
    """Perfect ones about a red cup beside a blue one, but for the changes."""
    cups = np.array([[[0.1, 0, 0.8], [0.3, 0, 0.8]]] * 2)
    perfect = Answers(
        taskvar="lift+0",
        seed=FIRST_SEED,
        episode=0,
        instruction="lift the red cup",
        plan=PLAN,
        true_plan=PLAN,
        plan_confidence=0.9,
        ordered=True,
        motions=np.arange(2),
        step_index=np.arange(2),
        true_step_index=np.arange(2),
        steps=PLAN,
        true_steps=PLAN,
        keypoints=cups[:, 0],
        true_keypoints=cups[:, 0],
        phrases=("red cup",),
        objects=cups[:, :1],
        true_objects=cups[:, :1],
        confidence=np.array([0.8, 0.6]),
        names=("red cup", "blue cup"),
        positions=cups,
        visible=np.ones(2, bool),
        listed=(),
        listed_places=np.zeros((0, 3)),
        pictured=np.arange(0),
        view_names=("top",),
        views=np.zeros(0, np.uint8),
        heatmaps=np.zeros(0, np.float16),
    )
    return replace(perfect, **changes)


def test_perfect_answers_have_nothing_confused() -> None:
    table = quality_table([answers()])
    for share in (table["plan"], table["step"], table["keypoint"]["within_3cm"], table["object"]["within_5cm"]):
        assert share["rate"] == share["high"] == 1
    assert table["keypoint"]["median"] == 0
    assert not any(confusions([answers()]).values())


def test_rates_are_of_all_answers_and_means_of_variations() -> None:
    wrong = answers(taskvar="lift+1", plan=())
    share = quality_table([answers(), answers(), answers(), wrong])["plan"]
    assert (share["right"], share["asked"], share["rate"], share["mean"]) == (3, 4, 0.75, 0.5)


def test_mistakes_are_told_by_what_was_asked_and_what_came() -> None:
    on_blue = answers(keypoints=answers().positions[:, 1] + [0, 0.02, 0])
    off = answers(keypoints=answers().positions[:, 0] + [0, 0.3, 0])
    found = confusions([on_blue, on_blue, off])["keypoints"]
    assert [(one.asked, one.said, one.times) for one in found] == [("red cup", "blue cup", 4), ("red cup", NOTHING, 2)]
    longer = answers(plan=("grasp the blue cup", *PLAN[1:], "lift the grasped red cup"))
    found = confusions([longer, answers(plan=())])["plans"]
    assert [(one.asked, one.said) for one in found] == [
        (PLAN[0], "grasp the blue cup"),
        (NOTHING, PLAN[1]),
        ("any plan", NOTHING),
    ]
    late = answers(step_index=np.array([1, 1]), steps=(PLAN[1], PLAN[1]))
    (step,) = confusions([late])["steps"]
    assert (step.asked, step.said, step.times, step.example) == (*PLAN, 1, "lift the red cup")


def test_listed_things_are_right_where_they_are_and_count_once() -> None:
    red, blue = answers().positions[0]
    assert quality_table([answers()])["listing"] is None
    places = np.array([red, red + [0, 0.01, 0], blue + [0, 0.2, 0], blue])
    found = answers(listed=("red cup", "red cup", "blue cup", "green cup"), listed_places=places)
    assert list(found.listed_right) == [True, False, False, False]
    listing = quality_table([found])["listing"]
    assert listing["precision"]["rate"] == 0.25 and listing["recall"]["rate"] == 0.5
    hidden = replace(found, visible=np.array([False, True]))
    assert not hidden.listed_right.any() and quality_table([hidden])["listing"]["recall"]["asked"] == 1


def test_keypoints_far_off_are_found_by_low_confidence() -> None:
    on_blue = answers(keypoints=answers().positions[:, 1], confidence=np.array([0.7, 0.1]))
    assert list(on_blue.far_off) == [True, True]
    assert not replace(on_blue, names=("red cup", "red cup")).far_off.any()
    table = quality_table([answers(), on_blue])["confidence"]["far_off"]
    assert table == {"count": 2, "asked": 4, "average_precision": pytest.approx((1 + 2 / 3) / 2)}
    assert quality_table([answers()])["confidence"]["far_off"]["average_precision"] is None
    assert average_precision([0.5] * 10, [True] * 3 + [False] * 7) == pytest.approx(0.3)


def test_equal_things_are_as_good_where_that_is_asked() -> None:
    other = answers(names=("red cup", "red cup"), keypoints=answers().positions[:, 1])
    table = quality_table([other])
    assert table["keypoint"]["within_3cm"]["right"] == 0
    assert table["keypoint_or_equal"]["within_3cm"]["right"] == 2


def test_steps_in_words_are_compared_as_words() -> None:
    free = answers(step_index=np.array([-1, -1]), steps=(PLAN[0], "lift the grasped blue cup"))
    assert list(free.steps_right) == [True, False]


def test_a_planner_that_locates_nothing_has_no_object_errors() -> None:
    silent = answers(phrases=(), objects=np.zeros((2, 0, 3)), true_objects=np.zeros((2, 0, 3)))
    table = quality_table([silent])
    assert table["object"] == {"median": None, "within_3cm": None, "within_5cm": None}
    assert table["keypoint"]["within_3cm"]["rate"] == 1
    summary = {"split": "l1", "instructions": "training", "left_out": {}, "seconds": {}, **table}
    summary |= {"confused": {kind: [] for kind in confusions([])}, "untrained": []}
    assert "Keypoint within 3 cm" in Page(planner_section([summary])).text


def test_reliability_is_the_gap_between_confidence_and_what_is_right() -> None:
    assert reliability([0.95] * 20, [True] * 19 + [False])["error"] == pytest.approx(0, abs=1e-12)
    assert reliability([0.9, 0.9, 0.2, 0.2], [False, False, True, False])["error"] == pytest.approx(0.6)
    assert reliability([], []) == {"error": None, "bins": []}
    assert reliability([1.0], [True])["bins"] == [{"count": 1, "confidence": 1.0, "right": 1.0}]
