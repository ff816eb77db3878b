"""Training text of the planning model: demonstrations' instructions and plans, and others made of them.

Every plan is a training plan with other noun phrases, or a sequence of such. How English joins, lists and counts is
written by hand; nouns come from WordNet (`nouns.json`, which has no noun of a test scene).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from stages.core.steps import Step
from stages.planner.renaming import plural, replace_words

NOUNS: Mapping[str, Sequence[str]] = json.loads(Path(__file__).with_name("nouns.json").read_text())["categories"]
"""Nouns by what several of them are called together."""

SIDES = ("left", "right", "front", "rear", "first", "last", "inner", "outer", "near", "far")
KEPT_SIDES = ("bottom", "middle", "top", "upper", "lower")
"""Words that tell parts of a kind apart; test variations do so by `KEPT_SIDES`, never put in another's place."""

REQUESTS = (
    "please {}", "could you {}", "can you {}", "would you {}, please", "{} now", "{}, please", "i want you to {}",
    "robot, {}", "you should {}", "{}.", "i would like you to {}", "go and {}", "your task: {}", "we need you to {}",
)  # fmt: skip
"""General frames of an order."""

PAIRS = (
    "{a}, then {b}", "{a} and then {b}", "first {a}, and after that {b}", "{a}; {b} afterwards", "{a}. next, {b}",
    "{b}, but before that {a}", "{a}. when you are done, {b}", "after you {a}, {b}", "{a} and {b}",
    "before you {b}, {a}",
)  # fmt: skip
"""Two orders in one."""

CHAINS = (
    (", then ", ", and finally "), (". then ", ". then "), (", ", " and "), (", after that ", ", and at the end "),
    ("; ", "; "), (" and then ", " and then "), (". next, ", ". last, "), (", ", ", then "),
)  # fmt: skip
"""What stands between three or more orders, and before the last of them."""

ONWARD = (", then {} the {}", " and from there {} the {}", ", and after that {} the {}", " and then {} the {}")
"""A further place of the same thing, with its preposition."""

LAST = (" and ", " and then ", ", then ", " and finally ", ", and ", " as well as ", " and also ", " and afterwards ")
BETWEEN = (", ", ", ", ", then ", " and ")
"""What stands before the last thing of a list, and between the others."""

ALL = ("all {}", "all of the {}", "all the {}", "the {}", "each of the {}", "all {number} {}", "the {number} {}")
BOTH = ("both {}", "both {}", "both of the {}", "the two {}", "all the {}", "the {}")
EVERYTHING = ("everything", "everything in view", "everything that you see", "all the things", "all of it")
"""All of a kind, two of a kind, and all that there is."""

AGAIN = (
    " and do the same with {}", ", then do the same with {}", ", and {} too", ", then {}", ". {} as well",
    ", and after that {}", " and afterwards {}", ". the same goes for {}", ", {} likewise",
)  # fmt: skip
"""An order repeated for other things."""

NUMBERS = ("", "one", "two", "three", "four", "five", "six")

MAX_STEPS, MAX_SHOWN = 24, 14
"""Steps of a plan and names in view, at most."""


@dataclass(frozen=True)
class Example:
    """An instruction with its plan.

    Attributes:
        instruction: in words.
        plan: steps of the step language.
        names: of what is in view, one entry a thing.
        as_seen: names that the plan treats in the order of the view, as the instruction only says what they share.
    """

    instruction: str
    plan: tuple[Step, ...]
    names: tuple[str, ...]
    as_seen: tuple[str, ...] = ()


