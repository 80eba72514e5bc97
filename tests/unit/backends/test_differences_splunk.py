r"""Every known difference between Sigma and what pySigma's own Splunk backend emits (S1 to S21, A1 to A6): theirs, and ours.

A row has a rule, events with what Sigma says of them, and the text of the stock backend. Ours is run by the interpreter of
tests/referee/spl, under every reading of Splunk's documentation, and must find exactly those events; this is proven against
that interpreter, not on a Splunk. The stock text is run likewise: it is `wrong` if under some reading it finds other
events, `unknown` if no page says what it does, `refused` if there is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from sigma.backends.splunk import SplunkBackend
from sigma.backends.splunk.splunk import SplunkDeferredORRegularExpression
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from spl_dialect import UnknownSplError, all_dialects
from spl_judge import engine_alerts, engine_matches, pack_of, row_of, rule_id, rule_of, search_alerts, search_matches
from spl_pipeline import Search
from spl_rows import Row

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.event import Event
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.splunk.target import SplunkTarget

Found = Mapping[str, object]

FIELDS = [("list", True, None), ("t", False, None), ("t_folded", False, "t")]
TAXONOMY = Taxonomy(
    fields={
        name: Field(name=name, type="keyword", meaning="-", origin="ours", tier=1, array=array, twin_of=twin)
        for name, array, twin in FIELDS
    },
    datasets={"mcp.http": {"product": "mcp"}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. `stock` is what pySigma emits, or a part of it; `code` is our refusal, where we refuse."""

    id: str
    says: str
    detection: Mapping[str, object]
    found: Sequence[Found] = ()
    missed: Sequence[Found] = ()
    stock: str | None = None
    verdict: str = "wrong"
    code: str | None = None


def _one(selection: object) -> Mapping[str, object]:
    return {"s": selection, "condition": "s"}


