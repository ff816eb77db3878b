"""Instructions and plans with words exchanged, as the scene's colours are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class InstructedPlan:
    """An instruction with the texts of its plan's steps."""

    instruction: str
    plan: tuple[str, ...]


def replace_words(text: str, words: Mapping[str, str]) -> str:
    """The text with whole words, or runs of them, replaced; a plural stays one."""
    if not words:
        return text
    pattern = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"\b({pattern})(s?)\b", lambda found: plural(words[found[1]]) if found[2] else words[found[1]], text)


def plural(noun: str) -> str:
    """The regular plural of an English noun."""
    if noun.endswith(("ife", "oaf", "elf", "alf")):
        return re.sub("fe?$", "ves", noun)
    if noun.endswith(("ss", "x", "ch", "sh", "ato")):
        return noun + "es"
    if noun.endswith("s"):
        return noun
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"


def told_apart(name: str, texts: Iterable[str], colours: Iterable[str]) -> bool:
    """Whether nothing said in the texts could mean a thing of that name.

    That holds where the texts never say its noun, or only with a colour before it that is not the thing's.
    """
    first, noun = name.split()[0], name.split()[-1].removesuffix("s")
    others = set(colours) - {first}
    said = [before for text in texts for before in re.findall(rf"(?:(\S+) )?\b{noun}s?\b", text)]
    return not said or first in colours and all(before in others for before in said)
