"""Stored queries on a real server: plans of real rules, carried out, edited by somebody, carried out again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opensearch_engine import OpenSearch

from mcp_siem.convert.target import Query, Resource
from mcp_siem.deploy.apply import Result, apply_plan
from mcp_siem.deploy.client import Connection
from mcp_siem.deploy.journal import MemoryJournal
from mcp_siem.deploy.plan import make_plan
from mcp_siem.deploy.read import read_remotes
from mcp_siem.errors import BackendError
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.opensearch import BACKEND
from mcp_siem_backends.opensearch.client import QuerySetClient

INDEX = "mcp-siem-referee-queries"
ONE = "0b6d7a52-6a2e-4f0e-9d5c-000000000001"


@pytest.fixture
def client(opensearch: OpenSearch, opensearch_url: str) -> Iterator[QuerySetClient]:
    opensearch.call("DELETE", f"/{INDEX}")
    secrets = {"username": "admin", "password": "unused by a server without security"}
    yield QuerySetClient(
        Connection(name="t", target="opensearch", url=opensearch_url, options={"index": INDEX}, secrets=secrets)
    )
    opensearch.call("DELETE", f"/{INDEX}")


def test_what_was_put_is_read_back_listed_replaced_and_deleted(client: QuerySetClient) -> None:
    assert (list(client.list()), client.get(ONE)) == ([], None)
    put = client.put(ONE, {"name": "a", "search": '{"query": "ü"}'})
    assert client.get(ONE) == put
    assert [client.put(ONE, {"name": "b"})["name"], *(one["name"] for one in client.list())] == ["b", "b"]
    client.delete(ONE)
    client.delete(ONE)
    assert list(client.list()) == []


def test_a_list_longer_than_a_page_is_given_whole_and_in_order(client: QuerySetClient) -> None:
    keys = [f"key-{number:04}" for number in range(510)]
    for key in keys:
        client.put(key, {"name": key})
    assert [one["_id"] for one in client.list()] == keys


def test_a_write_over_what_somebody_wrote_since_is_refused(client: QuerySetClient) -> None:
    read = client.put(ONE, {"name": "a"})
    client.put(ONE, {"name": "theirs"})
    with pytest.raises(BackendError, match="version_conflict") as caught:
        client.put(ONE, {**read, "name": "ours"})
    assert (caught.value.status, caught.value.retryable) == (409, False)
    assert client.put(ONE, {**read, "name": "theirs"})["name"] == "theirs", "sent again, and already so"


def test_a_plan_converges_shows_drift_and_keeps_what_analysts_wrote(client: QuerySetClient, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(
        f"title: R\nid: {ONE}\nstatus: test\nlevel: high\nlogsource: {{product: mcp}}\n"
        "detection:\n  s: {gen_ai.tool.name: x}\n  condition: s\n",
        encoding="utf-8",
    )
    desired = _desired(path)
    assert _applied(client, desired) == ["create"]
    assert _applied(client, desired) == ["noop"]
    held = dict(client.get(ONE) or {})
    assert json.loads(str(held["search"]))["query"]
    client.put(ONE, {**held, "level": "low", "enabled": False, "team": "soc"})
    assert _applied(client, desired) == ["update"]
    held = dict(client.get(ONE) or {})
    assert (held["level"], held["enabled"], held["team"]) == ("high", False, "soc")
    assert _applied(client, []) == ["delete"]
    assert client.get(ONE) is None


def _desired(path: Path) -> list[tuple[Resource, str]]:
    target = BACKEND.target()
    rules = [(rule, target.query(rule)) for rule in load_pack([path])]
    return [(target.resource(query, rule), rule.title) for rule, query in rules if isinstance(query, Query)]


def _applied(client: QuerySetClient, desired: list[tuple[Resource, str]]) -> list[str]:
    target = BACKEND.target()
    addresses = [resource.address for resource, _ in desired]
    remotes = read_remotes(target, client, addresses)
    plan = make_plan(desired, remotes, target=target.name, pack_digest="p", tool_version="1", prune=True)
    report = apply_plan(plan, target=target, client=client, journal=MemoryJournal())
    assert all(outcome.result in (Result.DONE, Result.UNCHANGED) for outcome in report.outcomes), report
    return [change.action.value for change in plan.changes]