ROWS = [
    Difference(
        id="S1", says="`?` is one character, not any text", detection=_one({"f": "ab?d"}),
        found=[{"f": "abcd"}, {"f": "AB\nD"}], missed=[{"f": "abd"}, {"f": "abccd"}],
        stock='f="ab*d"', verdict="unknown",
    ),
    Difference(
        id="S2", says="a literal asterisk cannot be escaped in `search`", detection=_one({"f|contains": "/tn \\*"}),
        found=[{"f": "x /TN *"}], missed=[{"f": "x /tn a"}], stock=r'f="*/tn \**"', verdict="unknown",
    ),
    Difference(
        id="S3", says="two regexes on fields with one leaf name share a capture",
        detection={
            "a": {"p.tool|re": "foo", "x": 1}, "b": {"r.tool|re": "bar", "y": 2}, "condition": "a or b"
        },
        found=[{"p.tool": "foo", "x": 1}, {"r.tool": "bar", "y": 2}, {"p.tool": "foo", "r.tool": "-", "x": 1}],
        missed=[{"p.tool": "foo", "y": 2}, {"r.tool": "bar", "x": 1}],
        stock='| search (toolCondition="true" x=1) OR (toolCondition="true" y=2)', verdict="unknown",
    ),
    Difference(
        id="S4", says="ored regexes begin without a base search",
        detection=_one([{"f|re": "foo"}, {"g|re": "bar"}]), found=[{"f": "foo"}, {"g": "a bar"}],
        missed=[{"f": "bar"}, {}], stock='\n| rex field=f "(?<fMatch>foo)"', verdict="unknown",
    ),
    Difference(
        id="S5", says="a field name with a hyphen or braces is no capture's name and no eval field",
        detection=_one([{"p.tool-name|re": "foo"}, {"list|re": "^bar$"}]),
        found=[{"p.tool-name": "a foo"}, {"list": ["x", "bar"]}], missed=[{"list": ["bars"]}],
        stock="(?<tool-nameMatch>foo)", verdict="unknown",
    ),
    Difference(
        id="S6", says="a regex alone searches everything, backslashes doubled",
        detection=_one({"f|re": r"\\\\srv\\d"}), found=[{"f": r"\\srv\d"}], missed=[{"f": r"\srv\d"}],
        stock="*\n| regex f=", verdict="unknown",
    ),
    Difference(
        id="S7", says="a regex without a field is searched as a word", detection=_one({"|re": "foo.*bar"}),
        stock="foo.*bar", verdict="unknown", code="SPLUNK-KEYWORD-REGEX",
    ),
    Difference(
        id="S8", says="keywords are parts of texts, not words", detection=_one(["nore prev"]),
        found=[{"f": "ignore previous"}, {"g": ["x", "IGNORE PREVIOUS"]}], missed=[{"f": "ignore"}],
        stock='"nore prev"', verdict="unknown",
    ),
    Difference(
        id="S9", says="case is asked for", detection=_one({"f|contains|cased": "Foo"}),
        found=[{"f": "a Foo"}], missed=[{"f": "a foo"}], verdict="refused",
    ),
    Difference(
        id="S9-time", says="parts of a time", detection=_one({"when|hour": 5}),
        found=[{"when": "2026-03-04T05:06:07Z"}], missed=[{"when": "2026-03-04T06:05:05Z"}, {"when": "5"}],
        verdict="refused",
    ),
    Difference(
        id="S10", says="two fields compare without case", detection=_one({"f|fieldref": "g"}),
        found=[{"f": "Abc", "g": "aBC"}], missed=[{"f": "a", "g": "b"}, {"f": "a"}, {}], stock="*\n| where 'f'='g'",
    ),
    Difference(
        id="S11", says="an empty text is a value, a missing field is none",
        detection={"s": {"f": None}, "condition": "not s"}, found=[{"f": ""}, {"f": "x"}], missed=[{}],
        stock="NOT NOT f=*",
    ),
    Difference(
        id="S12", says="a dual-stack listener logs IPv4 in its IPv6 form", detection=_one({"f|cidr": "10.0.0.0/8"}),
        found=[{"f": "10.1.2.3"}, {"f": "::ffff:10.1.2.3"}], missed=[{"f": "11.1.2.3"}, {"f": "10.0.0.0/8"}],
        stock='f="10.0.0.0/8"',
    ),
    Difference(
        id="S12-v6", says="networks of IPv6", detection=_one({"f|cidr": "2001:db8::/32"}),
        found=[{"f": "2001:DB8:1::5"}], missed=[{"f": "2001:db9::1"}, {"f": "x"}], stock='f="2001:db8::/32"',
        verdict="right",
    ),
    Difference(
        id="A1", says="a placeholder without a value", detection=_one({"f|expand": "%x%"}), verdict="refused",
        code="SPLUNK-PLACEHOLDER",
    ),
    Difference(
        id="A3", says="every dash of windash, in one list", detection=_one({"f|windash|contains": "-foo"}),
        found=[{"f": "a /foo"}, {"f": "a \u2014foo"}, {"f": "a -FOO"}], missed=[{"f": "a foo"}],
        stock='f="*-foo*" OR f="*/foo*"', verdict="unknown",
    ),
    Difference(
        id="A5", says="Base64 means its case, where the rule says so",
        detection=_one({"f|base64offset|contains|cased": "foo"}),
        found=[{"f": "xZm9v"}], missed=[{"f": "xzM9V"}, {"f": "ZVB"}], verdict="refused",
    ),
    Difference(
        id="A6", says="look-alikes are found in the folded twin", detection=_one({"t_folded|contains": "ignore"}),
        found=[{"t": "IGNORE"}, {"t": "\u0456gnore"}, {"t": "ig\u200bnore"}, {"t": "\uff29gnore"}], missed=[{"t": "ignor"}],
        stock='t_folded="*ignore*"', verdict="right",
    ),
]  # fmt: skip


def _text(detection: Mapping[str, object], **more: object) -> str:
    document = {
        "title": "A rule", "id": rule_id("rule"), "status": "test", "level": "high", "logsource": {"product": "mcp"},
        "detection": detection, **more,
    }  # fmt: skip
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _stock(text: str, output_format: str | None = None) -> str | None:
    """What the stock backend emits, None if it raises."""
    try:
        found = SplunkBackend().convert(SigmaCollection.from_yaml(text), output_format)
    except (SigmaError, NotImplementedError):
        return None
    return found if isinstance(found, str) else str(found[-1])


def _query(rule: Rule) -> str:
    answer = SplunkTarget(TAXONOMY).query(rule)
    assert isinstance(answer, Query), answer
    return answer.text


