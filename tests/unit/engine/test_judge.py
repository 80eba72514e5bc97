"""All rules at once against each rule's own tree: the verdicts are the same, on every event, with every scanner."""

# ruff: noqa: RUF001 - look-alikes are what is tested

import json
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path

import pytest

from mcp_siem.engine import compiled, fast, formula, reader, walk
from mcp_siem.engine.engine import Engine
from mcp_siem.engine.match import EventView, twins_of
from mcp_siem.engine.scan import HyperscanScanner, PlainScanner, Re2Scanner, Scanner
from mcp_siem.events.event import Event
from mcp_siem.rules.fixtures import load_fixtures
from mcp_siem.rules.pack import load_pack
from mcp_siem.rules.rule import RulePack

PackOf = Callable[..., RulePack]

_SAMPLES = Path(__file__).parent / "vectors"


@pytest.fixture(params=["hyperscan", "re2", "plain"])
def scanner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes readers use one scanner from the first text on, and walks be written out where one was walked once."""
    if request.param == "hyperscan":
        pytest.importorskip("hyperscan", reason="an optional accelerator")
    made: dict[str, Callable[[Sequence[str]], Scanner]] = {
        "hyperscan": HyperscanScanner,
        "re2": Re2Scanner,
        "plain": PlainScanner,
    }
    monkeypatch.setattr(reader, "_SCANS_BEFORE_COMPILING", 1)
    monkeypatch.setattr(compiled, "_MET_BEFORE", 2)
    monkeypatch.setattr(reader, "best_scanner", made[request.param])
    return str(request.param)


def _agree(engine: Engine, data: object) -> int:
    """Asks both ways, the fast one twice (what it remembers counts too); returns how many rules hold."""
    event = Event(data=data)  # type: ignore[arg-type]
    twins = twins_of({name for one in engine.detections for name in one.fields}, engine.taxonomy)
    view = EventView(event, twins)
    exact = [one.rule.id for one in engine._routed(event) if one.node.holds(view)]
    for _ in range(2):
        assert [one.rule.id for one in engine._judge.judged(event).held] == exact, data
    return len(exact)


def _pack_events(pack: RulePack) -> Iterator[dict[str, object]]:
    for rule in pack:
        for fixture in load_fixtures(rule):
            yield from map(dict, fixture.events)


def test_the_shipped_pack_on_all_its_fixtures(scanner: str) -> None:
    pack = load_pack()
    engine = Engine(pack)
    events = list(_pack_events(pack))
    assert scanner
    assert len(events) > 100
    assert sum(_agree(engine, event) for event in events) > 50


def _vectors() -> list[dict[str, object]]:
    lines = (_SAMPLES / "sigma_semantics_vectors.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_all_vectors_in_one_pack_on_all_their_events(scanner: str, pack_of: PackOf) -> None:
    vectors = _vectors()
    engine = Engine(pack_of("\n---\n".join(str(vector["yaml"]) for vector in vectors)))
    assert scanner
    assert sum(_agree(engine, vector["event"]) for vector in vectors) > len(vectors)


_WORDS = [
    "ignore",
    "STRASSE",
    "straße",
    "K",
    "k",
    "ſ",
    "s",
    "İ",
    "i̇",
    "a?b",
    "10.0.0.1",
    "::ffff:10.0.0.1",
    "42",
    "4.2e1",
    "",
    " ",
    "\n",
]
_WORDS += [
    "true",
    "ｉgnore",
    "ig\u200bnore",
    "2026-01-02T03:04:05Z",
    "\ud800",
    "?",
    "é",
    "É",
    "needle",
    "NEEDLE",
    "Σς",
    "*",
    "\\",
]
_VALUES: list[object] = [
    42,
    42.0,
    1,
    True,
    False,
    None,
    0,
    -0.0,
    4.5,
    10**30,
    10**5000,
    float("nan"),
    {},
    [],
    {"a": 1},
    b"x",
]


def _text(rng: random.Random) -> str:
    text = "".join(rng.choices(_WORDS, k=rng.randrange(1, 5)))
    return text + "-" * rng.choice([0, 0, 0, 120]) + rng.choice(_WORDS)


def _value(rng: random.Random, depth: int = 2) -> object:
    chance = rng.random()
    if depth and chance < 0.15:
        return [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if depth and chance < 0.3:
        return {rng.choice(["a", "b", "c", "b.c", ""]): _value(rng, depth - 1) for _ in range(rng.randrange(3))}
    return rng.choice(_VALUES) if chance < 0.55 else _text(rng)


def _event(rng: random.Random) -> dict[str, object]:
    names = ["x", "x_folded", "a", "b", "a.b", "a.b.c", "b.c", "event", "event.dataset", ""]
    event = {name: _value(rng) for name in rng.sample(names, rng.randrange(1, 6))}
    if rng.random() < 0.5:
        event["event"] = {
            "dataset": rng.choice(["mcp.protocol", "MCP.http", "mcp.other", "else.where", 7, ["mcp.http"]])
        }
    return event


_KEYS = [
    *("", "|cased", "|contains", "|contains|cased", "|startswith", "|startswith|cased", "|endswith", "|contains|neq"),
    *("|contains|all", "|windash|contains"),
]


def _item(rng: random.Random) -> tuple[str, object]:
    name = rng.choice(["x", "x_folded", "a", "a.b", "a.b.c", "b.c", "event.dataset"])
    kind = rng.randrange(12)
    if kind < 5:
        words = [
            rng.choice(["*", "?", "", ""]) + _text(rng).replace("\ud800", "").replace("-", "")[:9]
            for _ in range(rng.randrange(1, 4))
        ]
        return name + rng.choice(_KEYS), [word or "x" for word in words]
    if kind == 5:
        patterns = ["ig.*re", "(?i)NEE(dle|d)", "^$", "[0-9]+", r"\?", "(?i)k", "s{2}", "a|é", "^4"]
        return name + rng.choice(["|re", "|re|i"]), rng.sample(patterns, 2)
    return rng.choice(
        [
            (f"{name}|cidr", ["10.0.0.0/8", "::/8"]),
            (f"{name}|{rng.choice(['lt', 'lte', 'gt', 'gte'])}", rng.choice([0, 42, 4.5])),
            (f"{name}|exists", rng.random() < 0.5),
            (f"{name}|fieldref", "x"),
            (f"{name}|fieldref|startswith", "a.b"),
            (f"{name}|year", 2026),
            (f"{name}|hour", 3),
            (name, rng.choice([None, True, 42, 4.2, "*", "42"])),
        ]
    )


def _rule(rng: random.Random, at: int) -> str:
    detection: dict[str, object] = {f"s{n}": dict(_item(rng) for _ in range(rng.randrange(1, 4))) for n in range(3)}
    if rng.random() < 0.3:
        detection["s3"] = [word for word in (rng.choice(_WORDS[:9]) for _ in range(2)) if word]
    shapes = ["s0", "s0 or s1", "s0 and not s1", "1 of s*", "all of s*", "not s0 and not s1", "s0 and (s1 or not s2)"]
    detection["condition"] = rng.choice(shapes)
    logsource = rng.choice(
        [{"product": "mcp"}, {"product": "mcp", "service": "http"}, {"category": "process_creation"}]
    )
    identity = f"00000000-0000-4000-8000-{at:012d}"
    return json.dumps(
        {"title": f"t{at}", "id": identity, "status": "test", "logsource": logsource, "detection": detection}
    )


def test_many_random_rules_at_once_on_random_hostile_events(scanner: str, pack_of: PackOf) -> None:
    rng = random.Random(31)
    assert scanner
    held = 0
    for _ in range(4):
        engine = Engine(pack_of("\n---\n".join(_rule(rng, at) for at in range(60))))
        held += sum(_agree(engine, _event(rng)) for _ in range(250))
    assert held > 5_000


_NAMES = ["p.a.x", "p.a.y", "p.b.x", "p.c", "q", "p.d.e.f", ".".join("abcdefghijklmnopqrstuvw"), "q.a.x"]


def _spread(rng: random.Random, names: Sequence[str]) -> dict[str, object]:
    """The names at random as nested mappings, dotted keys, lists of objects, or any mixture of these."""
    event: dict[str, object] = {}
    for name in names:
        node, rest = event, name
        while "." in rest and rng.random() < 0.8:
            cut = (
                rng.choice([at for at, char in enumerate(rest) if char == "."])
                if rng.random() < 0.2
                else rest.find(".")
            )
            below = node.setdefault(rest[:cut], {})
            if isinstance(below, list):
                below.append({})
                below = below[-1]
            if not isinstance(below, dict):
                break
            node, rest = below, rest[cut + 1 :]
        node[rest] = deepcopy(rng.choice([*_VALUES, "needle", "STRASSE", ["a", "needle", 42], [{}, {"x": "a"}]]))
    return event


def test_walks_written_out_see_what_stands_at_any_place(scanner: str, pack_of: PackOf) -> None:
    rng = random.Random(37)
    rules = [
        {
            "title": f"t{at}",
            "logsource": {"product": "mcp"},
            "detection": {"s": {_NAMES[at % len(_NAMES)] + key: value}, "condition": "s"},
        }
        for at, (key, value) in enumerate(
            (key, value)
            for key, value in [
                ("", "needle"),
                ("", 42),
                ("|gte", 1.5),
                ("|contains", "stras"),
                ("|exists", True),
                ("", None),
            ]
            for _ in _NAMES
        )
    ]
    engine = Engine(pack_of("\n---\n".join(map(json.dumps, rules))))
    assert scanner
    assert sum(_agree(engine, _spread(rng, rng.sample(_NAMES, rng.randrange(1, 8)))) for _ in range(600)) > 2_000
    assert engine._judge._walk._plans


def test_what_is_remembered_is_bounded_and_changes_nothing(
    pack_of: PackOf, scanner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_MOST_KNOWN", 3)
    monkeypatch.setattr(fast, "_MOST_KNOWN", 3)
    monkeypatch.setattr(formula, "_MOST_MASKS", 3)
    monkeypatch.setattr(walk, "_MOST_PLANS", 3)
    monkeypatch.setattr(compiled, "_MOST_PLANS", 3)
    monkeypatch.setattr(compiled, "_MOST_MET", 3)
    rng = random.Random(23)
    engine = Engine(pack_of("\n---\n".join(_rule(rng, at) for at in range(60))))
    assert scanner
    for _ in range(300):
        _agree(engine, _event(rng))
    judge = engine._judge
    assert len(judge._by_dataset) <= 3
    assert all(len(verdicts.known) <= 3 for verdicts in (judge._all, *judge._routed.values()))
    assert len(judge._walk._walk.root.plans) <= 3
    assert len(judge._walk._plans) <= 3
    assert len(judge._walk._met) <= 3


def test_if_judging_all_at_once_fails_each_rule_is_asked_by_itself(
    pack_of: PackOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = json.dumps({"title": "t", "logsource": {"product": "mcp"}, "detection": {"s": {"x": 1}, "condition": "s"}})
    engine = Engine(pack_of(rule))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine._judge, "judged", broken)
    assert [alert.title for alert in engine.feed(Event(data={"x": 1}))] == ["t"]
    assert engine.feed(Event(data={"x": 2})) == []
    assert not engine.failures
