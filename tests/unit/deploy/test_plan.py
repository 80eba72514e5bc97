"""What a plan decides, and how it says why."""

import json

import pytest

from mcp_siem.convert.target import Action, Change, Marker, Remote, Resource
from mcp_siem.deploy.memory import MemoryTarget
from mcp_siem.deploy.plan import Plan, Withheld, make_plan, plan_from_json, plan_to_json, spec_digest
from mcp_siem.deploy.wording import differences
from mcp_siem.errors import ConfigError

TARGET = MemoryTarget()


def wanted(key: str = "r1", **fields: object) -> tuple[Resource, str]:
    return TARGET.rendered(key, **fields), f"Title of {key}"


def standing(key: str = "r1", *, applied: str | None = "actual", pack: str = "p", **fields: object) -> Remote:
    document: dict[str, object] = {"key": key, **fields}
    actual = TARGET.parse(document)
    if applied is not None:
        document["marker"] = {"applied": actual.digest if applied == "actual" else applied, "pack": pack, "tool": "1"}
    return TARGET.parse(document)


def only(desired: list[tuple[Resource, str]], remote: list[Remote], **more: object) -> Change:
    changes = plan(desired, remote, **more).changes
    assert len(changes) == 1
    return changes[0]


def plan(desired: list[tuple[Resource, str]], remote: list[Remote], **more: object) -> Plan:
    return make_plan(desired, remote, target="memory", pack_digest="d", tool_version="1", **more)


def test_a_rule_without_object_is_created() -> None:
    change = only([wanted(query="a")], [])
    assert (change.action, change.before, change.seen, change.reasons) == (Action.CREATE, None, None, ())
    assert json.loads(change.after or "") == {"query": "a"}


def test_an_object_that_says_what_the_rule_says_is_left_alone() -> None:
    change = only([wanted(query="a")], [standing(query="a")])
    assert (change.action, change.reasons, change.drifted) == (Action.NOOP, (), ())


def test_a_changed_rule_is_an_update_that_names_the_field() -> None:
    change = only([wanted(query="new", name="n")], [standing(query="old", name="n")])
    assert change.action is Action.UPDATE
    assert change.drifted == ()
    assert change.reasons == (
        "the rule changed since it was applied",
        'query: the SIEM has "old", the rule has "new"',
    )


def test_plan_marks_remote_edit_as_drift_and_restores_it() -> None:
    applied = wanted(query="a", level="high")[0].digest
    change = only([wanted(query="a", level="high")], [standing(query="a", level="low", applied=applied)])
    assert change.action is Action.UPDATE
    assert change.drifted == ("level",)
    assert change.reasons == (
        "drift: changed on the SIEM since it was applied; apply restores the rule",
        'level: the SIEM has "low", the rule has "high"',
    )


def test_a_changed_rule_whose_object_was_edited_too_is_both() -> None:
    change = only([wanted(query="new")], [standing(query="mine", applied="0" * 64)])
    assert change.action is Action.UPDATE
    assert change.drifted == ("query",)
    assert change.reasons[0].startswith("drift: changed on the SIEM since it was applied, and the rule changed too")


def test_an_object_edited_to_what_the_rule_says_gets_a_new_marker_and_is_no_drift() -> None:
    change = only([wanted(query="a")], [standing(query="a", applied="0" * 64)])
    assert (change.action, change.drifted) == (Action.UPDATE, ())
    assert change.reasons == ("the object already says what the rule says; only our marker is renewed",)


def test_an_object_of_the_same_id_without_our_marker_is_never_touched() -> None:
    result = plan([wanted(query="a")], [standing(query="b", name="Hand made", applied=None)])
    change = result.changes[0]
    assert change.action is Action.NOOP
    assert "not ours, never touched" in change.reasons[0]
    assert "adopt it, or delete it" in change.reasons[0]
    assert "Hand made" in change.reasons[0]
    assert result.blocked == (change,)
    assert result.pending == ()


