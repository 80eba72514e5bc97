"""Plans of real rules, carried out on Kibana and on splunkd over HTTP with the targets that ship."""

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator

from mcp_siem.convert.target import Action, Query, Remote, Resource, Target
from mcp_siem.deploy.apply import ApplyReport, Result, apply_plan
from mcp_siem.deploy.client import Client, Connection
from mcp_siem.deploy.journal import MemoryJournal
from mcp_siem.deploy.loopback import Answer, Exchange
from mcp_siem.deploy.memory import MemoryClient, MemoryTarget
from mcp_siem.deploy.plan import Plan, make_plan, plan_from_json, plan_to_json, spec_digest
from mcp_siem.deploy.read import key_of, read_remotes
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.elastic import BACKEND as ELASTIC
from mcp_siem_backends.elastic.testing import KibanaServer
from mcp_siem_backends.elastic.testing import schemas as kibana_api
from mcp_siem_backends.splunk import BACKEND as SPLUNK
from mcp_siem_backends.splunk.testing import SplunkServer
from mcp_siem_backends.splunk.testing import schemas as splunk_api

SECRET = "s3cret"  # noqa: S105 - known to the test servers alone
ONE, TWO = "0b6d7a52-6a2e-4f0e-9d5c-000000000001", "0b6d7a52-6a2e-4f0e-9d5c-000000000002"
EVENTS = """title: {title}
id: {key}
status: test
description: What {title} sees.
level: {level}
tags: [attack.execution]
logsource: {{product: mcp, service: protocol}}
detection:
  selection: {{mcp.method: tools/call, gen_ai.tool.name|contains: '{word}'}}
  condition: selection
falsepositives: [none]
"""
COUNTED = """title: Base
name: base
status: test
logsource: {{product: mcp, service: protocol}}
detection:
  selection: {{mcp.method: tools/call, gen_ai.tool.name|contains: '{word}'}}
  condition: selection
---
title: {title}
id: {key}
status: test
description: What {title} sees.
level: {level}
tags: [attack.execution]
correlation:
  type: event_count
  rules: [base]
  group-by: [mcp.principal]
  timespan: 5m
  condition: {{gte: 5}}
falsepositives: [none]
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A SIEM with both halves. `analyst` edits what is an analyst's, `drift` what is ours; `switch` is on or off."""

    target: Target
    client: Client
    objects: Callable[[], dict[str, dict[str, object]]]
    analyst: Callable[[str], None]
    survived: Callable[[str], bool]
    drift: Callable[[str], str]
    switch: Callable[[str, bool], None]
    runs: Callable[[str], bool]
    exchanges: list[Exchange]
    faults: list[Answer | None]


def kibana(server: KibanaServer) -> Bench:
    connection = Connection(name="t", target="elastic", url=server.url, secrets={"api_key": SECRET}, timeout=5)
    exceptions = [{"id": "l", "list_id": "l", "type": "detection", "namespace_type": "single"}]

    def rule(key: str) -> dict[str, object]:
        found = server.rule(key)
        assert found is not None
        return found

    def analyst(key: str) -> None:
        tags = rule(key)["tags"]
        assert isinstance(tags, list)
        rule(key).update(enabled=True, exceptions_list=exceptions, actions=[{"id": "a"}], tags=[*tags, "ours too"])
        rule(key)["note"] = f"{rule(key)['note']}\nAsk Kim."

    def survived(key: str) -> bool:
        now = rule(key)
        kept = now["exceptions_list"] == exceptions and now["actions"] == [{"id": "a"}] and now["enabled"] is True
        return kept and "ours too" in str(now["tags"]) and "Ask Kim." in str(now["note"])

    def drift(key: str) -> str:
        rule(key).update(query="edited by hand")
        return "query"

    return Bench(
        target=ELASTIC.target(),
        client=ELASTIC.client(connection),
        objects=lambda: {str(rule["rule_id"]): rule for rule in server.spaces["default"].values()},
        analyst=analyst,
        survived=survived,
        drift=drift,
        switch=lambda key, on: rule(key).update(enabled=on),
        runs=lambda key: rule(key)["enabled"] is True,
        exchanges=server.exchanges,
        faults=server.faults,
    )


