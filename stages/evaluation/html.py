"""Pieces of a report: sections, tables, and values in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape


def section(title: str, body: str, note: str = "") -> str:
    """A card with a heading; `body` is HTML."""
    explained = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{explained}{body}</section>"


def details(summary: str, body: str) -> str:
    """Something to be opened; `body` is HTML."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def table(
    header: Sequence[str], rows: Iterable[Sequence], total: Sequence | None = None, texts: Collection[int] = ()
) -> str:
    """A table of plain values.

    Args:
        header: of the columns.
        rows: one value a column.
        total: last row.
        texts: columns of words, which are broken into lines.
    """

    def cells(tag: str, row: Sequence) -> str:
        kinds = [' class="text"' if column in texts else "" for column in range(len(row))]
        return "".join(f"<{tag}{kind}>{escape(str(cell))}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    last = f'<tr class="total">{cells("td", total)}</tr>' if total is not None else ""
    head = f"<thead><tr>{cells('th', header)}</tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{body}{last}</tbody></table></div>'


def percent(value: float | None) -> str:
    """A share in [0, 1]."""
    return "-" if value is None else f"{100 * value:.1f} %"


def interval(row: dict) -> str:
    """The interval of a rate, in percent."""
    return f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"


def centimetres(value: float | None) -> str:
    """A length [m]."""
    return "-" if value is None else f"{100 * value:.1f} cm"


def milliseconds(value: float | None) -> str:
    """A time [s]."""
    return "-" if value is None else f"{1000 * value:.0f} ms"
