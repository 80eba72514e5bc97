"""Where a query of Elastic is approximate, or exact only within a limit: one table of stable codes, by the words of the note."""

from typing import Literal

from mcp_siem.convert.notes import Bound

__all__ = ["BOUNDS", "TABLE"]

_Kind = Literal["approximate", "bounded"]
_ROWS: tuple[tuple[str, _Kind, str, str], ...] = (
    (
        "ABSENT",
        "approximate",
        "null and an empty list count as absent",
        "only events with an explicit null or an empty list in this field differ",
    ),
    (
        "CASE-FOREIGN",
        "approximate",
        "case is ignored if a normalizer of the index folds it",
        "exact once the field has a lowercase normalizer",
    ),
    (
        "ONE-CHARACTER",
        "approximate",
        "? stands for one character as written, not as folded",
        "only values with a letter that folds to several differ",
    ),
    (
        "FLATTENED",
        "bounded",
        "a key of a flattened field; a script reads its values",
        "time: the script runs over the events that the rest of the query finds",
    ),
    (
        "TYPE-TEXT",
        "approximate",
        "compared by the text it makes of that",
        "only values that the index spells in another way than the event differ",
    ),
    ("WORDS", "approximate", "the index holds words of a text only", "map a keyword sub-field to be exact"),
    (
        "ADDRESS-TEXT",
        "approximate",
        "only dotted IPv4, and ::ffff: before it, is compared",
        "map the field as ip to be exact",
    ),
    (
        "NUMBER-TEXT",
        "approximate",
        "a text is compared with this spelling of the number only",
        "map the field as long or double to be exact",
    ),
    (
        "NUMBER-DYNAMIC",
        "approximate",
        "compared only where it first came as a JSON number",
        "exact once the taxonomy or the mapping says that it is a number",
    ),
    ("KEYWORDS", "approximate", "keywords are searched in every field", "keys of flattened fields are left out"),
    (
        "NO-TWIN",
        "approximate",
        "encoded or disguised texts are missed",
        "exact with the folded twins that `ship` writes",
    ),
    ("UNMAPPED", "approximate", "nothing is found until it is mapped", "exact once an event had the field"),
    (
        "IGNORE-ABOVE",
        "bounded",
        "longer than the ignore_above of its mapping is not searched",
        "exact for values of that length",
    ),
    (
        "MILLISECOND",
        "approximate",
        "windows are compared to the millisecond",
        "only events less than a millisecond from the edge of a window differ",
    ),
    (
        "MILLISECOND-RULES",
        "approximate",
        "within one millisecond may come in any order",
        "only windows with two events of one millisecond differ",
    ),
    (
        "MILLISECOND-TOGETHER",
        "approximate",
        "events of one millisecond count together",
        "only windows with two events of one millisecond differ",
    ),
    ("FRACTIONS", "approximate", "rounded as the engine of ES|QL does", "sums of whole numbers below 2^53 are exact"),
    ("PERCENTILE", "approximate", "numbers of one window is an estimate", "exact for windows with fewer numbers"),
    ("ROWS", "bounded", "rows is cut: there are more", "a cut result is told by its number of rows"),
    ("NEW-FIELD", "bounded", "ES|QL answers with an error until an event has had it", "an error, never silence"),
    (
        "LIST-NUMBERS",
        "approximate",
        "equal values of one list count once",
        "exact for fields of the taxonomy that are numbers",
    ),
)

TABLE: tuple[tuple[str, Bound], ...] = tuple(
    (reason, Bound(code=f"ELASTIC-NOTE-{name}", kind=kind, reason=reason, until=until))
    for name, kind, reason, until in _ROWS
)
BOUNDS = tuple(bound for _, bound in TABLE)
