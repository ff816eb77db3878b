"""How people ask for what a robot can do: many wordings of every skill, with slots for the things."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
import yaml

WORDINGS: Mapping[str, tuple[str, ...]] = {
    skill: tuple(wordings)
    for skill, wordings in yaml.safe_load(files("stages").joinpath("wordings.yaml").read_text()).items()
}
"""By skill, wordings with slots for noun phrases: {a}, {b}, {tool}, {cap}, {level}, {many}; {all} and {said} bring
their own articles, {many} has none."""

FOLLOWING = frozenset(word for texts in WORDINGS.values() for text in texts for word in re.findall(r"} ([a-z]+)", text))
"""Words that follow a slot."""

RESERVED = frozenset(
    "bank base block bolt bottle box bulb cabinet can coffee cube cup cupboard cylinder drawer duck frame fridge grill "
    "holder jar lamp laptop microwave moon mustard notes pink rubber safe seat shoe socket soup spam square star stick "
    "sugar toilet toy tuna tower".split()
)
"""Words of GemBench's things, which nothing else is called by."""

SHORTEST = 7
"""Letters of a blended word at least; no colour and no shorter word that something is called by can come about."""

_WORDS = sorted({word for texts in WORDINGS.values() for text in texts for word in re.findall("[a-z]{4,}", text)})

_LAST = (" and the ", ", then the ", " and then the ", ", and finally the ", " then the ", ", the ", " as well as the ")
"""What stands before the last thing of a list."""

_ONE = 0.15
"""How often things that share a noun are called "the red ball, the blue one"."""


def listed(rng: np.random.Generator, phrases: Sequence[str]) -> str:
    """ "the red bell, the key and the horn"; things of one noun are sometimes called "one"."""
    said = list(phrases)
    nouns = {phrase.split()[-1] for phrase in phrases}
    if len(phrases) > 1 and len(nouns) == 1 and all(" " in phrase for phrase in phrases) and rng.random() < _ONE:
        said[1:] = [f"{phrase.rsplit(' ', 1)[0]} one" for phrase in phrases[1:]]
    if len(said) == 1:
        return f"the {said[0]}"
    return "the " + ", the ".join(said[:-1]) + str(rng.choice(_LAST)) + said[-1]


def blended_word(rng: np.random.Generator) -> str:
    """A word that means nothing, of the beginning of one word and the end of another ("mustling", "wonding").

    A tokenizer cuts it into any of the pieces that real words have, so that names of any spelling are learnt to be
    copied; words of random syllables have half of the tiny base's pieces.
    """
    first, second = (_WORDS[number] for number in rng.integers(len(_WORDS), size=2))
    word = first[: rng.integers(2, 6)] + second[-int(rng.integers(1, 5)) :]
    known = word in _WORDS or RESERVED & {word, word.removesuffix("s")}
    return word if len(word) >= SHORTEST and not known else blended_word(rng)
