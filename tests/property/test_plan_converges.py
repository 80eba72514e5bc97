"""Plans and their application, against every state that hypothesis can think of."""

import copy
import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_siem.convert.target import Action, Resource
from mcp_siem.deploy.apply import Result, apply_plan
from mcp_siem.deploy.journal import MemoryJournal
from mcp_siem.deploy.memory import MemoryClient, MemoryTarget
from mcp_siem.deploy.plan import Plan, make_plan, plan_from_json, plan_to_json
from mcp_siem.deploy.read import read_remotes

TARGET = MemoryTarget()
KEYS = tuple(f"rule-{n}" for n in range(6))
TEXTS = st.sampled_from(["a", "b", "ä", 'q" or x', ""])

owned = st.fixed_dictionaries(
    {"name": TEXTS, "query": TEXTS}, optional={"level": TEXTS, "tags": st.lists(TEXTS), "type": TEXTS}
)
analyst = st.fixed_dictionaries(
    {"enabled": st.booleans()}, optional={"exceptions": st.lists(TEXTS, max_size=2), "actions": st.lists(TEXTS)}
)
markers = st.one_of(
    st.none(),
    st.sampled_from(["applied", "older", ""]).map(lambda how: {"applied": how, "pack": "p", "tool": "0"}),
)


@st.composite
def siems(draw: st.DrawFn) -> dict[str, dict[str, object]]:
    """Documents of every kind: ours in step, ours edited since, ours half written, and foreign ones."""
    documents: dict[str, dict[str, object]] = {}
    for key in draw(st.sets(st.sampled_from(KEYS))):
        document: dict[str, object] = {"key": key, **draw(owned), **draw(analyst)}
        marker = draw(markers)
        if marker is not None:
            if marker["applied"] == "applied":
                marker = {**marker, "applied": TARGET.parse(document).digest}
            document["marker"] = marker
        documents[key] = document
    return documents


@st.composite
def packs(draw: st.DrawFn) -> list[tuple[Resource, str]]:
    keys = draw(st.sets(st.sampled_from(KEYS)))
    return [(TARGET.rendered(key, **draw(owned)), key) for key in sorted(keys)]


def planned(pack: list[tuple[Resource, str]], client: MemoryClient, *, prune: bool = False) -> Plan:
    remotes = read_remotes(TARGET, client, [resource.address for resource, _ in pack])
    return make_plan(pack, remotes, target="memory", pack_digest="d", tool_version="1", pack="p", prune=prune)


def applied(plan: Plan, client: MemoryClient, journal: MemoryJournal | None = None) -> set[Result]:
    report = apply_plan(plan, target=TARGET, client=client, journal=journal or MemoryJournal())
    return {outcome.result for outcome in report.outcomes}


def foreign(documents: Mapping[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    return {key: value for key, value in documents.items() if value.get("marker") is None}


def analyst_part(document: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in document.items() if key in {"enabled", "exceptions", "actions"}}


@given(pack=packs(), documents=siems(), prune=st.booleans())
def test_a_plan_applied_leaves_nothing_pending(
    pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]], *, prune: bool
) -> None:
    client = MemoryClient(documents)
    assert applied(planned(pack, client, prune=prune), client) <= {Result.DONE, Result.UNCHANGED}
    again = planned(pack, client, prune=prune)
    assert again.pending == ()
    assert again.drifted == ()
    blocked = {change.address for change in again.blocked}
    for resource, _ in pack:
        if resource.address not in blocked:
            remote = TARGET.parse(client.documents[resource.address.partition(":")[2]])
            assert remote.spec == resource.spec


@given(packs(), siems())
def test_applied_twice_equals_once(pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]]) -> None:
    client = MemoryClient(documents)
    plan = planned(pack, client)
    applied(plan, client)
    after_once, writes = copy.deepcopy(client.documents), client.writes
    assert applied(plan, client) <= {Result.UNCHANGED}
    assert applied(planned(pack, client), client) <= {Result.UNCHANGED}
    assert client.documents == after_once
    assert client.writes == writes