class TextSampler:
    """Draws training examples.

    Args:
        examples: of demonstrations.
        colours: colour words that names begin with; test variations have them too, so that none is put in another's
            place.
        rare: further colour words, which stand for those.
    """

    def __init__(self, examples: Sequence[Example], colours: Sequence[str], rare: Sequence[str]) -> None:
        self.examples = list(examples)
        self.rare, self._colours = tuple(rare), frozenset((*colours, *rare))

    def __call__(self, rng: np.random.Generator) -> Example:
        """One example, as it is or changed, its names in random order and sometimes wrong or missing."""
        count = _pick(rng, (2, 2, 3, 3, 4)) if rng.random() < 0.45 else 1
        parts = [self._one(rng, all_renamed=count > 1) for _ in range(count)]
        example = (joined(rng, parts) if count > 1 else None) or parts[0]
        if rng.random() < 0.25:
            example = self.loosely(rng, example) or example
        if rng.random() < 0.25 and not example.instruction.startswith(("the ", "with ", "use the ")):
            example = replace(example, instruction=_pick(rng, REQUESTS).format(example.instruction))
        return in_view(rng, example, self.rare)

    def _one(self, rng: np.random.Generator, all_renamed: bool = False) -> Example:
        """A demonstration's example, at times changed; about other things (`all_renamed`) where orders are joined, as
        the words of two demonstrations could make up those of a test variation."""
        example = self._drawn(rng)
        if rng.random() < 0.35 and not all_renamed:
            return example
        for change in (self.recoloured, partial(self.renamed, everything=all_renamed)):
            example = change(rng, example) or example
        return self._repeat(rng, example) if rng.random() < 0.65 else example

    def _repeat(self, rng: np.random.Generator, example: Example) -> Example:
        """An example that does the same several times, in one of the ways that it can be said; itself if in none."""
        ways = [self.counted, self.onward]
        if slot := self._slot(example):
            of_kind = (self.every, self.several, self.others)
            ways += [partial(way, slot=slot) for way in (self.listed, self.again, self.paired, *of_kind, *of_kind)]
        for k in rng.permutation(len(ways)):
            if repeated := ways[k](rng, example):
                return repeated
        return example

    @cached_property
    def _groups(self) -> list[list[Example]]:
        """Examples by the actions of their plans, so that every skill is as often."""
        groups: dict[tuple[str, ...], list[Example]] = {}
        for example in self.examples:
            groups.setdefault(tuple(step.action for step in example.plan), []).append(example)
        return list(groups.values())

    def _drawn(self, rng: np.random.Generator) -> Example:
        group = self._groups[rng.integers(len(self._groups))] if rng.random() < 0.5 else self.examples
        return group[rng.integers(len(group))]

    def recoloured(self, rng: np.random.Generator, example: Example) -> Example | None:
        """Its colours exchanged for others, and words that tell parts apart likewise."""
        words = {name.split()[0] for name in example.names}
        planned = {phrase.split()[0] for step in example.plan for phrase in step.phrases} & {*SIDES, *KEPT_SIDES}
        said = all(re.search(rf"\b{side}\b", example.instruction) for side in planned)
        words |= {word for word in self._colours if re.search(rf"\b{word}\b", example.instruction)}
        old = sorted(words & self._colours)[: len(self.rare)]
        new = rng.permutation(self.rare)[: len(old)].tolist()
        sides = sorted(words & {*SIDES, *KEPT_SIDES}) if said and rng.random() < 0.5 else []
        changed = dict(zip(old, new, strict=True)) | dict(zip(sides, rng.permutation(SIDES).tolist(), strict=False))
        return exchanged(example, changed)

    def renamed(self, rng: np.random.Generator, example: Example, everything: bool = False) -> Example | None:
        """Some of its nouns, or all that its instruction says, exchanged for others."""
        words = {}
        for noun in dict.fromkeys(self.noun(name) for name in example.names):
            said = re.search(rf"\b{noun}s?\b", example.instruction)
            planned = any(noun in phrase for step in example.plan for phrase in step.phrases)
            part = any(other != noun and f" {noun}" in f" {other}" for other in map(self.noun, example.names))
            if (said or not planned) and (everything or rng.random() < (0.5 if not part else 0.25)):
                words[noun] = self._new_noun(rng, example, words)
        return exchanged(example, words)

    def noun(self, name: str) -> str:
        """A name without the colour or side before it."""
        first, _, rest = name.partition(" ")
        return rest if rest and first in (*self._colours, *SIDES, *KEPT_SIDES) else name

    def _new_noun(self, rng: np.random.Generator, example: Example, words: Mapping[str, str]) -> str:
        """A noun that nothing of the example is called by, neither before nor after the words are exchanged."""
        taken = {*words.values(), *map(self.noun, example.names)}
        return next(noun for noun in iter(partial(self.some_noun, rng), None) if noun not in taken)

    def some_noun(self, rng: np.random.Generator) -> str:
        """A noun of any category."""
        return _pick(rng, NOUNS[_pick(rng, tuple(NOUNS))])

    def listed(self, rng: np.random.Generator, example: Example, slot: str) -> Example | None:
        """The same done to a list of things, in its order."""
        alike = bool(rng.random() < 0.6)
        things = self._things(rng, slot, int(rng.integers(2, 6)), alike)
        return self._repeated(example, slot, things, self._list(rng, things, alike))

    def again(self, rng: np.random.Generator, example: Example, slot: str) -> Example | None:
        """An order that is said to hold for other things too."""
        alike = bool(rng.random() < 0.5)
        first, *rest = self._things(rng, slot, int(rng.integers(2, 4)), alike)
        repeated = self._repeated(example, slot, (first, *rest), f"the {first}")
        others = self._list(rng, rest, alike, ones=alike and rng.random() < 0.5)
        return repeated and replace(repeated, instruction=repeated.instruction + _pick(rng, AGAIN).format(others))

    def loosely(self, rng: np.random.Generator, example: Example) -> Example | None:
        """Something called by its colour alone, which nothing else in view has."""
        colours = [name.split()[0] for name in example.names]
        names = [name for name in example.names if f"the {name}" in example.instruction and " " in name]
        names = [name for name in names if name.split()[0] in self._colours and colours.count(name.split()[0]) == 1]
        if not names:
            return None
        name = _pick(rng, names)
        said = f"the {name.split()[0]} {_pick(rng, ('one', 'one', 'thing', 'object', 'item'))}"
        return replace(example, instruction=re.sub(rf"\bthe {name}\b", said, example.instruction))

    def _list(self, rng: np.random.Generator, things: Sequence[str], alike: bool, ones: bool = False) -> str:
        """Things in a row; of things alike the noun may be said once, or be "one" after the first, or for all."""
        said = list(things)
        if ones or alike and rng.random() < 0.3:
            said = [one if k == 0 and not ones else f"{one.split()[0]} one" for k, one in enumerate(things)]
        elif alike and rng.random() < 0.3:
            said[:-1] = [one.split()[0] for one in things[:-1]]
        between = _pick(rng, BETWEEN)
        return "the " + f"{between}the ".join(said[:-1]) + (_pick(rng, LAST) + "the " if said[1:] else "") + said[-1]

    def paired(self, rng: np.random.Generator, example: Example, slot: str) -> Example | None:
        """The same done to other things at other places: "put the x in the y and the z in the w"."""
        place = example.plan[-1].target
        clause = place and re.search(rf"\bthe {slot}\b.*\bthe {place}\b", example.instruction)
        if not clause:
            return None
        things, places = (self._things(rng, one, 2, bool(rng.random() < 0.5)) for one in (slot, place))
        if rng.random() < 0.3:
            places[1] = places[0]
        if set(things) & set(places):
            return None
        pairs = [exchanged(example, {slot: one, place: at}) for one, at in zip(things, places, strict=True)]
        said = [replace_words(clause[0], {slot: one, place: at}) for one, at in zip(things, places, strict=True)]
        instruction = example.instruction.replace(clause[0], _pick(rng, LAST).join(said))
        names = dict.fromkeys((*pairs[0].names, *pairs[1].names))
        return Example(instruction, (*pairs[0].plan, *pairs[1].plan), tuple(names))

    def onward(self, rng: np.random.Generator, example: Example) -> Example | None:
        """The same thing brought to one place, and then to others."""
        last = example.plan[-1]
        place = last.target if last.action in ("release", "slide") else ""
        said = place and re.search(rf"\b(\w+) the {place}$", example.instruction)
        if not said or _unit(example.plan) != example.plan:
            return None
        further = self._things(rng, place, int(rng.integers(1, 3)), bool(rng.random() < 0.6))
        if {*further} & {*example.names}:
            return None
        instruction = example.instruction + "".join(_pick(rng, ONWARD).format(said[1], one) for one in further)
        plans = [exchanged(example, {place: one}).plan for one in (place, *further)]
        plan = tuple(step for one in plans for step in one)
        return replace(example, instruction=instruction, plan=plan, names=(*example.names, *further))

    def several(self, rng: np.random.Generator, example: Example, slot: str) -> Example | None:
        """The same done to a number of equal things."""
        if slot.endswith("s") or len(example.plan) * 2 > MAX_STEPS:
            return None
        count, number = _number(rng, MAX_STEPS // len(example.plan))
        thing = f"{_pick(rng, self.rare)} {self.noun(slot)}"
        said = _pick(rng, ("{} {}", "{} of the {}", "{} {}")).format(number, plural(thing))
        repeated = self._repeated(example, slot, [thing] * count, said)
        return repeated and replace(repeated, names=(*repeated.names, *[thing] * int(rng.integers(0, 3))))

    def every(self, rng: np.random.Generator, example: Example, slot: str) -> Example | None:
        """The same done to all things of a kind that are in view, in the order of the view."""
        count, kind, alike = int(rng.integers(2, 7)), "", bool(rng.random() < 0.5)
        things = self._things(rng, slot, count, alike)
        if alike:
            kind = plural(self.noun(slot))
        elif rng.random() < 0.7:
            kind = _pick(rng, tuple(NOUNS))
            things = [str(one) for one in rng.permutation(NOUNS[kind])[:count]]
        said = _pick(rng, EVERYTHING)
        if kind:
            said = _pick(rng, ALL if things[2:] else BOTH).format(kind, number=NUMBERS[len(things)])
        places, meant = {step.target for step in example.plan}, NOUNS.get(kind, ())
        names = (one for one in example.names if one in places or kind and self.noun(one) not in meant)
        return self._repeated(replace(example, names=tuple(names)), slot, things, said, as_seen=True)

    def others(self, rng: np.random.Generator, example: Example, slot: str) -> Example | None:
        """The others of a kind brought to one of that kind."""
        place = example.plan[-1].target
        if not place or place not in example.instruction:
            return None
        noun = self.noun(slot) if rng.random() < 0.5 else self.some_noun(rng)
        colours = rng.permutation(self.rare)[: int(rng.integers(2, 5)) + 1]
        *things, base = (f"{colour} {noun}" for colour in colours)
        example = exchanged(example, {place: base})
        both = ("both other", "the other two") * (len(things) == 2)
        said = f"{_pick(rng, ('the other', 'all the other', 'the remaining', 'all other', *both))} {plural(noun)}"
        return self._repeated(example, slot, things, said, as_seen=True)

    def counted(self, rng: np.random.Generator, example: Example) -> Example | None:
        """Another number of equal things where the instruction has one."""
        unit = _unit(example.plan)
        old = len(example.plan) // len(unit)
        word = NUMBERS[old] if old < len(NUMBERS) else old
        said = re.search(rf"\b({old}|{word})\b", example.instruction)
        if old < 2 or not said or len(unit) * 2 > MAX_STEPS:
            return None
        count, number = _number(rng, MAX_STEPS // len(unit))
        instruction = example.instruction[: said.start()] + number + example.instruction[said.end() :]
        names = (*example.names, *[unit[0].object] * (count - example.names.count(unit[0].object)))
        return replace(example, instruction=instruction, plan=unit * count, names=names)

    def _slot(self, example: Example) -> str | None:
        """The thing that others can stand for: said once, as "the ...", by a plan that leaves the hand free."""
        first, last = example.plan[0], example.plan[-1]
        said = example.instruction.split(f"the {first.object}")
        alone = len(said) == 2 and not re.match(r"\w", said[1])
        free = last.action in ("release", "push", "slide") and _unit(example.plan) == example.plan
        pronoun = re.search(r"\b(its?|them)\b", example.instruction)
        bound = pronoun or {step.object for step in example.plan} != {first.object}
        return first.object if alone and free and not bound else None

    def _things(self, rng: np.random.Generator, slot: str, count: int, alike: bool) -> list[str]:
        """Different things: of the slot's noun in several colours, or of several nouns."""
        colours = rng.permutation(self.rare).tolist()
        if alike:
            return [f"{colour} {self.noun(slot)}" for colour in colours[:count]]
        nouns = list(dict.fromkeys(self.some_noun(rng) for _ in range(4 * count)))[:count]
        return [f"{colours.pop()} {noun}" if rng.random() < 0.4 else noun for noun in nouns]

    def _repeated(
        self, example: Example, slot: str, things: Sequence[str], said: str, as_seen: bool = False
    ) -> Example | None:
        """The plan for every thing, `said` where the instruction had the slot; None where that is too long, or where
        something else is called as one of the things is."""
        places = {step.target for step in example.plan}
        rest = [name for name in example.names if name in places or self.noun(name) != self.noun(slot)]
        if len(things) * len(example.plan) > MAX_STEPS or {*rest, *places} & set(things):
            return None
        plan = tuple(replace(step, object=one) for one in things for step in example.plan)
        names = (*things, *rest)
        return Example(example.instruction.replace(f"the {slot}", said), plan, names, tuple(things) * as_seen)


def joined(rng: np.random.Generator, examples: Sequence[Example]) -> Example | None:
    """Several, one after the other; None where that is too long, the hand would be full before the end, or one is about
    all of a kind and another about one of that kind."""
    examples = sorted(examples, key=lambda one: one.plan[-1].action in ("lift", "move"))
    plan = tuple(step for one in examples for step in one.plan)
    said = [one.instruction for one in examples]
    seen = [one.as_seen[0] for one in examples if one.as_seen]
    kinds = tuple(noun for nouns in NOUNS.values() if any(name.endswith((*nouns,)) for name in seen) for noun in nouns)
    mixed = any(name.endswith(kinds) for one in examples if not one.as_seen for name in one.names)
    mixed |= any(words in one for words in EVERYTHING for one in said)
    full = sum(one.plan[-1].action in ("lift", "move") for one in examples) > 1
    if mixed or full or len(plan) > MAX_STEPS or len({one.plan for one in examples}) < len(examples):
        return None
    between, last = _pick(rng, CHAINS)
    chain = _pick(rng, ("", "", "first ")) + between.join(said[:-1]) + last + said[-1]
    instruction = chain if said[2:] else _pick(rng, PAIRS).format(a=said[0], b=said[1])
    names = list(examples[0].names)
    for one in examples[1:]:
        names += [name for name in one.names if name not in names]
    return Example(instruction, plan, tuple(names), tuple(name for one in examples for name in one.as_seen))


def in_view(rng: np.random.Generator, example: Example, colours: Sequence[str]) -> Example:
    """What is in view in random order; at times nothing, or with errors if the instruction says enough."""
    acted = {phrase for step in example.plan for phrase in step.phrases}
    said = all(phrase in example.instruction for phrase in acted)
    others = rng.permutation([name for name in example.names if name not in acted])[:MAX_SHOWN]
    shown = rng.permutation([*(name for name in example.names if name in acted), *others])
    names = in_order([str(name) for name in shown], example.as_seen)
    kind = 1.0 if example.as_seen else rng.random()
    if said and kind < 0.1:
        names = []
    elif kind < 0.3:
        kept = [name for name in names if rng.random() > 0.12 or name in acted and not said]
        doubled = [name for name in kept if rng.random() < 0.06]
        wrong = [f"{rng.choice(colours)} {name.split()[-1]}" for name in kept if said and rng.random() < 0.06]
        names = [*kept, *doubled, *wrong]
    return replace(example, names=tuple(names))


def in_order(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The names with the `wanted` ones in their order, at the places where any of them stood."""
    order = iter(sorted((name for name in names if name in wanted), key=list(wanted).index))
    return [next(order) if name in wanted else name for name in names]


def exchanged(example: Example, words: Mapping[str, str]) -> Example:
    """An example with words, or runs of them, replaced everywhere; a plural stays one."""
    change = partial(replace_words, words=words)
    plan = tuple(replace(step, object=change(step.object), target=change(step.target)) for step in example.plan)
    return replace(example, instruction=change(example.instruction), plan=plan, names=tuple(map(change, example.names)))


def _unit(plan: tuple[Step, ...]) -> tuple[Step, ...]:
    """What a plan does again and again, or the plan."""
    lengths = (n for n in range(1, len(plan)) if len(plan) % n == 0 and plan == plan[:n] * (len(plan) // n))
    return plan[: next(lengths, len(plan))]


def _number(rng: np.random.Generator, most: int) -> tuple[int, str]:
    """A number from 2 to 6 or `most`, and how it is written."""
    count = int(rng.integers(2, min(most, 6) + 1))
    return count, str(count) if rng.random() < 0.5 else NUMBERS[count]


def _pick(rng: np.random.Generator, options: Sequence) -> str:
    return options[rng.integers(len(options))]
