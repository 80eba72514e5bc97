"""Where a field of a rule stands in our index: which of its forms folds case, which is exact, which is a number.

One decision for the template that makes the index and for the queries that read it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from mcp_siem.events.taxonomy import Field, Taxonomy

__all__ = ["EXACT", "FOLDED", "NUMBER", "FieldForm", "Storage", "form_of", "storage_of"]

EXACT = "exact"
FOLDED = "caseless"
NUMBER = "number"
TIMESTAMP = "@timestamp"


class Storage(Enum):
    """How the index holds a field."""

    KEYWORD = "keyword"  # folded by the normalizer, `.exact` beside it
    TEXT = "text"  # a long text as written, no length limit
    TWIN = "twin"  # the same, folded before it was shipped
    NUMBER = "number"  # long or double; texts are read as numbers; `.caseless` and `.exact` beside it
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"  # @timestamp of a data stream, which may have no other form
    IP = "ip"
    FLATTENED = "flattened"
    DYNAMIC = "dynamic"  # not in the taxonomy: like KEYWORD, and `.number` once a JSON number was seen


_STORAGE = {
    "keyword": Storage.KEYWORD,
    "wildcard": Storage.TEXT,
    "long": Storage.NUMBER,
    "double": Storage.NUMBER,
    "boolean": Storage.BOOLEAN,
    "date": Storage.DATE,
    "ip": Storage.IP,
    "flattened": Storage.FLATTENED,
}


def storage_of(field: Field) -> Storage:
    """How the index holds a field of the taxonomy."""
    if field.name == TIMESTAMP:
        return Storage.TIME
    return Storage.TWIN if field.twin_of else _STORAGE[field.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldForm:
    """A field as queries name it: `folded` for strings whose case is ignored, `exact` for the text as written.

    `number` is None where the index cannot compare numbers. `folds` says whether the index folds what it holds in
    `folded`; if not, the query has to spell out every case variant.
    """

    name: str
    storage: Storage
    folded: str
    exact: str
    number: str | None
    folds: bool

    @property
    def presence(self) -> str:
        """The form that exists whenever the event has a value, well-formed for its type or not."""
        return self.folded


def form_of(name: str, taxonomy: Taxonomy) -> FieldForm:
    """The forms of a field in an index made by our template."""
    storage = _lookup(name, taxonomy)
    match storage:
        case Storage.KEYWORD | Storage.DYNAMIC:
            number = f"{name}.{NUMBER}" if storage is Storage.DYNAMIC else None
            return _form(name, storage, folded=name, exact=f"{name}.{EXACT}", number=number)
        case Storage.TEXT:
            return _form(name, storage, folded=name, exact=name, folds=False)
        case Storage.TWIN | Storage.FLATTENED | Storage.TIME:
            return _form(name, storage, folded=name, exact=name)
        case Storage.NUMBER:
            return _form(name, storage, folded=f"{name}.{FOLDED}", exact=f"{name}.{EXACT}", number=name)
        case Storage.BOOLEAN | Storage.DATE | Storage.IP:
            return _form(name, storage, folded=f"{name}.{FOLDED}", exact=f"{name}.{EXACT}")
        case _:
            assert_never(storage)


def _form(
    name: str, storage: Storage, *, folded: str, exact: str, number: str | None = None, folds: bool = True
) -> FieldForm:
    return FieldForm(name=name, storage=storage, folded=folded, exact=exact, number=number, folds=folds)


def _lookup(name: str, taxonomy: Taxonomy) -> Storage:
    known = taxonomy.fields.get(name)
    if known is not None:
        return storage_of(known)
    parent, dot, _ = name.rpartition(".")
    while dot:
        above = taxonomy.fields.get(parent)
        if above is not None and above.type == "flattened":
            return Storage.FLATTENED
        parent, dot, _ = parent.rpartition(".")
    return Storage.DYNAMIC
