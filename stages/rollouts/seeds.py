"""Which scenes belong to training, and which to evaluation."""

from __future__ import annotations

from pathlib import Path

from stages.core.errors import UserError

FIRST_SEED = 200_000
"""Evaluation placements are drawn from seeds that training never uses."""

PLACEMENTS = 1000
"""Placements of an evaluation seed."""


def placement(seed: int, episode: int) -> int:
    """Seed of the scene of an evaluation seed's episode.

    Raises:
        UserError: the evaluation seed would reach into training's scenes, or has no such episode.
    """
    if seed * PLACEMENTS < FIRST_SEED:
        raise UserError(f"evaluation seed {seed} leaves evaluation's scenes", f"Use {FIRST_SEED // PLACEMENTS} or more")
    if not 0 <= episode < PLACEMENTS:
        raise UserError(f"an evaluation seed has no episode {episode}", f"Ask for {PLACEMENTS} or fewer")
    return seed * PLACEMENTS + episode


def evaluation_seed(scene: int) -> int:
    """The evaluation seed that a scene's seed belongs to; 0 for one of training."""
    return scene // PLACEMENTS if scene >= FIRST_SEED else 0


def recorded_episode(root: Path, task: str, variation: int, seed: int) -> Path:
    """The folder of the recorded episode that has a scene, where GemBench has it.

    Args:
        root: with folders seed<S> of the evaluation seeds.
        seed: of the scene.
    """
    folder = root / f"seed{evaluation_seed(seed)}" / task / f"variation{variation}"
    return folder / "episodes" / f"episode{seed % PLACEMENTS}"
