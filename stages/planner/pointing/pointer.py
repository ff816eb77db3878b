"""Pointing in 3D: phrases scored against every cell of every canonical view, each of which votes for a place.

A phrase's words attend to the views and become a query; its product with a cell's features says how probably the cell
shows what is meant, in one distribution over the cells of all views and "nowhere", so that a view in which it is hidden
does no harm, and what is not in view can be told.
Other products say where, seen from the cell's surface, the place is; the place is where the votes gather
(voting after VoteNet, arXiv 1904.09664; a query per phrase after MDETR, arXiv 2104.12763).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.geometry.canonical import CanonicalViews
from stages.planner.pointing.phrase_encoder import MAX_WORDS, WIDTH
from stages.planner.pointing.view_encoder import HEADS, MIDDLE, AttentionBlock, ViewEncoder
from stages.planner.pointing.views import COLOURS, DEPTH, NEARNESS, surfaces

QUERY_WIDTH = 128
PHRASE_LAYERS = 3

OFFSET = 0.2
"""Scale of the votes' offsets, in halves of the workspace's side."""

NOTHING = -1e4
"""Score of cells where nothing is seen."""

ON_TARGET = 0.03
"""Cells count as showing what is meant if they are farther than the nearest one by no more than this [m]."""

IGNORED = -100
"""Class of what has no word."""

BARE = 8
"""Of so many cells that show no thing one is classified."""

OFFSET_WEIGHT = 5.0
"""Of the votes' distances in the loss."""


@dataclass(frozen=True)
class Seen:
    """The features of B scenes.

    Attributes:
        cells: (B, N, D) of all cells of all views.
        memory: (B, M, `MIDDLE`) of coarser ones.
        places: (B, N, 3) of the cells' surfaces, world frame [m].
        shown: (B, N) bool, where anything is seen.
    """

    cells: Tensor
    memory: Tensor
    places: Tensor
    shown: Tensor


@dataclass(frozen=True)
class Votes:
    """What K phrases mean.

    Attributes:
        scores: (K, N) logits of the cells.
        nowhere: (K,) logits that nothing in view is meant.
        places: (K, N, 3) where each cell takes it to be, world frame [m].
        surfaces: (K, N, 3) of the cells themselves.
    """

    scores: Tensor
    nowhere: Tensor
    places: Tensor
    surfaces: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self) -> list[tuple[np.ndarray, float, np.ndarray]]:
        """For each phrase the scores (N,), the one of nowhere, and the places (N, 3)."""
        columns = (self.scores, self.nowhere, self.places)
        return list(zip(*(column.float().cpu().numpy() for column in columns), strict=True))


@dataclass(frozen=True)
class PixelClasses:
    """What the pixels of B scenes show, in words of several kinds.

    Attributes:
        labels: (B, V, S, S) uint8, number of the thing that a pixel shows.
        classes: (B, L, kinds) for every label of a scene the index of its word of each kind, or `IGNORED`.
        words: for each kind the vectors (n, `WIDTH`) of all its words; the first of the first kind means no thing.
    """

    labels: Tensor
    classes: Tensor
    words: tuple[Tensor, ...]

    def to(self, device: torch.device) -> PixelClasses:
        """The same on a device."""
        words = tuple(one.to(device) for one in self.words)
        return replace(self, labels=self.labels.to(device), classes=self.classes.to(device), words=words)


