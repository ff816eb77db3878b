"""The words of pre-training: shapes that scenes show, and household words for text alone."""

from __future__ import annotations

import numpy as np

from stages.wordings import RESERVED, blended_word

BLENDED = 0.6
"""How often an invented word is made of two known ones, not of syllables."""

SHAPES = (
    "ball", "disc", "plank", "brick", "pillar", "cone", "pyramid", "ring", "wedge", "cross", "bowl", "dumbbell",
    "tee", "pin", "slab", "jug", "pot", "rack", "bell", "trunk", "locker", "spool",
)  # fmt: skip
"""Nouns that procedural scenes can show; none is an object of GemBench but the ball, the goal of a training task."""

NOUNS = SHAPES + (
    "sponge", "spoon", "plate", "towel", "lemon", "candle", "pan", "brush", "bag", "book", "basket", "hammer",
    "whisk", "tray", "crate", "peg", "coin", "ruler", "tin", "rope", "card", "glove", "vase", "eraser", "stapler",
    "marker", "carton", "funnel", "grater", "ladle", "saucer", "teapot", "cap", "cork", "clip", "wrench", "pear",
    "banana", "carrot", "onion", "radish", "melon", "biscuit", "bread roll", "egg", "napkin", "tape roll", "battery",
    "camera", "phone", "pencil", "notebook", "folder", "envelope", "needle", "scissors", "comb", "mirror", "doll",
    "drum", "flute", "kite", "helmet", "hat", "scarf", "belt", "pebble", "shell", "feather", "leaf", "acorn", "fossil",
    "magnet", "gear", "rivet", "screw", "pipe", "valve", "cable", "charger", "keyring", "padlock", "tile", "panel",
    "paint tin", "tea bag", "pepper mill", "soap bar", "stone", "log", "barrel", "bucket", "sieve",
)  # fmt: skip
"""Nouns of things that are picked up and put down."""

PLACES = (
    "mat", "coaster", "stand", "rug", "pad", "platform", "pedestal", "counter", "bench", "stool", "cushion", "tray",
    "scale", "carpet", "circle", "patch", "stripe", "marking", "cross", "disc", "slab",
)  # fmt: skip
"""Nouns of what things are put on."""

HOLDERS = (
    "basket", "bowl", "bucket", "bin", "sack", "pouch", "hamper", "sink", "tub", "barrel", "crate", "carton", "pot",
    "urn", "mug rack", "trolley", "nest", "pocket", "larder", "cellar",
)  # fmt: skip
"""Nouns of what things are put into."""

LIDDED = (
    "chest", "trunk", "piano", "bin", "hamper", "casket", "suitcase", "pot", "kettle", "cooler", "violin case",
    "toolkit", "sandbox", "mailbox", "coffer", "tin", "scanner", "record player", "waffle iron",
)  # fmt: skip
"""Things with a lid."""

DOORED = (
    "locker", "wardrobe", "pantry", "oven", "dishwasher", "kennel", "shed", "barn", "garage", "stove", "cage", "tent",
    "hatch", "closet", "vault", "kiln", "birdhouse", "car", "van", "showcase",
)  # fmt: skip
"""Things with a door and a handle."""

CHESTS = ("desk", "dresser", "sideboard", "nightstand", "tool chest", "filing rack", "workbench", "counter")
"""Things with compartments that slide out."""

COMPARTMENTS = ("tray", "bay", "compartment", "bin", "slot", "case")

SWITCHED = (
    "radio", "television", "fan", "heater", "blender", "toaster", "printer", "siren", "torch", "mixer", "vacuum",
    "projector", "speaker", "boiler", "pump", "engine",
)  # fmt: skip
"""Things with a button."""

PRESSED = ("bell", "switch", "key", "pedal", "buzzer", "doorbell", "horn", "lever key", "stamp", "trigger")
"""Things that are pressed."""

FLAPS = ("flap", "hood", "visor", "bonnet", "tailgate", "shutter", "blind", "bench top", "ramp", "bonnet cover")
"""Things that fold up and down."""

SCREWED = ("carafe", "flask", "canister", "tube", "thermos", "barrel", "cask", "phial")
"""Things that a cap is screwed onto."""

MOUNTS = ("slot", "mount", "fitting")
"""Parts that things are screwed into."""

LEVELS = ("rung", "level", "ledge", "shelf", "tier")
"""Parts of things that others are put on."""

CAPS = ("cap", "stopper", "plug", "cork")

TOOLS = ("rake", "broom", "hook", "cane", "ruler", "paddle", "rod", "hoe")
"""Things that other things are moved with."""

SIDES = ("left", "right", "upper", "lower", "middle", "first", "second", "third", "top", "bottom", "inner", "outer")

NUMBERS = ("no", "one", "two", "three", "four")

COUNTED = {
    1: ("the {one}",),
    2: ("the {many}", "both {many}", "the two {many}", "2 {many}", "the pair of {many}"),
    3: ("all three {many}", "the three {many}", "3 {many}"),
}
"""How so many things of a kind are called."""

ADJECTIVES = (
    "small", "big", "long", "short", "flat", "old", "new", "shiny", "heavy", "light", "round", "striped", "wooden",
    "metal", "plastic", "broken", "clean", "dirty", "soft", "tall", "tiny", "huge", "empty", "full", "spotted",
)  # fmt: skip

PARTS = ("door", "lid", "handle", "button")
"""Parts that tell what is done with a thing."""

_ONSETS = (
    "b", "bl", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "g", "gl", "gr", "h", "j", "k", "l", "m", "n", "p",
    "pl", "pr", "r", "s", "sh", "sk", "sl", "sn", "st", "t", "tr", "v", "w", "z",
)  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "oa", "oo", "ou")
_CODAS = ("", "b", "ck", "d", "ft", "g", "l", "ll", "m", "n", "nd", "ng", "p", "r", "rk", "s", "sh", "st", "t", "x")


def invented_word(rng: np.random.Generator) -> str:
    """A word that means nothing: what to do with it can only be copied from where it stands."""
    known = RESERVED.union(ADJECTIVES, PARTS)
    word = blended_word(rng) if rng.random() < BLENDED else _syllables(rng)
    return invented_word(rng) if known & {word, word.removesuffix("s")} else word


def _syllables(rng: np.random.Generator) -> str:
    syllables = [str(rng.choice(_ONSETS)) + str(rng.choice(_VOWELS)) for _ in range(rng.integers(1, 3))]
    return "".join(syllables) + str(rng.choice(_CODAS))


def plural(noun: str) -> str:
    """Several of it ("brush" -> "brushes")."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
