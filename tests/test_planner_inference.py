"""The planner at work: images read once, answers under their grammars, confidence, and a policy that thinks twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core.decision import NOTHING_GIVEN, Given
from stages.core.errors import UserError
from stages.core.observation import PointObservation
from stages.core.steps import parse_step
from stages.geometry.poses import axis_rotation
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner import prompts
from stages.planner.calibration import Calibration, Graded, Logistic
from stages.planner.hand import Hand
from stages.planner.language.grammar import words_of
from stages.planner.planner import Plan, Planner, StepDecision
from stages.planner.pointing import listing
from stages.planner.pointing.answer_grammar import Grammar
from stages.planner.pointing.answer_graphs import answers_graph, step_graph
from stages.planner.pointing.coordinates import read_keypoints, spell_keypoints
from stages.planner.pointing.greedy_decoding import greedy_answer
from stages.planner.pointing.model import PlannerModel
from stages.planner.pointing.reading import Pointing, read_pointing
from stages.planner.pointing.session import Session
from stages.planner.prompts import KEYPOINT, Memory, Protocol, pointed_phrases
from stages.planner.second_look import SIDES, decide_with_second_look
from stages.planner.training.batches import Sample, encode_batch
from stages.policy import ClapPolicy
from stages.predictor.predictor import FinePredictor
from stages.settings.fine import FineConfig
from stages.settings.policy import PolicyConfig
from stages.settings.vlm import VlmConfig
from tests.checkpoints import NAMES, VIEW_SIZES, write_checkpoint

PLAN = ["grasp the red ball", "lift the grasped red ball", "move the grasped red ball to the blue slab"]
NOUNS = (" red ball", " blue slab", " lid")


@pytest.fixture(scope="module", params=NAMES)
def planner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """A random planner of every family."""
    return random_planner(tmp_path_factory.mktemp("base"), request.param)


def random_planner(folder: Path, name: str = "qwen2_5_vl", **settings: object) -> Planner:
    write_checkpoint(name, folder)
    torch.manual_seed(0)
    config = VlmConfig(base=str(folder), image_size=VIEW_SIZES[name], pointer_cells=8, **settings)
    model = PlannerModel.from_base(config)
    model.phrase_words = words_of(["red ball", "blue slab"])
    return Planner(model)


def seen(planner: Planner, seed: int = 0) -> np.ndarray:
    size = planner.model.config.image_size
    return np.random.default_rng(seed).integers(0, 255, (3, size, size, 6), dtype=np.uint8)


# --- one observation, many requests


def test_answers_that_go_on_from_the_images_are_those_of_a_whole_pass(planner: Planner) -> None:
    model, views = planner.model, seen(planner)
    session = Session(model, views)
    for request, answer in (("Locate: cup.", f"cup{KEYPOINT}; lid{KEYPOINT}"), ("What now?", f"1. grasp it{KEYPOINT}")):
        tokens = planner.tokenizer(answer, add_special_tokens=False)["input_ids"]
        half = len(tokens) // 2
        with torch.inference_mode():
            session.start(request)
            scores = torch.cat([session.extend(tokens[:half]), session.extend(tokens[half:])[1:]])[:-1]
            votes = session.votes(pointed_phrases(answer))
            points = np.zeros((answer.count(KEYPOINT), 3))
            whole = model(encode_batch(model, [Sample(request, answer, points, views)], "")[0])
        assert torch.allclose(scores, whole.token_logits.float(), atol=1e-4)
        assert torch.allclose(votes.scores, whole.votes.scores, atol=1e-4)


def test_decisions_point_where_a_whole_pass_over_their_answer_points(planner: Planner) -> None:
    model, views = planner.model, seen(planner)
    decision = planner.decide("stack", PLAN, Memory(0, 1), False, views)
    answer = prompts.FULL.decide_beginning(PLAN) + prompts.FULL.decide_choice(PLAN, Memory(0, 1), decision.step_index)
    request = prompts.FULL.decide_request("stack", PLAN, Memory(0, 1), False)
    points = np.zeros((answer.count(KEYPOINT), 3))
    with torch.inference_mode():
        whole = model(encode_batch(model, [Sample(request, answer, points, views)], "")[0]).votes
    expected = [
        read_pointing(*(part.numpy() for part in row), model.views)
        for row in zip(whole.scores, whole.nowhere, whole.places, strict=True)
    ]
    found = [*decision.objects.values(), decision.keypoint]
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one.heatmaps, other.heatmaps, atol=1e-4)
    assert list(decision.objects) == ["red ball", "blue slab"] and decision.step == PLAN[decision.step_index]


def test_a_forked_session_goes_on_alone(planner: Planner) -> None:
    first, second, third = (planner.tokenizer(text, add_special_tokens=False)["input_ids"] for text in NOUNS)
    with torch.inference_mode():
        session = Session(planner.model, seen(planner))
        session.start("What?")
        session.extend(first)
        other = session.fork()
        other.extend(second)
        scores = session.extend(third)
        session.start("What?")
        assert torch.allclose(session.extend([*first, *third])[-len(third) :], scores[1:], atol=1e-4)


def test_a_keypoint_that_was_a_choice_is_pointed_at_as_well(planner: Planner) -> None:
    """After "ring" the phrase could go on; that it ends, with the answer, is chosen."""
    graph, end = step_graph(objects=False, spelt=False), planner.model.backbone.end_id
    with torch.inference_mode():
        grammar = Grammar(planner.tokenizer, graph, end, {"ring"})
        answer = greedy_answer(Session(planner.model, seen(planner)), "What now?", grammar)
        said = planner.tokenizer.decode(answer.tokens)
        assert len(answer.session.votes(pointed_phrases(said))) == said.count(KEYPOINT) == 1
        grammar = Grammar(planner.tokenizer, answers_graph([f"a{KEYPOINT}", f"a{KEYPOINT}; b{KEYPOINT}"], False), end)
        answer = greedy_answer(Session(planner.model, seen(planner)), "Where?", grammar)
        said = planner.tokenizer.decode(answer.tokens)
        assert len(answer.session.votes(pointed_phrases(said))) == said.count(KEYPOINT)


def test_images_are_encoded_once_an_observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = random_planner(tmp_path)
    encoded = []
    vision = planner.model.backbone.model.model.visual
    vision.register_forward_hook(lambda *_: encoded.append(1))
    views = seen(planner)
    planner.locate(["cup"], views)
    planner.decide("stack", PLAN, Memory(), True, views)
    assert len(encoded) == 1
    planner.decide("stack", PLAN, Memory(), True, seen(planner, 1))
    assert len(encoded) == 2


# --- grammars


@pytest.mark.parametrize("spelt", [False, True])
def test_what_can_only_be_said_in_one_way_is_said_at_once(planner: Planner, spelt: bool) -> None:
    answers = [f"cup{KEYPOINT}; now {number}. grasp it{KEYPOINT}" for number in (1, 2)]
    grammar = Grammar(planner.tokenizer, answers_graph(answers, spelt), planner.model.backbone.end_id)
    runs = 0
    while not grammar.finished:
        if grammar.forced():
            runs += 1
        if not grammar.finished:
            grammar.advance(grammar.allowed()[-1])
    assert runs == 2 or spelt and runs <= 2 * 3 * 3 + 2


@pytest.mark.parametrize("objects", [False, True])
def test_a_step_in_words_is_read_back(tmp_path: Path, objects: bool) -> None:
    planner = random_planner(tmp_path, use_plan=False, use_objects=objects)
    protocol = planner.protocol
    truth = protocol.decide_beginning(PLAN) + protocol.decide_choice(PLAN, Memory(0, 1), 2)
    grammar = Grammar(planner.tokenizer, step_graph(objects, spelt=False), 0, words_of(["red ball", "blue slab"]))
    for token in planner.tokenizer(truth)["input_ids"]:
        assert token in grammar.allowed()
        grammar.advance(token)
    assert grammar.finished
    history = [PLAN[0]]
    decision = planner.decide("stack the red ball", history, Memory(0, 1), True, seen(planner))
    assert str(parse_step(decision.step)) == decision.step
    assert decision.step_index == (0 if decision.step == PLAN[0] else 1)
    assert bool(decision.objects) == objects


def test_protocols_leave_out_what_they_say() -> None:
    full, bare = Protocol(), Protocol(plan=False, memory=False, objects=False)
    assert full.decide_request("stack", PLAN, Memory(0, 2), False) == (
        "Task: stack. Plan:\n" + "\n".join(prompts.numbered(PLAN)) + "\n"
        "Last: 1. grasp the red ball, motion 2. Gripper closed. What now?"
    )
    assert bare.decide_request("stack", PLAN, Memory(0, 2), True) == "Task: stack. Gripper open. What now?"
    unplanned = Protocol(plan=False).decide_request("stack", PLAN, Memory(0, 2), True)
    assert unplanned == "Task: stack. Last: grasp the red ball, motion 2. Gripper open. What now?"
    assert full.decide_choice(PLAN, Memory(0, 1), 0) == f"still 1. grasp the red ball{KEYPOINT}"
    assert full.decide_choice(PLAN, Memory(0, 2), 1) == f"next 2. {PLAN[1]}{KEYPOINT}"
    assert full.decide_choice(PLAN, Memory(), 0) == f"next 1. grasp the red ball{KEYPOINT}"
    assert Protocol(memory=False).decide_choice(PLAN, Memory(0, 2), 1) == f"2. {PLAN[1]}{KEYPOINT}"
    assert bare.decide_beginning(PLAN) + bare.decide_choice(PLAN, Memory(), 0) == f"now grasp the red ball{KEYPOINT}"
    assert Protocol(objects=False).decide_beginning(PLAN) == ""


# --- places in words


def test_places_survive_being_spelt() -> None:
    points = WORKSPACE_CENTRE + np.array([[0.1, -0.2, 0.05], [0.49, -0.49, 0.0]])
    answer = f"cup{KEYPOINT}; now 1. grasp the cup{KEYPOINT}"
    text, found = read_keypoints(spell_keypoints(answer, points))
    assert text == answer and np.allclose(found, points, atol=0.00051)
    assert spell_keypoints(f"cup{KEYPOINT}", WORKSPACE_CENTRE[None] + [[0, 0, 9.0]]) == "cup at 500 500 999"
    with pytest.raises(ValueError, match="2 keypoints"):
        spell_keypoints(answer, points[:1])


def test_planners_that_spell_learn_what_they_can_say(planner: Planner) -> None:
    """Every token of a training answer is allowed where a planner decides, in every family's tokens."""
    protocol, points = Protocol(), WORKSPACE_CENTRE + np.linspace(-0.4, 0.4, 9).reshape(3, 3)
    choices = [protocol.decide_choice(PLAN, Memory(0, 1), index) for index in range(3)]
    answers = [protocol.decide_beginning(PLAN) + choice for choice in choices]
    sample = Sample("What now?", answers[1], points, seen(planner)).spelt()
    grammar = Grammar(planner.tokenizer, answers_graph(answers, spelt=True), planner.model.backbone.end_id)
    for token in planner.tokenizer(sample.answer, add_special_tokens=False)["input_ids"]:
        assert token in grammar.allowed()
        grammar.advance(token)
    assert grammar.finished and not len(sample.points)
    model = planner.model
    model.config, before = replace(model.config, keypoints="text"), model.config
    batch, targets = encode_batch(model, [Sample("What now?", answers[1], points, seen(planner))], "")
    model.config = before
    assert int(batch["answer_mask"].sum()) > 30 and not len(targets)


