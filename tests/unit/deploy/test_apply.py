"""Applying a plan: what is read, journalled, written, compared, and what happens when that fails."""

import copy
import json
from collections.abc import Mapping

import pytest

from mcp_siem.convert.target import Action, Resource
from mcp_siem.deploy.apply import ApplyReport, Outcome, Result, apply_plan, report_to_json
from mcp_siem.deploy.journal import Entry, MemoryJournal
from mcp_siem.deploy.memory import MemoryClient, MemoryTarget
from mcp_siem.deploy.plan import Plan, make_plan
from mcp_siem.deploy.read import read_remotes
from mcp_siem.deploy.retry import RetryingClient
from mcp_siem.errors import AuthError, BackendError, ConfigError, UsageError

TARGET = MemoryTarget()


def rules(**queries: str) -> list[tuple[Resource, str]]:
    return [(TARGET.rendered(key, query=query), key) for key, query in queries.items()]


def planned(desired: list[tuple[Resource, str]], client: MemoryClient, *, prune: bool = False) -> Plan:
    remotes = read_remotes(TARGET, client, [resource.address for resource, _ in desired])
    return make_plan(desired, remotes, target="memory", pack_digest="d", tool_version="1", pack="p", prune=prune)


def applied(plan: Plan, client: MemoryClient, journal: MemoryJournal | None = None) -> ApplyReport:
    return apply_plan(plan, target=TARGET, client=client, journal=journal or MemoryJournal())


def deployed(**queries: str) -> MemoryClient:
    client = MemoryClient()
    assert applied(planned(rules(**queries), client), client).exit_code == 0
    return client


def results(report: ApplyReport) -> dict[str, str]:
    return {outcome.address.removeprefix("memory:"): outcome.result.value for outcome in report.outcomes}


def test_each_write_is_journalled_before_it_is_sent_with_what_it_replaces() -> None:
    client = deployed(r1="a")
    before = client.get("r1")
    journal = MemoryJournal()
    seen: list[int] = []
    client._before_write = lambda _verb, _key: seen.append(len(journal.entries))
    applied(planned(rules(r1="b"), client), client, journal)
    assert seen == [1, 2]
    assert [entry.event for entry in journal.entries] == ["before", "before", "done"]
    assert journal.entries[0].document == before
    assert journal.entries[0].address == "memory:r1"


class FullDisk:
    def record(self, entry: Entry) -> None:
        raise ConfigError(f"cannot write the journal for {entry.address}")

    def interrupted(self, address: str) -> None:
        assert address


def test_without_a_journal_nothing_is_sent() -> None:
    client = MemoryClient()
    report = apply_plan(planned(rules(r1="a"), client), target=TARGET, client=client, journal=FullDisk())
    assert results(report) == {"r1": "failed"}
    assert (client.writes, report.exit_code) == (0, 2)


def test_a_change_that_fails_does_not_stop_the_others() -> None:
    client = MemoryClient()

    def fail_r2(_verb: str, key: str) -> None:
        if key == "r2":
            raise BackendError("HTTP 400: no", status=400, hint="read it")

    plan = planned(rules(r1="a", r2="b", r3="c"), client)
    client._before_write = fail_r2
    report = applied(plan, client)
    assert results(report) == {"r1": "done", "r2": "failed", "r3": "done"}
    assert report.exit_code == 11
    failed = report.ended(Result.FAILED)[0]
    assert (failed.detail, failed.hint, failed.writes) == ("HTTP 400: no", "read it", 0)


@pytest.mark.parametrize(("error", "code"), [(AuthError("no"), 4), (BackendError("down"), 5)])
def test_when_nothing_was_written_the_one_reason_decides_the_exit_code(error: Exception, code: int) -> None:
    def fail(_verb: str, _key: str) -> None:
        raise error

    client = MemoryClient()
    plan = planned(rules(r1="a", r2="b"), client)
    client._before_write = fail
    assert applied(plan, client).exit_code == code


def test_a_failure_between_two_steps_is_partly_applied() -> None:
    client = MemoryClient()
    plan = planned(rules(r1="a"), client)

    def fail_second(_verb: str, _key: str) -> None:
        if client.writes:
            raise BackendError("down")

    client._before_write = fail_second
    journal = MemoryJournal()
    report = applied(plan, client, journal)
    assert (report.exit_code, report.outcomes[0].writes) == (11, 1)
    assert journal.entries[-1].event == "failed"
    assert client.documents["r1"]["enabled"] is False


