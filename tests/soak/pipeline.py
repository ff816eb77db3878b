"""A whole pipeline that takes seconds: the stages, their artifacts, and what must be equal whenever they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from stages.artifacts.digest import file_digest
from stages.artifacts.files import content_digest
from tests.checkpoints import save_causal_model
from tests.conftest import Outcome, clap_alone

TASK = ("--task", "push_button+0")


def sets(section: str, **values: object) -> tuple[str, ...]:
    """Options that set values of a section."""
    return tuple(part for name, value in values.items() for part in ("--set", f"{section}.{name}={value}".lstrip(".")))


VLM = sets("vlm", steps=4, batch_size=2, checkpoint_seconds=0, auxiliary_scenes=0, weight_auxiliary=0)
VLM += sets("vlm", language_steps=4, language_minutes=0, language_batch=2)
FINE = sets("fine", base="", steps=4, batch_size=2, width=32, depth=1, heads=2, image_size=32, checkpoint_seconds=0)
EVALUATE = sets("evaluate", max_steps=2, image_size=32, video_size=48, video_fps=2)


@dataclass(frozen=True)
class Stage:
    """One command.

    Attributes:
        name: for tables.
        artifact: what it writes, in the run directory.
        command: its arguments but for --run and --resume.
        resumes: whether it can be told to go on where it stopped.
    """

    name: str
    artifact: str
    command: tuple[str, ...]
    resumes: bool = True

    def arguments(self, run: Path) -> list[str]:
        """All of its arguments."""
        return [*self.command, "--run", str(run), *(["--resume"] if self.resumes else [])]


def stages(models: Path) -> list[Stage]:
    """Every stage, in order, with the base models of `make_reference_run`."""
    bases = ("--base", str(models / "base"), "--set", f"vlm.language={models / 'causal'}")
    collect = sets("collect", image_size=32, valid_fraction=0.5)
    drive = sets("deploy", max_steps=2, image_size=32)
    return [
        Stage("collect", "demos.h5", ("collect", "demos", *TASK, "--episodes", "4", "--workers", "1", *collect)),
        Stage("annotate", "keypoints.h5", ("annotate-keypoints", "--workers", "1")),
        Stage("decompose", "plans.h5", ("decompose",)),
        Stage("finetune-vlm", "vlm", ("finetune-vlm", *bases, *VLM)),
        Stage("train-fine", "fine", ("train-fine", *FINE)),
        Stage(
            "evaluate",
            "rollouts-l1.h5",
            ("evaluate", "--split", "l1", *TASK, "--episodes", "3", "--workers", "1", *EVALUATE),
        ),
        Stage(
            "evaluate --planner-only",
            "planner-l1.h5",
            ("evaluate", "--split", "l1", "--planner-only", *TASK, "--episodes", "2", "--workers", "1", *EVALUATE),
        ),
        Stage("deploy", "bundle", ("deploy",)),
        Stage("drive", "recordings.h5", ("deploy", "drive", "push the maroon button", *TASK, *drive), resumes=False),
    ]


@dataclass(frozen=True)
class ReferenceRun:
    """A run that was never interrupted, the stages that made it, and what they made."""

    run: Path
    pipeline: list[Stage]
    made: dict[str, str]


def make_reference_run(folder: Path, clap: Callable[..., Outcome] = clap_alone) -> ReferenceRun:
    """Run the whole pipeline in a new folder, from small random models.

    Args:
        clap: runs the command line.
    """
    small = sets("", scenes=2, steps=2, batch_size=2, image_size=32, assessed=4, workers=1)
    succeeded(clap("pretrain-vlm", "--out", folder / "models" / "base", *small))
    torch.manual_seed(0)
    save_causal_model(folder / "models" / "causal", ["push the maroon button", "grasp the red block\nlift it"])
    pipeline, run = stages(folder / "models"), folder / "reference"
    for stage in pipeline:
        succeeded(clap(*stage.arguments(run)))
    return ReferenceRun(run, pipeline, fingerprints(run, pipeline))


def succeeded(outcome: Outcome) -> None:
    """Stop where a command that must work does not."""
    assert outcome.code == 0, outcome.err


def fingerprint(artifact: Path) -> str:
    """Equal for artifacts that are equal: the content of a file, the weights of a model."""
    if artifact.suffix == ".h5":
        return content_digest(artifact)
    return " ".join(file_digest(file) for file in sorted(artifact.rglob("*.safetensors")))


def fingerprints(run: Path, of: Sequence[Stage]) -> dict[str, str]:
    """Of the artifacts of some stages that are there."""
    return {one.artifact: fingerprint(run / one.artifact) for one in of if (run / one.artifact).exists()}
