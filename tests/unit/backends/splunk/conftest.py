from collections.abc import Callable, Mapping

import pytest
import yaml

from mcp_siem.convert.target import Query, Refusal
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.rule import LogSource, Rule
from mcp_siem_backends.splunk.target import SplunkTarget

BASE_ID = "11111111-1111-4111-8111-1111111111"
MAIN_ID = f"{BASE_ID}00"


def _field(name: str, *, array: bool = False, twin_of: str | None = None) -> Field:
    return Field(name=name, type="keyword", meaning="-", origin="ours", tier=1, array=array, twin_of=twin_of)


@pytest.fixture
def taxonomy() -> Taxonomy:
    fields = [_field("list", array=True), _field("t"), _field("t_folded", twin_of="t")]
    return Taxonomy(fields={field.name: field for field in fields}, datasets={"mcp.http": {"product": "mcp"}})


def make_rule(document: Mapping[str, object], *bases: Mapping[str, object]) -> Rule:
    text = "---\n".join(yaml.safe_dump(part, sort_keys=False) for part in (*bases, document))
    source = document.get("logsource")
    return Rule(
        id=str(document["id"]),
        name=None,
        stem="a_rule",
        title=str(document["title"]),
        level="high",
        status="test",
        kind="correlation" if "correlation" in document else "detection",
        tags=(),
        logsource=LogSource(**source) if isinstance(source, dict) else None,
        text=text,
        digest="0",
        path="a_rule.yml",
        line=1,
    )


@pytest.fixture
def detection_rule() -> Callable[..., Rule]:
    """A rule over one selection `s` (or several), `condition` s unless said."""

    def make(selections: Mapping[str, object], condition: str = "s", **more: object) -> Rule:
        return make_rule(
            {
                "title": "A rule",
                "id": MAIN_ID,
                "status": "test",
                "level": "high",
                "logsource": {"product": "mcp"},
                "detection": {**selections, "condition": condition},
                **more,
            }
        )

    return make


@pytest.fixture
def correlation_rule() -> Callable[..., Rule]:
    """A correlation over base rules `a`, `b` ..., each `kind: <its name>` on `mcp` events."""

    def make(bases: str, **correlation: object) -> Rule:
        documents = [
            {
                "title": name,
                "name": name,
                "id": f"{BASE_ID}{number:02}",
                "status": "test",
                "level": "low",
                "logsource": {"product": "mcp"},
                "detection": {"s": {"kind": name}, "condition": "s"},
            }
            for number, name in enumerate(bases, start=1)
        ]
        body = {"rules": list(bases), "timespan": "5m", **correlation}
        main = {"title": "A correlation", "id": MAIN_ID, "status": "test", "level": "high", "correlation": body}
        return make_rule(main, *documents)

    return make


@pytest.fixture
def spl(taxonomy: Taxonomy) -> Callable[[Rule], str]:
    """The search of a rule, without the macro and source type that start it."""

    def convert(rule: Rule) -> str:
        query = SplunkTarget(taxonomy).query(rule)
        assert isinstance(query, Query), query
        bound = '`mcp_siem_index` sourcetype="mcp:normalized"'
        assert query.text.startswith(bound)
        return query.text.removeprefix(bound).strip()

    return convert


@pytest.fixture
def refusal(taxonomy: Taxonomy) -> Callable[[Rule], Refusal]:
    def convert(rule: Rule) -> Refusal:
        answer = SplunkTarget(taxonomy).query(rule)
        assert isinstance(answer, Refusal), answer
        return answer

    return convert
