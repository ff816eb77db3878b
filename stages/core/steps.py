"""The step language: one motor skill in words, as simulators speak it, planners predict it and predictors obey it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stages.core.errors import UserError

PATTERNS = {
    "grasp": "grasp the {object}",
    "lift": "lift the grasped {object}",
    "move": "move the grasped {object} {preposition} the {target}",
    "release": "release the grasped {object} {preposition} the {target}",
    "rotate": "rotate the grasped {object}",
    "pull": "pull the grasped {object}",
    "push down": "push down the {object}",
    "push forward": "push forward the {object}",
    "push": "push the {object} {preposition} the {target}",
}
"""Text of each action; the actions are GemBench's plan actions, with the moves of a grasped object told apart."""

MAX_MOTIONS = 6
"""Motions that one step takes at most."""

STACK_HEIGHT = 0.4
"""A step onto a place points at the top of what stands there, at most this high above the place [m]."""

PREPOSITIONS = ("onto", "into", "over", "to", "out of")

_SLOTS = {
    "object": r"(?P<object>.+?)",
    "preposition": f"(?P<preposition>{'|'.join(PREPOSITIONS)})",
    "target": r"(?P<target>.+)",
}
_PARSERS = {action: re.compile(pattern.format(**_SLOTS) + "$") for action, pattern in PATTERNS.items()}


@dataclass(frozen=True)
class Step:
    """One language step.

    Attributes:
        action: a key of `PATTERNS`.
        object: noun phrase of the object acted on, without article ("red block").
        preposition: one of `PREPOSITIONS` for move, release and push, else empty.
        target: noun phrase of the place for move, release and push, else empty.
    """

    action: str
    object: str
    preposition: str = ""
    target: str = ""

    def __str__(self) -> str:
        return PATTERNS[self.action].format(object=self.object, preposition=self.preposition, target=self.target)

    @property
    def phrases(self) -> tuple[str, ...]:
        """The noun phrases that the step mentions, in order."""
        return (self.object, self.target) if self.target else (self.object,)

    @property
    def focus(self) -> str:
        """The noun phrase whose place is the step's keypoint: where the hand goes next."""
        return self.target or self.object


def parse_step(text: str) -> Step:
    """Read a step back from its text.

    Raises:
        UserError: the text is not a sentence of the step language.
    """
    for action, parser in _PARSERS.items():
        if match := parser.match(text.strip()):
            return Step(action, **match.groupdict())
    raise UserError(f"'{text}' is not a step", f"Write one of: {'; '.join(PATTERNS.values())}")
