"""Every family of backbones, on small random checkpoints of the real classes, written and read as a user's are."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, DynamicCache

from stages.core.errors import UserError
from stages.planner.pointing.backbone import Backbone, load_backbone
from stages.planner.pointing.families import FAMILIES
from stages.planner.pointing.model import PlannerModel
from stages.planner.pointing.pointer import pointer_loss
from stages.planner.prompts import KEYPOINT, pointed_phrases
from stages.settings.vlm import VlmConfig
from tests.checkpoints import NAMES, VIEW_SIZES, write_checkpoint
from tests.conftest import clap_here

VIEWS = ("top", "front")
UNTIED = ("qwen3_vl", "idefics3")


@pytest.fixture(scope="module", params=NAMES)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Name and folder of a checkpoint of every family."""
    return request.param, write_checkpoint(request.param, tmp_path_factory.mktemp("bases") / request.param)


@pytest.fixture(scope="module")
def backbone(checkpoint: tuple[str, Path]) -> Backbone:
    backbone = load_backbone(str(checkpoint[1]))
    backbone.model.requires_grad_(False)
    return backbone


@pytest.fixture
def views(checkpoint: tuple[str, Path]) -> np.ndarray:
    return random_views(checkpoint[0])


def random_views(name: str, batch: int = 2) -> np.ndarray:
    size = VIEW_SIZES[name]
    return np.random.default_rng(0).integers(0, 256, (batch, len(VIEWS), size, size, 3), dtype=np.uint8)


def settings(name: str, folder: Path, **changes: object) -> VlmConfig:
    size = VIEW_SIZES[name]
    return VlmConfig(
        base=str(folder), image_size=size, views=VIEWS, pointer_cells=8, pointer_width=8, lora_rank=4, **changes
    )


def encoded(backbone: Backbone, views: np.ndarray, answers: list[str | list[int]]) -> dict[str, Tensor]:
    requests = ["Locate: red ball.", "Task: press the red button. Plan the steps."][: len(answers)]
    return backbone.encode(requests, answers, views[: len(answers)])


def without_mask(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in batch.items() if name != "answer_mask"}


def batch_of(model: PlannerModel, name: str) -> dict[str, Tensor]:
    """A sample with two keypoints and one with one."""
    views = random_views(name)
    end = model.backbone.end
    answers = [f"red ball{KEYPOINT}; now 1. grasp the red ball{KEYPOINT}{end}", f"button{KEYPOINT}{end}"]
    batch = model.backbone.encode(["Locate: red ball.", "Task: press the red button."], answers, views)
    shown = np.concatenate([views, views], -1)
    return batch | model.pointer_inputs(shown, [pointed_phrases(answer) for answer in answers])


def loss_of(model: PlannerModel, batch: dict[str, Tensor]) -> Tensor:
    output = model(batch)
    language = functional.cross_entropy(output.token_logits, output.token_labels)
    return language + pointer_loss(output.votes, torch.tensor([[0.2, 0.1, 0.9]] * 3)).mean()


def scores_of(model: PlannerModel, name: str) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        output = model.eval()(batch_of(model, name))
    return output.token_logits, output.votes.scores


def trained(name: str, folder: Path) -> PlannerModel:
    """A planner with adapters, some of them no longer zero."""
    torch.manual_seed(0)
    model = PlannerModel.from_base(settings(name, folder))
    model.add_adapters()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    loss_of(model.train(), batch_of(model, name)).backward()
    optimiser.step()
    return model.eval()


