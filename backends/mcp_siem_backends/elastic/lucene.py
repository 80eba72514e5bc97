r"""Writes values as Lucene query_string syntax, so that every character means itself. Pure.

Measured on Elasticsearch 8.19.4: a quoted term may hold anything; a term with wildcards takes every special character
after a backslash, but one that starts with `<` or `>` is read as a range whatever is done to it; inside `/.../` a
backslash before the closing slash would swallow it, so a literal backslash is written `[\\]`.
"""

import re
from collections.abc import Iterable

from mcp_siem.convert.lucene_regexp import lucene_regexp
from mcp_siem.convert.parts import Parts, Wild, insensitive, pattern
from mcp_siem.convert.pattern import Node

__all__ = ["Parts", "Wild", "escape_name", "group", "insensitive", "pattern", "quoted", "regex_text", "wildcard_text"]

_SPECIAL = re.compile(r'[+\-=&|!(){}\[\]^"~*?:\\/\s]')


def quoted(text: str) -> str:
    """The text as one exact term."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escape_name(name: str) -> str:
    """A field's name where a query expects one."""
    return _SPECIAL.sub(r"\\\g<0>", name)


def wildcard_text(parts: Parts) -> str | None:
    """Literals and wildcards as one term; None where Lucene would read the term as something else."""
    if parts and isinstance(parts[0], str) and parts[0][:1] in ("<", ">"):
        return None
    return "".join(part.value if isinstance(part, Wild) else escape_name(part) for part in parts)


def group(texts: Iterable[str]) -> str:
    """Values of one field, any of which may match."""
    listed = list(dict.fromkeys(texts))
    return listed[0] if len(listed) == 1 else f"({' OR '.join(listed)})"


def regex_text(node: Node) -> str:
    """A tree without anchors between slashes, for a whole text."""
    return f"/{lucene_regexp(node)}/"
