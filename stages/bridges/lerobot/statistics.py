"""Statistics of a data set's features, by episode and together, as LeRobot's normalisation reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stages.bridges.lerobot.features import VISUAL, Feature

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}

Statistics = dict[str, np.ndarray]
"""min, max, mean, std, count (1,) and the quantiles of a feature."""


def episode_statistics(features: Mapping[str, Feature], values: Mapping[str, Any]) -> dict[str, Statistics]:
    """Statistics of one episode's frames.

    Vectors have them by component; images, uint8 (N, H, W, 3), by channel (3, 1, 1) in 0..1; larger arrays one (1,).
    """
    return {key: _statistics(feature, values[key]) for key, feature in features.items() if feature.dtype != "string"}


def combined(parts: Sequence[Statistics]) -> Statistics:
    """Statistics of several episodes together; the quantiles are averaged, as LeRobot does."""
    counts = np.array([part["count"][0] for part in parts], float)
    mean, std = (np.stack([part[name] for part in parts]) for name in ("mean", "std"))
    average = np.average(mean, axis=0, weights=counts)
    variance = np.average(std**2 + (mean - average) ** 2, axis=0, weights=counts)
    return {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": average,
        "std": np.sqrt(variance),
        "count": np.array([int(counts.sum())]),
        **{name: np.average([part[name] for part in parts], axis=0, weights=counts) for name in QUANTILES},
    }


def _statistics(feature: Feature, values: np.ndarray) -> Statistics:
    if feature.dtype in VISUAL:
        found = _over_rows(np.asarray(values).reshape(-1, 3))
        scaled = {name: (value / 255).reshape(3, 1, 1) for name, value in found.items()}
        return scaled | {"count": np.array([len(values)])}
    rows = np.asarray(values).reshape(len(values), -1) if len(feature.shape) == 1 else np.reshape(values, (-1, 1))
    return _over_rows(rows) | {"count": np.array([len(values)])}


def _over_rows(rows: np.ndarray) -> Statistics:
    """Statistics (D,) of rows (N, D)."""
    rows = rows.astype(float)
    quantiles = np.quantile(rows, list(QUANTILES.values()), axis=0)
    return {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }
