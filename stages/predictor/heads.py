"""What the transformer's tokens are read out to: a guess in space, heatmaps around it, and features of the place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.predictor.encoders import FINE_STRIDE


class HeatmapHead(nn.Module):
    """Each token expanded to the logits of its pixels, sharpened by what the convolutions saw at every pixel.

    A token also asks a question: a vector that is compared with the fine features of its patch.
    """

    channels = 24

    def __init__(self, widths: list[int], width: int, patch: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, patch**2)
        self.question = nn.Linear(width, self.channels)
        self.laterals = nn.ModuleList(nn.Conv2d(w, self.channels, 1) for w in widths[1:-1])
        self.smooth = nn.Conv2d(self.channels, self.channels, 3, padding=1)
        self.patch = patch
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def forward(self, tokens: Tensor, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (N, S, S) and fine features (N, channels, S / 4, S / 4) of tokens (N, width, grid, grid)."""
        *finer, coarsest = (lateral(features) for lateral, features in zip(self.laterals, maps, strict=True))
        fine = coarsest
        for features in reversed(finer):
            fine = F.interpolate(F.relu(fine), scale_factor=2.0, mode="nearest") + features
        fine = F.relu(self.smooth(fine))
        last = tokens.permute(0, 2, 3, 1)
        question = F.interpolate(self.question(last).permute(0, 3, 1, 2), fine.shape[-2:], mode="nearest")
        answers = (fine * question).sum(1, keepdim=True)
        coarse = F.pixel_shuffle(self.expand(last).permute(0, 3, 1, 2), self.patch)
        sharp = F.interpolate(answers, scale_factor=float(FINE_STRIDE), mode="bilinear", align_corners=False)
        return (coarse + sharp)[:, 0], fine


class PointingHead(nn.Module):
    """A guess of the target as a Gaussian in space: a blend of points that are looked at, plus offsets.

    The action token looks at the surface a few times in each view. Each look is the mean place of the pixels that it
    attends to, a soft argmax in three dimensions. Where an expert goes is mostly such a place, or the hand's, plus
    something fixed in the world (a lift) or in the hand's frame (from before a handle to it, and back with the drawer);
    learning it takes far fewer demonstrations than learning heatmaps from nothing.
    """

    looks = 8

    def __init__(self, width: int, channels: int, views: int) -> None:
        super().__init__()
        self.question = nn.Linear(width, self.looks * channels)
        self.blend = nn.Linear(width, 3 * (views * self.looks + 2))
        self.offset, self.offset_in_hand = nn.Linear(width, 3), nn.Linear(width, 3)
        self.spread = nn.Linear(width, 3)
        for layer in (self.blend, self.offset, self.offset_in_hand, self.spread):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.spread.bias, -1.5)

    def forward(
        self, action: Tensor, fine: Tensor, surface: Tensor, seen: Tensor, hand: Tensor, rotation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean (B, 3) and standard deviation (B, 3) of the guess.

        Args:
            action: (B, width) token.
            fine: (B, V, C, h, w) features of the pixels.
            surface: (B, V, 3, h, w) place of what the pixels show.
            seen: (B, V, h, w) whether they show anything.
            hand, rotation: (B, 3) place and (B, 3, 3) rotation of the hand; zeros where they are not given.
        """
        question = self.question(action).unflatten(-1, (self.looks, -1)) / fine.shape[2] ** 0.5
        scores = torch.einsum("bvcn,blc->bvln", fine.flatten(3), question)
        weights = scores.masked_fill(~seen.flatten(2)[:, :, None], -30.0).softmax(-1)
        places = torch.einsum("bvln,bvdn->bvld", weights, surface.flatten(3)).flatten(1, 2)
        candidates = torch.cat([places, hand[:, None], torch.zeros_like(hand)[:, None]], dim=1)
        blend = self.blend(action).unflatten(-1, (3, -1)).softmax(-1)
        mean = torch.einsum("bdn,bnd->bd", blend, candidates) + self.offset(action)
        mean = mean + torch.einsum("bij,bj->bi", rotation, self.offset_in_hand(action))
        return mean, 0.01 + self.spread(action).exp()


def gaussian_logits(mean: Tensor, spread: Tensor, axes: Tensor, size: int) -> Tensor:
    """Log-density (B, V, S, S), up to a constant, of a Gaussian in space (B, 3) as the views (V, 3, 3) show it."""
    centres = (torch.arange(size, device=mean.device) + 0.5) / size * 2 - 1
    middle = torch.einsum("bd,vad->bva", mean, axes[:, :2])
    width = torch.einsum("bd,vad->bva", spread, axes[:, :2].abs())
    across, down = (-0.5 * ((centres - middle[..., None]) / width[..., None]) ** 2).unbind(2)
    return across[:, :, None, :] + down[:, :, :, None]


def attended(heatmaps: Tensor, features: Tensor) -> Tensor:
    """Mean (N, C) of features (N, C, h, w) under the softmax of logits (N, S, S), which it does not train."""
    probabilities = heatmaps.detach().flatten(1).softmax(-1).view_as(heatmaps)
    side = features.shape[-1]
    weights = F.avg_pool2d(probabilities[:, None], heatmaps.shape[-1] // side) * (heatmaps.shape[-1] // side) ** 2
    return torch.einsum("nchw,nhw->nc", features, weights[:, 0])