def test_what_moved_after_the_plan_is_refused_and_the_rest_is_written() -> None:
    client = deployed(r1="a", r2="a")
    plan = planned(rules(r1="b", r2="b"), client)
    client.documents["r1"]["query"] = "edited meanwhile"
    report = applied(plan, client)
    assert results(report) == {"r1": "stale", "r2": "done"}
    assert report.exit_code == 6
    assert client.documents["r1"]["query"] == "edited meanwhile"
    assert "changed after the plan was made (query)" in report.outcomes[0].detail


@pytest.mark.parametrize(
    ("happened", "says"),
    [
        ("deleted", "was deleted after the plan was made"),
        ("unmarked", "without our marker"),
    ],
)
def test_an_object_that_vanished_or_lost_our_marker_is_refused(happened: str, says: str) -> None:
    client = deployed(r1="a")
    plan = planned(rules(r1="b"), client)
    if happened == "deleted":
        del client.documents["r1"]
    else:
        del client.documents["r1"]["marker"]
    writes = client.writes
    report = applied(plan, client)
    assert says in report.outcomes[0].detail
    assert client.writes == writes


def test_an_object_created_meanwhile_is_refused() -> None:
    client = MemoryClient()
    plan = planned(rules(r1="b"), client)
    client.documents["r1"] = {"key": "r1", "query": "hand made"}
    report = applied(plan, client)
    assert results(report) == {"r1": "stale"}
    assert client.writes == 0


def test_an_object_that_answers_to_the_key_of_another_is_refused() -> None:
    client = deployed(r1="a")
    plan = planned(rules(r1="b"), client)
    client.documents["r1"]["key"] = "r9"
    assert "another object answers" in applied(plan, client).outcomes[0].detail


def test_what_an_analyst_changed_meanwhile_is_no_move_and_survives() -> None:
    client = deployed(r1="a")
    plan = planned(rules(r1="b"), client)
    client.documents["r1"]["exceptions"] = ["list-1"]
    assert results(applied(plan, client)) == {"r1": "done"}
    assert client.documents["r1"]["exceptions"] == ["list-1"]


def test_deleting_what_is_already_gone_is_fine() -> None:
    client = deployed(r1="a")
    plan = planned([], client, prune=True)
    assert results(applied(plan, client)) == {"r1": "done"}
    assert results(applied(plan, client)) == {"r1": "unchanged"}


def test_a_replacement_killed_after_its_delete_gives_the_analyst_everything_back() -> None:
    client, journal = deployed(r1="a"), MemoryJournal()
    client.documents["r1"].update(exceptions=["list-1"], enabled=False)
    retyped = [(TARGET.rendered("r1", query="a", type="other"), "r1")]
    plan = planned(retyped, client)

    def die_after_delete(verb: str, _key: str) -> None:
        if verb == "put":
            raise BackendError("down")

    client._before_write = die_after_delete
    assert results(applied(plan, client, journal)) == {"r1": "failed"}
    assert client.documents == {}
    client._before_write = None
    for again in (plan, planned(retyped, client)):
        rerun = MemoryClient(client.documents)
        assert results(applied(again, rerun, copy.deepcopy(journal))) == {"r1": "done"}
        assert rerun.documents["r1"]["exceptions"] == ["list-1"]
        assert rerun.documents["r1"]["enabled"] is False


def test_an_adoption_killed_after_its_delete_keeps_the_analysts_part() -> None:
    client, journal = (
        MemoryClient({"r1": {"key": "r1", "query": "theirs", "type": "old", "exceptions": ["e"]}}),
        MemoryJournal(),
    )
    desired = [(TARGET.rendered("r1", query="a", type="other"), "r1")]
    remotes = read_remotes(TARGET, client, ["memory:r1"])
    plan = make_plan(
        desired, remotes, target="memory", pack_digest="d", tool_version="1", pack="p", adopt=["memory:r1"]
    )

    def die_after_delete(verb: str, _key: str) -> None:
        if verb == "put":
            raise BackendError("down")

    client._before_write = die_after_delete
    assert results(applied(plan, client, journal)) == {"r1": "failed"}
    client._before_write = None
    for again in (plan, planned(desired, client)):
        rerun = MemoryClient(client.documents)
        assert results(applied(again, rerun, copy.deepcopy(journal))) == {"r1": "done"}
        assert rerun.documents["r1"]["exceptions"] == ["e"]


