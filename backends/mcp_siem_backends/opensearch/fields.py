"""Where a field of a rule stands in our index on OpenSearch: which of its forms folds case, and which is exact.

One decision for the template that makes the index and for the queries that read it.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from mcp_siem.events.taxonomy import Field, Taxonomy

__all__ = ["EXACT", "FOLDED", "INDEX_PATTERN", "FieldForm", "Storage", "form_of", "storage_of"]

INDEX_PATTERN = "logs-mcp.*"
EXACT = "exact"
FOLDED = "caseless"
_TIMESTAMP = "@timestamp"
_RESERVED = re.compile(r"_(id|index|source|type|routing|ignored|field_names|nested_path|seq_no|primary_term|version)")
_BAD_NAME = re.compile(r"^$|^\.|\.$|\.\.|^\s*$|[*\x00]")


class Storage(Enum):
    """How the index holds a field."""

    KEYWORD = "keyword"  # folded by the normalizer, `.exact` beside it; booleans and undeclared fields too
    TEXT = "text"  # a long text as written, no length limit
    TWIN = "twin"  # the same, folded before it was shipped
    LONG = "long"  # whole numbers, with `.caseless` and `.exact`
    DOUBLE = "double"
    DATE = "date"
    IP = "ip"
    SOURCE = "source"  # only the event itself tells: keys of a flat object, @timestamp, names that no field may have


_STORAGE = {
    "keyword": Storage.KEYWORD,
    "boolean": Storage.KEYWORD,  # OpenSearch refuses an event whose boolean is none
    "wildcard": Storage.TEXT,
    "long": Storage.LONG,
    "double": Storage.DOUBLE,
    "date": Storage.DATE,
    "ip": Storage.IP,
    "flattened": Storage.SOURCE,
}


def storage_of(field: Field) -> Storage:
    """How the index holds a field of the taxonomy."""
    if field.name == _TIMESTAMP:
        return Storage.SOURCE
    return Storage.TWIN if field.twin_of else _STORAGE[field.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldForm:
    """A field as queries name it: `folded` for strings whose case is ignored, `exact` for the text as written.

    `folds` says whether the index folds what it holds in `folded`; if not, the query spells out every case variant.
    """

    name: str
    storage: Storage
    folded: str
    exact: str
    folds: bool = True


def form_of(name: str, taxonomy: Taxonomy) -> FieldForm:
    """The forms of a field in an index made by our template."""
    storage = _lookup(name, taxonomy)
    match storage:
        case Storage.KEYWORD:
            return FieldForm(name=name, storage=storage, folded=name, exact=f"{name}.{EXACT}")
        case Storage.TEXT:
            return FieldForm(name=name, storage=storage, folded=name, exact=name, folds=False)
        case Storage.TWIN | Storage.SOURCE:
            return FieldForm(name=name, storage=storage, folded=name, exact=name)
        case Storage.LONG | Storage.DOUBLE | Storage.DATE | Storage.IP:
            return FieldForm(name=name, storage=storage, folded=f"{name}.{FOLDED}", exact=f"{name}.{EXACT}")
        case _:
            assert_never(storage)


def _lookup(name: str, taxonomy: Taxonomy) -> Storage:
    if _BAD_NAME.search(name) or _RESERVED.fullmatch(name):
        return Storage.SOURCE
    known = taxonomy.fields.get(name)
    if known is not None:
        return storage_of(known)
    parent, dot, _ = name.rpartition(".")
    while dot:
        above = taxonomy.fields.get(parent)
        if above is not None:
            return Storage.SOURCE
        parent, dot, _ = parent.rpartition(".")
    return Storage.KEYWORD
