"""What the pack's queries cost on a real Elasticsearch: time of each over N events of a day, and the ones over budget by name.

The events are those of the rules' own cases, hits and near misses alike, repeated with moving times, callers and sessions.
Detections search all of the day at once, correlations the time that a run of their Kibana rule looks back, and all of the day.
Run: ci/engines/running.py elasticsearch .venv/bin/python bench/elastic_queries.py [--events N]
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "referee" / "elastic")]

# ruff: noqa: E402 - the engine stands beside its tests
import urllib3
from elastic_engine import Elasticsearch, shipped

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.rules.fixtures import load_fixtures
from mcp_siem.rules.pack import load_pack, read_pack
from mcp_siem.rules.rule import Rule, RulePack
from mcp_siem_backends.elastic.target import ElasticTarget
from mcp_siem_backends.elastic.template import INDEX_PATTERN, index_template

INDEX = "logs-mcp.bench"
BUDGET = 5.0
START = datetime(2026, 11, 24, tzinfo=UTC)
DAY = 86_400
CONVERSATION = ("gen_ai.conversation.id", "mcp.session.id")
BULK = 5_000
OK = 200


def events(pack: RulePack, count: int) -> Iterator[dict[str, object]]:
    """So many events over one day."""
    cases = [event for rule in pack.alerting() for fixture in load_fixtures(rule) for event in fixture.events]
    flat = [shipped(event, pack.taxonomy) for event in cases]
    for at in range(count):
        event = dict(flat[at % len(flat)])
        event["@timestamp"] = (START + timedelta(seconds=DAY * at / count)).isoformat(timespec="milliseconds")
        caller = at * 7919 % 500
        event["mcp.principal"] = f"user-{caller}"
        # A conversation lasts an hour.
        turn = f"{caller}-{24 * at // count}"
        event.update({name: f"{name}-{turn}" for name in CONVERSATION if name in event})
        yield event


def load(server: Elasticsearch, pack: RulePack, count: int) -> float:
    """Fills a fresh index; says how long that took."""
    template: Any = index_template(pack.taxonomy, long_texts="keyword")["template"]
    index = {**template["settings"]["index"], "number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": -1}
    server.call("DELETE", f"/{INDEX}")
    made, answer = server.call("PUT", f"/{INDEX}", {"settings": {"index": index}, "mappings": template["mappings"]})
    if made != OK:
        raise SystemExit(str(answer))
    began = time.perf_counter()
    lines: list[str] = []
    for event in events(pack, count):
        lines.append('{"create":{}}\n' + json.dumps(event, ensure_ascii=False) + "\n")
        if len(lines) == BULK:
            _send(server, lines)
    if lines:
        _send(server, lines)
    server.call("POST", f"/{INDEX}/_refresh")
    return time.perf_counter() - began


def _send(server: Elasticsearch, lines: list[str]) -> None:
    status, answer = server.call("POST", f"/{INDEX}/_bulk", "".join(lines).encode())
    if status != OK:
        raise SystemExit(str(answer))
    lines.clear()


def seconds(server: Elasticsearch, query: Query, since: str | None) -> tuple[float, int, str | None]:
    """How long a query takes, how much it finds, and the error if it is one."""
    began = time.perf_counter()
    try:
        found, error = asked(server, query, since)
    except urllib3.exceptions.TimeoutError:
        found, error = 0, "no answer in two minutes"
    return time.perf_counter() - began, found, error


def asked(server: Elasticsearch, query: Query, since: str | None) -> tuple[int, str | None]:
    """How much a query finds, and the error if it is one."""
    if query.language == "esql":
        body: dict[str, Any] = {"query": query.text.replace(INDEX_PATTERN, INDEX)}
        if since:
            body["filter"] = {"range": {"@timestamp": {"gte": since}}}
        status, answer = server.call("POST", "/_query", body)
        found = len(answer.get("values", ()))
    else:
        lucene = {"query_string": {"query": query.text, "analyze_wildcard": True}}
        search = lucene if query.language == "lucene" else json.loads(query.text)
        status, answer = server.call(
            "POST", f"/{INDEX}/_search?request_cache=false", {"size": 0, "track_total_hits": True, "query": search}
        )
        found = answer["hits"]["total"]["value"] if status == OK else 0
    return found, None if status == OK else str(answer.get("error", {}).get("type"))


def since(target: ElasticTarget, query: Query, rule: Rule) -> str:
    """The earliest time that a run of the Kibana rule at the end of the day looks at."""
    back = json.loads(target.resource(query, rule).spec)["from"].removeprefix("now-")
    amount = int(back[:-1]) * {"h": 3600, "m": 60, "s": 1}[back[-1]]
    return (START + timedelta(seconds=DAY - amount)).isoformat()


def measure(server: Elasticsearch, pack: RulePack) -> list[dict[str, object]]:
    """One row for each rule and time range."""
    target, rows = ElasticTarget(pack.taxonomy), []
    for rule in pack.alerting():
        query = target.query(rule)
        if isinstance(query, Refusal):
            rows.append({"rule": rule.stem, "refused": query.code})
            continue
        spans = [("day", None)] if query.language != "esql" else [("run", since(target, query, rule)), ("day", None)]
        for name, start in spans:
            took, found, error = min(seconds(server, query, start) for _ in range(2))
            row = {
                "rule": rule.stem,
                "language": query.language,
                "over": name,
                "seconds": round(took, 3),
                "found": found,
            }
            rows.append({**row, "error": error} if error else row)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, object]:
    """Median and worst, and what is over budget or failed."""
    timed = sorted((row for row in rows if "seconds" in row), key=lambda row: row["seconds"])
    usual = [row for row in timed if row["language"] != "esql" or row["over"] == "run"]
    return {
        "median_seconds": statistics.median(row["seconds"] for row in usual),
        "worst": usual[-1],
        "over_budget": [row["rule"] for row in usual if row["seconds"] > BUDGET],
        "errors": [row for row in timed if "error" in row],
        "refused": [row["rule"] for row in rows if "refused" in row],
    }


def main() -> int:
    """Writes bench/results/elastic_queries.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    asked = parser.parse_args()
    pack = load_pack(variables=read_pack().manifest.example_vars)
    server = Elasticsearch(os.environ["MCP_SIEM_ELASTICSEARCH_URL"])
    loaded = load(server, pack, asked.events)
    began = time.perf_counter()
    target = ElasticTarget(pack.taxonomy)
    for rule in pack.alerting():
        target.query(rule)
    converted = time.perf_counter() - began
    rows = measure(server, pack)
    server.call("DELETE", f"/{INDEX}")
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "engine": server.call("GET", "/")[1]["version"]["number"],
        "events": asked.events,
        "load_seconds": round(loaded, 1),
        "conversion_seconds": round(converted, 2),
        "budget_seconds": BUDGET,
        **summary(rows),
        "rows": rows,
    }
    path = ROOT / "bench" / "results" / "elastic_queries.json"
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in report.items() if key != "rows"}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
