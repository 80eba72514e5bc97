"""The plan: what would change on a SIEM, and its canonical JSON. Pure and total; only `apply` writes."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mcp_siem.convert.target import Action, Change, Marker, Remote, Resource, spec_digest
from mcp_siem.deploy.decide import Wishes, Withheld, decide
from mcp_siem.errors import ConfigError

__all__ = ["PLAN_FORMAT", "Plan", "Withheld", "make_plan", "plan_from_json", "plan_to_json", "spec_digest"]

PLAN_FORMAT = 1

_T = TypeVar("_T")

_UPGRADES: Mapping[int, Callable[[dict[str, object]], dict[str, object]]] = {}
"""Format N to a function that turns a plan of format N into one of N+1."""

_KEY = re.compile(r"[0-9A-Za-z-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAKE_AGAIN = "make the plan again: mcp-siem plan --target TARGET --format json --output FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `apply` would do, one change for each address, sorted by address."""

    format: int = PLAN_FORMAT
    tool_version: str
    target: str
    pack: str = ""
    pack_digest: str
    changes: tuple[Change, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that would write."""
        return tuple(change for change in self.changes if change.action is not Action.NOOP)

    @property
    def drifted(self) -> tuple[Change, ...]:
        """The changes whose object somebody edited on the SIEM since we applied it."""
        return tuple(change for change in self.changes if change.drifted)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """Rules that should stand on the SIEM and cannot be written, each with its reason."""
        return tuple(
            change
            for change in self.changes
            if change.action is Action.NOOP and change.after is not None and change.reasons
        )

    def marker(self, change: Change) -> Marker:
        """What is written on the SIEM's object beside the spec of this change."""
        applied = "" if change.after is None else spec_digest(change.after)
        return Marker(applied=applied, pack=self.pack or self.pack_digest, tool=self.tool_version)


def make_plan(  # noqa: PLR0913 - two sides to compare, who asks, and what was asked for; all but two by name
    desired: Iterable[tuple[Resource, str]],
    remote: Iterable[Remote],
    *,
    target: str,
    pack_digest: str,
    tool_version: str,
    pack: str = "",
    prune: bool = False,
    adopt: Collection[str] = (),
    withheld: Iterable[Withheld] = (),
) -> Plan:
    """Compares what the pack renders with what the SIEM holds; the same sides in any order give the same plan."""
    wishes = Wishes(pack=pack, prune=prune, adopt=frozenset(adopt), withheld={item.address: item for item in withheld})
    wanted = _grouped((resource.address, (resource, title)) for resource, title in desired)
    found = _grouped((item.address, item) for item in remote if item.address.startswith(f"{target}:"))
    changes = [
        change
        for address in sorted(wanted.keys() | found.keys())
        if (change := decide(address, wanted.get(address, ()), found.get(address, ()), wishes)) is not None
    ]
    return Plan(tool_version=tool_version, target=target, pack=pack, pack_digest=pack_digest, changes=tuple(changes))


def _grouped(pairs: Iterable[tuple[str, _T]]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def plan_to_json(plan: Plan) -> str:
    """The plan as JSON with sorted keys, ending in a newline; always encodable as UTF-8."""
    record = {
        "format": plan.format,
        "tool_version": plan.tool_version,
        "target": plan.target,
        "pack": plan.pack,
        "pack_digest": plan.pack_digest,
        "changes": [_change_record(change) for change in plan.changes],
    }
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text) + "\n"


def plan_from_json(text: str | bytes, source: str) -> Plan:
    """Reads a saved plan of this or an older format; ConfigError says where in `source` it is wrong."""
    reader = _Reader(source)
    record = reader.upgraded(reader.parsed(text))
    where = "plan"
    changes = tuple(
        reader.change(item, f"changes[{index}]") for index, item in enumerate(reader.items(record, "changes", where))
    )
    target = reader.text(record, "target", where)
    reader.addressed(changes, target)
    return Plan(
        tool_version=reader.text(record, "tool_version", where),
        target=target,
        pack=reader.optional(record, "pack", where) or "",
        pack_digest=reader.text(record, "pack_digest", where),
        changes=changes,
    )


def _change_record(change: Change) -> dict[str, object]:
    return {
        "address": change.address,
        "title": change.title,
        "action": change.action.value,
        "before": change.before,
        "after": change.after,
        "reasons": list(change.reasons),
        "drifted": list(change.drifted),
        "seen": change.seen,
    }


class _Reader:
    """Turns JSON into the types of a plan, and says the place of what does not fit."""

    def __init__(self, source: str) -> None:
        self._source = source

    def fault(self, message: str, *, line: int = 1, hint: str = _MAKE_AGAIN) -> ConfigError:
        return ConfigError(message, source=f"{self._source}:{line}", hint=hint)

    def parsed(self, text: str | bytes) -> dict[str, object]:
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise self.fault(f"not a plan: {error.msg}", line=error.lineno) from error
        except (UnicodeDecodeError, RecursionError, ValueError) as error:
            raise self.fault("not a plan: not readable as JSON in UTF-8") from error
        return self.mapping(record, "plan")

    def upgraded(self, record: dict[str, object]) -> dict[str, object]:
        number = record.get("format")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise self.fault("not a plan: `format` is missing or not a positive number")
        if number > PLAN_FORMAT:
            raise self.fault(
                f"the plan has format {number}; this mcp-siem reads formats up to {PLAN_FORMAT}",
                hint="apply it with the mcp-siem that made it, or make the plan again with this one",
            )
        for old in range(number, PLAN_FORMAT):
            record = _UPGRADES[old](record)
        return record

    def change(self, value: object, where: str) -> Change:
        record = self.mapping(value, where)
        change = Change(
            address=self.text(record, "address", where),
            title=self.text(record, "title", where),
            action=self.action(record, where),
            before=self.spec(record, "before", where),
            after=self.spec(record, "after", where),
            reasons=self.texts(record, "reasons", where),
            drifted=self.texts(record, "drifted", where),
            seen=self.optional(record, "seen", where),
        )
        self.fits(change, where)
        return change

    def fits(self, change: Change, where: str) -> None:
        writes = change.action in {Action.CREATE, Action.UPDATE, Action.ADOPT}
        if writes and change.after is None:
            raise self.fault(f"{where}.after: a change that writes needs the spec to write")
        if change.action is Action.DELETE and change.after is not None:
            raise self.fault(f"{where}.after: a delete has no spec to write")
        if change.action in {Action.UPDATE, Action.ADOPT, Action.DELETE} and change.seen is None:
            raise self.fault(f"{where}.seen: the digest of the object that this change was planned from is missing")

    def addressed(self, changes: tuple[Change, ...], target: str) -> None:
        """Each change has an address of its own, on this target."""
        seen: set[str] = set()
        for index, change in enumerate(changes):
            kind, _, key = change.address.partition(":")
            if kind != target or not _KEY.fullmatch(key):
                raise self.fault(f"changes[{index}].address: {change.address!r} is no address of {target}")
            if change.address in seen:
                raise self.fault(f"changes[{index}].address: {change.address} stands in the plan twice")
            seen.add(change.address)

    def action(self, record: Mapping[str, object], where: str) -> Action:
        name = self.text(record, "action", where)
        try:
            return Action(name)
        except ValueError as error:
            known = ", ".join(Action)
            raise self.fault(f"{where}.action: unknown action {name!r}; known are {known}") from error

    def spec(self, record: Mapping[str, object], key: str, where: str) -> str | None:
        value = self.optional(record, key, where)
        if value is None:
            return None
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise self.fault(f"{where}.{key}: not JSON") from error
        self.mapping(parsed, f"{where}.{key}")
        return value

    def mapping(self, value: object, where: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self.fault(f"{where}: expected an object")
        return value

    def items(self, record: Mapping[str, object], key: str, where: str) -> list[object]:
        value = record.get(key)
        if not isinstance(value, list):
            raise self.fault(f"{where}.{key}: expected a list")
        return value

    def text(self, record: Mapping[str, object], key: str, where: str) -> str:
        value = record.get(key)
        if not isinstance(value, str):
            raise self.fault(f"{where}.{key}: expected a text")
        return value

    def optional(self, record: Mapping[str, object], key: str, where: str) -> str | None:
        return None if record.get(key) is None else self.text(record, key, where)

    def texts(self, record: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
        if record.get(key) is None:
            return ()
        values = self.items(record, key, where)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.fault(f"{where}.{key}[{index}]: expected a text")
        return tuple(value for value in values if isinstance(value, str))
