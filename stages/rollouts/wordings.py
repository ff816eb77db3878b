"""The wordings that an evaluation uses: those of training, novel ones that training never hears, or a user's own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import UserError
from stages.settings.loader import nearest
from stages.simulators.protocol import Simulator


@dataclass(frozen=True)
class Wordings:
    """Where instructions come from.

    Attributes:
        name: "training", "novel", or that of a user's file without its ending.
        own: a user's wordings by variation ("task+variation"); None otherwise.
    """

    name: str = "training"
    own: Mapping[str, Sequence[str]] | None = None

    @classmethod
    def of(cls, source: str, known: Collection[str]) -> Wordings:
        """The wordings that a setting means.

        Args:
            source: "training", "novel", or the path of a JSON file: variation -> list of wordings.
            known: variations that the simulator has.

        Raises:
            UserError: the file cannot be read, or is not such a mapping.
        """
        return cls(source) if source in ("training", "novel") else cls(Path(source).stem, _read(Path(source), known))

    @property
    def settings(self) -> str | dict[str, list[str]]:
        """What decides the instructions, for an artifact's header."""
        return self.name if self.own is None else {name: list(texts) for name, texts in self.own.items()}

    def covers(self, task: str, variation: int) -> bool:
        """Whether there are any for a variation."""
        return self.own is None or f"{task}+{variation}" in self.own

    def options(self, simulator: Simulator, trained: Sequence[str], task: str, variation: int) -> Sequence[str]:
        """All wordings for the episode that the simulator was reset to; `trained` are those of training."""
        if self.own is not None:
            return self.own[f"{task}+{variation}"]
        return simulator.novel_instructions() if self.name == "novel" else trained


TRAINING = Wordings()

TAKEN = ("training", "novel", "expert")
"""Names that files of results already have for something else."""


def _read(path: Path, known: Collection[str]) -> dict[str, list[str]]:
    hint = "Name 'training', 'novel', or a file such as {\"push_button+0\": [\"press the maroon button\"]}"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"the instructions {path} cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}", hint) from error
    if path.stem in TAKEN or path.stem.partition("+")[0] == "oracle":
        raise UserError(
            f"instructions cannot be called '{path.stem}', as results are named after them", "Rename the file"
        )
    if not isinstance(values, dict) or not values:
        raise UserError(f"{path} is not a mapping of variations to wordings", hint)
    for name, texts in values.items():
        if name not in known:
            raise UserError(f"{path} has instructions for '{name}', which there is not", nearest(name, known))
        if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one.strip() for one in texts):
            raise UserError(f"the instructions for '{name}' in {path} are not a list of texts", hint)
    return values
