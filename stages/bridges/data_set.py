"""What the import of other projects' demonstrations asks of a reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from stages.artifacts.episode import Episode


class DataSet(Protocol):
    """Demonstrations in another project's layout, read one at a time."""

    @property
    def taskvars(self) -> Sequence[str]:
        """The variation, "task+variation", of each episode; known without reading the episodes."""
        ...

    def episode(self, number: int) -> Episode:
        """One episode.

        Raises:
            UserError: a file of it is missing, damaged or of another kind; names the file.
        """
        ...


OpenDataSet = Callable[[Path], DataSet]
"""Opens the data set in a folder, in any process; raises `UserError` where there is none."""
