"""Texts of which a foreign index holds only the words: what can be asked of words, and whether that is the same. Pure."""

import re

from mcp_siem_backends.elastic.clause import Clause, joined, term
from mcp_siem_backends.elastic.lucene import Parts, Wild, escape_name, insensitive, regex_text

__all__ = ["words_clause"]

# What the standard analyzer never cuts in two, up to its 255 characters. Other letters it may cut; they are left out.
_WORD = re.compile(r"[0-9A-Za-z]+")


def words_clause(name: str, parts: Parts) -> tuple[Clause, bool]:
    """A clause that finds all texts that fit, and whether it finds no others.

    A literal of one word between two `*` is found in the words exactly; anything else finds texts that hold the words.
    """
    literals = [part for part in parts if isinstance(part, str)]
    words = [word for literal in literals for word in _WORD.findall(literal)]
    if not words:
        return Clause(f"_exists_:{escape_name(name)}"), bool(parts) and all(part is Wild.MANY for part in parts)
    exact = len(parts) == 3 and parts[0] is parts[2] is Wild.MANY and literals == words  # noqa: PLR2004 - *word*
    anywhere = [regex_text(insensitive([Wild.MANY, word, Wild.MANY])) for word in words]
    return joined("AND", [term(name, value) for value in anywhere]), exact
