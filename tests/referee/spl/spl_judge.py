"""What the engine says and what an emitted search says, side by side."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

import yaml
from spl_dialect import Dialect
from spl_pipeline import Search
from spl_rows import Row, shipped_row

from mcp_siem.convert.target import Query
from mcp_siem.engine.engine import Engine, replay
from mcp_siem.events.event import Event
from mcp_siem.events.fold import fold
from mcp_siem.events.taxonomy import Field, Taxonomy
from mcp_siem.rules.rule import LogSource, Rule, RulePack
from mcp_siem_backends.splunk.target import SplunkTarget

DATASETS = {
    "mcp.protocol": {"product": "mcp", "service": "protocol"},
    "mcp.http": {"product": "mcp", "service": "http"},
}


def small_taxonomy(arrays: Iterable[str] = (), twins: Iterable[str] = ()) -> Taxonomy:
    """A taxonomy of just the fields that are arrays or have a twin."""

    def make(name: str, *, array: bool = False, twin_of: str | None = None) -> Field:
        return Field(name=name, type="keyword", meaning="-", origin="ours", tier=1, array=array, twin_of=twin_of)

    fields = {name: make(name, array=True) for name in arrays}
    fields |= {f"{name}_folded": make(f"{name}_folded", array=name in fields, twin_of=name) for name in twins}
    return Taxonomy(fields=fields, datasets=DATASETS)


def rule_of(text: str, *, kind: str = "detection", alerts: bool = True, whole: str | None = None) -> Rule:
    """The last document of `text` as a Rule; `whole` is all the text it needs."""
    document = list(yaml.safe_load_all(text))[-1]
    source = document.get("logsource") or {}
    return Rule(
        id=str(document["id"]), name=document.get("name"), stem=str(document["title"]), title=str(document["title"]),
        level="high", status="test", kind=kind, tags=(), text=whole or text, digest="0", path="test.yml", line=1,
        logsource=LogSource(**source) if kind == "detection" else None, alerts=alerts,
    )  # fmt: skip


def pack_of(rules: Sequence[Rule], taxonomy: Taxonomy) -> RulePack:
    return RulePack(name="test", version="0", rules=tuple(rules), taxonomy=taxonomy, digest="0")


def rule_id(seed: object) -> str:
    return str(uuid5(NAMESPACE_URL, str(seed)))


def search_text(rule: Rule, taxonomy: Taxonomy) -> str:
    query = SplunkTarget(taxonomy).query(rule)
    assert isinstance(query, Query), query
    return query.text


def row_of(event: Event, taxonomy: Taxonomy, mark: object) -> Row:
    """The event as it is shipped, with its folded twins."""
    flat = event.flat()
    for name, field in taxonomy.fields.items():
        if field.twin_of is not None and name not in flat and field.twin_of in flat:
            value = flat[field.twin_of]
            items = value if isinstance(value, list) else [value]
            folded = [fold(item) if isinstance(item, str) else item for item in items]
            flat[name] = folded if isinstance(value, list) else folded[0]
    arrays = {name for name, field in taxonomy.fields.items() if field.array}
    return shipped_row(flat, arrays, time=(event.time or 0) / 1_000_000, mark=mark)


def engine_matches(pack: RulePack, events: Sequence[Event]) -> set[int]:
    engine = Engine(pack)
    found = {place for place, event in enumerate(events) if engine.match(event)[0]}
    assert not engine.failures
    return found


def search_matches(text: str, rows: Sequence[Row], dialect: Dialect) -> set[object]:
    return {row.mark for row in Search(text, dialect).run(rows)}


def engine_alerts(pack: RulePack, events: Sequence[Event], stem: str) -> set[tuple[tuple[str, ...], int]]:
    """Group and instant of every event at which the correlation holds."""
    return alerts_of(Engine(pack, every=True), events, stem)


def alerts_of(engine: Engine, events: Sequence[Event], stem: str) -> set[tuple[tuple[str, ...], int]]:
    """The same of a fresh engine."""
    alerts = [alert for alert in replay(engine, events) if alert.stem == stem]
    assert not engine.failures
    return {(_key(alert.group or {}), int(alert.time or 0)) for alert in alerts}


def search_alerts(
    text: str, rows: Sequence[Row], names: Sequence[str], dialect: Dialect
) -> set[tuple[tuple[str, ...], int]]:
    return rows_of(Search(text, dialect), rows, names)


def rows_of(search: Search, rows: Sequence[Row], names: Sequence[str]) -> set[tuple[tuple[str, ...], int]]:
    """Group and instant of every row that comes out."""
    out = search.run(rows)
    return {(tuple(row.fields[name][0] for name in names), round(row.time * 1_000_000)) for row in out}


def _key(group: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(value) for value in group.values())
