"""The run directory: one artifact per stage, found by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "held-out", "l1", "l2", "l3", "l4", "rlbench18")
"""Evaluation levels; `train` and `l1` share their variations, with training and fresh placements, and `held-out` are
some of these. `rlbench18` are the eighteen tasks of RLBench that PerAct chose, for RLBench's own simulator."""


@dataclass(frozen=True)
class RunDirectory:
    """Paths of the artifacts of one run; nothing is made by naming it."""

    root: Path

    @property
    def demos(self) -> Path:
        return self.root / "demos.h5"

    @property
    def keypoints(self) -> Path:
        return self.root / "keypoints.h5"

    @property
    def plans(self) -> Path:
        return self.root / "plans.h5"

    @property
    def vlm(self) -> Path:
        return self.root / "vlm"

    @property
    def fine(self) -> Path:
        return self.root / "fine"

    @property
    def results(self) -> Path:
        return self.root / "results.jsonl"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    @property
    def recordings(self) -> Path:
        return self.root / "recordings.h5"

    def rollouts(self, split: str) -> Path:
        """Rollouts of one of `SPLITS`."""
        return self.root / f"rollouts-{split}.h5"

    def planner(self, split: str) -> Path:
        """What the planner alone said about the scenes of one of `SPLITS`."""
        return self.root / f"planner-{split}.h5"

    def stages(self) -> dict[str, tuple[Path, str]]:
        """Path and schema of the artifacts that a run is made of, by name, in the order of the stages.

        What evaluations and recordings wrote is listed where it has been begun.
        """
        begun = {path.name.removesuffix(".partial") for path in self.root.glob("*.h5*")}
        names = sorted(name.removesuffix(".h5") for name in begun)
        evaluated = {"planner-": "clap.planner_evaluation", "rollouts-": "clap.rollouts"}
        return {
            "demos": (self.demos, "clap.demos"),
            "keypoints": (self.keypoints, "clap.keypoints"),
            "plans": (self.plans, "clap.plans"),
            "vlm": (self.vlm, "clap.vlm"),
            "fine": (self.fine, "clap.fine"),
            **{
                name: (self.root / f"{name}.h5", schema)
                for beginning, schema in evaluated.items()
                for name in names
                if name.startswith(beginning)
            },
            "bundle": (self.bundle, "clap.bundle"),
            **({"recordings": (self.recordings, "clap.recordings")} if self.recordings.name in begun else {}),
        }