def test_the_request_comes_before_the_answer_and_says_where_it_ends(backbone: Backbone, views: np.ndarray) -> None:
    answer = f"red ball{KEYPOINT}{backbone.end}"
    batch = encoded(backbone, views, [answer, ""])
    ids, decode = batch["input_ids"], backbone.tokenizer.decode
    assert decode(ids[0][batch["answer_mask"][0]]) == answer
    assert not batch["answer_mask"][1].any()
    assert ids[0][batch["answer_mask"][0]][-1] == backbone.end_id
    assert ids[0][batch["answer_mask"][0]][-2] == backbone.keypoint_token_id
    as_ids = backbone.tokenizer(answer)["input_ids"]
    assert torch.equal(encoded(backbone, views, [as_ids, ""])["input_ids"], ids)
    text = decode(ids[0])
    assert text.count(backbone.family.image) == len(VIEWS) * 4
    assert text.rindex(backbone.family.image) < text.index("Locate: red ball.") < text.index(answer)


def test_a_checkpoint_is_asked_by_its_own_chat_template(tmp_path: Path) -> None:
    qwen = load_backbone(str(write_checkpoint("qwen2_5_vl", tmp_path / "qwen")))
    ids = qwen.encode(["Plan."], [""], random_views("qwen2_5_vl", 1))["input_ids"][0]
    image = "<|vision_start|>" + "<|image_pad|>" * 4 + "<|vision_end|>"
    system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    user = f"<|im_start|>user\n{image * 2}Plan.<|im_end|>\n<|im_start|>assistant\n"
    assert qwen.tokenizer.decode(ids) == system + user
    smol = load_backbone(str(write_checkpoint("smolvlm", tmp_path / "smolvlm")))
    ids = smol.encode(["Plan."], [""], np.zeros((1, 0, 48, 48, 3), np.uint8))["input_ids"][0]
    assert smol.tokenizer.decode(ids) == "<|im_start|>User: Plan.<end_of_utterance>\nAssistant:"


@pytest.mark.parametrize("name", ["idefics3", "paligemma"])
def test_inputs_are_those_of_the_family_s_own_processor(name: str, tmp_path: Path) -> None:
    """Of those processors that need no torchvision."""
    from transformers import Idefics3Processor, PaliGemmaProcessor

    backbone = load_backbone(str(write_checkpoint(name, tmp_path)))
    views = random_views(name, 1)
    ours = without_mask(backbone.encode(["Plan the steps."], [""], views))
    tokenizer, processor = copy.deepcopy(backbone.tokenizer), copy.deepcopy(backbone.image_processor)
    if name == "idefics3":
        content = [{"type": "image"}] * 2 + [{"type": "text", "text": "Plan the steps."}]
        messages = [{"role": "user", "content": content}]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        processor.do_image_splitting, processor.size = False, processor.max_image_size
        both = Idefics3Processor(processor, tokenizer, image_seq_len=4)
    else:
        text, processor.image_seq_length = "<image><image>Plan the steps.", 4
        both = PaliGemmaProcessor(processor, tokenizer)
    theirs = both(images=[list(views[0])], text=[text], return_tensors="pt")
    assert torch.equal(ours["input_ids"], theirs["input_ids"])
    assert torch.allclose(ours["pixel_values"], theirs["pixel_values"])
    if "token_type_ids" in ours:
        assert torch.equal(ours["token_type_ids"], theirs["token_type_ids"])


def test_the_base_that_ships_is_asked_as_it_was_trained() -> None:
    backbone = load_backbone("tiny")
    views = np.random.default_rng(0).integers(0, 256, (1, 3, 112, 112, 3), dtype=np.uint8)
    batch = backbone.encode(["Locate: red ball."], [f"red ball{KEYPOINT}<|im_end|>"], views)
    image = "<|vision_start|>" + "<|image_pad|>" * 16 + "<|vision_end|>"
    prefix = f"<|im_start|>user\n{image * 3}Locate: red ball.<|im_end|>\n<|im_start|>assistant\n"
    tokens = AutoTokenizer.from_pretrained(backbone.model.name_or_path)
    expected = tokens(prefix)["input_ids"] + tokens(f"red ball{KEYPOINT}<|im_end|>")["input_ids"]
    assert batch["input_ids"].tolist() == [expected]
    pixels = backbone.image_processor(images=list(views[0]), return_tensors="pt")
    assert torch.equal(batch["pixel_values"], pixels["pixel_values"])
    assert backbone.end == "<|im_end|>" and backbone.tokens_per_side(112) == 4 and not backbone.added_keypoint


