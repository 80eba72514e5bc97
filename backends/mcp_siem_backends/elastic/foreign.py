"""An index that somebody else made, as its `_field_caps` describes it. Pure.

`GET INDEX/_field_caps?fields=*` says of each field its type, not whether a normalizer folds its case, nor its
ignore_above. So letters are spelled in every case, and what stays unknown is noted. A folded twin that is not there is
replaced by its original; a field that is not there matches nothing until it is mapped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcp_siem.convert.refuse import RefusedError
from mcp_siem.errors import ConfigError
from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.elastic.columns import column_name
from mcp_siem_backends.elastic.fields import FieldForm, Storage
from mcp_siem_backends.elastic.limits import limit
from mcp_siem_backends.elastic.lucene import escape_name

__all__ = ["ForeignIndex"]

_KINDS = {
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard", "version"), Storage.TEXT),
    **dict.fromkeys(("text", "match_only_text", "annotated_text", "search_as_you_type"), Storage.ANALYZED),
    **dict.fromkeys(
        ("long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long"),
        Storage.NUMBER,
    ),
    "boolean": Storage.BOOLEAN,
    "date": Storage.DATE,
    "date_nanos": Storage.DATE,
    "ip": Storage.IP,
    "flattened": Storage.FLATTENED,
}
_BACKING = re.compile(r"^\.ds-(.+)-\d{4}\.\d{2}\.\d{2}-\d{6,}$")
_MOST_KEYWORDS = 100
_MOST_INDICES = 20


class ForeignIndex:
    """The fields of an answer of `_field_caps`; raises ConfigError if it is none."""

    longest_regex = 1_000  # Elasticsearch's default of index.max_regex_length

    def __init__(self, caps: object, taxonomy: Taxonomy, *, where: str = "field_caps") -> None:
        whole = caps if isinstance(caps, dict) else {}
        fields = whole.get("fields")
        if not isinstance(fields, dict) or not all(isinstance(found, dict) for found in fields.values()):
            raise ConfigError(
                f"{where}: no answer of _field_caps", hint="save the answer of GET INDEX/_field_caps?fields=*"
            )
        self._types = {name: frozenset(set(found) - {"unmapped"}) for name, found in fields.items()}
        self._taxonomy = taxonomy
        self.pattern = _pattern(whole)

    @property
    def exact_names(self) -> Sequence[str]:
        """The fields that hold whole texts."""
        names = [name for name in sorted(self._types) if self._storage(name) is Storage.TEXT]
        if len(names) > _MOST_KEYWORDS:
            raise RefusedError(limit("KEYWORDS"), f"in {len(names)} fields")
        return [escape_name(name) for name in names]

    def form(self, name: str) -> FieldForm:
        """The form of a field, or of the original of a twin that the index lacks."""
        source = self._taxonomy.twin_source(name)
        if source is not None and name not in self._types:
            note = f"{name}: no twin in the index; {source} is searched, so that encoded or disguised texts are missed"
            found = self._form(source)
            return replace(found, twin=True, notes=(note, *found.notes))
        return self._form(name)

    def _form(self, name: str) -> FieldForm:
        storage = self._storage(name)
        plain = FieldForm(name=name, storage=storage, folded=name, exact=name, number=None, folds=False)
        match storage:
            case Storage.TEXT:
                return replace(plain, notes=self._text_notes(name), case_known=False)
            case Storage.ANALYZED:
                return self._analyzed(plain)
            case Storage.FLATTENED:
                return replace(plain, textual=name not in self._types)
            case Storage.NUMBER:
                return replace(plain, textual=False, number=name)
            case _:
                return replace(plain, textual=False)

    def _analyzed(self, plain: FieldForm) -> FieldForm:
        """A text by its keyword sub-field, if there is one."""
        whole = next((one for one in self._inside(plain.name) if self._storage(one) is Storage.TEXT), None)
        if whole is None:
            return plain
        return replace(
            plain,
            storage=Storage.TEXT,
            folded=whole,
            exact=whole,
            notes=self._text_notes(whole),
            case_known=False,
        )

    def _inside(self, name: str) -> list[str]:
        """The sub-fields, the usual one first."""
        found = [one for one in sorted(self._types) if one.startswith(f"{name}.")]
        return sorted(found, key=lambda one: one != f"{name}.keyword")

    def _text_notes(self, name: str) -> tuple[str, ...]:
        if name not in self._types:
            return (f"{name}: not in the index; nothing is found until it is mapped",)
        return (f"{name}: a value longer than the ignore_above of its mapping is not searched",)

    def _storage(self, name: str) -> Storage:
        types = self._types.get(name)
        if types is None:
            return self._outside(name)
        kinds = {_KINDS.get(kind) for kind in types - {"object"}}
        if kinds == {Storage.TEXT, Storage.ANALYZED}:
            return Storage.ANALYZED  # words are found in whole texts, too
        (kind,) = kinds if len(kinds) == 1 else (None,)
        if kind is None or self._is_nested(name):
            raise RefusedError(limit("FIELD-TYPE"), f"{name}: {', '.join(sorted(types)) or 'object'}")
        return kind

    def _outside(self, name: str) -> Storage:
        parents = [name[:at] for at, char in enumerate(name) if char == "."]
        if self._is_nested(name):
            raise RefusedError(limit("FIELD-TYPE"), f"{name}: nested")
        is_key = any("flattened" in self._types.get(parent, ()) for parent in parents)
        return Storage.FLATTENED if is_key else Storage.TEXT

    def _is_nested(self, name: str) -> bool:
        return any("nested" in self._types.get(name[:at], ()) for at, char in enumerate(name) if char == ".")

    def knows(self, name: str) -> bool:
        """Whether the answer has it, of a type that a query can read."""
        types = self._types.get(name, frozenset())
        return len(types) == 1 and types <= _KINDS.keys() and not self._is_nested(name)

    def column(self, name: str) -> str | None:
        """The column of a field, if the index has it: ES|QL fails on others."""
        form = self.form(name)
        return form.exact if self.knows(form.exact) else None

    def text_of(self, column: str) -> str:
        """Typed columns as texts, so that all keys and values are."""
        written = column_name(column)
        return written if self._storage(column) in (Storage.TEXT, Storage.ANALYZED) else f"TO_STRING({written})"

    def routed(self) -> bool:
        """Whether there is an event.dataset to route by."""
        return "event.dataset" in self._types


def _pattern(caps: Mapping[str, object]) -> str:
    indices = caps.get("indices")
    names = [str(one) for one in indices] if isinstance(indices, list) else []
    streams = sorted({found[1] if (found := _BACKING.match(name)) else name for name in names})
    if not streams or len(streams) > _MOST_INDICES:
        return "logs-*"
    return ",".join(streams)
