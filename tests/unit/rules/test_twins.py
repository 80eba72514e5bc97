from collections.abc import Callable

import pytest

from mcp_siem.engine.engine import Engine
from mcp_siem.errors import PackError
from mcp_siem.events.event import Event
from mcp_siem.rules.rule import RulePack

Load = Callable[..., RulePack]


def _on_twin(rule_text: str, item: str) -> str:
    return rule_text.replace("tool|contains: run", item)


@pytest.mark.parametrize(
    "item",
    [
        'mcp.request.text_folded|contains: "\\u200b"',
        'mcp.request.text_folded: ["good", "*\\u00ad*"]',
        'mcp.request.text_folded|expand: "\\u200b%nothing%"',
        'mcp.request.text_folded|expand: "%hidden%"',
        'mcp.request.text_folded|re|expand: "^%hidden%$"',
    ],
)
def test_a_pack_with_a_pattern_of_which_folding_leaves_nothing_is_refused(
    load: Load, rule_text: str, item: str
) -> None:
    with pytest.raises(PackError) as caught:
        load(
            a_rule=_on_twin(rule_text, item),
            variables={"hidden": ["\u200b\u2060"], "nothing": ["\u200b"]},
        )
    (issue,) = caught.value.issues
    assert (issue.code, issue.line) == ("MS212", 9)
    assert "folds to nothing" in issue.message


@pytest.mark.parametrize(
    "item",
    [
        'mcp.request.text|contains: "\\u200b"',
        'mcp.request.text_folded|contains: "a\\u200b"',
        'mcp.request.text_folded: "*"',
        'mcp.request.text_folded|expand: "%unset%"',
        'mcp.request.text_folded|base64offset|contains: "\\u200b"',
    ],
)
def test_a_pattern_that_finds_something_is_taken(load: Load, rule_text: str, item: str) -> None:
    assert len(load(a_rule=_on_twin(rule_text, item))) == 1


def test_a_filter_of_which_folding_leaves_nothing_is_refused_as_well(load: Load, rule_text: str) -> None:
    sieve = 'title: F\nlogsource:\n    product: mcp\nfilter:\n    rules: any\n    s:\n        mcp.request.text_folded: "\\u200b"\n'
    with pytest.raises(PackError):
        load(a_rule=rule_text, f=f"{sieve}    condition: not s\n")


def test_a_variable_in_a_regular_expression_on_a_twin_is_folded(load: Load, rule_text: str) -> None:
    item = 'mcp.request.text_folded|re|expand: "^to %who%$"'
    pack = load(a_rule=_on_twin(rule_text, item), variables={"who": ["\u041c\u0410\u041c\u0410 Corp*"]})
    engine = Engine(pack)
    assert engine.feed(Event(data={"mcp.request.text": "To \u043c\u0430\u043c\u0430 CORPORATE"}))
    assert engine.feed(Event(data={"mcp.request.text": "to mama corp"}))
    assert not engine.feed(Event(data={"mcp.request.text": "to papa corp"}))


def test_a_variable_in_a_regular_expression_on_another_field_keeps_its_case(load: Load, rule_text: str) -> None:
    pack = load(a_rule=_on_twin(rule_text, 'tool|re|expand: "^%who%$"'), variables={"who": ["Corp"]})
    assert Engine(pack).feed(Event(data={"tool": "Corp"}))
    assert not Engine(pack).feed(Event(data={"tool": "corp"}))
