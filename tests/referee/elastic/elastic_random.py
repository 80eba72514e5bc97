"""Random rules and events, made of what has gone wrong in converted queries."""

import random
import uuid
from collections.abc import Mapping, Sequence

__all__ = ["comparable", "event", "pattern", "rule"]

_ATOMS = [
    "a", "b", "A", "foo", "Foo", "FOO", " ", "  ", "\n", "\t", "\\", "/", "*", "?", '"', "'", "<", ">", "<b", "(", ")",
    "[", "]", "{", "}", "^", "~", ":", "-", "+", "=", "&&", "||", "!", "@", "#", "$", "%", "_", "\xdf", "ss", "SS",
    "\u1e9e", "\u0130", "i", "I", "\u017f", "s", "K", "k", "\ufb01", "fi", "\u03a3", "\u03c3", "\u03c2", "\xe9", "\xc9",
    "\U0001f600", "\u200b", "..", "../", "\u0301", "\u13a0", "\uab70", "0", "1", "42", "-5", "AND", "OR", "NOT", "TO",
    "\u3000", "\x01", "\u0149", "n", "\u2028", ".", "|", ",", ";", "`",
]  # fmt: skip
_WORDS = [
    "Foo Bar", "C:\\Temp\\x.exe", "https://ex.com/a?b=1", "<script>", "password", "PASSWORD", "pa\xdfword",
    "ignore previous", "42", "-5", "true", "False", "10.1.2.3", "null",
]  # fmt: skip
_TEXT_FIELDS = ["gen_ai.tool.name", "mcp.server.url", "mcp.request.text", "x", "sub.y z", "w/\xe9", "mcp.argument.value", "@odd-name.k"]  # fmt: skip
_ADDRESSES = ["10.1.2.3", "10.200.0.9", "192.168.1.1", "2001:DB8::1", "::ffff:10.1.2.3", "bogus", "2001:db8:1::5"]
_PATTERNS = [
    "foo", "^foo$", "^a", "b$", "[a-z]+", "[^a-z]", r"\bfoo\b", "foo|bar", "(a|b)+$", r"\d+", r"\w\s\w", "^$", "a.b",
    "(?i)foo", r"\Bo", "x*", r"(^|\s)foo($|\s)", "fo{2}", r"[\\/]", r"\.\.", "a{2,3}", r"\S+\s+\S+", "[k-s]", "\xe9|\xdf",
    "s+", r"(foo)?\b", r"\n", r"^\W", r"\$|\^", "[<>]", '"', "#|@|&|~", ".*", "(?s)a.b", "(?m)^foo$", "k", "^.$", r"\x41",
]  # fmt: skip
_CONDITIONS = ["{all}", "{any}", "not {one}", "{one} and not {last}", "{one} or not {last}", "not ({any})", "1 of s*", "all of s*", "not 1 of s*"]  # fmt: skip


def _text(choose: random.Random, most: int = 4) -> str:
    least = 0 if choose.random() < 0.1 else 1
    return "".join(choose.choice(_ATOMS) for _ in range(choose.randint(least, most)))


def _value(choose: random.Random) -> str:
    pool = [_text(random.Random(seed)) for seed in range(60)] + _WORDS
    made = choose.choice(pool)
    kind = choose.random()
    if kind < 0.1:
        return _text(choose, 6)
    if kind < 0.2:
        return made + choose.choice(pool)
    return made.swapcase() if kind < 0.4 else made


def event(choose: random.Random) -> dict[str, object]:
    """An event whose fields hold texts, lists, null and values of the wrong type."""
    made: dict[str, object] = {}
    for field in _TEXT_FIELDS:
        kind = choose.random()
        if kind < 0.55:
            made[field] = _value(choose)
        elif kind < 0.7:
            made[field] = [_value(choose) for _ in range(choose.randint(0, 3))]
        elif kind < 0.72:
            made[field] = None
    typed: dict[str, Sequence[object]] = {
        "http.response.status_code": [200, 404, 401, "500", -5, 42, 0],
        "mcp.tool.is_error": [True, False, "true", "FALSE", "maybe"],
        "source.ip": _ADDRESSES,
        "n": [1, 5, 42, -5, 100, 2.5],
        "ip2": _ADDRESSES,
        "event.dataset": ["mcp.protocol", "mcp.http", "MCP.Protocol"],
    }
    return made | {name: choose.choice(values) for name, values in typed.items() if choose.random() < 0.5}


def comparable(made: Mapping[str, object], notes: Sequence[str]) -> bool:
    """Whether no note of the query is about such an event."""
    absent = any("absent" in note for note in notes)
    doubled = any("as written" in note for note in notes)
    texts = [text for value in made.values() for text in (value if isinstance(value, list) else [value])]
    if absent and any(value is None or value == [] for value in made.values()):
        return False
    return not (doubled and any(isinstance(text, str) and len(text.casefold()) != len(text) for text in texts))


