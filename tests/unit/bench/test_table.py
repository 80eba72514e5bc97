import json
from typing import Any

import pytest
import table


def _row(name: str, ours: str, **others: tuple[int, float, int, bool | None]) -> dict[str, Any]:
    engines = {
        "orjson.loads alone": _engine(200_000, 0.25, 0, same=None),
        ours: _engine(50_000, 1.0, 40, same=True),
        **{other: _engine(*found[:3], same=found[3]) for other, found in others.items()},
    }
    return {"work": name, "engines": engines, "bytes_per_event": 1500, "compared_events": 1000}


def _engine(rate: int, times: float, found: int, *, same: bool | None) -> dict[str, Any]:
    return {
        "events_per_second": rate,
        "ours_is_times_as_fast": times,
        "found": found,
        "found_as_we_do": same,
    }


PEERS = {
    "date": "2026-11-25",
    "machine": "A machine",
    "cores": 2,
    "python": "3.11.7",
    "rounds": 3,
    "versions": {"rsigma": "0.23.0", "orjson": "3.13.0"},
    "rows": [
        _row("92 rules", "mcp-siem engine", rsigma=(20_000, 2.54, 40, True), zargunlite=(500, 99.6, 40, True)),
        _row("15 correlations", "mcp-siem engine", rsigma=(25_000, 2.0, 71, False)),
    ],
}


_NOTE = (
    "Medians of 3 rounds on events of 1,500 bytes, side by side in one run (A machine, one of 2 cores, Python 3.11.7, "
    "2026-11-25; orjson 3.13.0, rsigma 0.23.0)."
)


def test_the_table_has_a_row_for_each_work_and_a_column_for_each_peer() -> None:
    assert table.block(PEERS).split("\n") == [
        "| work | events a second | share of `orjson.loads` | times rsigma | times zargunlite |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| 92 rules | 50,000 | 0.25 | 2.5 | 100 |",
        "| 15 correlations | 50,000 | 0.25 | 2.0 | - |",
        "",
        _NOTE,
        "On the 1,000 events that all were compared on, rsigma gave 71 alerts where 40 are right (15 correlations).",
        "",
    ]


def test_the_table_takes_the_place_between_the_markers_and_nothing_else() -> None:
    text = f"before\n{table.BEGIN}old\nlines\n{table.END}\nafter\n"
    once = table.placed(text, "new\n")
    assert once == f"before\n{table.BEGIN}new\n{table.END}\nafter\n"
    assert table.placed(once, "new\n") == once
    with pytest.raises(ValueError, match="not found"):
        table.placed("no markers", "new\n")


def test_the_kept_figures_make_a_table_and_we_find_what_the_peers_find() -> None:
    kept = json.loads((table.RESULTS / "peers.json").read_text(encoding="utf-8"))
    shown = table.block(kept)
    assert all(f"| {row['work']} |" in shown for row in kept["rows"])
    for row in kept["rows"]:
        if not row["correlations"]:  # what peers get wrong of those is said in docs/conformance.md
            assert {found["found_as_we_do"] for found in row["engines"].values()} <= {True, None}


def test_the_readme_shows_the_kept_figures() -> None:
    text = table.README.read_text(encoding="utf-8")
    if table.BEGIN in text:
        kept = json.loads((table.RESULTS / "peers.json").read_text(encoding="utf-8"))
        assert table.placed(text, table.block(kept)) == text
