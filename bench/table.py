"""The README's table of figures, made of bench/results: `table.py` prints it, `table.py --write` puts it in its place.

The place is between `<!-- bench -->` and `<!-- end bench -->`; a test holds what stands there to what is made here.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["BEGIN", "END", "block", "placed"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
README = ROOT / "README.md"
BEGIN, END = "<!-- bench -->\n", "<!-- end bench -->"
_LIMIT = "orjson.loads alone"


def block(peers: Mapping[str, Any]) -> str:
    """The table of one run of `bench/peers.py`, with machine and versions below it."""
    rows: Sequence[Mapping[str, Any]] = peers["rows"]
    others = list(
        dict.fromkeys(name for row in rows for name in row["engines"] if not _is_ours(name) and name != _LIMIT)
    )
    head = ["work", "events a second", "share of `orjson.loads`", *(f"times {name}" for name in others)]
    lines = [_line(head), _line(["---", *("---:" for _ in head[1:])])]
    lines += [_line(_cells(row, others)) for row in rows]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(peers["versions"].items()))
    where = f"{peers['machine']}, one of {peers['cores']} cores, Python {peers['python']}, {peers['date']}"
    size = round(sum(row["bytes_per_event"] for row in rows) / len(rows))
    note = f"Medians of {peers['rounds']} rounds on events of {size:,} bytes, side by side in one run ({where}; {versions})."
    return "\n".join([*lines, "", note, *_differences(rows)]) + "\n"


def _is_ours(name: str) -> bool:
    return name.startswith("mcp-siem")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Mapping[str, Any], others: Sequence[str]) -> Iterator[str]:
    engines = row["engines"]
    ours = next(found for name, found in engines.items() if _is_ours(name))
    yield row["work"]
    yield f"{ours['events_per_second']:,}"
    yield f"{engines[_LIMIT]['ours_is_times_as_fast']:.2f}"
    for name in others:
        times = engines[name]["ours_is_times_as_fast"] if name in engines else None
        yield "-" if times is None else f"{times:.1f}" if times < _ROUND else f"{times:.0f}"


_ROUND = 20


def _differences(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Where somebody finds something else than we do: a figure of wrong verdicts is worth less."""
    said = [
        f"{name} gave {found['found']:,} alerts where {_ours_found(row):,} are right ({row['work']})"
        for row in rows
        for name, found in row["engines"].items()
        if found["found_as_we_do"] is False
    ]
    if said:
        yield f"On the {rows[0]['compared_events']:,} events that all were compared on, {'; '.join(said)}."


def _ours_found(row: Mapping[str, Any]) -> int:
    return int(next(found["found"] for name, found in row["engines"].items() if _is_ours(name)))


def placed(text: str, table: str) -> str:
    """The text with the table between the markers."""
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:start] + table + text[end:]


def main() -> int:
    """Prints the table, or writes it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into the README")
    chosen = parser.parse_args()
    table = block(json.loads((RESULTS / "peers.json").read_text(encoding="utf-8")))
    if chosen.write:
        README.write_text(placed(README.read_text(encoding="utf-8"), table), encoding="utf-8")
    else:
        print(table, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