def test_hidden_states_and_scores(checkpoint: tuple[str, Path], backbone: Backbone, views: np.ndarray) -> None:
    batch = encoded(backbone, views, ["red ball", "1. press"])
    inputs = without_mask(batch)
    hidden = backbone.hidden_states(inputs)
    assert hidden.shape == (*batch["input_ids"].shape, backbone.hidden_size)
    whole = backbone.model(**inputs).logits
    assert torch.allclose(backbone.logits(hidden), whole, atol=1e-5)
    assert backbone.position_ids(inputs).shape[-2:] == batch["input_ids"].shape
    assert torch.allclose(backbone.hidden_states(inputs, position_ids=backbone.position_ids(inputs)), hidden, atol=1e-5)


def test_text_alone(backbone: Backbone) -> None:
    nothing = np.zeros((2, 0, 56, 56, 3), np.uint8)
    inputs = without_mask(encoded(backbone, nothing, ["red ball", "1. press"]))
    assert not backbone.image_mask(inputs).any()
    hidden, real = backbone.hidden_states(inputs), inputs["attention_mask"].bool()
    placed = backbone.hidden_states(inputs, position_ids=backbone.position_ids(inputs))
    assert torch.allclose(placed[real], hidden[real], atol=1e-5)


def test_image_tokens_are_in_the_order_of_views_and_rows(
    checkpoint: tuple[str, Path], backbone: Backbone, views: np.ndarray
) -> None:
    size = VIEW_SIZES[checkpoint[0]]
    side = backbone.tokens_per_side(size)
    assert side == 2

    def embeddings(shown: np.ndarray) -> Tensor:
        """(V * T * T, H) what the language model is given for the image tokens."""
        inputs, seen = without_mask(encoded(backbone, shown, ["red"])), []
        hook = backbone.model.get_decoder().register_forward_pre_hook(
            lambda module, args, kwargs: seen.append(kwargs["inputs_embeds"]), with_kwargs=True
        )
        backbone.hidden_states(inputs)
        hook.remove()
        mask = backbone.image_mask(inputs)
        assert mask.sum() == len(VIEWS) * side * side
        return seen[0][mask]

    before, block = embeddings(views), size // side
    for view, row, column in np.ndindex(len(VIEWS), side, side):
        changed = views.copy()
        changed[0, view, row * block : (row + 1) * block, column * block : (column + 1) * block] //= 4
        moved = (embeddings(changed) - before).norm(dim=1)
        assert moved.argmax() == (view * side + row) * side + column
        others = moved.view(len(VIEWS), -1)[torch.arange(len(VIEWS)) != view]
        assert others.max() < 1e-5 < 0.1 * moved.max()


def test_padding_changes_nothing(backbone: Backbone, views: np.ndarray) -> None:
    both = encoded(backbone, views, ["red", "1. press the red button 2. lift the red ball"])
    one = encoded(backbone, views, ["red"])
    length = one["input_ids"].shape[1]
    assert both["attention_mask"][0].sum() == length < both["input_ids"].shape[1]
    padded = backbone.hidden_states(without_mask(both))[0, :length]
    assert torch.allclose(padded, backbone.hidden_states(without_mask(one))[0], atol=1e-5)


def continued(backbone: Backbone, inputs: dict[str, Tensor], start: int) -> Tensor:
    """Hidden states from token `start` on, of a pass that goes on from the cache of one over what is before."""
    per_token = ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids")
    first = {name: value[:, :start] if name in per_token else value for name, value in inputs.items()}
    positions, cache = backbone.position_ids(inputs), DynamicCache(config=backbone.model.config)
    backbone.hidden_states(first, cache, positions[..., :start])
    rest = {"input_ids": inputs["input_ids"][:, start:], "attention_mask": inputs["attention_mask"]}
    return backbone.hidden_states(rest, cache, positions[..., start:])


