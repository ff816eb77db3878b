"""An instruction as every entrance reads it."""

from __future__ import annotations

import re
import unicodedata

from stages.core.errors import UserError

MAX_CHARACTERS = 1000

_QUOTES = str.maketrans("\u2018\u2019\u201a\u201b`\u00b4", "'" * 6, '"\u201c\u201d\u201e\u201f\u00ab\u00bb')


def read_instruction(text: str) -> str:
    """The instruction in lower case (as those of training are) and Unicode's form NFKC, on one line, without quotation
    marks and control characters; apostrophes stay.

    Raises:
        UserError: it has no word, or more than `MAX_CHARACTERS`.
    """
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode().translate(_QUOTES))
    text = "".join(" " if one.isspace() else one for one in text if one.isspace() or one.isprintable())
    text = re.sub(r"(?<!\w)'|'(?!\w)", "", text.lower())
    text = " ".join(text.split())
    if not any(character.isalnum() for character in text):
        raise UserError("the instruction is empty", "Say what to do, as in 'pick up the red cup'")
    if len(text) > MAX_CHARACTERS:
        raise UserError(f"the instruction has {len(text)} characters", f"Say it in at most {MAX_CHARACTERS}")
    return text


def task_name(instruction: str) -> str:
    """A name for the task of an instruction that no simulator has, such as `robot_pick_up_the_cup`."""
    return "_".join(["robot", *re.findall(r"[a-z0-9]+", read_instruction(instruction))])[:80]
