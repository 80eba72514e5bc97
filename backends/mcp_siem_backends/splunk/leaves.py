"""One Sigma value asked of one field, in SPL: the exact `where`, and the term of `search` that finds at least as much.

Splunk answers a term from the index: it takes the value apart at breakers and looks the pieces up. So a term is only
made of what survives that. A `*` inside a value is looked up as one word and misses values with a blank in its place
(Search Manual, "Wildcards"); such a value is asked for in pieces, `*` at their ends. `?`, a literal `*`, line breaks,
letters other than ASCII, `$` and backticks have no term of their own.
"""

import math
import re
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network

from mcp_siem.events.taxonomy import TWIN_SUFFIX
from mcp_siem_backends.splunk.pattern import Parts, Wildcard, folded_spelling, glob_regex, json_regex
from mcp_siem_backends.splunk.predicate import Leaf, Node, Pattern
from mcp_siem_backends.splunk.refusals import refused
from mcp_siem_backends.splunk.spl import ARRAY, eval_field, is_search_word, quoted, regex_text, search_field

__all__ = [
    "cidr",
    "compare",
    "exists",
    "field_ref",
    "is_respelled",
    "is_spelled_whole",
    "keyword",
    "null",
    "number",
    "regex",
    "text",
    "time_part",
]

_UNSEARCHABLE = re.compile(r"[^\x20-\x7e]|[*$`]")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+/[0-9]+")
_LETTER = re.compile(r"[A-Za-z0-9]")
_LONGEST_NUMBER = 15


def text(field: str, parts: Parts, *, cased: bool = False, ascii_only: bool = False) -> Node:
    """A string with its wildcards; `*` alone is any value, the empty one included.

    `ascii_only` says that the values are, so that the index finds all of them.
    """
    if parts and all(part is Wildcard.MANY for part in parts):
        return exists(field)
    literal = "".join(part for part in parts if isinstance(part, str))
    spelled = len(parts) == 1 and _NUMBER.fullmatch(literal) is not None
    folded = ascii_only or _is_folded(field)
    body = _body(parts, cased=cased, folded=folded, spelled=spelled)
    pattern = Pattern(field=field, flags="(?s)" if cased else "(?is)", body=body)
    term, exact = _term(field, parts, _Sure(parts, sure=cased or folded))
    exact = exact and not cased and not spelled and _NETWORK.fullmatch(literal) is None
    if spelled or (not exact and _NETWORK.fullmatch(literal)):
        term = None
    pair = (search_field(field), term) if term is not None and not term.startswith("(") else None
    spoken = None if term is None else f"{search_field(field)}={term}" if pair else term
    return Leaf(pattern=pattern, term=spoken, exact=exact, pair=pair)


def _is_folded(field: str) -> bool:
    return field.removesuffix(ARRAY).endswith(TWIN_SUFFIX)


def is_spelled_whole(field: str, parts: Parts) -> bool:
    """Says whether every spelling of the text is looked for."""
    return _is_folded(field) or folded_spelling(tuple(parts)).whole


def is_respelled(parts: Parts) -> bool:
    """Says whether a text spells a number in another way than it is shipped, so that it finds both spellings."""
    literal = str(parts[0]) if len(parts) == 1 else ""
    return _NUMBER.fullmatch(literal) is not None and _shortest(literal) != literal


def _body(parts: Parts, *, cased: bool, folded: bool, spelled: bool) -> str:
    body = glob_regex(parts, cased=cased, folded=folded)
    literal = str(parts[0]) if spelled else ""
    shortest = _shortest(literal) if spelled else ""
    if shortest == literal:
        return body
    return f"(?:{body}|{glob_regex([shortest], cased=cased)})"


def _shortest(literal: str) -> str:
    """How a number that the literal spells is shipped: 42.0 as 42."""
    if len(literal) > _LONGEST_NUMBER:
        return literal
    value = float(literal)
    if not math.isfinite(value):
        return literal
    return str(int(value)) if value.is_integer() else repr(value)


class _Sure:
    """Which characters of the literals, in their order, stand in every value that is found as they are or in the
    other case of ASCII: the index knows no other. `sure` says that all do.
    """

    def __init__(self, parts: Parts, *, sure: bool) -> None:
        self.all = sure
        self._each = iter(() if sure else folded_spelling(tuple(parts)).safe)

    def of_next(self) -> bool:
        """Says so of the next character."""
        return self.all or next(self._each)


def _term(field: str, parts: Parts, sure: _Sure) -> tuple[str | None, bool]:
    """The quoted value of `search`, or several joined terms in parentheses; and whether they find nothing else."""
    if is_search_word(field) or not parts:
        return None, False
    pieces, whole = _pieces(parts, sure)
    if whole:
        return quoted(pieces[0]), True
    spoken = [piece for piece in dict.fromkeys(pieces) if _LETTER.search(piece)]
    # One letter somewhere in a value narrows nothing, unless there is nothing else.
    telling = [piece for piece in spoken if len(piece) > len("*x*") or piece.count("*") < len("**")] or spoken
    found = [quoted(piece) for piece in telling]
    if not found:
        return None, False
    if len(found) == 1:
        return found[0], False
    return f"({' '.join(f'{search_field(field)}={value}' for value in found)})", False


