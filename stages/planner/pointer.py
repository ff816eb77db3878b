"""Pointing in 3D: hidden states of keypoint tokens scored against every cell of every canonical view.

A `KEYPOINT` token's hidden state becomes a query; each image token is expanded to a block of cells, to which a shallow
convolution over the pixels adds the detail that a patch has lost; the scaled dot product is the cell's logit
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
        self.stem = nn.Sequential(
            nn.Conv2d(3 + 2, width, 5, padding=2),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
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
            batch * self.views, self.tokens, self.tokens, self.block, self.block, -1
        )
        coarse = blocks.permute(0, 5, 1, 3, 2, 4).reshape(batch * self.views, self.width, self.cells, self.cells)
        small = functional.interpolate(pixels.flatten(0, 1), (self.cells, self.cells), mode="area")
        fine = self.stem(torch.cat([small, _coordinates(small)], dim=1))
        features = coarse + fine + self.view_embedding.repeat(batch, 1)[:, :, None, None]
        features = self.mix(features).view(batch, self.views, self.width, -1)
        query = self.query(queries).view(batch, -1, self.views, self.width)
        logits = torch.einsum("bkvd,bvdc->bkvc", query, features) / self.width**0.5
        return logits.view(*logits.shape[:3], self.cells, self.cells)


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
