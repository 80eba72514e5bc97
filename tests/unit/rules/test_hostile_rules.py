import random
from pathlib import Path

from mcp_siem.rules.pack import default_pack_dir, read_pack
from mcp_siem.rules.parse import parse_rule

PIECES = (
    *"|[]{}:*'\"#~\\()",
    *("- ", "&a ", "*a", "!!int ", "null", "\n", "  ", "---\n", "%x%", "9" * 30, ".nan", "yes", "0x", "\u200b"),
    *(
        "|re",
        "|expand",
        "|cidr",
        "|windash",
        "|base64offset|contains",
        "|all",
        "|fieldref",
        "|exists",
        "|gte",
        "|minute",
    ),
    *(
        "not ",
        "1 of ",
        "all of them",
        "(?",
        "correlation:",
        "filter:",
        "action: repeat\n",
        "timespan: ",
        "rules: any\n",
    ),
)
MUTANTS = 600


def _mutant(seed: str, chance: random.Random) -> str:
    text = list(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text))
        match chance.randrange(3):
            case 0:
                del text[at : at + chance.randint(1, 12)]
            case 1:
                text[at:at] = chance.choice(PIECES)
            case _:
                source = chance.randrange(len(text))
                text[at : at + chance.randint(1, 30)] = text[source : source + chance.randint(1, 30)]
    return "".join(text)


def test_no_damage_to_a_rule_is_more_than_a_located_issue(tmp_path: Path) -> None:
    seeds = [file.read_text(encoding="utf-8") for file in sorted((default_pack_dir() / "rules").rglob("*.yml"))]
    chance = random.Random(4)
    for number in range(MUTANTS):
        (tmp_path / f"m{number}.yml").write_text(_mutant(chance.choice(seeds), chance), encoding="utf-8")
    loaded = read_pack([tmp_path])
    for issue in loaded.issues:
        lines = Path(issue.path).read_text(encoding="utf-8").count("\n") + 1
        assert 1 <= issue.line <= lines
        assert issue.hint
        assert "\n" not in issue.message
    for rule in loaded.pack:
        if rule.kind != "filter":
            assert parse_rule(rule)
    assert {issue.code for issue in loaded.issues} >= {"MS001", "MS016", "MS021"}
