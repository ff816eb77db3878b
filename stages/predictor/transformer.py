"""The multi-view transformer: rendered views, the step's words and the gripper's state in; heatmaps and an action out.

Features are fused in three stages: the image encoders' tokens with one another, these with the depth encoder's, and
both with an embedding of every patch's place in space.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.core.steps import MAX_MOTIONS
from stages.predictor.encoders import FINE_STRIDE, ConvEncoder, PretrainedEncoder
from stages.predictor.heads import HeatmapHead, PointingHead, attended, gaussian_logits
from stages.predictor.rotation import smooth_functions

HAND_FEATURES = 13
NEXT_FEATURES = 4
FREQUENCIES = 5


@dataclass
class Inputs:
    """A batch of what the network sees. Lengths are in units of half the cube's side, relative to the keypoint.

    Attributes:
        rgb: (B, V, 3, S, S) in [0, 1].
        depth: (B, V, S, S) along the viewing direction in [-1, 1]; 2 where nothing is seen.
        words: (B, L) ids of the text encoder.
        motion: (B,) index of the motion within its step.
        hand: (B, HAND_FEATURES) gripper position, two columns of its rotation, opening, 1 if it is given, and the
            cosine and sine of the world's turn.
        held: (B, CELLS) log-density of the hand's own rotation; 0 if it is not given.
        ahead: (B, NEXT_FEATURES) where the plan goes next, and 1 if that is given.
    """

    rgb: Tensor
    depth: Tensor
    words: Tensor
    motion: Tensor
    hand: Tensor
    held: Tensor
    ahead: Tensor

    def to(self, device: torch.device | str) -> Inputs:
        """The same batch elsewhere."""
        return Inputs(*(value.to(device) for value in vars(self).values()))


@dataclass
class Outputs:
    """Unnormalised scores.

    Attributes:
        heatmaps: (B, V, S, S) of the translation, one softmax per view.
        rotation: (B, CELLS) of the rotations of a grid.
        gripper_open, ignore_collision: (B,) of a sigmoid.
    """

    heatmaps: Tensor
    rotation: Tensor
    gripper_open: Tensor
    ignore_collision: Tensor


class MultiViewTransformer(nn.Module):
    """Tokens of all views attend to one another and to the context: words, motion, hand, where the plan goes next.

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
        self.depth_encoder = ConvEncoder(4, patch, 8)
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
        self.ahead = nn.Sequential(nn.Linear(NEXT_FEATURES, width), nn.GELU(), nn.Linear(width, width))
        nn.init.zeros_(self.ahead[-1].weight)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.heatmaps = HeatmapHead([towers * w for w in self.depth_encoder.widths], width, patch)
        self.pointing = PointingHead(width, self.heatmaps.channels, len(axes))
        self.keep = nn.Linear(width, 1)
        features = width + len(axes) * (width + self.heatmaps.channels)
        functions = torch.tensor(smooth_functions())
        self.action = nn.Sequential(
            nn.LayerNorm(features),
            nn.Linear(features, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, functions.shape[1] + 2),
        )
        self.register_buffer("axes", axes.float(), persistent=False)
        self.register_buffer("functions", functions, persistent=False)
        self.register_buffer("home", torch.eye(3))

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
        details, fine = self.heatmaps(tokens, maps)
        with torch.autocast(fine.device.type, enabled=False):
            guess = self._guess(sequence[:, 0], fine.unflatten(0, (batch, views)), inputs)
        heatmaps = guess + details.float().unflatten(0, (batch, views))
        around = [attended(heatmaps.flatten(0, 1), features).view(batch, -1) for features in (tokens, fine)]
        action = self.action(torch.cat([sequence[:, 0], *around], dim=1))
        keep = self.keep(sequence[:, 0]).float()
        with torch.autocast(fine.device.type, enabled=False):
            rotation = action[:, :-2].float() @ self.functions.T + keep * inputs.held
        return Outputs(heatmaps, rotation, action[:, -2], action[:, -1])

    def _guess(self, action: Tensor, fine: Tensor, inputs: Inputs) -> Tensor:
        """Logits (B, V, S, S) of the pointing head's guess; coordinates need full precision."""
        middle = slice(FINE_STRIDE // 2, None, FINE_STRIDE)
        depth, local = inputs.depth[..., middle, middle], self._local(inputs.depth)[..., middle, middle]
        surface = torch.einsum("bvahw,vad->bvdhw", local, self.axes)
        place, first, second = inputs.hand[:, :9].unflatten(1, (3, 3)).unbind(1)
        rotation = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
        mean, spread = self.pointing(action.float(), fine.float(), surface, depth < 1.5, place, rotation)
        return gaussian_logits(mean, spread, self.axes, inputs.depth.shape[-1])

    @staticmethod
    def _local(depth: Tensor) -> Tensor:
        """Right, down and forward coordinates (B, V, 3, S, S) of the pixels' points in each view's own axes."""
        size = depth.shape[-1]
        offset = ((torch.arange(size, device=depth.device) + 0.5) / size * 2 - 1).expand(size, size)
        return torch.stack([offset.expand_as(depth), offset.T.expand_as(depth), depth], dim=2)

    def _encode(self, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """Fused tokens (B, V, grid^2, width), and what lies between the finest and the coarsest convolutions, as maps
        (B V, C, ., .), finest first."""
        seen = (inputs.depth.flatten(0, 1)[:, None] < 1.5).float()
        places = self._local(inputs.depth).flatten(0, 1)
        maps = self.depth_encoder(torch.cat([places * seen, seen], dim=1))
        tokens = self.fuse_depth(_as_tokens(maps[-1])) + self.fuse_places(self._places(inputs.depth))
        maps = maps[1:-1]
        images = inputs.rgb.flatten(0, 1)
        described = [
            norm(_as_tokens(encoder(images, self.grid)))
            for encoder, norm in zip(self.pretrained, self.image_norms, strict=True)
        ]
        if self.image_encoder is not None:
            coloured = self.image_encoder((images * 2 - 1) * seen)
            maps = [torch.cat(pair, dim=1) for pair in zip(coloured[1:-1], maps, strict=True)]
            described.append(_as_tokens(coloured[-1]))
        tokens = tokens + self.fuse_images(torch.cat(described, dim=-1))
        return tokens.unflatten(0, inputs.depth.shape[:2]), maps

    def _places(self, depth: Tensor) -> Tensor:
        """Features (B V, grid^2, .) of each patch: the mean place of its seen pixels in waves, and their share."""
        local = self._local(depth)
        seen = (depth < 1.5).float()[:, :, None]
        pooled = F.adaptive_avg_pool2d(torch.cat([local * seen, seen], dim=2).flatten(0, 1), self.grid)
        pooled = pooled.unflatten(0, depth.shape[:2])
        mean, share = pooled[:, :, :3] / pooled[:, :, 3:].clamp(min=1e-3), pooled[:, :, 3:]
        places = torch.einsum("bvahw,vad->bvhwd", mean, self.axes).flatten(0, 1).flatten(1, 2)
        waves = places[..., None] * (torch.pi / 2 * 2 ** torch.arange(FREQUENCIES, device=depth.device))
        waves = torch.cat([waves.sin(), waves.cos()], dim=-1).flatten(-2)
        return torch.cat([places, waves, _as_tokens(share.flatten(0, 1))], dim=-1)

    def _context(self, inputs: Inputs) -> Tensor:
        """Tokens (B, 1 + L, width): one that sums up motion, hand, next place and words, then the words."""
        words = self.text(inputs.words)
        summary = self.motion(inputs.motion) + self.hand(inputs.hand) + self.ahead(inputs.ahead)
        summary = summary + words.sum(1) / words.shape[1] ** 0.5
        return torch.cat([summary[:, None], words], dim=1)


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
        weights = (query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)).softmax(-1)
        tokens = tokens + self.mix((weights @ value).transpose(1, 2).flatten(2))
        return tokens + self.think(self.norms[1](tokens))


def _as_tokens(images: Tensor) -> Tensor:
    """(N, C, H, W) as (N, H W, C)."""
    return images.flatten(2).transpose(1, 2)
