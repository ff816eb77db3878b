"""What noun phrases of plans and instructions are made of."""

from __future__ import annotations

import re

from stages.core.steps import PREPOSITIONS

Words = tuple[str, ...]

MAX_PHRASE_WORDS = 5

PARTS = (
    *("base", "button", "door", "drawer", "edge", "handle", "knob", "lid", "rim"),
    *("seat", "shelf", "socket", "switch"),
)
"""Words of parts that things have without being told."""

GRIPS = ("edge", "handle", "knob", "rim")
"""Parts that another part can have."""

STRUCTURE = frozenset(word for preposition in PREPOSITIONS for word in preposition.split()) | {"the", "grasped"}
"""Words of the step language, which no noun phrase has."""


def words_and_marks(text: str) -> list[str]:
    """Words, in small letters, and punctuation marks of a text."""
    return re.findall(r"[\w'-]+|[^\w\s]", text.lower())


def singular(word: str) -> str:
    """One of several things, by the regular rules."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 3 else word
