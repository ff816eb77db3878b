"""What a view's pixels say: image encoders (built in, or SigLIP and DINOv2) and a depth encoder, as maps of tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.core.errors import UserError

FINE_STRIDE = 4
"""Side [px] of the finest features that heads look at; finer ones cost more than they help."""

_STATISTICS = {"siglip": ((0.5,) * 3, (0.5,) * 3), "dinov2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


class ConvEncoder(nn.Module):
    """A pyramid of strided convolutions; channels double as the resolution halves, down to one token per patch."""

    def __init__(self, channels: int, patch: int, first: int) -> None:
        super().__init__()
        self.widths = [first * 2**i for i in range(patch.bit_length() - 1)]
        inputs = [channels, *self.widths[:-1]]
        self.levels = nn.ModuleList(_level(i, o) for i, o in zip(inputs, self.widths, strict=True))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, C_i, S / 2^i, S / 2^i) of images (B, C, S, S), finest first."""
        maps = []
        for level in self.levels:
            images = level(images)
            maps.append(images)
        return maps


class PretrainedEncoder(nn.Module):
    """A SigLIP or DINOv2 vision tower as a map of tokens."""

    def __init__(self, model: nn.Module, tune: bool) -> None:
        super().__init__()
        self.model = model.requires_grad_(tune)
        self.tune = tune
        self.width = model.config.hidden_size
        mean, deviation = _STATISTICS[_family(model.config)]
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None], persistent=False)

    def forward(self, images: Tensor, grid: int) -> Tensor:
        """Tokens (B, width, grid, grid) of images (B, 3, S, S) in [0, 1], seen at the model's own resolution."""
        size = self.model.config.image_size
        pixels = F.interpolate((images - self.mean) / self.deviation, (size, size), mode="bilinear", antialias=True)
        with torch.set_grad_enabled(self.tune and torch.is_grad_enabled()):
            states = self.model(pixel_values=pixels).last_hidden_state
        side = size // self.model.config.patch_size
        tokens = states[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))
        return F.interpolate(tokens, (grid, grid), mode="bilinear", antialias=True)


def load_vision_model(name: str) -> nn.Module:
    """The vision tower of a Hugging Face SigLIP or DINOv2 checkpoint.

    Raises:
        UserError: no such model, or one of another family.
    """
    from transformers import AutoConfig, Dinov2Model, SiglipVisionModel

    hint = "Use tiny, or a name or path of a SigLIP or DINOv2 model"
    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError(f"No image encoder at '{name}'", hint) from error
    classes = {"siglip": SiglipVisionModel, "dinov2": Dinov2Model}
    family = _family(config)
    if family not in classes:
        raise UserError(f"'{name}' is a {config.model_type} model", hint)
    return classes[family].from_pretrained(name)


def build_vision_model(config: dict) -> nn.Module:
    """A vision tower without weights from its configuration, as `model.config.to_dict()` wrote it."""
    from transformers import Dinov2Config, Dinov2Model, SiglipVisionConfig, SiglipVisionModel

    if config["model_type"] == "dinov2":
        return Dinov2Model(Dinov2Config(**config))
    return SiglipVisionModel(SiglipVisionConfig(**config))


def _family(config: object) -> str:
    return config.model_type.removesuffix("_vision_model")


def _level(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    return nn.Sequential(conv, nn.GroupNorm(1, outputs), nn.ReLU(inplace=True))
