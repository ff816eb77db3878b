"""What a simulator offers, known without starting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stages.core.errors import UserError
from stages.simulators import unknown_simulator


@dataclass(frozen=True)
class Suite:
    """The tasks of a simulator.

    Attributes:
        name: of the simulator.
        levels: (task, variation) of each level.
        held_out: training variations that `collect.hold_out` keeps out of training.
        has_truth: whether things and the expert's motions are known, so that answers can be compared and replaced.
        check: refuses (`UserError`) a task, or a variation where these are known, that there is not.
    """

    name: str
    levels: Mapping[str, Sequence[tuple[str, int]]]
    held_out: Sequence[tuple[str, int]]
    has_truth: bool
    check: Callable[[str, int], object]

    def require_truth(self, what: str) -> None:
        """Refuse what needs ground truth where there is none.

        Args:
            what: cannot be done, as the beginning of a sentence.
        """
        if not self.has_truth:
            raise UserError(f"{what} needs an expert and named things, which '{self.name}' has not", "Leave it out")


def suite_of(name: str) -> Suite:
    """The suite of a simulator by its name.

    Raises:
        UserError: there is no such simulator, or it is not installed.
    """
    from stages.simulators.tabletop import tasks

    if name == "tabletop":
        return Suite(name, tasks.LEVELS, tasks.HELD_OUT, True, tasks.make_task)
    if name == "rlbench":
        from stages.simulators.rlbench.installation import check_installation
        from stages.simulators.rlbench.tasks import LEVELS, file_of

        check_installation()
        return Suite(name, LEVELS, tasks.HELD_OUT, False, lambda task, _: file_of(task))
    raise unknown_simulator(name)
