"""Noun phrases for text alone: mostly of known words, often of invented ones, so that they must be copied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.pretraining.words import ADJECTIVES, SIDES, invented_word

INVENTED_NOUN, INVENTED_MODIFIER = 0.35, 0.25
"""How often a word is an invented one."""


def modifier(rng: np.random.Generator, colours: Sequence[str]) -> str:
    """A colour, another property, or a word that means nothing."""
    kind = rng.random()
    if kind < INVENTED_MODIFIER:
        return invented_word(rng)
    return str(rng.choice(colours if kind < 0.8 else ADJECTIVES))


def noun(rng: np.random.Generator, nouns: Sequence[str]) -> str:
    return invented_word(rng) if rng.random() < INVENTED_NOUN else str(rng.choice(nouns))


def thing(rng: np.random.Generator, colours: Sequence[str], nouns: Sequence[str], bare: float = 0.2) -> str:
    """ "crimson peg", "old book", "blick pan", sometimes just "lemon" or "left hook"."""
    word, kind = noun(rng, nouns), rng.random()
    if kind < bare:
        return word
    if kind < bare + 0.1:
        return f"{rng.choice(SIDES)} {word}"
    if kind < bare + 0.15:
        return " ".join((*rng.choice(SIDES, 2, replace=False).tolist(), word))
    return f"{modifier(rng, colours)} {word}"


def different(rng: np.random.Generator, colours: Sequence[str], nouns: Sequence[str], count: int) -> list[str]:
    """Things that differ; in half of the cases in their modifiers only."""
    if rng.random() < 0.5:
        word = noun(rng, nouns)
        modifiers: dict[str, None] = {}
        while len(modifiers) < count:
            modifiers[modifier(rng, colours)] = None
        return [f"{one} {word}" for one in modifiers]
    found: dict[str, None] = {}
    while len(found) < count:
        found[thing(rng, colours, nouns)] = None
    return list(found)