def _pieces(parts: Parts, sure: _Sure) -> tuple[list[str], bool]:
    """The runs of searchable text with `*` where something else adjoins; True if the one run is all there is."""
    flat: list[str | None] = []
    for part in parts:
        if isinstance(part, Wildcard):
            flat.append("*" if part is Wildcard.MANY else None)
        else:
            flat.extend(f"={char}" if sure.of_next() and not _UNSEARCHABLE.match(char) else None for char in part)
    pieces: list[str] = []
    run = ""
    opened = False
    for item in [*flat, "end"]:
        if item is not None and item.startswith("="):
            run += item[1:]
            continue
        if run:
            pieces.append(_piece(run, opened=opened, closed=item == "end"))
        run, opened = "", True
    inner = [item for item in flat if item is None]
    stars = [index for index, item in enumerate(flat) if item == "*"]
    at_ends = all(index in _end_runs(flat) for index in stars)
    blank = "= " in flat[:1] + flat[-1:]
    return pieces, len(pieces) == 1 and not inner and at_ends and not blank


def _end_runs(flat: list[str | None]) -> set[int]:
    ends: set[int] = set()
    for indexes in (range(len(flat)), range(len(flat) - 1, -1, -1)):
        for index in indexes:
            if flat[index] != "*":
                break
            ends.add(index)
    return ends


def _piece(run: str, *, opened: bool, closed: bool) -> str:
    """A blank at an end that is closed is left to `where`: the value is then asked for open at that end."""
    head = "*" if opened or run[0] == " " else ""
    tail = "" if closed and run[-1] != " " else "*"
    return head + run + tail


def number(field: str, value: float) -> Node:
    """A number; JSON's or a text that spells it."""
    spelled = _spelled(value)
    shown = spelled if value >= 0 else quoted(spelled)
    where = f"isnotnull(mvfilter(tonumber({eval_field(field)})={spelled}))"
    if is_search_word(field) or len(spelled) > _LONGEST_NUMBER:
        return Leaf(where=where)
    return Leaf(where=where, term=f"{search_field(field)}={shown}", exact=True, pair=(search_field(field), shown))


def compare(field: str, sign: str, value: float) -> Node:
    """A number in an order. `search` also orders texts, by their letters, so only `where` is exact."""
    spelled = _spelled(value)
    shown = spelled if value >= 0 else quoted(spelled)
    where = f"isnotnull(mvfilter(tonumber({eval_field(field)}){sign}{spelled}))"
    term = None if sign == "!=" or is_search_word(field) else f"{search_field(field)}{sign}{shown}"
    return Leaf(where=where, term=term)


def _spelled(value: float) -> str:
    """Plain decimal: eval's pages know no exponent."""
    if isinstance(value, int):
        return str(value)
    return format(Decimal(repr(value)), "f") if not value.is_integer() else str(int(value))


def regex(field: str, pattern: str) -> Node:
    """A regular expression in any value."""
    return Leaf(pattern=Pattern(field=field, flags="", body=pattern))


def cidr(field: str, network: IPv4Network | IPv6Network) -> Node:
    """An address of the network; IPv4 also in its form mapped into IPv6, as dual-stack listeners log it."""
    name = eval_field(field)
    tests = [f"cidrmatch({quoted(str(network))}, {name})"]
    if isinstance(network, IPv4Network):
        mapped = IPv6Network((int(network.network_address) | 0xFFFF << 32, 96 + network.prefixlen))
        tests.append(f"cidrmatch({quoted(str(mapped))}, {name})")
    return Leaf(where=f"isnotnull(mvfilter({' OR '.join(tests)}))")


def null(field: str) -> Node:
    """No value; an empty text is one. `NOT field=*` may find the empty text as well, so `where` has the last word."""
    term = None if is_search_word(field) else f"NOT {search_field(field)}=*"
    return Leaf(where=f"isnull({eval_field(field)})", term=term)


def exists(field: str) -> Node:
    """Any value."""
    return Leaf(where=f"isnotnull({eval_field(field)})")


_PLACES = {"year": (1, 4), "month": (6, 2), "day": (9, 2), "hour": (12, 2), "minute": (15, 2)}
_UTC = r"\A\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z\z"


def time_part(field: str, unit: str, sign: str, value: float) -> Node:
    """A part of a time as it is shipped (RFC 3339, UTC, `Z`), read from its text: SPL's clock has the searcher's zone."""
    if unit not in _PLACES:
        raise refused("SPLUNK-TIME-WEEK", f"{field}|{unit}")
    start, length = _PLACES[unit]
    name = eval_field(field)
    read = f"tonumber(substr({name}, {start}, {length})){sign}{_spelled(value)}"
    return Leaf(where=f"isnotnull(mvfilter(match({name}, {regex_text(_UTC)}) AND {read}))")


def field_ref(field: str, other: str, *, starts: bool, ends: bool) -> Node:
    """Two fields that hold one value each, case folded; `if` makes a comparison with a missing one false."""
    if field.endswith(ARRAY) or other.endswith(ARRAY):
        raise refused("SPLUNK-FIELDREF-ARRAY", f"{field} and {other}")
    one, two = f"lower({eval_field(field)})", f"lower({eval_field(other)})"
    if starts and ends:
        test = f'{two}="" OR mvcount(split({one}, {two}))>1'
    elif starts:
        test = f"substr({one}, 1, len({two}))={two}"
    elif ends:
        test = f'{two}="" OR (len({two})<=len({one}) AND substr({one}, len({one})-len({two})+1)={two})'
    else:
        test = f"{one}={two}"
    return Leaf(where=f"(if(isnotnull({eval_field(field)}) AND isnotnull({eval_field(other)}) AND ({test}), 1, 0)=1)")


def keyword(parts: Parts, *, cased: bool = False) -> Node:
    """A text inside the raw event, as JSON writes it."""
    flags = "(?s)" if cased else "(?is)"
    return Leaf(where=f"match(_raw, {regex_text(flags + json_regex(parts, cased=cased))})")
