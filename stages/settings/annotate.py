"""Settings of `clap annotate-keypoints`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnnotateConfig:
    """How keypoints are annotated.

    Attributes:
        views: canonical views, names of `CanonicalViews`.
        view_size: side of a view [px].
        visible_radius: an object is visible in a view that shows its surface this near to its projection [px].
        tolerance: largest distance between the expert's target and the thing named by the step [m].
        workers: processes; 0 = one per core.
    """

    views: tuple[str, ...] = ("top", "front", "left")
    view_size: int = 112
    visible_radius: int = 2
    tolerance: float = 0.03
    workers: int = 0
