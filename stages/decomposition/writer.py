"""Plans of episodes by a language model: every question is asked once, and its answer kept."""

from __future__ import annotations

import json
from pathlib import Path

from stages.artifacts.episode import Episode
from stages.decomposition.language_model import LanguageModel
from stages.decomposition.prompt import conversation, episode_request
from stages.planner.language.grammar import phrases_of


class PlanWriter:
    """Writes the plan of an episode; episodes of one variation, instruction and things have the first one's.

    Args:
        model: that is asked.
        file: JSON file where the answers are kept, so that asking can be interrupted.
    """

    def __init__(self, model: LanguageModel, file: Path) -> None:
        self._model, self._file = model, file
        self._answers: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {}

    @property
    def asked(self) -> int:
        """How many questions the plans took."""
        return len(self._answers)

    def __call__(self, episode: Episode) -> list[str]:
        """The plan of an episode, step texts; images are not needed."""
        key = json.dumps([episode.taskvar, episode.instruction, *episode.objects.names])
        if key not in self._answers:
            phrases = phrases_of(episode.instruction) | frozenset(episode.objects.names)
            turns = conversation(episode_request(episode))
            self._answers[key] = self._model.write_plan(turns, phrases, max_steps=len(episode))
            self._save()
        return self._answers[key]

    def _save(self) -> None:
        temporary = self._file.with_name(f".{self._file.name}.tmp")
        temporary.write_text(json.dumps(self._answers, indent=1))
        temporary.replace(self._file)
