"""Runs a search over rows: `search`, then where, eval, sort, streamstats, stats, eventstats, mvexpand, rename. Nothing else is known.

Search Reference: "streamstats" (window, global, current, time_window; `global=f` gives each group its own window; the
default window is every event so far, at most max_stream_window), "sort" (0 lifts the limit), "mvexpand" (one row for
each value), "stats" (one row for each combination of the BY fields, of rows that have them all; without BY one row, also
of no event, where count is 0; functions max, min, count, values), "eventstats" (the same, added to each row).
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from spl_dialect import Dialect, UnknownSplError
from spl_expression import parse_assignments, parse_expression
from spl_functions import number_of
from spl_rows import Row, number_text
from spl_search import parse_search

MACROS = {"mcp_siem_index": "(index=mcp)", "mcp_siem_endpoint_index": "(index=mcp)"}
MAX_STREAM_WINDOW = 10_000

_SPAN = re.compile(r"([0-9]+)s")
_AGGREGATE = re.compile(r"(?:(count)|(max|min|values)\(([\w.]+)\)) AS (\w+)")


def commands(text: str) -> list[str]:
    """The commands of a search: the text at pipes that no quotes hold."""
    parts = re.split(r"""\|(?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*\Z)""", text) if text.count('"') == 0 else _parted(text)
    return [part.strip() for part in parts]


def _parted(text: str) -> list[str]:
    out, quoted, at = [""], False, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quoted:
            out[-1] += text[at : at + 2]
            at += 2
            continue
        quoted ^= char == '"'
        if char == "|" and not quoted:
            out.append("")
        else:
            out[-1] += char
        at += 1
    if quoted:
        raise UnknownSplError("an open quote")
    return out


class Search:
    """A search, read once; refuses what it does not know before any event is seen."""

    def __init__(self, text: str, dialect: Dialect, macros: Mapping[str, str] = MACROS) -> None:
        first, *rest = commands(text)
        self._dialect = dialect
        self._first = parse_search(first, macros, dialect)
        self._steps = [self._step(command) for command in rest]

    def run(self, events: Iterable[Row]) -> list[Row]:
        """The rows that come out. Splunk reads an index from the newest event to the oldest."""
        found = sorted((row for row in events if self._first(row)), key=lambda row: row.time)
        rows = [row.copy() for row in (found if self._dialect.ties_reversed else reversed(found))]
        if self._dialect.ties_reversed:
            rows.sort(key=lambda row: -row.time)
        for step in self._steps:
            rows = step(rows)
        return rows

    def _step(self, command: str):  # noqa: ANN202 - a function from rows to rows
        name, _, rest = command.partition(" ")
        known = {
            "where": self._where, "eval": self._eval, "sort": self._sort, "streamstats": self._streamstats,
            "mvexpand": self._mvexpand, "stats": self._stats, "eventstats": self._eventstats, "rename": self._rename,
        }  # fmt: skip
        if name not in known:
            raise UnknownSplError(f"command {name}")
        return known[name](rest)

    def _where(self, text: str):  # noqa: ANN202
        test = parse_expression(text, self._dialect)
        return lambda rows: [row for row in rows if test(row) is True]

    def _eval(self, text: str):  # noqa: ANN202
        assignments = parse_assignments(text, self._dialect)

        def run(rows: list[Row]) -> list[Row]:
            for row in rows:
                for name, expr in assignments:
                    _set(row, name, expr(row))
            return rows

        return run

    def _sort(self, text: str):  # noqa: ANN202
        limit, *names = text.split()
        if limit != "0":
            raise UnknownSplError("sort with a limit")

        def key(row: Row) -> list[float]:
            return [float(number_of(row.fields[name][0]) or 0.0) for name in names]

        return lambda rows: sorted(rows, key=key)

    def _mvexpand(self, text: str):  # noqa: ANN202
        name = text.strip().strip('"')

        def run(rows: list[Row]) -> list[Row]:
            out: list[Row] = []
            for row in rows:
                if not row.fields.get(name):
                    raise UnknownSplError(f"mvexpand of a row without {name}")
                for value in row.fields[name]:
                    copy = row.copy()
                    copy.fields[name] = (value,)
                    out.append(copy)
            return out

        return run

    def _rename(self, text: str):  # noqa: ANN202
        pairs = re.findall(r'(\w+) AS ("?)([^",]+)\2(?:, |\Z)', text)

        def run(rows: list[Row]) -> list[Row]:
            for row in rows:
                for old, _, new in pairs:
                    row.fields[new] = row.fields.pop(old)
            return rows

        return run

    def _streamstats(self, text: str):  # noqa: ANN202
        head, _, by = text.partition(" BY ")
        keys = [key.strip('"') for key in by.split()]
        options = dict(re.findall(r"\b(window|global|current|time_window)=(\w+)", head))
        aggregates = _AGGREGATE.findall(head)
        left = _AGGREGATE.sub("", re.sub(r"\b(window|global|current|time_window)=\w+", "", head)).strip()
        if left or not aggregates:
            raise UnknownSplError(f"streamstats {left or text}")
        window = int(options.get("window", 0))
        if window > MAX_STREAM_WINDOW or (window and keys and options.get("global") != "f"):
            raise UnknownSplError(f"streamstats window={window}")
        span = _SPAN.fullmatch(options["time_window"]) if "time_window" in options else None
        seconds = None if span is None else int(span[1])
        current = options.get("current", "t") == "t"

        def run(rows: list[Row]) -> list[Row]:
            held: dict[tuple[str, ...], deque[Row]] = defaultdict(deque)
            earlier = None
            for row in rows:
                group = _group(row, keys)
                if group is None:
                    continue
                if seconds is not None and earlier is not None and row.time < earlier:
                    raise UnknownSplError("time_window over rows that are not sorted")
                earlier = row.time
                members = held[group]
                seen = list(members) if not current else [*members, row]
                if seconds is not None:
                    seen = [one for one in seen if self._within(one, row, seconds)]
                if window:
                    seen = seen[-window:]
                members.append(row.copy())
                while len(members) > (window or MAX_STREAM_WINDOW):
                    members.popleft()
                _aggregate(row, seen, aggregates)
            return rows

        return run

    def _stats(self, text: str):  # noqa: ANN202
        aggregates, keys = _totals(text)

        def run(rows: list[Row]) -> list[Row]:
            out = []
            for group, members in _grouped(rows, keys).items():
                made = Row(fields={name: (value,) for name, value in zip(keys, group, strict=True)})
                _aggregate(made, members, aggregates)
                out.append(made)
            return out

        return run

    def _eventstats(self, text: str):  # noqa: ANN202
        aggregates, keys = _totals(text)

        def run(rows: list[Row]) -> list[Row]:
            for members in _grouped(rows, keys).values():
                seen = [row.copy() for row in members]
                for row in members:
                    _aggregate(row, seen, aggregates)
            return rows

        return run

    def _within(self, one: Row, row: Row, seconds: int) -> bool:
        floor = row.time - seconds
        return one.time > floor or (one.time == floor and not self._dialect.window_is_open)


def _totals(text: str) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    head, _, by = text.partition(" BY ")
    aggregates = _AGGREGATE.findall(head)
    if _AGGREGATE.sub("", head).strip() or not aggregates:
        raise UnknownSplError(f"stats {text}")
    return aggregates, [key.strip('"') for key in by.split()]


def _grouped(rows: list[Row], keys: list[str]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {} if keys else {(): []}
    for row in rows:
        if (group := _group(row, keys)) is not None:
            found.setdefault(group, []).append(row)
    return found


def _set(row: Row, name: str, value: object) -> None:
    if value is None:
        row.fields.pop(name, None)
    elif isinstance(value, tuple):
        row.fields[name] = value
    elif isinstance(value, bool):
        raise UnknownSplError("eval of a truth value")
    else:
        row.fields[name] = (repr(value) if isinstance(value, float) and not value.is_integer() else number_text(value)
                            if isinstance(value, int | float) else str(value),)  # fmt: skip


def _group(row: Row, keys: list[str]) -> tuple[str, ...] | None:
    values = [row.fields.get(key, ()) for key in keys]
    if any(len(value) > 1 for value in values):
        raise UnknownSplError("BY a multivalue field")
    return None if any(not value for value in values) else tuple(value[0] for value in values)


def _aggregate(row: Row, seen: list[Row], aggregates: list[tuple[str, str, str, str]]) -> None:
    for count, function, name, shown in aggregates:
        if count:
            row.fields[shown] = (str(len(seen)),)
            continue
        values = [value for one in seen for value in one.fields.get(name, ())]
        if function == "values":
            found = tuple(sorted(set(values)))
        else:
            numbers = [(number, value) for value in values if (number := number_of(value)) is not None]
            found = (({"max": max, "min": min}[function])(numbers)[1],) if numbers else ()
        row.fields.pop(shown, None)
        if found:
            row.fields[shown] = found
