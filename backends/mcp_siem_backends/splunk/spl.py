r"""How names and texts are written in SPL. Pure text, no Sigma.

Two languages meet in one search. In `search` a name may stand in double quotes and a value is case-insensitive with `*`
as its only wildcard, which no backslash escapes. In `where` and `eval` a name stands in single quotes and a text in
double quotes. In both, a backslash escapes itself and the quote; SPL's pages disagree on what it does before other
letters, so regular expressions carry neither `\\` nor `"`: pattern.py spells them `\x5c` and `\x22`.
"""

import re

from mcp_siem_backends.splunk.refusals import refused

__all__ = ["ARRAY", "eval_field", "is_search_word", "list_field", "quoted", "regex_text", "search_field"]

# What Splunk appends to the name of a JSON array when it extracts its elements as one multivalue field.
ARRAY = "{}"

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f\"'`\\*$|]")
_KEYWORDS = frozenset({"AND", "BY", "IN", "NOT", "OR", "AS", "XOR", "LIKE", "TERM", "CASE", "TRUE", "FALSE"})
# Words that `search` takes for modifiers of the search itself, or for metadata of the event, not for its fields.
_MODIFIERS = frozenset(
    {
        "earliest", "latest", "_index_earliest", "_index_latest", "earliest_time", "latest_time", "index", "sourcetype",
        "source", "host", "splunk_server", "splunk_server_group", "eventtype", "eventtypetag", "hosttag", "tag",
        "savedsearch", "savedsplunk", "sourcetypetag", "timeformat", "starttime", "endtime", "starttimeu", "endtimeu",
        "startdaysago", "enddaysago", "starthoursago", "endhoursago", "startminutesago", "endminutesago",
        "startmonthsago", "endmonthsago", "daysago", "hoursago", "minutesago", "monthsago", "searchtimespandays",
        "searchtimespanhours", "searchtimespanminutes", "searchtimespanmonths", "nosubstitution", "allowpartial",
    }
)  # fmt: skip


def search_field(name: str) -> str:
    """The name of a field in `search` and in the lists of commands."""
    _check(name)
    return name if _BARE.fullmatch(name) and name.upper() not in _KEYWORDS else f'"{name}"'


def eval_field(name: str) -> str:
    """The name of a field in `where` and `eval`, always in single quotes: dots, braces and hyphens are operators there."""
    _check(name)
    return f"'{name}'"


def list_field(name: str) -> str:
    """The name of a field in a `BY` or `AS` list."""
    return search_field(name)


def is_search_word(name: str) -> bool:
    """Says whether `search name=value` would not ask for a field of the event."""
    return name.casefold() in _MODIFIERS or name.casefold().startswith("tag::")


def quoted(text: str) -> str:
    """A text in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def regex_text(regex: str) -> str:
    """A regular expression in double quotes, which must be free of what SPL would take apart."""
    if '"' in regex or "\\\\" in regex or "`" in regex:
        raise AssertionError(regex)
    return f'"{regex}"'


def _check(name: str) -> None:
    if not name or _UNSPEAKABLE.search(name) or name != name.strip():
        raise refused("SPLUNK-FIELD-NAME", repr(name))
