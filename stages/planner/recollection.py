"""What training planned for an instruction, or for ones that differ from it only in what training itself exchanged.

"Push the maroon button" and "push the navy button" with plans that differ likewise tell what "push the azure button"
means. Each such group gives its least general template (Plotkin, "A note on inductive generalization", 1970): a slot
stands only where the group's instructions differ.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stages.planner.enumerations import ENDING
from stages.planner.noun_phrases import MAX_PHRASE_WORDS, words_and_marks
from stages.planner.prompts import plan_phrases
from stages.planner.slots import slot_pattern

_SLOT = re.compile(r"\{(s\d+)\}")
_NAME = rf"[\w'-]+(?: [\w'-]+){{0,{MAX_PHRASE_WORDS - 1}}}"

Template = tuple[str, ...]
"""An instruction's text, then its plan's lines, with numbered slots."""


@dataclass(frozen=True)
class Recollection:
    """Instructions that training knew, with their plans.

    Attributes:
        templates: of instructions and plans.
    """

    templates: frozenset[Template] = frozenset()

    @classmethod
    def learn(cls, pairs: Iterable[tuple[str, Sequence[str]]]) -> Recollection:
        """The recollection of instructions and their plans."""
        groups: dict[Template, list[tuple[str, ...]]] = defaultdict(list)
        for instruction, plan in pairs:
            template, values = _slotted(_plain(instruction), tuple(plan))
            groups[template].append(values)
        return cls(frozenset(_least_general(template, rows) for template, rows in groups.items()))

    def plans(self, instruction: str) -> list[tuple[str, ...]]:
        """The plans that it would have had in training, in no particular order; empty for one that is unlike any."""
        text = _plain(instruction)
        found = set()
        for said, *plan in self.templates:
            match = slot_pattern(said, lambda _: _NAME).fullmatch(text)
            if match and not any(set(value.split()) & ENDING for value in match.groups()):
                found.add(tuple(_filled(line, match.groupdict()) for line in plan))
        return sorted(found)

    def as_list(self) -> list[Template]:
        """Plain lists, for JSON."""
        return sorted(self.templates)

    @classmethod
    def from_list(cls, content: Iterable[Sequence[str]]) -> Recollection:
        """What `as_list` gave, also after JSON."""
        return cls(frozenset(map(tuple, content)))


def _plain(instruction: str) -> str:
    return " ".join(words_and_marks(instruction.strip(" .!")))


def _slotted(text: str, plan: tuple[str, ...]) -> tuple[Template, tuple[str, ...]]:
    """Text and plan with slots for what names in the plan have from the text, and what stood there."""
    runs = (run for phrase in plan_phrases(plan) for run in _runs(phrase.split(), text))
    values = tuple(dict.fromkeys(runs))
    slots = {value: _slot(number) for number, value in enumerate(values)}
    return tuple(_replaced(line, slots) for line in (text, *plan)), values


def _runs(words: Sequence[str], text: str) -> Iterator[str]:
    """Runs of words that stand in a text: the longest, the first of several, then those on either side of it."""
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            run = " ".join(words[start : start + length])
            if f" {run} " in f" {text} ":
                yield run
                yield from _runs(words[:start], text)
                yield from _runs(words[start + length :], text)
                return


def _least_general(template: Template, rows: Sequence[tuple[str, ...]]) -> Template:
    """The template with what all values of a slot have in common at their ends put back."""
    back = {f"s{number}": _common_ends(_slot(number), values) for number, values in enumerate(zip(*rows, strict=True))}
    return tuple(_filled(line, back) for line in template)


def _common_ends(slot: str, values: Sequence[str]) -> str:
    """A slot between the words that all values begin and end with; the value itself if there is only one."""
    split = [value.split() for value in dict.fromkeys(values)]
    if len(split) == 1:
        return values[0]
    shortest = min(map(len, split)) - 1
    same = [[len({words[k] for words in split}) == 1 for k in range(shortest)]]
    same.append([len({words[-1 - k] for words in split}) == 1 for k in range(shortest)])
    front, back = ((ends.index(False) if False in ends else len(ends)) for ends in same)
    back = min(back, shortest - front)
    return " ".join([*split[0][:front], slot, *split[0][len(split[0]) - back :]])


def _slot(number: int) -> str:
    return f"{{s{number}}}"


def _replaced(text: str, slots: dict[str, str]) -> str:
    if not slots:
        return text
    runs = "|".join(map(re.escape, sorted(slots, key=len, reverse=True)))
    return re.sub(rf"(?<![\w{{])({runs})(?!\w)", lambda match: slots[match[1]], text)


def _filled(text: str, values: dict[str, str]) -> str:
    return _SLOT.sub(lambda match: values[match[1]], text)