def test_answers_go_on_from_a_cache(backbone: Backbone, views: np.ndarray) -> None:
    batch = encoded(backbone, views, ["red ball; 1. press the red button"])
    inputs, start = without_mask(batch), int(batch["answer_mask"][0].int().argmax())
    whole = backbone.hidden_states(inputs)
    assert torch.allclose(continued(backbone, inputs, start), whole[:, start:], atol=1e-5)


def test_images_are_shared_where_the_backbone_says_so(backbone: Backbone, views: np.ndarray) -> None:
    inputs = without_mask(encoded(backbone, views, ["red ball"]))
    after = int(backbone.image_mask(inputs)[0].nonzero().max()) + 1
    whole = backbone.hidden_states(inputs)
    same = torch.allclose(continued(backbone, inputs, after), whole[:, after:], atol=1e-5)
    assert same == backbone.shares_images


def test_answers_do_not_see_what_follows(backbone: Backbone, views: np.ndarray) -> None:
    short, long = (encoded(backbone, views, [answer]) for answer in ("1. press", "1. press the red button"))
    length = short["input_ids"].shape[1]
    assert torch.equal(long["input_ids"][:, :length], short["input_ids"])
    longer = backbone.hidden_states(without_mask(long))[:, :length]
    assert torch.allclose(longer, backbone.hidden_states(without_mask(short)), atol=1e-5)