def splunk(server: SplunkServer) -> Bench:
    connection = Connection(name="t", target="splunk", url=server.url, secrets={"token": SECRET}, timeout=5)

    def held(key: str) -> dict[str, str]:
        return next(keys for keys in server.searches.values() if key in keys["description"])

    def analyst(key: str) -> None:
        held(key).update(
            {"disabled": "1", "action.email": "1", "action.email.to": "a@b.example", "cron_schedule": "7 * * * *"}
        )
        held(key)["description"] += "\nAsk Kim."

    def survived(key: str) -> bool:
        now = held(key)
        kept = (now["disabled"], now["action.email.to"], now["cron_schedule"]) == ("1", "a@b.example", "7 * * * *")
        return kept and "Ask Kim." in now["description"]

    def drift(key: str) -> str:
        held(key)["search"] = "index=edited"
        return "search"

    return Bench(
        target=SPLUNK.target(),
        client=SPLUNK.client(connection),
        objects=lambda: {name: dict(keys) for (_, _, name), keys in server.searches.items()},
        analyst=analyst,
        survived=survived,
        drift=drift,
        switch=lambda key, on: held(key).update(disabled="0" if on else "1"),
        runs=lambda key: (held(key)["disabled"], held(key)["is_scheduled"]) == ("0", "1"),
        exchanges=server.exchanges,
        faults=server.faults,
    )


def memory() -> Bench:
    client = MemoryClient()

    def drift(key: str) -> str:
        client.documents[key]["query"] = "edited by hand"
        return "query"

    return Bench(
        target=MemoryTarget(),
        client=client,
        objects=lambda: client.documents,
        analyst=lambda key: client.documents[key].update(enabled=False, exceptions=["l"]),
        survived=lambda key: (client.documents[key]["enabled"], client.documents[key]["exceptions"]) == (False, ["l"]),
        drift=drift,
        switch=lambda key, on: client.documents[key].update(enabled=on),
        runs=lambda key: client.documents[key]["enabled"] is True,
        exchanges=[],
        faults=[],
    )


