"""Settings of `clap annotate-keypoints`."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Pixels, Positive, Views, Whole, Workers


@dataclass(frozen=True)
class AnnotateConfig:
    """How keypoints are annotated.

    Attributes:
        views: canonical views, names of `CanonicalViews`.
        view_size: side of a view [px].
        visible_radius: an object is visible in a view that shows its surface this near to its projection [px].
        tolerance: largest distance between the expert's target and the thing named by the step [m].
        workers: processes; 0 = one per core; "ray" = one on every CPU of a Ray cluster.
    """

    views: Views = ("top", "front", "left")
    view_size: Pixels = 112
    visible_radius: Whole = 2
    tolerance: Positive = 0.03
    workers: Workers = 0