def test_training_lowers_the_loss_and_changes_only_what_is_new(checkpoint: tuple[str, Path]) -> None:
    name, folder = checkpoint
    torch.manual_seed(0)
    model = PlannerModel.from_base(settings(name, folder))
    assert model.backbone.added_keypoint
    model.add_adapters()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    new = {key for key, p in model.named_parameters(remove_duplicate=False) if p.requires_grad}
    assert all("lora_" in key or "trainable_tokens" in key or key.startswith("pointer.") for key in new)
    rows = [key for key, p in model.named_parameters() if "trainable_tokens" in key]
    assert len(rows) == (2 if name in UNTIED else 1)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    batch, losses = batch_of(model, name), []
    for _ in range(20):
        loss = loss_of(model.train(), batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed <= new
    assert changed.issuperset(rows)
    towers = {key for key in changed if ".vision_" in key or ".visual." in key}
    assert towers and any(key not in towers and "lora_" in key for key in changed)


def vision_layers(backbone: Backbone) -> torch.nn.ModuleList:
    """The transformer layers of the vision tower."""
    towers = (m for n, m in backbone.model.named_modules() if n.endswith(("visual.blocks", "encoder.layers")))
    return next(towers)


def test_checkpointing_gives_the_same_gradients(checkpoint: tuple[str, Path]) -> None:
    name, folder = checkpoint
    model = trained(name, folder).train()
    batch = batch_of(model, name)

    def gradients() -> dict[str, Tensor]:
        model.zero_grad()
        loss_of(model, batch).backward()
        return {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}

    plain = gradients()
    model.backbone.model.activation_checkpointing_enable()
    passes = []
    for layers in (model.backbone.model.get_decoder().layers, vision_layers(model.backbone)):
        layers[0].mlp.register_forward_pre_hook(lambda mlp, _: passes.append(mlp))
    checkpointed = gradients()
    assert len(passes) == 4, "every layer is passed again on the way back"
    assert checkpointed.keys() == plain.keys()
    assert all(torch.allclose(checkpointed[key], plain[key], atol=1e-5) for key in plain)


def test_adapters_and_merged_weights_come_back(checkpoint: tuple[str, Path], tmp_path: Path) -> None:
    name, folder = checkpoint
    model = trained(name, folder)
    expected = scores_of(model, name)
    model.save_pretrained(tmp_path / "adapters")
    saved = load_file(tmp_path / "adapters/adapter/adapter_model.safetensors")
    assert all("lora_" in key or "trainable_tokens" in key for key in saved)
    back = PlannerModel.from_pretrained(tmp_path / "adapters")
    back.save_merged(tmp_path / "merged")
    merged = PlannerModel.from_pretrained(tmp_path / "merged")
    again = PlannerModel.from_base(settings(name, tmp_path / "merged"))
    assert not again.backbone.added_keypoint
    for other in (back, merged, again):
        for ours, theirs in zip(expected, scores_of(other, name), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-4)
    untrained = PlannerModel.from_base(settings(name, folder))
    assert not torch.allclose(scores_of(untrained, name)[0], expected[0], atol=1e-4)


def test_random_weights_of_the_same_architecture(checkpoint: tuple[str, Path]) -> None:
    name, folder = checkpoint

    def random(seed: int) -> PlannerModel:
        torch.manual_seed(seed)
        return PlannerModel.from_base(settings(name, folder, pretrained=False))

    one, same, other = random(1), random(1), random(2)
    base = load_backbone(str(folder)).model.state_dict()
    state = one.backbone.model.state_dict()
    assert {key: value.shape for key, value in state.items()} == {key: value.shape for key, value in base.items()}
    assert all(torch.equal(value, same.backbone.model.state_dict()[key]) for key, value in state.items())
    matrices = [key for key, value in state.items() if value.ndim > 1]
    assert not any(torch.equal(state[key], base[key]) for key in matrices)
    assert not any(torch.equal(state[key], other.backbone.model.state_dict()[key]) for key in matrices)


def test_half_precision(checkpoint: tuple[str, Path]) -> None:
    name, folder = checkpoint
    model = PlannerModel.from_base(settings(name, folder), dtype=torch.bfloat16)
    assert {p.dtype for p in model.vlm.parameters()} == {torch.bfloat16}
    logits, maps = scores_of(model, name)
    assert logits.dtype == torch.bfloat16 and maps.dtype == torch.float32 and maps.isfinite().all()


def test_views_and_cells_that_do_not_fit(tmp_path: Path) -> None:
    folder = write_checkpoint("qwen3_vl", tmp_path / "qwen")
    with pytest.raises(UserError, match="a multiple of the backbone's 32 px"):
        PlannerModel.from_base(VlmConfig(base=str(folder), image_size=112))
    folder = write_checkpoint("paligemma", tmp_path / "paligemma")
    with pytest.raises(UserError, match="no multiple of 4"):
        PlannerModel.from_base(VlmConfig(base=str(folder), pointer_cells=55))


def test_other_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UserError) as error:
        load_backbone(str(tmp_path))
    assert "bert" in str(error.value)
    assert all(family.name in str(error.value) for family in FAMILIES.values())
    with pytest.raises(UserError, match="No model at"):
        load_backbone(str(tmp_path / "nothing"))
    folder = write_checkpoint("qwen2_5_vl", tmp_path / "partial")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match="No model at"):
        load_backbone(str(folder))


@pytest.mark.parametrize("name", ["smolvlm", "paligemma2"])
def test_the_stage_takes_a_base_by_its_path(name: str, tiny_run: Path, tmp_path: Path) -> None:
    folder = write_checkpoint(name, tmp_path / "base")
    given = [f"--{part}={tiny_run / part}.h5" for part in ("demos", "keypoints", "plans")]
    changes = ("image_size=48", "pointer_cells=8", "lora_rank=2", "steps=2", "batch_size=4", "auxiliary_scenes=0")
    chosen = [part for value in changes for part in ("--set", f"vlm.{value}")]
    outcome = clap_here("finetune-vlm", "--base", folder, "--run", tmp_path, *given, *chosen, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["steps"] == 2 and 0 <= outcome.json["keypoint_within_3cm"] <= 1
    assert PlannerModel.from_pretrained(tmp_path / "vlm").backbone.family.name in ("SmolVLM", "PaliGemma")
