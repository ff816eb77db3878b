"""Texts with slots, "{name}", and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Callable

_ESCAPED = re.compile(r"\\{(\w+)\\}")


def slot_pattern(text: str, value: Callable[[str], str]) -> re.Pattern[str]:
    """Matches a text whose slots are filled, each a group of its name and the same wherever it stands.

    Args:
        text: with slots.
        value: gives the regular expression of what can stand in the slot of a name.
    """
    seen: set[str] = set()

    def group(match: re.Match[str]) -> str:
        name = match[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{value(name)})"

    return re.compile(_ESCAPED.sub(group, re.escape(text)))
