"""The planner's network: backbone, LoRA adapters and pointer head; saved the PEFT way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stages.core.errors import UserError
from stages.geometry.canonical import CanonicalViews
from stages.planner.bases import base_digest, check_base, resolved
from stages.planner.calibration import Calibration
from stages.planner.pointing.backbone import TINY_BASE, Backbone, load_backbone
from stages.planner.pointing.phrase_encoder import PhraseEncoder, load_phrase_encoder, packaged_phrase_encoder
from stages.planner.pointing.pointer import PixelClasses, PointerHead, Votes
from stages.planner.pointing.view_encoder import BLOCK
from stages.planner.pointing.views import resized
from stages.settings.vlm import VlmConfig

POINTER_INPUTS = ("views", "words", "lengths", "counts")
"""Of a batch: views (B, V, S, S, 6) uint8 and the phrases about them, as `PointerHead` takes them."""

_POINTER, _SETTINGS, _ADAPTER, _PHRASES = "pointer.safetensors", "planner.json", "adapter", "phrases"


@dataclass(frozen=True)
class PlannerOutput:
    """What one pass gives.

    Attributes:
        token_logits: (A, vocabulary) next-token scores at the positions before each answer token.
        token_labels: (A,) the answer tokens themselves.
        votes: of all phrases that are pointed at, in batch order; None where there are none.
        pixels: (B,) loss of the classification of pixels; None where their classes are not given.
    """

    token_logits: Tensor
    token_labels: Tensor
    votes: Votes | None
    pixels: Tensor | None = None


class PlannerModel(nn.Module):
    """Backbone and pointer head as one trainable module.

    Attributes:
        names: of the things that it looks for where it lists what is in view; set before saving.
        phrase_words: words that names and plans may have besides those of the instruction; set before saving.
        calibration: of the confidence of answers; known after held-out answers.
    """

    def __init__(self, backbone: Backbone, config: VlmConfig) -> None:
        super().__init__()
        self.backbone, self.config = backbone, config
        self.vlm = backbone.model
        self.names: tuple[str, ...] = ()
        self.phrase_words: frozenset[str] = frozenset()
        self.calibration = Calibration.identity()
        backbone.tokens_per_side(config.image_size)
        if config.pointer_cells % 4:
            raise UserError(f"vlm.pointer_cells is {config.pointer_cells}, no multiple of 4", "Set it to 28")
        self.pointer = PointerHead(backbone.hidden_size, self.views, config.pointer_cells, config.pointer_width)
        self._phrases: PhraseEncoder | None = None

    @property
    def views(self) -> CanonicalViews:
        return CanonicalViews(size=self.config.image_size, names=self.config.views)

    @property
    def pointer_size(self) -> int:
        """Side of the views that the pointer sees [px]."""
        return BLOCK * self.config.pointer_cells

    @property
    def phrases(self) -> PhraseEncoder:
        """What gives the pointer the words: the packaged language model's first layers where no others came along."""
        return self._phrases or packaged_phrase_encoder()

    def pointer_inputs(self, views: np.ndarray, phrases: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """The part of a batch that the pointer takes: views (B, V, S, S, 6) uint8, and phrases about each scene."""
        words, lengths = self.phrases([phrase for row in phrases for phrase in row])
        return {
            "views": torch.from_numpy(resized(views, self.pointer_size)),
            "words": words,
            "lengths": lengths,
            "counts": torch.tensor([len(row) for row in phrases]),
        }

    def forward(self, batch: dict[str, Tensor]) -> PlannerOutput:
        """One pass over samples encoded by `encode_batch`: through the language model where they have text, and through
        the pointer where they have phrases that are pointed at."""
        inputs = dict(batch)
        pointing = {name: inputs.pop(name) for name in POINTER_INPUTS if name in inputs}
        pixels = inputs.pop("pixels", None)
        answer_mask = inputs.pop("answer_mask", None)
        if answer_mask is None:
            nothing = self.pointer.word.weight.new_zeros(0, 1)
            return PlannerOutput(nothing, nothing[:, 0].long(), *self._point(pointing, None, pixels))
        hidden = self.backbone.hidden_states(inputs)
        ids = inputs["input_ids"]
        before = torch.zeros_like(answer_mask)
        before[:, :-1] = answer_mask[:, 1:]
        states = hidden[ids == self.backbone.keypoint_token_id].float()
        answers = self.backbone.logits(hidden[before]), ids[:, 1:][answer_mask[:, 1:]]
        return PlannerOutput(*answers, *self._point(pointing, states, pixels))

    def _point(
        self, inputs: dict[str, Tensor], states: Tensor | None, pixels: PixelClasses | None
    ) -> tuple[Votes | None, Tensor | None]:
        if not inputs:
            return None, None
        views = inputs.pop("views")
        seen = self.pointer.look(views)
        loss = self.pointer.pixel_loss(seen, views, pixels) if pixels else None
        return self.pointer(seen, **inputs, states=states), loss

    def add_adapters(self) -> None:
        """Freeze the backbone and put LoRA adapters on all its linear layers; new rows of `KEYPOINT` stay trainable."""
        rows = dict.fromkeys(self._embeddings(), [self.backbone.keypoint_token_id])
        lora = LoraConfig(
            r=self.config.lora_rank,
            lora_alpha=self.config.lora_alpha,
            target_modules="all-linear",
            trainable_token_indices=rows if self.backbone.added_keypoint else None,
        )
        self.vlm = get_peft_model(self.backbone.model, lora)

    def _embeddings(self) -> list[str]:
        """Names of the layers with a row of their own for every token: the output only where it is not the input's."""
        model = self.backbone.model
        untied = model.get_output_embeddings().weight is not model.get_input_embeddings().weight
        return ["embed_tokens", "lm_head"] if untied else ["embed_tokens"]

    def trainable_state(self) -> dict[str, Tensor]:
        """Copies of all parameters that are trained, by name."""
        return {name: value.detach().clone() for name, value in self.named_parameters() if value.requires_grad}

    @torch.no_grad()
    def load_trainable_state(self, state: dict[str, Tensor]) -> None:
        """Set what `trainable_state` gave."""
        named = dict(self.named_parameters())
        for name, value in state.items():
            named[name].copy_(value)

    def save_pretrained(self, folder: Path) -> None:
        """Write adapters (or, without adapters, the whole backbone), pointer, tokenizer, processor and settings."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.vlm, PeftModel):
            self.vlm.save_pretrained(folder / _ADAPTER, save_embedding_layers=False)
        else:
            self.vlm.save_pretrained(folder)
        self._save_rest(folder)

    def save_merged(self, folder: Path) -> None:
        """Like `save_pretrained`, with the adapters merged and the phrase encoder: the folder needs nothing else."""
        self.merge_adapters()
        self.save_pretrained(folder)
        if self.config.keypoints == "pointer":
            self.phrases.save(folder / _PHRASES)

    def merge_adapters(self) -> None:
        """Fold the adapters into the backbone's weights, which makes every pass faster."""
        if isinstance(self.vlm, PeftModel):
            self.vlm = self.backbone.model = self.vlm.merge_and_unload()

    def _save_rest(self, folder: Path) -> None:
        save_file({k: v.contiguous() for k, v in self.pointer.state_dict().items()}, folder / _POINTER)
        self.backbone.tokenizer.save_pretrained(folder)
        self.backbone.image_processor.save_pretrained(folder)
        settings = {"config": asdict(self.config), "names": self.names, "phrase_words": sorted(self.phrase_words)}
        if (folder / _ADAPTER).is_dir():
            settings["base_digest"] = base_digest(self.config.base)
        self.calibration.save(folder)
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=2) + "\n")

    @classmethod
    def from_base(cls, config: VlmConfig, dtype: torch.dtype | Literal["auto"] = torch.float32) -> PlannerModel:
        """Start from `config.base`; a base that carries a pre-trained pointer head brings it along.

        Without `config.pretrained` it is only the base's architecture, its weights drawn from torch's generator.

        Raises:
            UserError: there is no such base, or its views or the pointer's cells do not fit it.
        """
        config = replace(config, base=resolved(config.base))
        backbone = load_backbone(config.base, dtype, config.pretrained)
        model = cls(backbone, config)
        pointer = Path(backbone.model.name_or_path) / _POINTER
        if config.pretrained:
            model._load_pointer(pointer if pointer.is_file() else TINY_BASE / _POINTER)
        return model

    def _load_pointer(self, file: Path) -> None:
        """Start from a pre-trained pointer head, except for what another language model or other views change."""
        own = self.pointer.state_dict()
        same = {
            name: value for name, value in load_file(file).items() if name in own and own[name].shape == value.shape
        }
        self.pointer.load_state_dict(same, strict=False)

    @classmethod
    def from_pretrained(cls, folder: Path, dtype: torch.dtype = torch.float32) -> PlannerModel:
        """Load what `save_pretrained` wrote, adapters merged.

        Raises:
            UserError: the folder is not a planner, or its base is not there any more, or is another one.
        """
        if not (folder / _SETTINGS).is_file():
            raise UserError(f"'{folder}' holds no planner", "Train one with 'clap finetune-vlm'")
        settings = json.loads((folder / _SETTINGS).read_text())
        config = VlmConfig(**settings["config"] | {"views": tuple(settings["config"]["views"])})
        adapter = folder / _ADAPTER
        if adapter.is_dir():
            check_base(config.base, settings.get("base_digest"), folder)
        backbone = load_backbone(config.base if adapter.is_dir() else str(folder), dtype)
        model = cls(backbone, config)
        model.names, model.phrase_words = tuple(settings["names"]), frozenset(settings["phrase_words"])
        model.calibration = Calibration.load(folder)
        model.pointer.load_state_dict(load_file(folder / _POINTER))
        if (folder / _PHRASES).is_dir():
            model._phrases = load_phrase_encoder(folder / _PHRASES)
        if adapter.is_dir():
            model.vlm = PeftModel.from_pretrained(backbone.model, adapter)
            model.merge_adapters()
        return model.eval()