def _rows(row: Difference) -> tuple[list[Event], list[Row]]:
    events = [Event(data=dict(data), time=0) for data in (*row.found, *row.missed)]
    return events, [row_of(event, TAXONOMY, place) for place, event in enumerate(events)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_ours_finds_what_sigma_says_and_the_stock_text_does_not(row: Difference) -> None:
    rule = rule_of(_text(row.detection))
    events, rows = _rows(row)
    stock = _stock(rule.text)
    assert (row.stock or "") in (stock or "")
    assert (stock is None) is (row.verdict == "refused")
    want: set[object] = set(range(len(row.found)))
    if stock is not None and row.code is None:
        assert _judged(stock, rows, want) == row.verdict
    if row.code is not None:
        answer = SplunkTarget(TAXONOMY).query(rule)
        assert isinstance(answer, Refusal)
        assert answer.code == row.code
        return
    assert engine_matches(pack_of([rule], TAXONOMY), events) == want
    ours = _query(rule)
    assert ours.startswith('`mcp_siem_index` sourcetype="mcp:normalized"')
    assert [search_matches(ours, rows, dialect) for dialect in all_dialects()] == [want] * len(list(all_dialects()))


def _judged(text: str, rows: Sequence[Row], want: set[object]) -> str:
    try:
        found = [search_matches(text, rows, dialect) for dialect in all_dialects()]
    except UnknownSplError:
        return "unknown"
    return "right" if all(one == want for one in found) else "wrong"


def test_s13_the_fields_of_a_rule_do_not_cut_the_event() -> None:
    text = _text(_one({"f": "x"}), fields=["f"])
    assert (_stock(text) or "").endswith("| table f"), "suppression and drill-down lose their fields"
    assert "table" not in _query(rule_of(text))


def test_s14_nothing_is_carried_from_one_rule_to_the_next() -> None:
    text = _text({"a": {"f|re": "x"}, "b": {"f|re": "y"}, "condition": "a or b"})
    counts = vars(SplunkDeferredORRegularExpression)["field_counts"]
    assert isinstance(counts, dict), "theirs counts the fields of a rule on the class, across rules and threads"
    assert len({_query(rule_of(text)) for _ in range(3)}) == 1


BASES = {"a": {"kind": "a"}, "b": {"kind": "b"}}


def _correlation(**body: object) -> Rule:
    bases = [
        yaml.safe_dump(
            {
                "title": name, "name": name, "id": rule_id(name), "status": "test", "level": "low",
                "logsource": {"product": "mcp"}, "detection": _one(selection),
            }, sort_keys=False,
        )
        for name, selection in BASES.items()
    ]  # fmt: skip
    main = {"title": "c", "id": rule_id("c"), "status": "test", "level": "high", "correlation": body}
    return rule_of("---\n".join([*bases, yaml.safe_dump(main, sort_keys=False)]), kind="correlation")


MINUTE = 60_000_000
BURST = [Event(data={"kind": "a", "user.id": "u"}, time=10 * MINUTE + seconds * 1_000_000) for seconds in (-20, -10, 5)]


def test_s15_a_burst_over_the_edge_of_a_bucket_is_found_and_an_event_without_the_key_is_in_no_group() -> None:
    rule = _correlation(
        type="event_count", rules=["a"], timespan="5m", condition={"gte": 3}, **{"group-by": ["user.id"]}
    )
    assert "bin _time span=5m" in str(_stock(rule.text)), "two of the three events are in another bucket"
    events = [*BURST, *(Event(data={"kind": "a"}, time=11 * MINUTE + place) for place in range(3))]
    base = rule_of(rule.text.split("---\n")[0], alerts=False)
    want = engine_alerts(pack_of([base, rule], TAXONOMY), events, rule.stem)
    assert want == {(("u",), 10 * MINUTE + 5_000_000)}
    rows = [row_of(event, TAXONOMY, place) for place, event in enumerate(events)]
    for dialect in all_dialects():
        assert search_alerts(_query(rule), rows, ["user.id"], dialect) == want


def test_s16_no_field_of_an_event_is_overwritten() -> None:
    rule = _correlation(type="temporal", rules=["a", "b"], timespan="5m")
    assert 'eval event_type="a"' in str(_stock(rule.text))
    made = {name for command in _query(rule).split("\n| ") for name in _names_made(command)}
    assert made
    assert all(name.startswith("mcp_siem_") for name in made)


def _names_made(command: str) -> list[str]:
    words = command.replace("=", " = ").split()
    if command.startswith("eval "):
        return [words[at - 1] for at, word in enumerate(words) if word == "=" and words[at - 1].startswith("mcp_siem")]
    return [words[at + 1] for at, word in enumerate(words) if word == "AS"]


def test_s17_a_correlation_is_a_saved_search() -> None:
    rule = _correlation(type="event_count", rules=["a"], timespan="5m", condition={"gte": 3})
    stock = str(_stock(rule.text, "savedsearches"))
    assert "alert" not in stock, "the stock stanza is a report that no schedule runs"
    target = SplunkTarget(TAXONOMY)
    query = target.query(rule)
    assert isinstance(query, Query)
    assert 'kind=\\"a\\"' in target.resource(query, rule).spec
    assert '"is_scheduled":"1"' in target.resource(query, rule).spec.replace(" ", "")


def test_s18_there_is_no_other_form_in_which_a_regex_gets_lost() -> None:
    text = _text(_one({"f|re": "x.y"}))
    assert _stock(text, "data_model") is None
    query = _query(rule_of(text))
    assert "tstats" not in query
    assert "mvfind('f', \"x.y\")" in query


def test_s19_every_search_is_bound_to_an_index_and_a_source_type() -> None:
    text = _text(_one({"f": "x"}))
    assert _stock(text) == 'f="x"'
    assert _query(rule_of(text)) == '`mcp_siem_index` sourcetype="mcp:normalized" f="x"'


def test_s20_the_limits_behind_which_padding_hides_are_told() -> None:
    rule = rule_of(_text(_one({"mcp.request.text_folded|contains": "x"})))
    answer = SplunkTarget(TAXONOMY).query(rule)
    assert isinstance(answer, Query)
    assert any("TRUNCATE" in note and "maxchars" in note for note in answer.notes)


def test_s21_search_and_where_bind_differently_so_every_group_is_written() -> None:
    rows = [
        row_of(Event(data=data, time=0), TAXONOMY, place)
        for place, data in enumerate([{"f": "x"}, {"g": "y", "h": "z"}])
    ]
    bare = 'index=mcp f="x" OR g="y" h="z"'
    assert {row.mark for row in Search(bare, next(iter(all_dialects()))).run(rows)} == {1}, "search binds OR before AND"
    text = _text({"a": {"f": "x"}, "b": {"g": "y"}, "c": {"h": "z"}, "condition": "a or b and c"})
    assert _query(rule_of(text)).endswith('(f="x" OR (g="y" h="z"))')
    cased = _text({"a": {"f|cased": "x"}, "b": {"g|cased": "y"}, "c": {"h|cased": "z"}, "condition": "a or b and c"})
    for query in (_query(rule_of(text)), _query(rule_of(cased))):
        assert all(search_matches(query, rows, dialect) == {0, 1} for dialect in all_dialects())


def test_a2_a_condition_with_two_bounds_is_refused_where_it_stands() -> None:
    rule = _correlation(type="event_count", rules=["a"], timespan="5m", condition={"gte": 3, "lt": 5})
    assert _stock(rule.text) is None
    answer = SplunkTarget(TAXONOMY).query(rule)
    assert isinstance(answer, Refusal)
    assert answer.code == "SPLUNK-CORRELATION-CONDITION"


def test_a4_a_filter_reaches_every_selection_of_a_pattern(tmp_path: Path) -> None:
    rule = _text({"selection_a": {"f": "x"}, "selection_b": {"g": "y"}, "condition": "1 of selection_*"})
    note = {
        "title": "A filter", "id": rule_id("filter"), "logsource": {"product": "mcp"},
        "filter": {"rules": [rule_id("rule")], "selection": {"user.id": "known"}, "condition": "not selection"},
    }  # fmt: skip
    (tmp_path / "a_rule.yml").write_text(rule, "utf-8")
    (tmp_path / "a_filter.yml").write_text(yaml.safe_dump(note, sort_keys=False), "utf-8")
    pack = load_pack([tmp_path])
    query = _query(next(iter(pack.alerting())))
    data = [{"f": "x"}, {"g": "y"}, {"f": "x", "user.id": "known"}, {"g": "y", "user.id": "known"}]
    rows = [row_of(Event(data=one, time=0), TAXONOMY, place) for place, one in enumerate(data)]
    assert all(search_matches(query, rows, dialect) == {0, 1} for dialect in all_dialects())
