"""Text that is safe to show: logs are written by attackers, and a terminal obeys escape sequences."""

import unicodedata

__all__ = ["Style", "cut", "safe"]

_PLAIN_CATEGORIES = frozenset({"L", "M", "N", "P", "S"})
_COLOURS = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "informational": "2",
    "bold": "1",
    "dim": "2",
}


def safe(text: str) -> str:
    """The text on one line, with every control, format, private and unassigned character spelled as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(char) for char in text)


def _spelled(char: str) -> str:
    if char == " " or unicodedata.category(char)[0] in _PLAIN_CATEGORIES:
        return char
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or f"\\u{{{ord(char):x}}}"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Style:
    """Colours words for a terminal, or leaves them alone."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def paint(self, text: str, name: str) -> str:
        """The text in the colour of a level or role; unknown names stay plain."""
        code = _COLOURS.get(name)
        return f"\033[{code}m{text}\033[0m" if self._color and code else text