def test_what_an_analyst_deleted_himself_is_not_brought_back_from_the_journal() -> None:
    client, journal = deployed(r1="a"), MemoryJournal()
    client.documents["r1"]["exceptions"] = ["list-1"]
    retyped = [(TARGET.rendered("r1", query="a", type="other"), "r1")]
    applied(planned(retyped, client), client, journal)
    del client.documents["r1"]
    assert results(applied(planned(retyped, client), client, journal)) == {"r1": "done"}
    assert "exceptions" not in client.documents["r1"]


class Normalising(MemoryClient):
    """A SIEM that changes what it is given."""

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        return super().put(key, {**document, "query": str(document.get("query")).upper()})


def test_a_write_that_reads_back_differently_is_reported_field_by_field() -> None:
    client = Normalising()
    report = applied(planned(rules(r1="abc"), client), client)
    assert results(report) == {"r1": "failed"}
    assert 'query: the SIEM has "ABC", the rule has "abc"' in report.outcomes[0].detail
    assert report.exit_code == 11


class Forgetful(MemoryClient):
    """A SIEM that says yes and does nothing."""

    def put(self, key: str, document: Mapping[str, object]) -> Mapping[str, object]:
        return {"key": key, **document}

    def delete(self, key: str) -> None:
        assert key


def test_a_write_or_delete_without_effect_is_reported() -> None:
    client = Forgetful()
    assert "not there when read back" in applied(planned(rules(r1="a"), client), client).outcomes[0].detail
    stubborn = Forgetful(deployed(r1="a").documents)
    report = applied(planned([], stubborn, prune=True), stubborn)
    assert "still there when read back" in report.outcomes[0].detail


def test_a_plan_for_another_siem_is_refused() -> None:
    plan = make_plan([], [], target="elastic", pack_digest="d", tool_version="1")
    with pytest.raises(UsageError, match="the plan is for elastic, not for memory"):
        applied(plan, MemoryClient())


def test_outcomes_are_told_as_they_happen() -> None:
    told: list[Outcome] = []
    client = MemoryClient()
    plan = planned(rules(r1="a", r2="b"), client)
    report = apply_plan(plan, target=TARGET, client=client, journal=MemoryJournal(), on_outcome=told.append)
    assert tuple(told) == report.outcomes


def test_the_report_is_canonical_json() -> None:
    client = MemoryClient()
    record = json.loads(report_to_json(applied(planned(rules(r1="a"), client), client)))
    assert record["format"] == 1
    assert record["exit_code"] == 0
    assert record["outcomes"][0]["result"] == "done"
    assert record["outcomes"][0]["action"] == Action.CREATE


class Flaky(MemoryClient):
    """Fails a number of times before each call."""

    def __init__(self, error: BackendError, times: int) -> None:
        super().__init__({"r1": {"key": "r1"}})
        self.error, self.left = error, times

    def get(self, key: str) -> Mapping[str, object] | None:
        if self.left:
            self.left -= 1
            raise self.error
        return super().get(key)


def test_a_retryable_failure_is_tried_again_with_growing_pauses() -> None:
    pauses: list[float] = []
    client = RetryingClient(Flaky(BackendError("busy", status=503, retryable=True), 3), sleep=pauses.append)
    assert client.get("r1") == {"key": "r1"}
    assert pauses == [0.5, 1.0, 2.0]


def test_retrying_is_bounded() -> None:
    pauses: list[float] = []
    client = RetryingClient(Flaky(BackendError("busy", retryable=True), 99), sleep=pauses.append, attempts=3)
    with pytest.raises(BackendError, match="busy"):
        client.get("r1")
    assert len(pauses) == 2


@pytest.mark.parametrize("error", [BackendError("no", status=400), BackendError("unknown", status=500)])
def test_what_cannot_be_cured_by_waiting_is_not_tried_again(error: BackendError) -> None:
    pauses: list[float] = []
    with pytest.raises(BackendError):
        RetryingClient(Flaky(error, 1), sleep=pauses.append).get("r1")
    assert pauses == []


def test_a_retrying_client_is_a_whole_client() -> None:
    client = RetryingClient(MemoryClient(), sleep=lambda _: None)
    assert client.put("r1", {"key": "r1"}) == {"key": "r1"}
    assert list(client.list()) == [{"key": "r1"}]
    client.delete("r1")
    assert client.get("r1") is None
