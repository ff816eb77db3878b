"""Pointing in 3D: hidden states of keypoint tokens scored against every cell of every canonical view.

A `KEYPOINT` token's hidden state becomes a query; each image token is expanded to a block of cells, to which a small
U-Net over the pixels adds the detail that a patch has lost; the dot product is the cell's logit
(after GUI-Actor, arXiv 2506.03143, in three views and at sub-patch resolution).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.geometry.canonical import CanonicalViews


class PointerHead(nn.Module):
    """Heatmap logits per keypoint and view.

    Args:
        hidden_size: width of the language model.
        views: number of canonical views.
        tokens_per_side: image tokens along a side of a view.
        cells: heatmap cells along a side; a multiple of `tokens_per_side`.
        width: channels of cell features and queries.
    """

    def __init__(self, hidden_size: int, views: int, tokens_per_side: int, cells: int, width: int) -> None:
        super().__init__()
        if cells % tokens_per_side:
            raise ValueError(f"{cells} cells do not divide into {tokens_per_side} image tokens along a side")
        self.views, self.tokens, self.cells, self.width = views, tokens_per_side, cells, width
        self.block = cells // tokens_per_side
        self.expand = nn.Linear(hidden_size, self.block**2 * width)
        self.pyramid = PixelPyramid(width)
        self.view_embedding = nn.Parameter(torch.zeros(views, width))
        self.mix = nn.Sequential(nn.GELU(), nn.Conv2d(width, width, 1), nn.GELU(), nn.Conv2d(width, width, 1))
        self.query = nn.Sequential(
            nn.Linear(hidden_size, hidden_size), nn.GELU(), nn.Linear(hidden_size, views * width)
        )

    def forward(self, queries: Tensor, image_tokens: Tensor, pixels: Tensor) -> Tensor:
        """Logits (B, K, V, C, C).

        Args:
            queries: (B, K, H) hidden states of the keypoint tokens.
            image_tokens: (B, V * T * T, H) hidden states of the image tokens, row by row.
            pixels: (B, V, 3, S, S) in [0, 1].
        """
        batch = len(queries)
        blocks = self.expand(image_tokens).view(
            batch * self.views, self.tokens, self.tokens, self.block, self.block, self.width
        )
        coarse = blocks.transpose(2, 3).reshape(batch * self.views, self.cells, self.cells, self.width)
        shown = functional.interpolate(pixels.flatten(0, 1), (2 * self.cells, 2 * self.cells), mode="area")
        # Processors multiply faster with the channels last.
        shown = torch.cat([shown, _coordinates(shown)], dim=1).contiguous(memory_format=torch.channels_last)
        features = coarse.permute(0, 3, 1, 2) + self.pyramid(shown)
        features = self.mix(features + self.view_embedding.repeat(batch, 1)[:, :, None, None])
        features = features.permute(0, 2, 3, 1).reshape(batch, self.views, -1, self.width)
        query = self.query(queries).view(batch, -1, self.views, self.width)
        logits = torch.einsum("bkvd,bvcd->bkvc", query, features)
        return logits.view(*logits.shape[:3], self.cells, self.cells)


class PixelPyramid(nn.Module):
    """Features of every cell from the pixels of its neighbourhood, seen at three scales (a small U-Net).

    Args:
        width: channels of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            nn.Conv2d(3 + 2, width // 2, 6, stride=2, padding=2), nn.GELU(), nn.Conv2d(width // 2, width, 3, padding=1)
        )
        self.middle, self.wide = _halving(width, 2 * width), _halving(2 * width, 2 * width)
        self.to_fine, self.to_middle = _doubling(2 * width, width), _doubling(2 * width, 2 * width)

    def forward(self, images: Tensor) -> Tensor:
        """(N, width, C, C) of (N, 5, 2C, 2C): colours, column and row."""
        fine = self.fine(images)
        middle = self.middle(fine)
        middle = middle + _cropped(self.to_middle(self.wide(middle)), middle)
        return fine + _cropped(self.to_fine(middle), fine)


def _halving(channels: int, width: int) -> nn.Sequential:
    """Half the side, looked at twice."""
    return nn.Sequential(
        nn.GELU(), nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.GELU(), nn.Conv2d(width, width, 3, padding=1)
    )


def _doubling(channels: int, width: int) -> nn.Sequential:
    """Twice the side."""
    return nn.Sequential(nn.Conv2d(channels, 4 * width, 1), nn.PixelShuffle(2))


def _cropped(features: Tensor, like: Tensor) -> Tensor:
    """Without the last row and column where the side that was halved is odd."""
    return features[..., : like.shape[-2], : like.shape[-1]]


def _coordinates(images: Tensor) -> Tensor:
    """Column and row (N, 2, H, W) of every pixel, from -1 to 1."""
    axis = torch.linspace(-1, 1, images.shape[-1], device=images.device, dtype=images.dtype)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))
    return grid.expand(len(images), *grid.shape)


def pointer_targets(points: Tensor, views: CanonicalViews, cells: int, sigma: float = 1.0) -> Tensor:
    """Gaussian target distributions (N, V, C, C) around the projections of points (N, 3) [m].

    Args:
        points: world frame [m].
        views: canonical cameras.
        cells: heatmap cells along a side.
        sigma: standard deviation [cells].
    """
    projected = torch.as_tensor(views.project(points.numpy()), dtype=torch.float32) * (cells / views.size)
    centres = torch.arange(cells) + 0.5
    distance = (projected.transpose(0, 1)[..., None] - centres) ** 2
    logits = -(distance[:, :, 1, :, None] + distance[:, :, 0, None, :]) / (2 * sigma**2)
    return functional.softmax(logits.flatten(2), dim=-1).view_as(logits)


def pointer_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy (N,) of logits (N, V, C, C) to distributions of the same shape, averaged over views."""
    return -(targets.flatten(2) * functional.log_softmax(logits.flatten(2), dim=-1)).sum(-1).mean(-1)