def rule(choose: random.Random, number: int) -> dict[str, object]:
    """A rule of one to three selections."""
    names = [f"s{at}" for at in range(choose.randint(1, 3))]
    detection: dict[str, object] = {}
    for name in names:
        items: dict[str, object] = {}
        for _ in range(choose.randint(1, 2)):
            items.update(_item(choose))
        detection[name] = [items, _item(choose)] if choose.random() < 0.2 else items
    words = {"all": " and ".join(names), "any": " or ".join(names), "one": names[0], "last": names[-1]}
    detection["condition"] = choose.choice(_CONDITIONS).format(**words)
    logsource = choose.choice([{"product": "mcp", "service": "protocol"}, {"product": "mcp"}, {"product": "windows"}])
    return {
        "title": f"r{number}",
        "id": str(uuid.UUID(int=number + 1)),
        "status": "test",
        "level": "low",
        "logsource": logsource,
        "detection": detection,
    }


def _item(choose: random.Random) -> dict[str, object]:
    kind = choose.random()
    if kind < 0.12:
        return {f"n|{choose.choice(['gt', 'gte', 'lt', 'lte'])}": choose.choice([1, 5, 2.5, -5, 0])}
    if kind < 0.2:
        field = "http.response.status_code"
        choices: list[dict[str, object]] = [{field: 200}, {field: -5}, {field: "404"}, {f"{field}|startswith": "4"}]
        return choose.choice([*choices, {f"{field}|re": "^[45]"}, {f"{field}|gte": 401}, {field: "4??"}])
    if kind < 0.26:
        field = "mcp.tool.is_error"
        return choose.choice(
            [{field: True}, {field: False}, {field: "true"}, {f"{field}|exists": True}, {field: "ma*"}]
        )
    if kind < 0.34:
        field = choose.choice(["source.ip", "ip2"])
        network = choose.choice(["10.0.0.0/8", "192.168.0.0/16", "10.1.2.0/23", "10.1.2.3/32", "2001:db8::/32"])
        return choose.choice([{f"{field}|cidr": network}, {field: "10.1.2.3"}, {f"{field}|startswith": "10."}])
    return _text_item(choose, choose.choice([*_TEXT_FIELDS, "mcp.request.text_folded", "mcp.argument.value_folded"]))


def _text_item(choose: random.Random, field: str) -> dict[str, object]:
    values = [_wild(choose) for _ in range(choose.randint(1, 3))]
    flags = choose.choice(["", "|i", "|m", "|s", "|i|m"])
    forms: list[tuple[dict[str, object], int]] = [
        ({field: values}, 4),
        ({f"{field}|{choose.choice(['contains', 'startswith', 'endswith'])}": values}, 4),
        ({f"{field}|contains|all": values}, 1),
        ({f"{field}|{choose.choice(['contains|cased', 'cased', 'startswith|cased'])}": values}, 2),
        ({f"{field}|re{flags}": choose.choice(_PATTERNS)}, 3),
        ({field: None}, 1),
        ({f"{field}|exists": choose.choice([True, False])}, 1),
        ({f"{field}|windash|contains": choose.choice(["-a", "-foo"])}, 1),
        ({f"{field}|base64offset|contains": "foo"}, 1),
        ({f"{field}|contains": [value[:2] for value in values]}, 1),
    ]
    return choose.choices([form for form, _ in forms], [weight for _, weight in forms])[0]


def _wild(choose: random.Random) -> str:
    return "".join(
        char if choose.random() < 0.9 else choose.choice(["*", "?", r"\*", r"\?"]) for char in _value(choose)
    )


def pattern(choose: random.Random) -> str:
    """A regular expression with gaps, choices and repetitions, often more than Lucene can bear."""
    return "".join(_piece(choose, 0) for _ in range(choose.randint(1, 6)))


def _piece(choose: random.Random, depth: int) -> str:
    kind = choose.random()
    if kind < 0.35 or depth > 3:
        return "".join(choose.choice("abcdefgh _") for _ in range(choose.randint(1, 8)))
    if kind < 0.55:
        times = choose.choice(["*", "+", "?", "{8}", "{16}", *(f"{{0,{most}}}" for most in (3, 8, 15, 30, 60))])
        return choose.choice([".", "[^.!?]", r"\w", r"\S", "[a-f]", "[^a]", r"\s"]) + times
    options = "|".join(_piece(choose, depth + 1) + _piece(choose, depth + 2) for _ in range(choose.randint(2, 7)))
    return f"({options}){choose.choice(['', '', '', '?', '*', '{0,3}', '{1,2}'])}"
