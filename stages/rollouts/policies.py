"""Which policy acts, in a form that can be sent to another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages.rollouts.rollouts import Policy
from stages.settings.policy import PolicyConfig
from stages.simulators.protocol import Simulator


@dataclass(frozen=True)
class PolicySpec:
    """How to make a policy.

    Attributes:
        vlm, fine: directories of the planner and the predictor; None = the simulator's expert.
        device: where the models run.
        config: what the policy does when it is in doubt.
    """

    vlm: Path | None = None
    fine: Path | None = None
    device: str = "cpu"
    config: PolicyConfig = PolicyConfig()

    @property
    def name(self) -> str:
        return "expert" if self.vlm is None else "clap"

    @property
    def artifacts(self) -> list[tuple[Path, str]]:
        """Paths and schemas of what the policy is made of."""
        return [(self.vlm, "clap.vlm"), (self.fine, "clap.fine")] if self.vlm and self.fine else []

    def make(self, simulator: Simulator) -> Policy:
        """The policy, ready to be reset."""
        if self.vlm is None or self.fine is None:
            from stages.oracle.expert import ExpertPolicy

            return ExpertPolicy(simulator)
        from stages.policy import ClapPolicy

        return ClapPolicy.from_pretrained(self.vlm, self.fine, self.device, self.config)

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Models inside compute on one thread, so that results do not depend on the number of processes."""
        if self.vlm is None:
            yield
        else:
            with one_torch_thread():
                yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Models inside compute on one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
