"""The multi-view transformer: rendered views, the step's words and the felt hand in; heatmaps and an action out.

Features are fused in three stages: the image encoders' tokens with one another, these with the depth encoder's, and
both with an embedding of every patch's place in space.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.predictor.encoders import ConvEncoder, PretrainedEncoder
from stages.predictor.rotation import BINS

MAX_MOTIONS = 6
HAND_FEATURES = 13
FREQUENCIES = 5


@dataclass
class Inputs:
    """A batch of what the network sees. Lengths are in units of half the cube's side, relative to the keypoint.

    Attributes:
        rgb: (B, V, 3, S, S) in [0, 1].
        depth: (B, V, S, S) along the viewing direction in [-1, 1]; 2 where nothing is seen.
        words: (B, L) ids of the text encoder.
        motion: (B,) index of the motion within its step.
        hand: (B, HAND_FEATURES) gripper position, two columns of its rotation, opening, 1 if felt at all, and the
            cosine and sine of the world's turn.
    """

    rgb: Tensor
    depth: Tensor
    words: Tensor
    motion: Tensor
    hand: Tensor

    def to(self, device: torch.device | str) -> Inputs:
        """The same batch elsewhere."""
        return Inputs(*(value.to(device) for value in vars(self).values()))


@dataclass
class Outputs:
    """Unnormalised scores.

    Attributes:
        heatmaps: (B, V, S, S) of the translation, one softmax per view.
        rotation: (B, 3, BINS) of the Euler angles a, b, c.
        gripper_open, ignore_collision: (B,) of a sigmoid.
    """

    heatmaps: Tensor
    rotation: Tensor
    gripper_open: Tensor
    ignore_collision: Tensor


class MultiViewTransformer(nn.Module):
    """Tokens of all views attend to one another and to the context: words, motion, hand.

    Args:
        axes: (V, 3, 3) world directions of image right, image down and into the scene of every view.
        text: module from word ids (B, L) to vectors (B, L, width).
        pretrained: image encoders beside, or instead of, the built-in one.
    """

    def __init__(
        self,
        axes: Tensor,
        text: nn.Module,
        pretrained: list[nn.Module],
        *,
        tiny: bool,
        tune: bool,
        size: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.grid = size // patch
        self.text = text
        self.pretrained = nn.ModuleList(PretrainedEncoder(model, tune) for model in pretrained)
        self.image_encoder = ConvEncoder(3, patch, 8) if tiny else None
        self.depth_encoder = ConvEncoder(2, patch, 8)
        self.image_norms = nn.ModuleList(nn.LayerNorm(encoder.width) for encoder in self.pretrained)
        towers = int(tiny) + 1
        image_width = sum(encoder.width for encoder in self.pretrained) + (towers - 1) * self.depth_encoder.widths[-1]
        self.fuse_images = nn.Linear(image_width, width)
        self.fuse_depth = nn.Linear(self.depth_encoder.widths[-1], width)
        self.fuse_places = nn.Sequential(
            nn.Linear(3 * (1 + 2 * FREQUENCIES) + 1, width), nn.GELU(), nn.Linear(width, width)
        )
        self.views = nn.Parameter(torch.randn(len(axes), 1, width) * 0.02)
        self.motion = nn.Embedding(MAX_MOTIONS, width)
        self.hand = nn.Sequential(nn.Linear(HAND_FEATURES, width), nn.GELU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.heatmaps = HeatmapHead([towers * w for w in self.depth_encoder.widths], width, patch)
        features = width + len(axes) * (width + self.heatmaps.channels)
        self.action = nn.Sequential(
            nn.LayerNorm(features), nn.Linear(features, 2 * width), nn.GELU(), nn.Linear(2 * width, 3 * BINS + 2)
        )
        self.register_buffer("axes", axes.float(), persistent=False)

    def forward(self, inputs: Inputs) -> Outputs:
        """Scores of a batch."""
        batch, views = inputs.depth.shape[:2]
        tokens, maps = self._encode(inputs)
        context = self._context(inputs)
        tokens = tokens + context[:, :1, None] + self.views
        sequence = torch.cat([context, tokens.flatten(1, 2)], dim=1)
        for block in self.blocks:
            sequence = block(sequence)
        sequence = self.norm(sequence)
        tokens = sequence[:, context.shape[1] :].reshape(batch * views, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        heatmaps, fine = self.heatmaps(tokens, maps)
        around = [_attended(heatmaps, features).view(batch, -1) for features in (tokens, fine)]
        action = self.action(torch.cat([sequence[:, 0], *around], dim=1))
        rotation = action[:, : 3 * BINS].view(batch, 3, BINS)
        return Outputs(heatmaps.view(batch, views, *heatmaps.shape[1:]), rotation, action[:, -2], action[:, -1])

    def _encode(self, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """Fused tokens (B, V, grid^2, width) and the convolutional pyramid (B V, C, ., .), finest first."""
        depth = inputs.depth.flatten(0, 1)[:, None]
        seen = (depth < 1.5).float()
        maps = self.depth_encoder(torch.cat([depth * seen, seen], dim=1))
        tokens = self.fuse_depth(_as_tokens(maps[-1])) + self.fuse_places(self._places(inputs.depth))
        images = inputs.rgb.flatten(0, 1)
        described = [
            norm(_as_tokens(encoder(images, self.grid)))
            for encoder, norm in zip(self.pretrained, self.image_norms, strict=True)
        ]
        if self.image_encoder is not None:
            coloured = self.image_encoder((images * 2 - 1) * seen)
            maps = [torch.cat(pair, dim=1) for pair in zip(coloured, maps, strict=True)]
            described.append(_as_tokens(coloured[-1]))
        tokens = tokens + self.fuse_images(torch.cat(described, dim=-1))
        return tokens.unflatten(0, inputs.depth.shape[:2]), maps

    def _places(self, depth: Tensor) -> Tensor:
        """Features (B V, grid^2, .) of each patch: the mean place of its seen pixels in waves, and their share."""
        size = depth.shape[-1]
        offset = ((torch.arange(size, device=depth.device) + 0.5) / size * 2 - 1).expand(size, size)
        local = torch.stack([offset.expand_as(depth), offset.T.expand_as(depth), depth], dim=2)
        seen = (depth < 1.5).float()[:, :, None]
        pooled = F.adaptive_avg_pool2d(torch.cat([local * seen, seen], dim=2).flatten(0, 1), self.grid)
        pooled = pooled.unflatten(0, depth.shape[:2])
        mean, share = pooled[:, :, :3] / pooled[:, :, 3:].clamp(min=1e-3), pooled[:, :, 3:]
        places = torch.einsum("bvahw,vad->bvhwd", mean, self.axes).flatten(0, 1).flatten(1, 2)
        waves = places[..., None] * (torch.pi / 2 * 2 ** torch.arange(FREQUENCIES, device=depth.device))
        waves = torch.cat([waves.sin(), waves.cos()], dim=-1).flatten(-2)
        return torch.cat([places, waves, _as_tokens(share.flatten(0, 1))], dim=-1)

    def _context(self, inputs: Inputs) -> Tensor:
        """Tokens (B, 1 + L, width): one that sums up motion, hand and words, then the words."""
        words = self.text(inputs.words)
        summary = self.motion(inputs.motion) + self.hand(inputs.hand) + words.sum(1) / words.shape[1] ** 0.5
        return torch.cat([summary[:, None], words], dim=1)


class HeatmapHead(nn.Module):
    """Each token expanded to the logits of its pixels, sharpened by what the convolutions saw at every pixel.

    A token also asks a question: a vector that is compared with the fine features of its patch.
    """

    channels = 16

    def __init__(self, widths: list[int], width: int, patch: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, patch**2)
        self.question = nn.Linear(width, self.channels)
        self.laterals = nn.ModuleList(nn.Conv2d(w, self.channels, 1) for w in widths[:-1])
        self.smooth = nn.Conv2d(self.channels, self.channels, 3, padding=1)
        self.patch = patch

    def forward(self, tokens: Tensor, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (N, S, S) and fine features (N, channels, S / 2, S / 2) of tokens (N, width, grid, grid)."""
        *finer, coarsest = (lateral(features) for lateral, features in zip(self.laterals, maps, strict=False))
        fine = coarsest
        for features in reversed(finer):
            fine = F.interpolate(F.gelu(fine), scale_factor=2.0, mode="nearest") + features
        fine = F.gelu(self.smooth(fine))
        last = tokens.permute(0, 2, 3, 1)
        question = F.interpolate(self.question(last).permute(0, 3, 1, 2), fine.shape[-2:], mode="nearest")
        answers = (fine * question).sum(1, keepdim=True)
        coarse = F.pixel_shuffle(self.expand(last).permute(0, 3, 1, 2), self.patch)
        sharp = F.interpolate(answers, scale_factor=2.0, mode="bilinear", align_corners=False)
        return (coarse + sharp)[:, 0], fine


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int, ratio: int = 3) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attend = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, ratio * width), nn.GELU(), nn.Linear(ratio * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, width)."""
        query, key, value = self.attend(self.norms[0](tokens)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.mix(attended.transpose(1, 2).flatten(2))
        return tokens + self.think(self.norms[1](tokens))


def _as_tokens(images: Tensor) -> Tensor:
    """(N, C, H, W) as (N, H W, C)."""
    return images.flatten(2).transpose(1, 2)


def _attended(heatmaps: Tensor, features: Tensor) -> Tensor:
    """Mean (N, C) of features (N, C, h, w) under the softmax of logits (N, S, S), which it does not train."""
    probabilities = heatmaps.detach().flatten(1).softmax(-1).view_as(heatmaps)
    side = features.shape[-1]
    weights = F.avg_pool2d(probabilities[:, None], heatmaps.shape[-1] // side) * (heatmaps.shape[-1] // side) ** 2
    return torch.einsum("nchw,nhw->nc", features, weights[:, 0])
