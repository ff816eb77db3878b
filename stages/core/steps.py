"""The step language: one motor skill in words, as simulators speak it, planners predict it and predictors obey it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stages.core.errors import UserError

PATTERNS = {
    "grasp": "grasp the {object}",
    "lift": "lift the grasped {object}",
    "move": "move the grasped {object} to the {target}",
    "release": "release the grasped {object} at the {target}",
    "rotate": "rotate the grasped {object}",
    "pull": "pull the grasped {object}",
    "push": "push the {object}",
    "slide": "slide the {object} to the {target}",
}
"""Text of each action. A step says what is done with what and where to. How it is done is left to the predictor, which
sees the scene: in which direction a thing is pushed, or whether its place is on, in or above the target."""

RELEASE_HERE = "release the grasped {object}"
"""Text of a release of something where it is, at no target."""

MAX_MOTIONS = 6
"""Motions that one step takes at most."""

STACK_HEIGHT = 0.4
"""A step onto a place points at the top of what stands there, at most this high above the place [m]."""

_SLOTS = {"object": r"(?P<object>.+?)", "target": r"(?P<target>.+)"}
_TEXTS = (*PATTERNS.items(), ("release", RELEASE_HERE))
_PARSERS = [(action, re.compile(text.format(**_SLOTS))) for action, text in _TEXTS]


@dataclass(frozen=True)
class Step:
    """One language step.

    Attributes:
        action: a key of `PATTERNS`.
        object: noun phrase of the object acted on, without article ("red block").
        target: noun phrase of the place for move and slide; for release too, unless the object is let go where it is;
            else empty.
    """

    action: str
    object: str
    target: str = ""

    def __str__(self) -> str:
        here = self.action == "release" and not self.target
        return (RELEASE_HERE if here else PATTERNS[self.action]).format(object=self.object, target=self.target)

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
    for action, parser in _PARSERS:
        if match := parser.fullmatch(text.strip()):
            return Step(action, **match.groupdict())
    raise UserError(f"'{text}' is not a step", f"Write one of: {'; '.join(pattern for _, pattern in _TEXTS)}")