@given(pack=packs(), documents=siems(), prune=st.booleans())
def test_objects_that_are_not_ours_are_never_written(
    pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]], *, prune: bool
) -> None:
    client = MemoryClient(documents)
    applied(planned(pack, client, prune=prune), client)
    assert foreign(documents).items() <= client.documents.items()


@given(packs(), siems())
def test_what_an_analyst_set_survives_every_write(
    pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]]
) -> None:
    client = MemoryClient(documents)
    applied(planned(pack, client), client)
    for key, document in documents.items():
        assert analyst_part(client.documents[key]) == analyst_part(document)


class Killed(BaseException):
    """Stands for a process that dies; nothing catches it."""


@settings(max_examples=60)
@given(pack=packs(), documents=siems(), same_plan=st.booleans())
def test_killed_at_any_write_and_run_again_ends_in_the_same_state(
    pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]], *, same_plan: bool
) -> None:
    whole = MemoryClient(documents)
    applied(planned(pack, whole, prune=True), whole)
    for kill_at in range(whole.writes):
        client = MemoryClient(documents)
        plan = planned(pack, client, prune=True)
        journal = MemoryJournal()
        _apply_until_killed(plan, client, journal, kill_at)
        rerun = plan if same_plan else planned(pack, client, prune=True)
        assert applied(rerun, client, journal) <= {Result.DONE, Result.UNCHANGED}
        assert client.documents == whole.documents


def _apply_until_killed(plan: Plan, client: MemoryClient, journal: MemoryJournal, kill_at: int) -> None:
    def kill(_verb: str, _key: str) -> None:
        if client.writes == kill_at:
            raise Killed

    client._before_write = kill
    with pytest.raises(Killed):
        apply_plan(plan, target=TARGET, client=client, journal=journal)
    client._before_write = None


@given(packs(), siems(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_its_sides(
    pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]], random: object
) -> None:
    remotes = list(read_remotes(TARGET, MemoryClient(documents), [resource.address for resource, _ in pack]))
    first = make_plan(pack, remotes, target="memory", pack_digest="d", tool_version="1")
    random.shuffle(pack)  # type: ignore[attr-defined]
    random.shuffle(remotes)  # type: ignore[attr-defined]
    second = make_plan(pack, remotes, target="memory", pack_digest="d", tool_version="1")
    assert plan_to_json(first) == plan_to_json(second)
    assert [change.address for change in first.changes] == sorted(change.address for change in first.changes)


@given(pack=packs(), documents=siems(), prune=st.booleans())
def test_a_plan_survives_json_unchanged(
    pack: list[tuple[Resource, str]], documents: dict[str, dict[str, object]], *, prune: bool
) -> None:
    plan = planned(pack, MemoryClient(documents), prune=prune)
    text = plan_to_json(plan)
    assert plan_from_json(text, "plan.json") == plan
    assert plan_to_json(plan_from_json(text.encode(), "plan.json")) == text


@given(packs(), siems(), siems())
def test_nothing_that_moved_after_the_plan_is_written(
    pack: list[tuple[Resource, str]], before: dict[str, dict[str, object]], after: dict[str, dict[str, object]]
) -> None:
    plan = planned(pack, MemoryClient(before), prune=True)
    client = MemoryClient(after)
    report = apply_plan(plan, target=TARGET, client=client, journal=MemoryJournal())
    for change, outcome in zip(plan.changes, report.outcomes, strict=True):
        key = change.address.partition(":")[2]
        moved = _owned_part(before.get(key)) != _owned_part(after.get(key))
        settled = _owned_part(after.get(key)) == (None if change.after is None else json.loads(change.after))
        if change.action is not Action.NOOP and moved and not settled:
            assert outcome.result is Result.STALE
            assert client.documents.get(key) == after.get(key)


def _owned_part(document: Mapping[str, object] | None) -> dict[str, object] | None:
    return None if document is None else json.loads(TARGET.parse(document).spec)
