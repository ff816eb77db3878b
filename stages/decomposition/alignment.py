"""Which motions of a demonstration each line of a given plan explains, and what the hand did otherwise than it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stages.artifacts.annotations import PlanAnnotation
from stages.artifacts.episode import Episode
from stages.artifacts.places import distance_to_focus
from stages.core.steps import MAX_MOTIONS, PATTERNS, STACK_HEIGHT, Step, parse_step
from stages.decomposition.checks import Span, check_step, span_of
from stages.settings.decompose import DecomposeConfig

_GRASPED = frozenset(action for action, pattern in PATTERNS.items() if "grasped" in pattern)

_Way = tuple[int, tuple[int, ...]]
"""How many steps the motions show, and the motion at which each step begins."""


@dataclass(frozen=True)
class Aligner:
    """Lays plans beside one demonstration.

    Attributes:
        episode: images are not needed.
        keypoints: (K, 3) of its motions [m].
        config: the limits of the checks.
    """

    episode: Episode
    keypoints: np.ndarray
    config: DecomposeConfig

    def __call__(self, plan: Sequence[str]) -> PlanAnnotation:
        """The plan with the motions that agree with it most, and the first thing that does not agree.

        Every line takes one or several consecutive motions, at most `MAX_MOTIONS`. Of all ways to divide the motions,
        the one that shows the most lines is taken and, among those, the one whose steps begin latest.

        Args:
            plan: sentences of the step language; equal neighbours count as one.
        """
        lines = tuple(line for n, line in enumerate(plan) if n == 0 or line != plan[n - 1])
        steps, motions = [parse_step(line) for line in lines], np.arange(len(self.episode))
        starts = self._best_starts(steps)
        if starts is None:
            step_index = np.minimum(motions, max(len(lines) - 1, 0))
            problem = f"{len(lines)} steps do not explain {len(motions)} motions"
        else:
            step_index = np.searchsorted(starts, motions, side="right") - 1
            problem = self._problem(steps, starts)
        return PlanAnnotation(
            instruction=self.episode.instruction,
            plan=lines,
            step_index=step_index,
            motion_index=motions - np.searchsorted(step_index, step_index),
            ok=not problem,
            problem=problem,
        )

    def _best_starts(self, steps: Sequence[Step]) -> tuple[int, ...] | None:
        """The motion at which each step begins, by dynamic programming; None where there is no way to divide them."""
        ways: dict[int, _Way] = {0: (0, ())}
        for step in steps:
            longer: dict[int, _Way] = {}
            for end in range(1, len(self.episode) + 1):
                starts = [start for start in range(max(0, end - MAX_MOTIONS), end) if start in ways]
                if starts:
                    longer[end] = max(self._extended(ways[start], step, start, end) for start in starts)
            ways = longer
        return ways[len(self.episode)][1] if len(self.episode) in ways else None

    def _extended(self, way: _Way, step: Step, start: int, end: int) -> _Way:
        shown, starts = way
        return shown + (not self._disagreement(step, start, end)), (*starts, start)

    def _problem(self, steps: Sequence[Step], starts: Sequence[int]) -> str:
        if not self.episode.success:
            return "the episode did not succeed"
        held = ""
        for step, start, end in zip(steps, starts, [*starts[1:], len(self.episode)], strict=True):
            unknown = [phrase for phrase in step.phrases if phrase not in self.episode.objects.names]
            if unknown:
                return f"'{step}' speaks of the {unknown[0]}, which the scene does not have"
            if step.action in _GRASPED and step.object != held:
                return f"'{step}' comes without a grasp"
            if reason := self._disagreement(step, start, end):
                return f"'{step}' {reason}"
            held = {"grasp": step.object, "release": ""}.get(step.action, held)
        return ""

    def _disagreement(self, step: Step, start: int, end: int) -> str:
        """What motions `start` to `end` (excluded) show otherwise than the step says; empty if they agree."""
        if reason := check_step(step, self._span(step, start, end), self.config):
            return reason
        for motion in range(start, end):
            distance = distance_to_focus(self.keypoints[motion], step, self.episode.objects, motion)
            if not distance <= self.config.tolerance:
                return f"has a motion whose keypoint is not at the {step.focus}"
        return ""

    def _span(self, step: Step, start: int, end: int) -> Span:
        """What the motions did, with the step's focus where the thing of that name is."""
        span = span_of(self.episode, step, start, end, np.full(3, np.nan))
        return replace(span, target=self._place(step, start + span.acting))

    def _place(self, step: Step, acting: int) -> np.ndarray:
        """Where the thing that the step's focus names is before the step happens, (3,) [m]; NaN if it is nowhere.

        Of several things of that name, the one nearest to where the hand goes. What is set down may come to stand on
        things that already lie on its place.

        Args:
            acting: observation at which the step happens.
        """
        named = [m for m, name in enumerate(self.episode.objects.names) if name == step.focus]
        if not named:
            return np.full(3, np.nan)
        tip = self.episode.observations[acting].gripper_pose[:3]
        places = self.episode.objects.positions[acting - 1, named]
        if step.target:
            places[:, 2] += np.clip(tip[2] - places[:, 2], 0, STACK_HEIGHT)
        return places[np.argmin(np.linalg.norm(places - tip, axis=1))]