def test_adopting_is_explicit() -> None:
    change = only([wanted(query="a")], [standing(query="b", applied=None)], adopt=["memory:r1"])
    assert (change.action, change.seen) == (Action.ADOPT, standing(query="b").digest)


def test_a_foreign_object_at_no_id_of_ours_is_not_even_mentioned() -> None:
    assert plan([], [standing(query="b", applied=None)]).changes == ()


def test_objects_of_another_target_are_not_mentioned() -> None:
    stray = Remote(
        address="elastic:r1", marker=Marker(applied="", pack="p", tool="1"), spec="{}", digest="", document={}
    )
    assert plan([], [stray], prune=True).changes == ()


def test_an_object_without_rule_is_kept_and_mentioned() -> None:
    change = only([], [standing(query="b", name="Old one")])
    assert (change.action, change.title, change.after) == (Action.NOOP, "Old one", None)
    assert "kept until a plan is made with prune" in change.reasons[0]


def test_prune_deletes_an_object_without_rule() -> None:
    change = only([], [standing(query="b")], prune=True)
    assert (change.action, change.after, change.seen) == (Action.DELETE, None, standing(query="b").digest)


def test_prune_keeps_an_object_that_somebody_edited() -> None:
    change = only([], [standing(query="b", applied="0" * 64)], prune=True)
    assert change.action is Action.NOOP
    assert "somebody edited it" in change.reasons[0]


def test_prune_keeps_what_another_pack_deployed() -> None:
    change = only([], [standing(query="b", pack="theirs")], prune=True, pack="p")
    assert change.action is Action.NOOP
    assert "another pack (theirs)" in change.reasons[0]


def test_prune_deletes_what_an_older_version_of_the_pack_deployed() -> None:
    change = only([], [standing(query="b", pack="mine@1.0")], prune=True, pack="mine@2.0")
    assert change.action is Action.DELETE
    other = only([], [standing(query="b", pack="mine-too@1.0")], prune=True, pack="mine@1.0")
    assert other.action is Action.NOOP


def test_prune_keeps_the_object_of_a_rule_that_is_off() -> None:
    off = Withheld(address="memory:r1", title="Off rule", reason="variable %allowed% is not set")
    change = only([], [standing(query="b")], prune=True, withheld=[off])
    assert (change.action, change.title) == (Action.NOOP, "Off rule")
    assert "variable %allowed% is not set" in change.reasons[0]


def test_two_objects_with_one_id_are_never_written_nor_deleted() -> None:
    twins = [standing(query="a", name="One"), standing(query="b", name="Two")]
    for desired in ([wanted(query="c")], []):
        change = only(desired, twins, prune=True)
        assert change.action is Action.NOOP
        assert "2 objects on the SIEM carry the id of this rule (One, Two)" in change.reasons[0]
    assert plan([wanted(query="c")], twins).blocked != ()


def test_a_pack_that_renders_one_address_twice_still_gives_one_change() -> None:
    pair = [wanted(query="a"), wanted(query="b")]
    assert plan(pair, []).changes == plan(pair[::-1], []).changes
    assert len(plan(pair, []).changes) == 1


def test_the_marker_of_a_change_holds_the_digest_of_what_is_written() -> None:
    result = plan([wanted(query="a")], [], pack="mcp")
    assert result.marker(result.changes[0]) == Marker(applied=wanted(query="a")[0].digest, pack="mcp", tool="1")