@pytest.fixture(params=["memory", "elastic", "splunk"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "memory":
        yield memory()
    elif request.param == "elastic":
        with KibanaServer(api_keys=[SECRET]) as server:
            yield kibana(server)
    else:
        with SplunkServer(tokens=[SECRET]) as server:
            yield splunk(server)


@pytest.fixture(params=["elastic", "splunk"])
def remote(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "elastic":
        with KibanaServer(api_keys=[SECRET]) as server:
            yield kibana(server)
    else:
        with SplunkServer(tokens=[SECRET]) as server:
            yield splunk(server)


Pack = Callable[..., list[tuple[Resource, str]]]


@pytest.fixture
def rendered(tmp_path: Path) -> Pack:
    """Renders rules of (key, word, level) for a target."""

    def render(target: Target, *rules: tuple[str, str, str], text: str = EVENTS) -> list[tuple[Resource, str]]:
        for old in tmp_path.glob("*.yml"):
            old.unlink()
        for key, word, level in rules:
            content = text.format(key=key, word=word, level=level, title=f"Title {key[-1]}")
            (tmp_path / f"rule_{key[-1]}.yml").write_text(content, encoding="utf-8")
        resources = []
        for rule in load_pack([tmp_path]).alerting():
            query = target.query(rule)
            assert isinstance(query, Query), query
            resources.append((target.resource(query, rule), rule.title))
        return resources

    return render


def planned(bench: Bench, desired: list[tuple[Resource, str]], *, prune: bool = False) -> Plan:
    remotes = read_remotes(bench.target, bench.client, [resource.address for resource, _ in desired])
    return make_plan(
        desired, remotes, target=bench.target.name, pack_digest="d" * 64, tool_version="1", pack="p", prune=prune
    )


def applied(bench: Bench, plan: Plan, journal: MemoryJournal | None = None) -> ApplyReport:
    return apply_plan(plan, target=bench.target, client=bench.client, journal=journal or MemoryJournal())


def deployed(bench: Bench, desired: list[tuple[Resource, str]]) -> None:
    report = applied(bench, planned(bench, desired))
    assert report.exit_code == 0, report


def actions(plan: Plan) -> dict[str, Action]:
    return {key_of(change.address): change.action for change in plan.changes}


def test_rules_are_created_and_then_there_is_nothing_to_do(bench: Bench, rendered: Pack) -> None:
    desired = rendered(bench.target, (ONE, "exec", "high"), (TWO, "read", "low"))
    plan = planned(bench, desired)
    assert actions(plan) == {ONE: Action.CREATE, TWO: Action.CREATE}
    assert applied(bench, plan).exit_code == 0
    again = planned(bench, desired)
    assert actions(again) == {ONE: Action.NOOP, TWO: Action.NOOP}
    assert [change.reasons for change in again.changes] == [(), ()]


@pytest.mark.parametrize("kill_at", range(3))
@pytest.mark.parametrize("sent", [False, True], ids=["before the write", "after the write"])
def test_a_created_rule_runs_even_if_its_creation_was_interrupted(
    bench: Bench, rendered: Pack, kill_at: int, *, sent: bool
) -> None:
    desired = rendered(bench.target, (ONE, "exec", "high"))
    dying = Dying(bench.client, kill_at, sent=sent)
    with contextlib.suppress(Killed):
        apply_plan(planned(bench, desired), target=bench.target, client=dying, journal=MemoryJournal())
    deployed(bench, desired)
    assert bench.runs(ONE)


def test_a_rule_that_an_analyst_switched_off_stays_off(bench: Bench, rendered: Pack) -> None:
    deployed(bench, rendered(bench.target, (ONE, "exec", "high")))
    bench.switch(ONE, False)  # noqa: FBT003 - off
    deployed(bench, rendered(bench.target, (ONE, "shell", "critical")))
    deployed(bench, rendered(bench.target, (ONE, "shell", "critical"), text=COUNTED))
    assert not bench.runs(ONE)


def test_applied_twice_changes_nothing(bench: Bench, rendered: Pack) -> None:
    desired = rendered(bench.target, (ONE, "exec", "high"))
    plan = planned(bench, desired)
    applied(bench, plan)
    before, calls = copy.deepcopy(bench.objects()), len(bench.exchanges)
    assert applied(bench, plan).ended(Result.UNCHANGED)
    assert applied(bench, planned(bench, desired)).ended(Result.UNCHANGED)
    assert bench.objects() == before
    assert {call.request.method for call in bench.exchanges[calls:]} <= {"GET"}


@pytest.mark.parametrize("text", [EVENTS, COUNTED])
def test_a_changed_rule_is_updated_and_the_analysts_part_survives(bench: Bench, rendered: Pack, text: str) -> None:
    deployed(bench, rendered(bench.target, (ONE, "exec", "high"), text=text))
    bench.analyst(ONE)
    assert planned(bench, rendered(bench.target, (ONE, "exec", "high"), text=text)).pending == ()
    changed = rendered(bench.target, (ONE, "shell", "critical"), text=text)
    plan = planned(bench, changed)
    assert actions(plan) == {ONE: Action.UPDATE}
    assert plan.drifted == ()
    assert applied(bench, plan).exit_code == 0
    assert bench.survived(ONE)
    assert planned(bench, changed).pending == ()


def test_a_hand_edit_is_drift_named_by_field_and_is_restored(bench: Bench, rendered: Pack) -> None:
    desired = rendered(bench.target, (ONE, "exec", "high"))
    deployed(bench, desired)
    before = copy.deepcopy(bench.objects())
    field = bench.drift(ONE)
    change = planned(bench, desired).changes[0]
    assert (change.action, change.drifted) == (Action.UPDATE, (field,))
    assert applied(bench, planned(bench, desired)).exit_code == 0
    assert planned(bench, desired).drifted == ()
    assert [value.get(field) for value in bench.objects().values()] == [value.get(field) for value in before.values()]


def test_a_rule_that_left_the_pack_is_kept_until_pruned(bench: Bench, rendered: Pack) -> None:
    deployed(bench, rendered(bench.target, (ONE, "exec", "high"), (TWO, "read", "low")))
    less = rendered(bench.target, (ONE, "exec", "high"))
    assert actions(planned(bench, less)) == {ONE: Action.NOOP, TWO: Action.NOOP}
    prune = planned(bench, less, prune=True)
    assert actions(prune) == {ONE: Action.NOOP, TWO: Action.DELETE}
    assert applied(bench, prune).exit_code == 0
    assert len(bench.objects()) == 1
    assert actions(planned(bench, less, prune=True)) == {ONE: Action.NOOP}


def test_a_rule_may_turn_into_a_correlation(bench: Bench, rendered: Pack) -> None:
    deployed(bench, rendered(bench.target, (ONE, "exec", "high")))
    bench.analyst(ONE)
    counted = rendered(bench.target, (ONE, "exec", "high"), text=COUNTED)
    report = applied(bench, planned(bench, counted))
    assert report.exit_code == 0, report
    assert bench.survived(ONE)
    assert planned(bench, counted).pending == ()


def test_a_saved_plan_refuses_what_moved(bench: Bench, rendered: Pack) -> None:
    deployed(bench, rendered(bench.target, (ONE, "exec", "high"), (TWO, "read", "low")))
    changed = rendered(bench.target, (ONE, "shell", "high"), (TWO, "write", "low"))
    saved = plan_from_json(plan_to_json(planned(bench, changed)), "plan.json")
    bench.drift(ONE)
    report = applied(bench, saved)
    assert [outcome.result for outcome in report.outcomes] == [Result.STALE, Result.DONE]
    assert report.exit_code == 6


class Killed(BaseException):
    """Stands for a process that dies."""


class Dying:
    """A client whose process dies before or after its n-th write."""

    def __init__(self, client: Client, dies_at: int, *, sent: bool) -> None:
        self._client, self._left, self._sent = client, dies_at, sent

    def list(self) -> Iterator[object]:
        return self._client.list()

    def get(self, key: str) -> object:
        return self._client.get(key)

    def put(self, key: str, document: dict[str, object]) -> object:
        return self._write(lambda: self._client.put(key, document))

    def delete(self, key: str) -> None:
        self._write(lambda: self._client.delete(key))

    def _write(self, call: Callable[[], object]) -> object:
        self._left -= 1
        if self._left >= 0:
            return call()
        if self._sent:
            call()
        raise Killed


@pytest.mark.parametrize("sent", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("kill_at", range(3))
@pytest.mark.parametrize("same_plan", [True, False], ids=["same plan", "new plan"])
def test_killed_at_any_write_and_run_again_it_converges(
    bench: Bench, rendered: Pack, kill_at: int, *, sent: bool, same_plan: bool
) -> None:
    deployed(bench, rendered(bench.target, (ONE, "exec", "high"), (TWO, "read", "low")))
    bench.analyst(ONE)
    wanted = rendered(bench.target, (ONE, "exec", "high"), text=COUNTED)
    wanted += rendered(bench.target, (TWO, "write", "low"))
    plan, journal = planned(bench, wanted), MemoryJournal()
    dying = Dying(bench.client, kill_at, sent=sent)
    try:
        apply_plan(plan, target=bench.target, client=dying, journal=journal)
    except Killed:
        report = applied(bench, plan if same_plan else planned(bench, wanted), journal)
        assert report.exit_code == 0, report
    assert planned(bench, wanted).pending == ()
    assert bench.survived(ONE)


def test_a_credential_never_reaches_plan_journal_or_report(remote: Bench, rendered: Pack) -> None:
    journal = MemoryJournal()
    plan = planned(remote, rendered(remote.target, (ONE, "exec", "high")))
    report = applied(remote, plan, journal)
    assert SECRET not in plan_to_json(plan) + repr(report) + repr(journal.entries)


def test_every_write_of_the_shipped_targets_fits_the_documented_api(remote: Bench, rendered: Pack) -> None:
    deployed(remote, rendered(remote.target, (ONE, "exec", "high")))
    deployed(remote, rendered(remote.target, (ONE, "shell", "low"), text=COUNTED))
    writes = [call.request for call in remote.exchanges if call.request.method in {"POST", "PUT"}]
    assert len(writes) >= 2
    for request in writes:
        if remote.target.name == "elastic":
            body = json.loads(request.body)
            Draft202012Validator(kibana_api.CREATE).validate(body)
            assert body.keys() <= kibana_api.CREATE["properties"].keys()
        else:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            Draft202012Validator(splunk_api.CREATE if "name" in form else splunk_api.UPDATE).validate(form)


def test_a_siem_that_fails_at_one_rule_gets_the_others(remote: Bench, rendered: Pack) -> None:
    desired = rendered(remote.target, (ONE, "exec", "high"), (TWO, "read", "low"))
    plan = planned(remote, desired)
    refusal = Answer(status=400, body=b'{"message": "no", "status_code": 400}', content_type="application/json")
    remote.faults.extend([None, None, refusal])
    report = applied(remote, plan)
    assert [outcome.result for outcome in report.outcomes] == [Result.FAILED, Result.DONE]
    assert report.exit_code == 11
    assert actions(planned(remote, desired)) == {ONE: Action.CREATE, TWO: Action.NOOP}


def test_every_spec_is_a_json_object_with_its_digest(bench: Bench, rendered: Pack) -> None:
    for resource, _ in rendered(bench.target, (ONE, "exec", "high"), (TWO, "read", "low")):
        assert resource.digest == spec_digest(resource.spec)
        assert isinstance(json.loads(resource.spec), dict)
        assert resource.address.startswith(f"{bench.target.name}:")


@pytest.mark.parametrize("document", [{}, {"name": None}, {"description": 3, "tags": "x", "rule_id": [], "key": {}}])
def test_any_object_can_be_parsed_and_is_not_ours(bench: Bench, document: dict[str, object]) -> None:
    found = bench.target.parse(document)
    assert isinstance(found, Remote)
    assert found.marker is None
    assert found.digest == spec_digest(found.spec)


def test_the_shipped_pack_deploys_and_stays(bench: Bench) -> None:
    resources = []
    for rule in load_pack().alerting():
        query = bench.target.query(rule)
        if isinstance(query, Query):
            resources.append((bench.target.resource(query, rule), rule.title))
    assert len(resources) >= 8
    deployed(bench, resources)
    again = planned(bench, resources)
    assert again.pending == (), [change.reasons for change in again.pending]
