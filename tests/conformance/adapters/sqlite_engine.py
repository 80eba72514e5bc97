"""pySigma's SQLite backend as a command for `run.py`: detections by zargunlite, correlations by the backend's own plan.

Events are flattened to dotted names as zargunlite flattens them: an array becomes one text, null is left out.
"""

# ruff: noqa: T201 - a command answers on standard output

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sigma.backends.sqlite import sqliteBackend
from sigma.backends.sqlite.runtime import execute_plan
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from zargunlite.core import ZargunCore
from zargunlite.preprocess import flatten_json

__all__ = ["answer"]

_PLACE = "conformance-place"
_TIME = "@timestamp"


def answer(question: Mapping[str, Any], *, correlations: bool = True) -> dict[str, object]:
    """What the SQL finds, or that a rule cannot be converted."""
    try:
        collection = SigmaCollection.from_yaml(question["rules"])
        backend = sqliteBackend(_pipeline(question.get("vars", {})), timestamp_field=_TIME, event_id_field=_PLACE)
        rules = json.loads(str(backend.convert(collection, "zircolite")))
    except (SigmaError, NotImplementedError) as error:
        return {"refused": f"{type(error).__name__}: {error}"[:300]}
    rows = [
        {**{".".join(names): value for names, value in _flat(event).items() if value is not None}, _PLACE: at}
        for at, event in enumerate(question["events"])
    ]
    verdicts: list[list[object]] = [[] for _ in rows]
    with ZargunCore() as core:
        core.load_data(rows, strict_field_name=False)
        for rule in rules:
            if not rule.get("correlation"):
                _detect(core, rule, verdicts)
            elif correlations:
                _correlate(core, rule, verdicts)
            else:
                return {"refused": "no correlations"}
    return {"verdicts": verdicts}


def _pipeline(values: Mapping[str, Sequence[str]]) -> ProcessingPipeline:
    if not values:
        return ProcessingPipeline()
    items = [ProcessingItem(transformation=ValueListPlaceholderTransformation())]
    return ProcessingPipeline(vars={name: list(found) for name, found in values.items()}, items=items)


def _flat(event: Mapping[str, Any]) -> Mapping[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, value in event.items():
        if isinstance(value, list):
            found[(name,)] = json.dumps(value, ensure_ascii=False)
        elif isinstance(value, dict):
            inner = flatten_json({name: value})
            assert isinstance(inner, dict)
            found.update(inner)
        else:
            found[(name,)] = value
    return found


def _detect(core: ZargunCore, rule: Mapping[str, Any], verdicts: list[list[object]]) -> None:
    for sql in rule["rule"]:
        for row in core.execute_sqlite_query(sql):
            verdicts[int(row[_PLACE])].append(rule["title"])


def _correlate(core: ZargunCore, rule: Mapping[str, Any], verdicts: list[list[object]]) -> None:
    found, _ = execute_plan(core._db_connection, rule["correlation_plan"], include_events=False)
    for row in found:
        place = max(int(identity.split(":", 1)[1]) for identity in row["event_ids"])
        verdicts[place].append({"rule": rule["title"], "group": {name: str(value) for name, value in _group(row)}})


def _group(row: Mapping[str, Any]) -> list[tuple[str, object]]:
    keys = row["group_keys"]
    return list(keys.items()) if isinstance(keys, dict) else [tuple(one) for one in keys]


def main() -> None:
    """Answers line by line; `--zargunlite` knows no correlations."""
    correlations = "--zargunlite" not in sys.argv
    for line in sys.stdin:
        try:
            said = answer(json.loads(line), correlations=correlations)
        except Exception as error:  # noqa: BLE001 - whatever a peer's code raises is its answer
            said = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
