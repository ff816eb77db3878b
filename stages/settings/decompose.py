"""Settings of `clap decompose`."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import NonNegative, Positive


@dataclass(frozen=True)
class DecomposeConfig:
    """Where plans come from, and how a trajectory is checked against them.

    Attributes:
        mode: "rules" = the steps of the demonstration itself, "llm" = a language model, from the instruction, the
            things in the scene and the motions of the hand.
        model: for "llm", a causal language model's Hugging Face name or path.
        fall_back: where the model's plan does not agree with the motions, take that of the rules.
        grasp_distance: a grasp closes, and a slide ends, within this distance of the thing named [m].
        inside_distance: a release opens within this distance of its target, which may be large [m].
        reach_distance: every step comes this near to the thing that it acts on [m].
        rise: a lift ends at least this much higher [m].
        press: a push that does not go forward ends at least this much lower than it began [m].
        displacement: a move, pull, slide or push that does not go down carries the hand at least this far [m].
        turn: a rotation turns the hand at least this far [rad].
        tolerance: largest distance between a keypoint and the thing that a language model's step names for it [m].
    """

    mode: str = "rules"
    model: str = ""
    fall_back: bool = False
    grasp_distance: Positive = 0.1
    inside_distance: Positive = 0.2
    reach_distance: Positive = 0.15
    rise: NonNegative = 0.02
    press: NonNegative = 0.01
    displacement: NonNegative = 0.01
    turn: NonNegative = 0.1
    tolerance: Positive = 0.03
