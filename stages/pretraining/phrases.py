"""Noun phrases for text alone: mostly of known words, often of invented ones, so that they must be copied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.pretraining.words import ADJECTIVES, SIDES, invented_word

INVENTED_NOUN, INVENTED_MODIFIER = 0.35, 0.25
"""How often a word is an invented one."""

TWO_WORDS = 0.3
"""How often an invented noun is of two words."""

SHARED_MODIFIER, SHARED_NOUN = 0.4, 0.35
"""How often several things share a word, so that the other one tells them apart."""


def modifier(rng: np.random.Generator, colours: Sequence[str]) -> str:
    """A colour, another property, or a word that means nothing."""
    kind = rng.random()
    if kind < INVENTED_MODIFIER:
        return invented_word(rng)
    return str(rng.choice(colours if kind < 0.8 else ADJECTIVES))


def noun(rng: np.random.Generator, nouns: Sequence[str], invent: bool = True) -> str:
    """One of the nouns or, where that may be, an invented one, of which some end with a known one."""
    if not invent or rng.random() > INVENTED_NOUN:
        return str(rng.choice(nouns))
    if rng.random() > TWO_WORDS:
        return invented_word(rng)
    return f"{invented_word(rng)} {invented_word(rng) if rng.random() < 0.5 else rng.choice(nouns)}"


def thing(rng: np.random.Generator, colours: Sequence[str], nouns: Sequence[str], invent: bool = True) -> str:
    """ "crimson peg", "old book", "blick pan", sometimes just "lemon" or "left hook"."""
    word, kind = noun(rng, nouns, invent), rng.random()
    if kind < 0.2:
        return word
    if kind < 0.3:
        return f"{rng.choice(SIDES)} {word}"
    if kind < 0.35:
        return " ".join((*rng.choice(SIDES, 2, replace=False).tolist(), word))
    return f"{modifier(rng, colours)} {word}"


def together(rng: np.random.Generator, colours: Sequence[str], kinds: Sequence[Sequence[str]]) -> list[str]:
    """A thing of each kind of nouns, sometimes all with the same modifier."""
    if rng.random() < SHARED_MODIFIER:
        shared = modifier(rng, colours)
        return [f"{shared} {noun(rng, nouns)}" for nouns in kinds]
    return [thing(rng, colours, nouns) for nouns in kinds]


def different(rng: np.random.Generator, colours: Sequence[str], nouns: Sequence[str], count: int) -> list[str]:
    """Things that differ, often only in their modifiers or only in their nouns."""
    kind, shared_noun, shared_modifier = rng.random(), noun(rng, nouns), modifier(rng, colours)
    found: dict[str, None] = {}
    while len(found) < count:
        if kind < SHARED_NOUN:
            found[f"{modifier(rng, colours)} {shared_noun}"] = None
        elif kind < SHARED_NOUN + SHARED_MODIFIER:
            found[f"{shared_modifier} {noun(rng, nouns)}"] = None
        else:
            found[thing(rng, colours, nouns)] = None
    return list(found)
