"""Where a field of a rule stands in our index: which of its forms folds case, which is exact, which is a number.

One decision for the template that makes the index and for the queries that read it. `Index` is what queries ask of any
index; a foreign one is foreign.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol, assert_never

from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem_backends.elastic.columns import column_name
from mcp_siem_backends.elastic.lucene import escape_name

__all__ = [
    "EXACT",
    "FOLDED",
    "INDEX_PATTERN",
    "NUMBER",
    "FieldForm",
    "Index",
    "OwnIndex",
    "Storage",
    "form_of",
    "storage_of",
]

INDEX_PATTERN = "logs-mcp.*"

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
    ANALYZED = "analyzed"  # words of a text, in a foreign index only


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
    `folded`; if not, the query has to spell out every case variant. `twin` says that patterns are folded as a twin is,
    `textual` that there is a form that holds texts of this field itself, `case_known` whether `exact` keeps case for sure,
    `notes` what is approximate whatever is asked.
    """

    name: str
    storage: Storage
    folded: str
    exact: str
    number: str | None
    folds: bool
    twin: bool = False
    textual: bool = True
    case_known: bool = True
    notes: tuple[str, ...] = ()

    @property
    def presence(self) -> str:
        """The form that exists whenever the event has a value, well-formed for its type or not."""
        return self.folded


class Index(Protocol):
    """What a query has to know of the index that it reads."""

    @property
    def pattern(self) -> str:
        """Its name, as a rule of Kibana and `FROM` have it."""
        ...

    @property
    def exact_names(self) -> Sequence[str]:
        """The fields that hold texts as they were written, in Lucene's syntax; raises RefusedError if they are too many."""
        ...

    @property
    def longest_regex(self) -> int:
        """How long a pattern may be."""
        ...

    def form(self, name: str) -> FieldForm:
        """The forms of a field; raises RefusedError if the index cannot be asked for it."""
        ...

    def knows(self, name: str) -> bool:
        """Whether the index has the field for sure."""
        ...

    def column(self, name: str) -> str | None:
        """The column of ES|QL that holds a field's texts as written; None if the index knows no such field."""
        ...

    def text_of(self, column: str) -> str:
        """The column as a text, in ES|QL."""
        ...

    def routed(self) -> bool:
        """Whether events say in event.dataset which logsource they belong to."""
        ...


class OwnIndex:
    """An index made by our template."""

    pattern = INDEX_PATTERN
    longest_regex = 10_000  # the template raises index.max_regex_length to this; Elasticsearch's own default is 1,000

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    @property
    def exact_names(self) -> Sequence[str]:
        """The exact forms, and the long texts."""
        fields = self.taxonomy.fields.items()
        texts = sorted(name for name, field in fields if storage_of(field) is Storage.TEXT)
        return [f"\\*.{EXACT}", *map(escape_name, texts)]

    def form(self, name: str) -> FieldForm:
        """The forms of a field."""
        return form_of(name, self.taxonomy)

    def knows(self, name: str) -> bool:
        """Whether it is in the taxonomy."""
        return name in self.taxonomy.fields

    def column(self, name: str) -> str | None:
        """The exact form; of a field outside the taxonomy, too, which exists once an event has had it."""
        return self.form(name).exact

    def text_of(self, column: str) -> str:
        """It is one already."""
        return column_name(column)

    def routed(self) -> bool:
        """Always."""
        return True


def form_of(name: str, taxonomy: Taxonomy) -> FieldForm:
    """The forms of a field in an index made by our template."""
    storage = _lookup(name, taxonomy)
    plain = FieldForm(name=name, storage=storage, folded=name, exact=name, number=None, folds=True)
    match storage:
        case Storage.KEYWORD | Storage.DYNAMIC:
            number = f"{name}.{NUMBER}" if storage is Storage.DYNAMIC else None
            return replace(plain, exact=f"{name}.{EXACT}", number=number)
        case Storage.TEXT:
            return replace(plain, folds=False)
        case Storage.FLATTENED:
            return replace(plain, folds=False, textual=name not in taxonomy.fields)
        case Storage.TWIN:
            return replace(plain, twin=True)
        case Storage.TIME | Storage.ANALYZED:
            return replace(plain, textual=False)
        case Storage.NUMBER | Storage.BOOLEAN | Storage.DATE | Storage.IP:
            number = name if storage is Storage.NUMBER else None
            return replace(plain, folded=f"{name}.{FOLDED}", exact=f"{name}.{EXACT}", number=number)
        case _:
            assert_never(storage)


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