class PointerHead(nn.Module):
    """Votes for the places of phrases.

    Args:
        hidden_size: width of the language model's states; their part in the queries is zero at first.
        cameras: canonical views.
        cells: along a side of a view, a multiple of 4.
        width: channels of the cells' features.
    """

    def __init__(self, hidden_size: int, cameras: CanonicalViews, cells: int, width: int) -> None:
        super().__init__()
        self.cameras, self.cells, self.width = cameras, cells, width
        views = len(cameras.names)
        self.encoder = ViewEncoder(views, cells, width)
        self.memory_place = nn.Parameter(0.02 * torch.randn(views * (cells // 2) ** 2, MIDDLE))
        self.register_buffer("word_mean", torch.zeros(WIDTH))
        self.register_buffer("word_scale", torch.ones(WIDTH))
        self.word = nn.Linear(WIDTH, QUERY_WIDTH)
        self.word_place = nn.Parameter(0.02 * torch.randn(1 + MAX_WORDS, QUERY_WIDTH))
        self.state = nn.Linear(hidden_size, QUERY_WIDTH, bias=False)
        nn.init.zeros_(self.state.weight)
        self.reading = AttentionBlock(QUERY_WIDTH, HEADS)
        self.looking = nn.ModuleList([AttentionBlock(QUERY_WIDTH, HEADS, MIDDLE) for _ in range(PHRASE_LAYERS)])
        layers = (nn.LayerNorm(QUERY_WIDTH), nn.Linear(QUERY_WIDTH, QUERY_WIDTH), nn.ReLU())
        self.query = nn.Sequential(*layers, nn.Linear(QUERY_WIDTH, 1 + 4 * width))
        self.classify = nn.Linear(WIDTH, width)

    def standardise(self, words: Tensor) -> None:
        """Take mean and deviation of words' vectors from some (N, `WIDTH`): two thirds of every vector are the same."""
        self.word_mean.copy_(words.mean(0))
        self.word_scale.copy_(words.std(0))

    def _standard(self, words: Tensor) -> Tensor:
        return (words - self.word_mean) / self.word_scale

    def look(self, views: Tensor) -> Seen:
        """Features of views (B, V, S, S, 6) uint8 with sides of `BLOCK` * cells."""
        positions, seen = surfaces(views, self.cameras)
        channels = (views[..., COLOURS].float() / 127.5 - 1, positions, seen[..., None].float())
        nearness = views[..., NEARNESS].float() / 255
        cells, memory = self.encoder(torch.cat([*channels, nearness], -1).movedim(-1, 2))
        places, shown = self._front(positions, seen, views[..., DEPTH])
        half, centre = self.cameras.extent / 2, torch.as_tensor(self.cameras.centre).to(places)
        return Seen(cells, memory + self.memory_place, half * places + centre, shown)

    def forward(self, seen: Seen, words: Tensor, lengths: Tensor, counts: Tensor, states: Tensor | None) -> Votes:
        """Votes for K phrases, those of a scene one after the other.

        Args:
            words: (K, T, `WIDTH`) vectors of the phrases' words; lengths: (K,) how many they are.
            counts: (B,) how many phrases each scene has.
            states: (K, H) of the language model where it points; None where it was not asked.
        """
        scene = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
        query = self._queries(seen.memory, scene, words, lengths, states)
        nowhere, (score, *offset) = query[:, 0], query[:, 1:].unflatten(-1, (4, self.width)).unbind(1)
        slots = torch.arange(int(counts.max()), device=counts.device) < counts[:, None]
        vectors = query.new_zeros(*slots.shape, 4, self.width)
        vectors[slots] = torch.stack([score, *offset], 1)
        products = torch.einsum("bkad,bnd->abkn", vectors, seen.cells)
        scores = (products[0] * (4 / self.width**0.5)).masked_fill(~seen.shown[:, None], NOTHING)[slots]
        surface = seen.places[scene]
        places = surface + products[1:].movedim(0, -1)[slots] * (OFFSET * self.cameras.extent / 2)
        return Votes(scores, nowhere, places, surface)

    def pixel_loss(self, seen: Seen, views: Tensor, pixels: PixelClasses) -> Tensor:
        """How badly the cells' features tell the words for what the cells show, for each scene (B,).

        The cross-entropies of all kinds of words added up, on average over the cells that show things and every
        `BARE`th of the others.

        Args:
            views: (B, V, S, S, 6) uint8 that were looked at.
        """
        nearest = self._nearest(views[..., DEPTH])
        labels = torch.take_along_dim(_blocks(pixels.labels[..., None], self.cells)[..., 0], nearest, -1)[..., 0]
        scene = torch.arange(len(labels), device=labels.device)[:, None]
        classes = pixels.classes[scene, labels.long()]
        sparse = torch.arange(labels.shape[1], device=labels.device) % BARE == 0
        chosen = seen.shown & (classes[..., 0] != IGNORED) & ((classes[..., 0] > 0) | sparse)
        cells, scene = seen.cells[chosen], chosen.nonzero()[:, 0]
        errors = torch.stack(
            [
                functional.cross_entropy(
                    cells @ self.classify(self._standard(words)).T, kind, ignore_index=IGNORED, reduction="none"
                )
                for words, kind in zip(pixels.words, classes[chosen].unbind(-1), strict=True)
            ]
        ).sum(0)
        total = errors.new_zeros(len(labels)).index_add(0, scene, errors)
        return total / torch.bincount(scene, minlength=len(labels)).clamp_min(1)

    def _queries(self, memory: Tensor, scene: Tensor, words: Tensor, lengths: Tensor, states: Tensor | None) -> Tensor:
        """(K, 1 + 4 * width): a learned token, with the state, reads its phrase and looks at its scene (K,)."""
        first = self.word_place[:1].expand(len(words), -1)
        first = first if states is None else first + self.state(states)
        read = self.word(self._standard(words)) + self.word_place[1 : 1 + words.shape[1]]
        tokens = torch.cat([first[:, None], read], 1)
        packed, phrase = _packed(tokens, lengths + 1, scene, len(memory))
        mask = (phrase[:, :, None] == phrase[:, None])[:, None]
        packed = self.reading(packed, mask)
        for block in self.looking:
            packed = block(packed, mask, memory)
        begins = (phrase >= 0) & (phrase != functional.pad(phrase, (1, 0), value=-1)[:, :-1])
        return self.query(packed[begins])

    def _front(self, positions: Tensor, seen: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (B, N, 3) of the pixel of each cell that is nearest to the camera, and whether there is one."""
        nearest = self._nearest(depth)
        places = torch.take_along_dim(_blocks(positions, self.cells), nearest[..., None], -2)[..., 0, :]
        return places, torch.take_along_dim(_blocks(seen[..., None], self.cells)[..., 0], nearest, -1)[..., 0]

    def _nearest(self, depth: Tensor) -> Tensor:
        """Which pixel of each cell (B, N, 1) is nearest to the camera, of depths (B, V, S, S) uint8 as in the views."""
        levels = depth.to(torch.int16)
        return _blocks(torch.where(levels > 0, levels, 256)[..., None], self.cells)[..., 0].argmin(-1, keepdim=True)


def _packed(tokens: Tensor, lengths: Tensor, scene: Tensor, scenes: int) -> tuple[Tensor, Tensor]:
    """The tokens of all phrases of a scene in one row, as phrases differ much in length.

    Args:
        tokens: (K, T, width), the first `lengths` (K,) of each row.
        scene: (K,) in which of the `scenes` a phrase is, in ascending order.

    Returns:
        Tokens (B, S, width), and the phrase (B, S) that each belongs to, -1 for none.
    """
    phrase = torch.arange(len(tokens), device=tokens.device).repeat_interleave(lengths)
    row = scene[phrase]
    sizes = torch.bincount(row, minlength=scenes)
    column = torch.arange(len(row), device=tokens.device) - (sizes.cumsum(0) - sizes)[row]
    packed = tokens.new_zeros(scenes, int(sizes.max()), tokens.shape[-1])
    belongs = torch.full(packed.shape[:2], -1, device=tokens.device)
    known = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
    packed[row, column], belongs[row, column] = tokens[known], phrase
    return packed, belongs


def _blocks(pixels: Tensor, cells: int) -> Tensor:
    """(B, V * C * C, pixels of a cell, channels) of (B, V, S, S, channels)."""
    blocks = pixels.unflatten(3, (cells, -1)).unflatten(2, (cells, -1)).transpose(3, 4)
    return blocks.flatten(4, 5).flatten(1, 3)


def pointer_loss(votes: Votes, points: Tensor) -> Tensor:
    """What is wrong with each of K votes for points (K, 3) [m], which are NaN where nothing in view is meant: (K,).

    The negative log-probability of the cells on the target, whichever of them, or of nowhere; and `OFFSET_WEIGHT` times
    the distance of the cells' places along the axes, in metres, weighted half by their probability and half alike.
    """
    absent, points = points.isnan().any(-1), points.nan_to_num()
    shown = votes.scores > NOTHING
    distance = torch.linalg.norm(votes.surfaces - points[:, None], dim=-1).masked_fill(~shown, torch.inf)
    on_target = shown & (distance <= distance.amin(-1, keepdim=True) + ON_TARGET)
    logs = functional.log_softmax(torch.cat([votes.scores, votes.nowhere[:, None]], -1), -1)
    scores, nowhere = logs[:, :-1].masked_fill(~on_target, NOTHING), logs[:, -1]
    weight = functional.softmax(scores.detach(), -1) / 2
    weight = (weight + on_target / (2 * on_target.sum(-1, keepdim=True).clamp_min(1))) * on_target
    error = (votes.places - points[:, None]).abs().sum(-1)
    return torch.where(absent, -nowhere, -torch.logsumexp(scores, -1) + OFFSET_WEIGHT * (weight * error).sum(-1))
