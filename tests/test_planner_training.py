"""The planner's training: the same whatever shares a step, kept at its best, and logged without gaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stages.core.progress import silent
from stages.geometry.workspace import WORKSPACE_CENTRE
from stages.planner import prompts
from stages.planner.pointing.coordinates import read_keypoints
from stages.planner.pointing.model import PlannerModel
from stages.planner.training.batches import PixelWords, Sample, encode_batch, losses
from stages.planner.training.loop import TrainingState, train
from stages.pretraining.tiny import save_backbone, tiny_backbone
from stages.runtime.precision import autocast
from stages.settings.vlm import VlmConfig

PLAN = ["grasp the red ball", "lift the grasped red ball"]
SMALL = {"image_size": 56, "pointer_cells": 28, "batch_size": 4, "precision": "float32", "checkpoint_seconds": 0.0}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    save_backbone(tiny_backbone([*PLAN, prompts.plan_request("lift it", []), "Locate: red ball."] * 4, 56, 0), folder)
    return folder


def sample(rng: np.random.Generator) -> Sample:
    """Half of them ask for a plan, half for places; a scene is a red square on grey."""
    corner = rng.integers(0, 46, 2)
    views = np.full((3, 56, 56, 6), 120, np.uint8)
    views[:, corner[0] : corner[0] + 10, corner[1] : corner[1] + 10] = [230, 20, 20, 110, 50, 0]
    if rng.random() < 0.5:
        return Sample(prompts.plan_request("lift it", []), "grasp the red ball\nlift it", np.zeros((0, 3)), views)
    places = WORKSPACE_CENTRE + rng.uniform(-0.3, 0.3, (rng.integers(1, 3), 3))
    phrases = ["red ball", "red slab"][: len(places)]
    return Sample(prompts.locate_request(phrases), prompts.locate_answer(phrases), places, views)


def draw(step: int) -> list[Sample]:
    rng = np.random.default_rng([3, step])
    return [sample(rng) for _ in range(4)]


def adapted(base: Path, **settings: object) -> PlannerModel:
    torch.manual_seed(0)
    model = PlannerModel.from_base(VlmConfig(base=str(base), **SMALL | {"steps": 3} | settings))
    model.add_adapters()
    return model


def trained(base: Path, folder: Path, **settings: object) -> tuple[PlannerModel, TrainingState]:
    model = adapted(base, **settings)
    return model, train(model, draw, folder / "checkpoint.pt", silent)


def assert_near(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name], value, atol=tolerance), name


def losses_of(state: TrainingState) -> np.ndarray:
    return np.array([[point["language"], point["pointer"]] for point in state.curve])


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_how_many_parts_a_step_is_worked_through_in_does_not_change_it(base: Path, tmp_path: Path, parts: int):
    whole, expected = trained(base, tmp_path / "whole")
    divided, found = trained(base, tmp_path / "parts", accumulate=parts)
    assert np.allclose(losses_of(found), losses_of(expected), atol=1e-3)
    assert_near(divided.trainable_state(), whole.trainable_state(), 1e-2)
    first, second = (torch.load(tmp_path / name / "checkpoint.pt")["optimisers"] for name in ("whole", "parts"))
    for one, other, mean in zip(first, second, ("exp_avg", "velocity"), strict=True):
        assert one["state"]
        for number, moments in one["state"].items():
            assert torch.allclose(moments[mean], other["state"][number][mean], atol=1e-3), (mean, number)


def test_gradient_checkpointing_computes_layers_twice_and_the_same(base: Path, tmp_path: Path):
    def run(folder: Path, again: bool) -> tuple[int, np.ndarray]:
        model, passes = adapted(base, gradient_checkpointing=again), []
        layers = model.backbone.model.model.language_model.layers
        layers[0].self_attn.register_forward_pre_hook(lambda *_: passes.append(1))
        losses = losses_of(train(model, draw, folder / "c.pt", silent))
        return len(passes), losses

    once, expected = run(tmp_path / "once", False)
    twice, found = run(tmp_path / "twice", True)
    assert twice == 2 * once > 0 and np.allclose(found, expected, atol=1e-4)


def test_bfloat16_is_used_as_asked():
    device = torch.device("cpu")
    for precision, expected in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        with autocast(device, precision):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


class Killed(Exception):
    pass


def kill_at(step: int):
    def progress(done: int, total: int, what: str) -> None:
        if done == step:
            raise Killed

    return progress


def test_without_improvement_training_ends_with_its_best_weights_also_when_resumed(base: Path, tmp_path: Path):
    contrary = [replace(one, answer="no such thing", points=np.zeros((0, 3))) for one in draw(99)]
    settings = {"steps": 40, "validate_every": 2, "patience": 3, "learning_rate": 5e-3, "warmup_fraction": 0.4}

    def run(folder: Path, stop: int | None = None) -> tuple[PlannerModel, TrainingState]:
        model = adapted(base, **settings)
        state = train(model, draw, folder / "c.pt", kill_at(stop) if stop else silent, contrary, folder / "log")
        return model, state

    model, state = run(tmp_path / "whole")
    totals = [look["language"] for look in state.validation]
    assert state.step < 40 and len(totals) - 1 - int(np.argmin(totals)) == 3
    batch, _ = encode_batch(model, contrary, model.backbone.end)
    with torch.no_grad():
        output = model(batch)
    loss = torch.nn.functional.cross_entropy(output.token_logits, output.token_labels)
    assert float(loss) == pytest.approx(min(totals), abs=1e-4)

    with pytest.raises(Killed):
        run(tmp_path / "halves", stop=state.step - 1)
    resumed, again = run(tmp_path / "halves")
    assert [look["step"] for look in again.validation] == [look["step"] for look in state.validation]
    assert np.allclose(losses_of(again), losses_of(state), atol=1e-5)
    assert_near(resumed.trainable_state(), model.trainable_state(), 1e-5)
    log = EventAccumulator(str(tmp_path / "halves/log")).Reload()
    assert [event.step for event in log.Scalars("language/training")] == list(range(1, state.step + 1))
    logged = [event.value for event in log.Scalars("language/held-out")]
    assert logged == pytest.approx(totals, abs=1e-4)
    assert log.Scalars("learning_rate/training")[-1].value == pytest.approx(state.curve[-1]["learning_rate"])


def test_held_out_samples_are_not_looked_at_where_that_is_switched_off(base: Path, tmp_path: Path):
    model = adapted(base, steps=3, validate_every=0, patience=1)
    state = train(model, draw, tmp_path / "c.pt", silent, draw(99))
    assert state.step == 3 and not state.validation and state.best is None


def test_held_out_losses_are_those_of_all_the_exchanges_together(base: Path, tmp_path: Path):
    unseen = [one for step in (50, 51, 52) for one in draw(step)][:10]
    model = adapted(base, steps=1, learning_rate=0.0)
    state = train(model, draw, tmp_path / "c.pt", silent, unseen)
    batch, points = encode_batch(model, unseen, model.backbone.end)
    with torch.no_grad():
        language, pointer = losses(model, batch, points)
    (look,) = state.validation
    assert look == pytest.approx({"step": 1, "language": float(language), "pointer": float(pointer)}, abs=1e-4)


def test_a_step_can_have_text_alone_and_text_about_views(base: Path, tmp_path: Path):
    """Its language loss is the mean over the answer tokens of both, its pointer loss that of the pointed ones."""
    shown = draw(0)
    alone = [replace(one, views=one.views[:0], points=one.points[:0]) for one in shown]
    assert any(prompts.KEYPOINT in one.answer for one in alone)
    model = adapted(base, steps=1, batch_size=8, learning_rate=0.0, pointer_rate=0.0)
    state = train(model, lambda step: [*shown[:2], *alone, *shown[2:]], tmp_path / "c.pt", silent)
    total = tokens = 0.0
    for group in (shown, alone):
        batch, points = encode_batch(model, group, model.backbone.end)
        with torch.no_grad():
            language, pointer = losses(model, batch, points)
        total += float(language) * int(batch["answer_mask"].sum())
        tokens += int(batch["answer_mask"].sum())
        if group is shown:
            assert state.curve[0]["pointer"] == pytest.approx(float(pointer), abs=1e-4)
    assert state.curve[0]["language"] == pytest.approx(total / tokens, abs=1e-4)


def test_a_planner_that_writes_coordinates_learns_them_as_words(base: Path, tmp_path: Path):
    model = adapted(base, keypoints="text")
    asked = [one for one in draw(0) if len(one.points)]
    batch, points = encode_batch(model, asked, model.backbone.end)
    row = batch["input_ids"][0][batch["answer_mask"][0]]
    answer, places = read_keypoints(model.backbone.tokenizer.decode(row).removesuffix(model.backbone.end))
    assert answer == asked[0].answer and np.allclose(places, asked[0].points, atol=1e-3)
    assert len(points) == 0
    unseen = replace(asked[0], views=asked[0].views[:0], points=asked[0].points[:0])
    assert unseen.spelt().answer == asked[0].answer.replace(prompts.KEYPOINT, "")
    state = train(model, draw, tmp_path / "c.pt", silent)
    assert [point["pointer"] for point in state.curve] == [0, 0, 0]


def located(seed: int, *, pixels: bool) -> Sample:
    """Two phrases, the second of which means nothing in view, about a red square whose pixels are known or not."""
    rng = np.random.default_rng(seed)
    views = sample(rng).views
    shown = PixelWords((views[..., 0] == 230).astype(np.uint8), (("nothing", ""), ("slab", "red")), VOCABULARIES)
    points = [WORKSPACE_CENTRE + rng.uniform(-0.3, 0.3, 3), np.full(3, np.nan)]
    return Sample.locating(["red slab", "blue ball"], points, views, shown if pixels else None)


VOCABULARIES = (("nothing", "ball", "slab"), ("blue", "red"))


def test_known_and_unknown_pixels_can_be_mixed_and_divided(base: Path):
    """Losses weighted by phrases are the same however scenes are divided into batches."""
    model = adapted(base).eval()
    scenes = [located(seed, pixels=seed % 2 == 0) for seed in range(4)]

    def pointer(group: list[Sample]) -> float:
        with torch.no_grad():
            return float(losses(model, *encode_batch(model, group, ""))[1])

    apart = [pointer([one]) for one in scenes]
    assert pointer(scenes) == pytest.approx(np.mean(apart), abs=1e-4)
    without = replace(scenes[0], pixels=None)
    assert pointer([scenes[0]]) > pointer([without])


def test_what_is_not_in_view_has_no_coordinates():
    spelt = located(0, pixels=True).spelt()
    answer, places = read_keypoints(spelt.answer)
    assert "blue ball" not in spelt.request + spelt.answer and "red slab" in spelt.request
    assert answer == prompts.locate_answer(["red slab"]) and np.isfinite(places).all()
