"""Who refers to whom: one id or name twice, references to nothing, in a circle or too deep."""

from collections.abc import Iterable, Mapping, Sequence

from mcp_siem.errors import Issue
from mcp_siem.rules.entries import Entry, index_of, look_up
from mcp_siem.rules.yamltext import Document

__all__ = ["usable"]

_DEEPEST = 10


def usable(found: Sequence[Entry], broken: Iterable[Document]) -> tuple[list[Entry], list[Issue]]:
    """The entries that can be linked, and why the others cannot.

    A rule that refers to a broken one is left out without an issue of its own: the broken one has it.
    """
    sole, issues = _sole(found)
    index = index_of(sole)
    known_broken = _called(broken)
    bad: set[str] = set()
    for entry in sole:
        missing = [ref for ref in entry.refs if look_up(index, ref) is None]
        issues += [_unknown(entry, ref) for ref in missing if ref not in known_broken]
        bad.update([entry.id] if missing else [])
    levels = _levels(sole, index)
    for entry in sole:
        if entry.id not in levels and entry.id not in bad:
            issues += [_circle(entry)] if _reaches_itself(entry, index) else []
            bad.add(entry.id)
        elif levels.get(entry.id, 0) > _DEEPEST:
            issues += [_too_deep(entry)] if levels[entry.id] == _DEEPEST + 1 else []
            bad.add(entry.id)
    bad = _spread(bad, sole, index)
    return [entry for entry in sole if entry.id not in bad], issues


def _levels(sole: Sequence[Entry], index: Mapping[str, Entry]) -> dict[str, int]:
    """How many correlations stand on one another below each entry; entries on a circle, or over one, have no level."""
    below = {entry.id: {other.id for ref in entry.refs if (other := look_up(index, ref)) is not None} for entry in sole}
    levels: dict[str, int] = {}
    while ready := [key for key, parts in below.items() if key not in levels and parts <= levels.keys()]:
        levels.update({key: 1 + max((levels[part] for part in below[key]), default=-1) for key in ready})
    return levels


def _reaches_itself(entry: Entry, index: Mapping[str, Entry]) -> bool:
    seen: set[str] = set()
    stack = [entry]
    while stack:
        for ref in stack.pop().refs:
            other = look_up(index, ref)
            if other is entry:
                return True
            if other is not None and other.id not in seen:
                seen.add(other.id)
                stack.append(other)
    return False


def _sole(found: Sequence[Entry]) -> tuple[list[Entry], list[Issue]]:
    issues: list[Issue] = []
    sole: list[Entry] = []
    first: dict[tuple[str, str], Entry] = {}
    for entry in found:
        named = [(key, value) for key, value in (("id", entry.id), ("name", entry.name)) if value is not None]
        taken = [_twice(key, value, entry, first[key, value]) for key, value in named if (key, value) in first]
        issues += taken[:1]
        if not taken:
            first.update(dict.fromkeys(named, entry))
            sole.append(entry)
    return sole, issues


def _called(documents: Iterable[Document]) -> set[str]:
    """What broken documents are called, as far as they say."""
    parts = [document.data for document in documents if isinstance(document.data, dict)]
    return {str(part[key]) for part in parts for key in ("id", "name") if part.get(key)}


def _spread(bad: set[str], sole: Sequence[Entry], index: Mapping[str, Entry]) -> set[str]:
    """The entries that are bad, and all that stand on one of them."""
    grown = set(bad)
    size = -1
    while size != len(grown):
        size = len(grown)
        for entry in sole:
            if any((other := look_up(index, ref)) is not None and other.id in grown for ref in entry.refs):
                grown.add(entry.id)
    return grown


def _twice(key: str, value: str, entry: Entry, other: Entry) -> Issue:
    given = entry.document.data if isinstance(entry.document.data, dict) else {}
    place = f"{other.document.path}:{other.document.line_of(key)}"
    if key == "id" and not given.get("id"):
        message, hint = f"the same rule is at {place}", "remove one of the two"
    else:
        message = f"the {key} {value} is also that of '{other.data.get('title')}' at {place}"
        hint = "give one of the two a new id (uuidgen makes one)" if key == "id" else "rename one of the two"
    line = entry.document.line_of(key)
    return Issue(
        code="MS021" if key == "id" else "MS022", message=message, path=entry.document.path, line=line, hint=hint
    )


def _unknown(entry: Entry, ref: str) -> Issue:
    node = entry.data["correlation"]
    rules = node.get("rules") if isinstance(node, dict) else None
    at = ("rules", rules.index(ref)) if isinstance(rules, list) and ref in rules else ("rules",)
    return Issue(
        code="MS017",
        message=f"the correlation names the rule '{ref}', which is not loaded",
        path=entry.document.path,
        line=entry.document.line_of("correlation", *at),
        hint="correct the id or name, or add the file of that rule with --rules",
    )


def _circle(entry: Entry) -> Issue:
    hint = "remove the reference that leads back to this rule"
    return _nesting(entry, "the correlation refers to itself", hint)


def _too_deep(entry: Entry) -> Issue:
    hint = "refer to the base rules themselves"
    return _nesting(entry, f"more than {_DEEPEST} correlations stand on one another here", hint)


def _nesting(entry: Entry, message: str, hint: str) -> Issue:
    line = entry.document.line_of("correlation", "rules")
    return Issue(code="MS023", message=message, path=entry.document.path, line=line, hint=hint)