@pytest.mark.parametrize(
    ("actual", "wanted", "says"),
    [
        ('{"a":1}', '{"a":true}', ["a: the SIEM has 1, the rule has true"]),
        ("{}", '{"a":"x"}', ['a: missing on the SIEM, the rule has "x"']),
        ('{"a":null}', "{}", ["a: the SIEM has null, the rule has none"]),
        ('{"t":["a","b"]}', '{"t":["b","c"]}', ['t: the SIEM has "a", which the rule has not; the SIEM lacks "c"']),
        ('{"t":["a","b"]}', '{"t":["b","a"]}', ["t: the same values in another order or number"]),
        ('{"o":{"x":1,"y":2}}', '{"o":{"x":1,"y":3}}', ["o.y: the SIEM has 2, the rule has 3"]),
        (
            "not json",
            '{"a":1}',
            ["a: missing on the SIEM, the rule has 1", 'spec: the SIEM has "not json", the rule has none'],
        ),
        ('{"a":"\\u001b[2Jx"}', '{"a":"x"}', ['a: the SIEM has "\\u001b[2Jx", the rule has "x"']),
        ('{"a":1}', '{"a":1}', []),
    ],
)
def test_differences_are_said_in_words(actual: str, wanted: str, says: list[str]) -> None:
    assert [item.says for item in differences(actual, wanted)] == says


def test_a_long_value_is_shown_around_the_place_where_it_differs() -> None:
    left, right = json.dumps({"q": "a" * 500 + "LEFT" + "b" * 500}), json.dumps({"q": "a" * 500 + "RIGHT" + "b" * 500})
    says = differences(left, right)[0].says
    assert "LEFT" in says
    assert "RIGHT" in says
    assert len(says) < 200


def saved(**changed: object) -> str:
    record = json.loads(plan_to_json(plan([wanted(query="a")], [standing(query="b")])))
    record.update(changed)
    return json.dumps(record)


def broken_change(**changed: object) -> str:
    record = json.loads(saved())
    record["changes"][0].update(changed)
    return json.dumps(record)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("{", "plan.json:1", "not a plan"),
        ("\n\n{]", "plan.json:3", "not a plan"),
        ("[]", "plan.json:1", "plan: expected an object"),
        ("{}", "plan.json:1", "`format` is missing"),
        (saved(format=True), "plan.json:1", "`format` is missing"),
        (saved(format=99), "plan.json:1", "reads formats up to 1"),
        (saved(changes={}), "plan.json:1", "plan.changes: expected a list"),
        (saved(target=3), "plan.json:1", "plan.target: expected a text"),
        (saved(changes=[1]), "plan.json:1", "changes[0]: expected an object"),
        (broken_change(action="explode"), "plan.json:1", "changes[0].action: unknown action 'explode'"),
        (broken_change(after=None), "plan.json:1", "changes[0].after: a change that writes needs"),
        (broken_change(after="[]"), "plan.json:1", "changes[0].after: expected an object"),
        (broken_change(after="{"), "plan.json:1", "changes[0].after: not JSON"),
        (broken_change(seen=None), "plan.json:1", "changes[0].seen"),
        (broken_change(reasons=[1]), "plan.json:1", "changes[0].reasons[0]: expected a text"),
        (broken_change(action="delete"), "plan.json:1", "changes[0].after: a delete has no spec"),
        (saved(changes=json.loads(saved())["changes"] * 2), "plan.json:1", "stands in the plan twice"),
        (
            broken_change(address="elastic:r1"),
            "plan.json:1",
            "changes[0].address: 'elastic:r1' is no address of memory",
        ),
        (broken_change(address="memory:../r1"), "plan.json:1", "is no address of memory"),
        ("[" * 100_000, "plan.json:1", "not a plan"),
    ],
)
def test_a_malformed_plan_is_refused_with_its_place(text: str, place: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_from_json(text, "plan.json")
    assert caught.value.source == place
    assert message in caught.value.message
    assert caught.value.hint


def test_a_plan_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ConfigError, match="not a plan"):
        plan_from_json(b"\xff\xfe{", "plan.json")


def test_a_plan_with_lone_surrogates_is_still_utf_8() -> None:
    lone = standing(query="\ud800", applied=None)
    result = plan([wanted(query="a")], [lone])
    text = plan_to_json(result)
    assert plan_from_json(text.encode("utf-8"), "plan.json").changes[0].seen == lone.digest


def test_the_digest_of_a_spec_is_sha_256_of_its_utf_8() -> None:
    assert spec_digest("{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
