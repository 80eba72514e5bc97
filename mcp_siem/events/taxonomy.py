"""The taxonomy: every canonical field, and which logsource a dataset belongs to. Built from text, no I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcp_siem.errors import ConfigError
from mcp_siem.events.toml import line_of_key, read_toml

__all__ = ["FIELD_TYPES", "SENSITIVITIES", "TWIN_SUFFIX", "Field", "Taxonomy", "parse_taxonomy"]

FIELD_TYPES = ("keyword", "wildcard", "long", "double", "boolean", "ip", "date", "flattened")
SENSITIVITIES = ("none", "personal", "content")
TWIN_SUFFIX = "_folded"
_FORMAT = 1
_TIERS = (1, 2, 3)
_LOGSOURCE_PARTS = ("category", "product", "service")
_FIELD_NAME = re.compile(r"[A-Za-z@][A-Za-z0-9_@-]*(\.[A-Za-z0-9_@-]+)*")
_HINT = "the head of sigma_rules/taxonomy.toml describes every key of a field and of a dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One canonical field. `twin_of` names the original of a folded twin (`X_folded`), else None.

    `datasets` lists where the field may occur, `revisions` the MCP revisions that know it (None: all).
    """

    name: str
    type: str
    meaning: str
    origin: str
    tier: int
    array: bool = False
    twin_of: str | None = None
    datasets: tuple[str, ...] = ()
    sensitivity: str = "none"
    revisions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """All fields by name, and per `event.dataset` the Sigma logsource it belongs to."""

    fields: Mapping[str, Field]
    datasets: Mapping[str, Mapping[str, str]]

    def twin_source(self, name: str) -> str | None:
        """The original field that a folded twin derives from, or None if `name` is no twin."""
        field = self.fields.get(name)
        return field.twin_of if field else None

    def route(self, dataset: str) -> str | None:
        """One name for all datasets that are tried against the same rules, few however many datasets there are."""
        name = dataset.casefold()
        if name in self.datasets:
            return name
        return f"{name.partition('.')[0]}.*" if self._family(name) else None

    def matches(
        self, dataset: object, *, category: str | None = None, product: str | None = None, service: str | None = None
    ) -> bool:
        """Says whether an event of this dataset is tried against a rule of this logsource.

        A part that the dataset has must agree. A part it lacks excludes only if the taxonomy gives
        that value to other datasets: `product: linux` excludes no endpoint event, since no dataset
        names an operating system, but `product: mcp` does. An unknown dataset of a known family
        (`mcp.other`) is tried against the rules that see any of that family; one of an unknown family,
        or none, against every rule.
        """
        named = (("category", category), ("product", product), ("service", service))
        parts = [(part, value.casefold()) for part, value in named if value]
        name = dataset.casefold() if isinstance(dataset, str) else ""
        own = self.datasets.get(name)
        family = [own] if own is not None else [self.datasets[one] for one in self._family(name)]
        return not family or any(all(self._agrees(one, *part) for part in parts) for one in family)

    def excluded(
        self, *, category: str | None = None, product: str | None = None, service: str | None = None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a rule of this logsource never sees, as queries say it: whole families (`web` for `web.*`), single datasets."""
        fitting = {
            name for name in self.datasets if self.matches(name, category=category, product=product, service=service)
        }
        kept = {name.partition(".")[0] for name in fitting}
        families = {name.partition(".")[0] for name in self.datasets} - kept
        singles = {name for name in self.datasets if name not in fitting and name.partition(".")[0] in kept}
        return tuple(sorted(families)), tuple(sorted(singles))

    def _family(self, name: str) -> list[str]:
        family, dot, _ = name.partition(".")
        return [one for one in self.datasets if dot and one.startswith(f"{family}.")]

    def _agrees(self, own: Mapping[str, str], part: str, value: str) -> bool:
        if part in own:
            return own[part] == value
        return all(other.get(part) != value for other in self.datasets.values())


def parse_taxonomy(text: str, source: str) -> Taxonomy:
    """Reads taxonomy.toml; raises ConfigError with `source:line` and the reason."""
    return _Reader(text=text, source=source).taxonomy(read_toml(text, source))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Turns the parsed document into types; `text` is kept to say on which line a fault is."""

    text: str
    source: str

    def taxonomy(self, document: Mapping[str, object]) -> Taxonomy:
        for key in document.keys() - {"format", "datasets", "fields"}:
            raise self._error(key, f"unknown table or key {key!r}")
        version = document.get("format")
        if version != _FORMAT or isinstance(version, bool):
            raise self._error("format", f"format must be {_FORMAT}, not {version!r}")
        datasets = {
            name.casefold(): self._dataset(name, entry) for name, entry in self._table(document, "datasets").items()
        }
        fields: dict[str, Field] = {}
        for name, entry in self._table(document, "fields").items():
            fields[name] = field = self._field(name, entry, datasets)
            if isinstance(entry, Mapping) and entry.get("folded"):
                twin = _twin(field)
                fields[twin.name] = twin
        self._refuse_clashes(fields)
        return Taxonomy(fields=fields, datasets=datasets)

    def _table(self, document: Mapping[str, object], key: str) -> Mapping[str, object]:
        table = document.get(key)
        if not isinstance(table, Mapping) or not table:
            raise self._error(key, f"[{key}] must be a table with at least one entry")
        return table

    def _dataset(self, name: str, entry: object) -> dict[str, str]:
        if not isinstance(entry, Mapping) or not entry:
            raise self._error(name, f"dataset {name!r} must name at least one of {', '.join(_LOGSOURCE_PARTS)}")
        parts: dict[str, str] = {}
        for key, value in entry.items():
            if key not in _LOGSOURCE_PARTS or not isinstance(value, str) or not value:
                raise self._error(name, f"dataset {name!r}: {key!r} must be one of {_LOGSOURCE_PARTS} and name a text")
            parts[key] = value.casefold()
        return parts

    def _field(self, name: str, entry: object, datasets: Mapping[str, object]) -> Field:
        if not _FIELD_NAME.fullmatch(name):
            raise self._error(name, f"{name!r} is no field name: letters, digits, _ and - in parts joined by dots")
        if not isinstance(entry, Mapping):
            raise self._error(name, f"field {name!r} must be a table; quote a name that has dots")
        known = {"type", "origin", "tier", "meaning", "datasets", "array", "sensitivity", "revisions", "folded"}
        for key in entry.keys() - known:
            raise self._error(name, f"field {name!r}: unknown key {key!r} (a name with dots must be quoted)")
        field = Field(
            name=name,
            type=self._choice(name, entry, "type", FIELD_TYPES),
            meaning=self._text(name, entry, "meaning"),
            origin=self._text(name, entry, "origin"),
            tier=self._tier(name, entry),
            array=self._flag(name, entry, "array"),
            datasets=self._places(name, entry, datasets),
            sensitivity=self._choice(name, entry, "sensitivity", SENSITIVITIES, "none"),
            revisions=self._text(name, entry, "revisions") if "revisions" in entry else None,
        )
        if self._flag(name, entry, "folded") and field.type not in {"keyword", "wildcard"}:
            raise self._error(name, f"field {name!r}: only a keyword or wildcard field can have a folded twin")
        return field

    def _text(self, name: str, entry: Mapping[str, object], key: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._error(name, f"field {name!r}: {key!r} must be a text that is not empty")
        return value

    def _choice(
        self, name: str, entry: Mapping[str, object], key: str, allowed: Sequence[str], default: str | None = None
    ) -> str:
        value = entry.get(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise self._error(name, f"field {name!r}: {key!r} must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def _tier(self, name: str, entry: Mapping[str, object]) -> int:
        value = entry.get("tier")
        if not isinstance(value, int) or isinstance(value, bool) or value not in _TIERS:
            raise self._error(name, f"field {name!r}: 'tier' must be 1, 2 or 3, not {value!r}")
        return value

    def _flag(self, name: str, entry: Mapping[str, object], key: str) -> bool:
        value = entry.get(key, False)
        if not isinstance(value, bool):
            raise self._error(name, f"field {name!r}: {key!r} must be true or false, not {value!r}")
        return value

    def _places(self, name: str, entry: Mapping[str, object], datasets: Mapping[str, object]) -> tuple[str, ...]:
        """Opens `mcp.*` to every dataset of that prefix; a name that opens to nothing is a fault."""
        listed = entry.get("datasets")
        if not isinstance(listed, list) or not listed:
            raise self._error(name, f"field {name!r}: 'datasets' must be a list with at least one dataset")
        places: dict[str, None] = {}
        for item in listed:
            prefix = item[:-1] if isinstance(item, str) and (item == "*" or item.endswith(".*")) else None
            found = [known for known in datasets if (known == item if prefix is None else known.startswith(prefix))]
            if not found:
                raise self._error(name, f"field {name!r}: dataset {item!r} is not in [datasets]")
            places.update(dict.fromkeys(found))
        return tuple(places)

    def _refuse_clashes(self, fields: Mapping[str, Field]) -> None:
        """A field below another one cannot be indexed: its parent would be a value and an object at once."""
        for name in fields:
            parent, dot, _ = name.rpartition(".")
            while dot:
                if parent in fields and fields[parent].type != "flattened":
                    raise self._error(name, f"field {name!r} lies below the field {parent!r}, which is no object")
                parent, dot, _ = parent.rpartition(".")

    def _error(self, name: str, message: str) -> ConfigError:
        line = line_of_key(self.text, name)
        return ConfigError(message, source=f"{self.source}:{line}", hint=_HINT)


def _twin(field: Field) -> Field:
    return replace(
        field,
        name=field.name + TWIN_SUFFIX,
        meaning=f"folded twin of {field.name}: derived, matched by rules, never written by hand",
        origin="ours",
        twin_of=field.name,
    )