def test_planners_that_spell_decide_and_locate(tmp_path: Path) -> None:
    planner = random_planner(tmp_path, keypoints="text")
    decision = planner.decide("stack", PLAN, Memory(), True, seen(planner))
    assert decision.step == PLAN[decision.step_index] and set(decision.objects) == {"red ball", "blue slab"}
    for pointing in [decision.keypoint, *decision.objects.values(), *planner.locate(["cup"], seen(planner)).values()]:
        assert np.all(np.abs(pointing.point - WORKSPACE_CENTRE) < 0.5) and pointing.heatmaps is None
        assert 0 < pointing.confidence < 1


# --- confidence


def test_calibrated_confidence_is_right_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 2)) * [1, 5]
    chances = 1 / (1 + np.exp(-(1.5 * features[:, 0] - 0.2 * features[:, 1] + 0.5)))
    right = rng.random(4000) < chances
    answers = Graded(features, right, np.arange(4000) // 4)
    for found in (answers.probabilities(), answers.fit()(features)):
        assert np.abs(found - chances).mean() < 0.02
    certain = Logistic.fit(features[:50], np.ones(50, bool))
    assert 0.9 < certain(features[0]) < 1


def test_calibration_is_kept_with_the_planner_and_replaces_its_confidence(tmp_path: Path) -> None:
    planner = random_planner(tmp_path / "base")
    views, model = seen(planner), planner.model
    decision, plan = planner.decide("stack", PLAN, Memory(), True, views), planner.plan("stack the ball", views)
    assert decision.confidence == pytest.approx(np.exp(decision.features[0]) * decision.keypoint.confidence)
    rows = np.random.default_rng(0).normal(size=(20, 8))
    model.calibration = Calibration(
        Logistic.fit(rows[:, :2], rows[:, 0] > 0),
        replace(Logistic.fit(rows, rows[:, 1] > 0), bias=2.0),
        Logistic.fit(rows[:, :5], rows[:, 1] > 0),
    )
    model.save_pretrained(tmp_path / "saved")
    again = Planner.from_pretrained(tmp_path / "saved")
    expected = model.calibration.keypoint(decision.features)
    told = again.decide("stack", PLAN, Memory(), True, views)
    assert told.confidence == pytest.approx(expected, abs=1e-3)
    for thing in (*told.objects.values(), *again.locate(["red ball"], views).values()):
        assert thing.confidence == pytest.approx(float(model.calibration.place(thing.features)))
    assert again.model.calibration.plan(plan.features) != pytest.approx(plan.confidence)


def test_a_damaged_planner_is_refused_in_one_line(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    random_planner(tmp_path / "base").model.save_pretrained(saved)
    assert Planner.from_pretrained(saved)
    for file in [*saved.rglob("*.safetensors"), *saved.rglob("adapter_config.json"), *saved.glob("planner.json")]:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match="is damaged"):
            Planner.from_pretrained(saved)
        file.write_bytes(content)


def test_a_base_is_found_again_from_elsewhere_and_a_changed_one_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint("qwen2_5_vl", tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    size = VIEW_SIZES["qwen2_5_vl"]
    model = PlannerModel.from_base(VlmConfig(base="base", image_size=size, pointer_cells=8))
    model.add_adapters()
    model.save_pretrained(tmp_path / "vlm")
    monkeypatch.chdir("/")
    assert Planner.from_pretrained(tmp_path / "vlm").model.config.base == str(tmp_path / "base")
    with next((tmp_path / "base").glob("*.safetensors")).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(UserError, match="has changed since"):
        Planner.from_pretrained(tmp_path / "vlm")


# --- the policy


def always(probability: float) -> Calibration:
    """A calibration that is as sure of everything."""
    odds = float(np.log(probability / (1 - probability)))
    return Calibration(keypoint=Logistic((0.0,) * 8, (1.0,) * 8, (0.0,) * 8, odds))


@pytest.fixture(scope="module")
def predictor() -> FinePredictor:
    torch.manual_seed(0)
    return FinePredictor.create(FineConfig(base="", image_size=32, width=32, depth=1, heads=2))


def scene(gripper_open: float = 1.0) -> PointObservation:
    rng = np.random.default_rng(0)
    points = (WORKSPACE_CENTRE + rng.uniform(-0.3, 0.3, (500, 3))).astype(np.float32)
    pose = np.array([*WORKSPACE_CENTRE, 1.0, 0.0, 0.0, 0.0])
    return PointObservation(points, rng.integers(0, 255, (500, 3), dtype=np.uint8), pose, gripper_open)


class Scripted(Planner):
    """A real planner whose plans are given: the next of a list at every call, the last one again and again."""

    def __init__(self, model: PlannerModel, plans: list[list[str]]) -> None:
        super().__init__(model)
        self.plans, self.asked = plans, 0

    def plan(self, instruction: str, views: np.ndarray, *_: object, **__: object) -> Plan:
        self.asked += 1
        return Plan(self.plans[min(self.asked, len(self.plans)) - 1], 1.0, np.zeros(2))


def policy_that(
    folder: Path, predictor: FinePredictor, plans: list[list[str]], sure: float, **settings: float
) -> ClapPolicy:
    model = random_planner(folder).model
    model.calibration = always(sure)
    policy = ClapPolicy(Scripted(model, plans), predictor, PolicyConfig(**{"replan_below": 0.2} | settings))
    policy._doubtful = lambda choice: choice.confidence < policy.config.replan_below
    policy.reset("take the red ball")
    return policy


def test_a_second_look_turns_the_scene_and_what_is_found_back_and_counts_the_surest(tmp_path: Path) -> None:
    planner, hand = random_planner(tmp_path), Hand(WORKSPACE_CENTRE + [0.1, 0.0, 0.1])
    place, seen = WORKSPACE_CENTRE + np.array([0.2, -0.1, 0.05]), scene()
    cloud, sure, shown = (seen.points, seen.colours), iter([0.4, 0.8, 0.6]), []
    views = planner.views(*cloud, hand)
    before = planner.decide("take", GRASP, Memory(), True, views)

    def ask(views: np.ndarray, excluded: Sequence[np.ndarray]) -> StepDecision:
        """Points at `place`, wherever the turn has taken it."""
        angle = (0.0, *SIDES)[len(shown)]
        shown.append(views)
        point = (place - WORKSPACE_CENTRE) @ axis_rotation(2, angle).T + WORKSPACE_CENTRE
        assert np.allclose(excluded, [point])
        return replace(before, keypoint=replace(before.keypoint, point=point), confidence=next(sure))

    found = decide_with_second_look(planner, ask, views, cloud, hand, 0.9, [place])
    assert found.confidence == 0.8 and np.allclose(found.keypoint.point, place, atol=1e-9)
    assert found.keypoint.heatmaps is before.keypoint.heatmaps
    assert len(shown) == 3 and not np.array_equal(shown[1], shown[2])
    turned = (seen.points - WORKSPACE_CENTRE) @ axis_rotation(2, SIDES[0]).T + WORKSPACE_CENTRE
    moved = hand.moved(lambda tip: (tip - WORKSPACE_CENTRE) @ axis_rotation(2, SIDES[0]).T + WORKSPACE_CENTRE)
    assert np.mean(shown[1] == planner.views(turned.astype(np.float32), seen.colours, moved)) > 0.999
    shown.clear()
    sure = iter([0.95])
    assert (
        decide_with_second_look(planner, ask, views, cloud, hand, 0.9, [place]).confidence == 0.95 and len(shown) == 1
    )


GRASP, OTHER = ["grasp the red ball"], ["grasp the blue slab"]


def test_a_policy_in_doubt_looks_again_then_plans_anew(tmp_path: Path, predictor: FinePredictor) -> None:
    policy = policy_that(tmp_path, predictor, [GRASP, OTHER], sure=0.05, max_replans=1)
    first, second, third = (policy.select_action(scene()) for _ in range(3))
    assert first.looked_again and not first.replanned and first.step == GRASP[0]
    assert np.array_equal(first.action[:7], scene().gripper_pose) and first.action[7] == 1
    assert second.replanned and not second.looked_again and second.plan == OTHER
    assert not third.replanned and not third.looked_again
    assert (second.motion_index, third.motion_index) == (0, 1)


def test_a_policy_without_doubt_or_told_not_to_heed_it_goes_on(tmp_path: Path, predictor: FinePredictor) -> None:
    for number, settings in enumerate(({"sure": 0.9}, {"sure": 0.05, "max_replans": 0}, {"sure": 0.05})):
        policy = policy_that(tmp_path / str(number), predictor, [GRASP, OTHER], **settings)
        given = WORKSPACE_CENTRE if number == 2 else None
        decisions = [policy.select_action(scene(), Given(keypoint=given)) for _ in range(3)]
        assert [decision.motion_index for decision in decisions] == [0, 1, 2] and policy.planner.asked == 1
        assert not any(decision.looked_again or decision.replanned for decision in decisions)


def test_a_step_that_the_hand_contradicts_is_planned_anew_at_once(tmp_path: Path, predictor: FinePredictor) -> None:
    lift = ["lift the grasped red ball"]
    policy = policy_that(tmp_path / "open", predictor, [lift, GRASP], sure=0.9)
    assert policy.select_action(scene(gripper_open=1.0)).replanned
    policy = policy_that(tmp_path / "closed", predictor, [lift, GRASP], sure=0.9)
    assert not policy.select_action(scene(gripper_open=0.5)).replanned


def test_a_new_plan_goes_on_where_the_old_one_was(tmp_path: Path, predictor: FinePredictor) -> None:
    policy = policy_that(tmp_path, predictor, [GRASP, [*OTHER, *GRASP], OTHER], sure=0.9)
    policy.select_action(scene())
    assert policy._replan(seen(policy.planner), NOTHING_GIVEN) and policy._memory == Memory(1, 1)
    assert policy._replan(seen(policy.planner), NOTHING_GIVEN) and policy._memory == Memory()
    assert not policy._replan(seen(policy.planner), NOTHING_GIVEN)


def test_a_thing_that_is_nowhere_is_in_doubt(tmp_path: Path, predictor: FinePredictor) -> None:
    policy = ClapPolicy(random_planner(tmp_path), predictor, PolicyConfig(replan_below=0.2))
    policy.planner.model.calibration = always(0.9)
    views = seen(policy.planner)
    choice = policy.planner.decide("take", GRASP, Memory(), True, views)
    found = choice.objects["red ball"]
    assert policy._doubtful(replace(choice, objects={"red ball": replace(found, confidence=0.1)}))
    assert not policy._doubtful(replace(choice, objects={"red ball": replace(found, confidence=0.3)}))


def test_a_policy_without_a_plan_notes_its_steps_and_ends(tmp_path: Path, predictor: FinePredictor) -> None:
    planner = random_planner(tmp_path, use_plan=False, use_objects=False)
    policy = ClapPolicy(planner, predictor, PolicyConfig(replan_below=0.0))
    policy.reset("take the red ball")
    decisions = [policy.select_action(scene()) for _ in range(8)]
    for decision in decisions:
        assert decision.plan[decision.step_index] == decision.step and len(set(decision.plan)) == len(decision.plan)
    assert decisions[-1].finished or len({decision.step for decision in decisions}) > 1


# --- planning by the vision-language model itself, and listing


def test_a_vision_language_model_plans_under_the_grammar_and_lists(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = seen(planner)
    plan = planner.plan("put the red ball on the blue slab", views, ["red ball", "blue slab"])
    assert plan.steps and all(str(parse_step(step)) == step for step in plan.steps)
    known = words_of(["put the red ball on the blue slab"])
    assert all(set(phrase.split()) <= known for phrase in prompts.plan_phrases(plan.steps))
    planner.model.names = ("red ball", "blue slab", "lid")
    monkeypatch.setattr(listing, "PRESENT", 1e-6)
    monkeypatch.setattr(listing, "SHARE", 0.003)
    found = planner.list_things(views)
    assert found and {name for name, _ in found} <= set(planner.model.names)
    assert all(np.abs(pointing.point - WORKSPACE_CENTRE).max() < 0.51 for _, pointing in found)


@pytest.mark.parametrize(
    ("other", "apart", "one"),
    [("blue ball", 0.029, True), ("blue ball", 0.031, False), ("jar", 0.014, True), ("jar", 0.016, False)],
)
def test_two_names_at_one_place_are_one_thing(other: str, apart: float, one: bool) -> None:
    here, there = (Pointing(np.array([x, 0.0, 0.8]), None, 1.0, np.zeros(5)) for x in (0.0, apart))
    assert listing._same_thing("red ball", here, other, there) is one
