"""The planner's network: backbone, LoRA adapters and pointer head; saved the PEFT way."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stages.core.errors import UserError
from stages.geometry.canonical import CanonicalViews
from stages.planner.bases import base_digest, check_base, resolved
from stages.planner.calibration import Calibration
from stages.planner.pointing.backbone import Backbone, load_backbone
from stages.planner.pointing.pointer import PointerHead
from stages.settings.vlm import VlmConfig

_POINTER, _SETTINGS, _ADAPTER = "pointer.safetensors", "planner.json", "adapter"


@dataclass(frozen=True)
class PlannerOutput:
    """What one pass gives.

    Attributes:
        token_logits: (A, vocabulary) next-token scores at the positions before each answer token.
        token_labels: (A,) the answer tokens themselves.
        heatmaps: (K, V, C, C) pointer logits of all keypoint tokens, in batch order.
    """

    token_logits: Tensor
    token_labels: Tensor
    heatmaps: Tensor


class PlannerModel(nn.Module):
    """Backbone and pointer head as one trainable module.

    Attributes:
        phrase_words: words that names and plans may have besides those of the instruction; set before saving.
        calibration: of the confidence of answers; known after held-out answers.
    """

    def __init__(self, backbone: Backbone, config: VlmConfig) -> None:
        super().__init__()
        self.backbone, self.config = backbone, config
        self.vlm = backbone.model
        self.phrase_words: frozenset[str] = frozenset()
        self.calibration = Calibration.identity()
        tokens = backbone.tokens_per_side(config.image_size)
        if config.pointer_cells % tokens:
            raise UserError(
                f"vlm.pointer_cells is {config.pointer_cells}, but a view has {tokens} tokens along a side",
                f"Add --set vlm.pointer_cells={tokens * -(-config.pointer_cells // tokens)}",
            )
        self.pointer = PointerHead(
            backbone.hidden_size, len(config.views), tokens, config.pointer_cells, config.pointer_width
        )

    @property
    def views(self) -> CanonicalViews:
        return CanonicalViews(size=self.config.image_size, names=self.config.views)

    def forward(self, batch: dict[str, Tensor]) -> PlannerOutput:
        """One pass over samples encoded by `Backbone.encode`, plus `pixels` (B, V, 3, S, S) in [0, 1]."""
        inputs = dict(batch)
        answer_mask, pixels = inputs.pop("answer_mask"), inputs.pop("pixels")
        hidden = self.backbone.hidden_states(inputs)
        ids = inputs["input_ids"]
        before = torch.zeros_like(answer_mask)
        before[:, :-1] = answer_mask[:, 1:]
        is_image = self.backbone.image_mask(inputs)
        return PlannerOutput(
            self.backbone.logits(hidden[before]),
            ids[:, 1:][answer_mask[:, 1:]],
            self._point(hidden.float(), ids == self.backbone.keypoint_token_id, is_image, pixels),
        )

    def _point(self, hidden: Tensor, is_keypoint: Tensor, is_image: Tensor, pixels: Tensor) -> Tensor:
        if not is_keypoint.any() or not is_image.any():
            return hidden.new_zeros(0, len(self.config.views), self.config.pointer_cells, self.config.pointer_cells)
        pointing = is_keypoint.any(1)
        hidden, is_keypoint, is_image = hidden[pointing], is_keypoint[pointing], is_image[pointing]
        per_example = is_keypoint.sum(1)
        queries = hidden.new_zeros(len(hidden), int(per_example.max()), hidden.shape[-1])
        slots = torch.arange(queries.shape[1], device=hidden.device) < per_example[:, None]
        queries[slots] = hidden[is_keypoint]
        image_tokens = hidden[is_image].view(len(hidden), -1, hidden.shape[-1])
        return self.pointer(queries, image_tokens, pixels[pointing])[slots]

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
        return {name: p.detach().clone() for name, p in self.named_parameters() if p.requires_grad}

    def save_pretrained(self, folder: Path) -> None:
        """Write adapters (or, without adapters, the whole backbone), pointer, tokenizer, processor and settings."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.vlm, PeftModel):
            self.vlm.save_pretrained(folder / _ADAPTER, save_embedding_layers=False)
        else:
            self.vlm.save_pretrained(folder)
        self._save_rest(folder)

    def save_merged(self, folder: Path) -> None:
        """Like `save_pretrained`, with the adapters merged: the folder needs no base, and is one itself."""
        self.merge_adapters()
        self.save_pretrained(folder)

    def merge_adapters(self) -> None:
        """Fold the adapters into the backbone's weights, which makes every pass faster."""
        if isinstance(self.vlm, PeftModel):
            self.vlm = self.backbone.model = self.vlm.merge_and_unload()

    def _save_rest(self, folder: Path) -> None:
        save_file({k: v.contiguous() for k, v in self.pointer.state_dict().items()}, folder / _POINTER)
        self.backbone.tokenizer.save_pretrained(folder)
        self.backbone.image_processor.save_pretrained(folder)
        settings = {"config": asdict(self.config), "phrase_words": sorted(self.phrase_words)}
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
        if config.pretrained and pointer.is_file():
            model.pointer.load_state_dict(load_file(pointer))
        return model

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
        model.phrase_words = frozenset(settings["phrase_words"])
        model.calibration = Calibration.load(folder)
        model.pointer.load_state_dict(load_file(folder / _POINTER))
        if adapter.is_dir():
            model.vlm = PeftModel.from_pretrained(backbone.model, adapter)
            model.merge_adapters()
        return model.eval()
