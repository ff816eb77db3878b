"""What is done to words: other words that mean the same, and words that mean nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from stages.wordings import blended_word

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "pick up": ("take", "grab", "take up"),
    "grab": ("take", "grasp"),
    "grasp": ("grab", "take"),
    "take hold of": ("grip", "grasp", "seize"),
    "put the": ("place the", "set the"),
    "place the": ("put the",),
    "bring it to": ("take it to", "move it to", "carry it to"),
    "lift it up to": ("raise it to", "move it up to"),
    "shut the": ("close the",),
    "swing": ("turn", "move"),
    "press down": ("push down", "press"),
    "has to be": ("must be", "should be", "is to be"),
    "store it in": ("leave it in", "keep it in"),
    "move the": ("bring the", "get the"),
    "shove": ("push", "move"),
    "drag the": ("pull the", "move the"),
    "sweep": ("move", "drag"),
    "use the": ("take the",),
    "off the table": ("up from the table", "away from the table"),
    "on top of each other": ("one above the other", "in a pile"),
    "on the green": ("onto the green", "over the green"),
    "onto the": ("on the", "over to the"),
    "in the cupboard": ("into the cupboard", "inside the cupboard"),
    "turn it": ("rotate it", "screw it on"),
    "until it": ("so that it", "till it"),
    "2": ("two",),
}
"""Words that can stand for others in the training instructions; the first that fits is replaced."""

BEFORE = (
    "please {}",
    "now {}",
    "could you {}",
    "can you {}",
    "you should {}",
    "next, {}",
    "i want you to {}",
    "robot, {}",
)
AFTER = ("{}, please", "{} now", "{} for me", "{}, would you")
STATEMENTS = ("the ", "with ", "use the ", "it ")
"""How instructions begin that are no bare orders."""

BLENDED = 0.6
"""How often a word that means nothing is made of two known ones, not of syllables."""

_ONSETS = tuple("b bl d dr f fl g gr k kr l m n p pl r s sn t v z".split())
_MIDDLES = tuple("aba adi alo ani avu eko ela emi epu ibo ida iku oba odu ogi ola".split())
_ENDS = ("b", "ck", "ft", "g", "lk", "mp", "nk", "p", "rt", "sp", "t", "x", "zz")


@dataclass(frozen=True)
class Told:
    """An instruction with the texts of its plan's steps."""

    instruction: str
    plan: tuple[str, ...]


def replace_words(text: str, words: Mapping[str, str]) -> str:
    """The text with whole words, or runs of them, replaced; a plural stays one."""
    if not words:
        return text
    pattern = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"\b({pattern})(s?)\b", lambda match: words[match[1]] + match[2], text)


def paraphrase(rng: np.random.Generator, instruction: str) -> str:
    """The same order in slightly other words."""
    fitting = [words for words in SYNONYMS if re.search(rf"\b{words}\b", instruction)]
    if fitting and rng.random() < 0.6:
        words = fitting[rng.integers(len(fitting))]
        instruction = re.sub(rf"\b{words}\b", str(rng.choice(SYNONYMS[words])), instruction, count=1)
    kind = rng.random()
    if kind < 0.15:
        return instruction.replace("the ", "")
    if kind < 0.5 and not instruction.startswith(STATEMENTS):
        return str(rng.choice(BEFORE)).format(instruction)
    return str(rng.choice(AFTER)).format(instruction) if kind > 0.85 else instruction


def told_apart(name: str, texts: Iterable[str], colours: Iterable[str]) -> bool:
    """Whether nothing said in the texts could mean a thing of that name.

    That holds where the texts never say its noun, or only with a colour before it that is not the thing's.
    """
    first, noun = name.split()[0], name.split()[-1].removesuffix("s")
    others = set(colours) - {first}
    said = [before for text in texts for before in re.findall(rf"(?:(\S+) )?\b{noun}s?\b", text)]
    return not said or first in colours and all(before in others for before in said)


def pseudo_word(rng: np.random.Generator) -> str:
    """A word that means nothing."""
    if rng.random() < BLENDED:
        return blended_word(rng)
    return "".join(str(rng.choice(part)) for part in (_ONSETS, _MIDDLES, _ENDS))
