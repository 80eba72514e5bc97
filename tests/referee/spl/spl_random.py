"""Seeded random rules and events: few fields, few letters, so that hits, near misses and absences are all common."""

import random
from collections.abc import Mapping

import yaml
from spl_judge import rule_id

SCALARS = ("mcp.a", "mcp.b", "user-agent", "c d")
ARRAYS = ("mcp.list", "mcp.argument.value")
NUMBERS = ("n", "mcp.size")
ALL = (*SCALARS, *ARRAYS, *NUMBERS, "ip", "flag", "mcp.long", "when")
TWIN = "mcp.long_folded"

WORDS = (
    "foo", "Foo", "bar", "foo bar", "a*b", "a?b", "axb", "ax\nb", "x/y", "C:\\Temp\\x", "\\", 'say "hi"', "$HOME", "`id`",
    "", " lead", "trail ", "ИГНОР", "игнор", "ΑΒΓ", "αβγ", "10.0.0.0/8", "5", "-3", "null", "NOT", "a|b",
    "[x]", "%41", "f(x)", "tab\tx", "日本", "\u200bzero", "true", "x=y", "a,b", "foo.bar", "{}", "*", "?",
)  # fmt: skip
ADDRESSES = ("10.1.2.3", "192.168.0.1", "::ffff:10.1.2.3", "2001:db8::1", "fe80::1", "not an address", "10.1.2")
PATTERNS = (
    "fo+", "^foo$", "foo$", "[a-c]x", "\\\\", '"hi"', "a.b", "(?i)FOO", "foo|bar", "\\bbar\\b", "[\\\\/]", "\\$HOME",
    "x\\x2fy", "^$", "\\d+", "[^a-z]", "[]x]", "\\u0438", "(foo|b(a)r) ?bar", "\\.", "^-?\\d+(\\.\\d+)?$", "`id`",
)  # fmt: skip
NETWORKS = ("10.0.0.0/8", "192.168.0.0/16", "10.1.2.3/32", "2001:db8::/32", "fe80::/10", "0.0.0.0/0")
TIMES = ("2026-03-04T05:06:07Z", "2026-12-31T23:59:59.123456Z", "2025-01-01T00:00:00Z", "never")
MODIFIERS = ("", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|contains|all")


def random_event(rng: random.Random) -> dict[str, object]:  # noqa: C901 - one choice for each field
    out: dict[str, object] = {}
    for name in SCALARS:
        if rng.random() < 0.6:
            out[name] = rng.choice(WORDS)
    for name in ARRAYS:
        if rng.random() < 0.6:
            out[name] = [rng.choice(WORDS) for _ in range(rng.randint(1, 3))]
    for name in NUMBERS:
        if rng.random() < 0.7:
            out[name] = rng.choice((0, 5, -3, 7, 5.5, 42, 1000000))
    if rng.random() < 0.7:
        out["ip"] = rng.choice(ADDRESSES)
    if rng.random() < 0.5:
        out["flag"] = rng.random() < 0.5
    if rng.random() < 0.6:
        out["mcp.long"] = rng.choice(
            (
                "\uff29\uff47\uff4e\uff4f\uff52\uff45 previous",
                "ig\u200bnore PREVIOUS",
                "ignore  previous",
                "previous",
                "\u0456gnore",
            )
        )
    if rng.random() < 0.5:
        out["when"] = rng.choice(TIMES)
    if rng.random() < 0.2:
        out["event.dataset"] = rng.choice(("mcp.protocol", "mcp.http", "else.where"))
    return out


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _wild(rng: random.Random, word: str) -> str:
    text = _escaped(word)
    if not word or rng.random() < 0.6:
        return text
    at = rng.randint(0, len(word))
    head, tail = _escaped(word[:at]), _escaped(word[at + rng.randint(0, 1) :])
    return head + rng.choice(("*", "?", "*", "**")) + tail


def _item(rng: random.Random) -> tuple[str, object]:  # noqa: C901, PLR0911 - one kind of value after another
    kind = rng.random()
    texts = (*SCALARS, *ARRAYS)
    if kind < 0.5:
        values: list[object] = [_wild(rng, rng.choice(WORDS)) for _ in range(rng.choice((1, 1, 2, 3)))]
        modifier = rng.choice(MODIFIERS)
        if modifier and "cased" not in modifier:
            values = [value or "x" for value in values]
        return f"{rng.choice((*texts, *texts, 'n'))}{modifier}", values if len(values) > 1 else values[0]
    if kind < 0.62:
        return f"{rng.choice((*texts, 'n', 'ip'))}|re{rng.choice(('', '|i', '|m', '|s', '|i|m'))}", rng.choice(PATTERNS)
    if kind < 0.7:
        return f"ip|cidr{rng.choice(('', ''))}", rng.choice(NETWORKS)
    if kind < 0.8:
        field = rng.choice((*NUMBERS, "mcp.list", "mcp.a"))
        return f"{field}{rng.choice(('', '|gte', '|lt', '|gt', '|lte'))}", rng.choice((5, -3, 0, 42, 5.5))
    if kind < 0.85:
        return rng.choice(ALL), None
    if kind < 0.88:
        return f"{rng.choice(ALL)}|exists", rng.random() < 0.5
    if kind < 0.91:
        return f"mcp.a|fieldref{rng.choice(('', '|startswith', '|endswith', '|contains'))}", rng.choice(
            ("mcp.b", "c d")
        )
    if kind < 0.93:
        return "flag", rng.random() < 0.5
    if kind < 0.97:
        return f"{TWIN}{rng.choice(('', '|contains', '|startswith'))}", rng.choice(
            ("Ignore Previous", "IGNORE", "previous")
        )
    part = rng.choice(("year", "month", "day", "hour", "minute"))
    return f"when|{part}", rng.choice((2026, 3, 4, 5, 6, 12, 31, 23, 59, 0, 1))


CONDITIONS = (
    "s1", "not s1", "s1 and s2", "s1 or s2", "s1 and not s2", "s1 or not s2", "not s1 and not s2", "not (s1 or s2)",
    "not (s1 and s2)", "1 of s*", "all of s*", "s1 and not 1 of s2*", "(s1 or s2) and not s3", "s1 or s2 and s3",
    "not 1 of s*", "s1 and (s2 or not s3)",
)  # fmt: skip


def random_rule(rng: random.Random, seed: object) -> str:
    detection: dict[str, object] = {}
    for name in ("s1", "s2", "s3"):
        maps: list[Mapping[str, object]] = [
            dict(_item(rng) for _ in range(rng.choice((1, 1, 2)))) for _ in range(rng.choice((1, 1, 2)))
        ]
        detection[name] = maps if len(maps) > 1 else maps[0]
    detection["condition"] = rng.choice(CONDITIONS)
    service = {"service": rng.choice(("protocol", "http"))} if rng.random() < 0.3 else {}
    return yaml.safe_dump(
        {"title": f"random {seed}", "id": rule_id(seed), "status": "test", "level": "high",
         "logsource": {"product": "mcp", **service}, "detection": detection}, allow_unicode=True, sort_keys=False
    )  # fmt: skip
