"""How long a whole process takes: from the start of the interpreter to the last fixture of a pack of a hundred rules.

The pack is made of the shipped rules, again and again with fresh ids, names and stems, and their fixtures; goldens stay
behind. Each step is a process of its own, so that nothing is warm but the files and the compiled modules. Steps run in
turn, several times; medians of processor time count, beside those of `python -c pass` and of importing pySigma.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from mcp_siem.rules.pack import default_pack_dir, read_pack
from mcp_siem.rules.rule import Rule

RESULTS = Path(__file__).parent / "results" / "startup.json"
_SPACE = uuid.UUID("5d1f2f9e-6f0a-4a44-8b39-1f3a5f0c7a10")
_LOAD = "from pathlib import Path; from mcp_siem.rules.pack import load_pack; pack = load_pack([Path({pack!r})], variables={vars!r})"
_ENGINE = f"{_LOAD}; from mcp_siem.engine.engine import Engine; engine = Engine(pack)"
_FIXTURES = (
    f"{_LOAD}; from mcp_siem.prove.cases import Bench; from mcp_siem.rules.fixtures import load_fixtures; "
    "bench = Bench(pack); by = {{rule.id: rule for rule in pack}}; from mcp_siem.rules.documents import documents_of; "
    "bad = [bad for rule in pack.alerting() for bad in bench.try_cases(rule, [by[str(one['id'])] for one in "
    "documents_of(rule)[:-1] if rule.kind == 'correlation' and by[str(one['id'])].kind != 'filter'], "
    "load_fixtures(rule))]; assert not bad, bad[:3]"
)


def make_pack(folder: Path, wanted: int) -> tuple[int, int, dict[str, list[str]]]:
    """Writes the pack, and copies of its plain rules until so many alert; returns how many there are, their cases, and the variables they need."""
    loaded = read_pack()
    examples = {name: list(value) for name, value in loaded.manifest.example_vars.items()}
    pack = loaded.with_variables(examples)
    files = sorted({rule.path for rule in pack})
    names = {name for rule in pack for name in (rule.id, rule.name) if name}
    word = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(names, key=len, reverse=True)))
    (folder / "rules").mkdir(parents=True)
    (folder / "pack.toml").write_text('name = "bench"\n', encoding="utf-8")
    rules = cases = copy = 0
    while rules < wanted:
        for path in files:
            inside = [rule for rule in pack if rule.path == path and rule.alerts]
            if copy and (rules >= wanted or any(rule.kind == "correlation" for rule in pack if rule.path == path)):
                continue  # what correlates may name rules of other files, which stand in the first copy alone
            rules += len(inside)
            cases += _write(folder / "rules", Path(path), copy, inside, word)
        copy += 1
    return rules, cases, examples


def _write(folder: Path, path: Path, copy: int, rules: Sequence[Rule], names: re.Pattern[str]) -> int:
    """One file of rules with other ids and names, wherever they stand, and its fixtures."""
    stem = f"{path.stem}_{copy}"
    text = names.sub(lambda found: _renamed(found[0], copy), path.read_text(encoding="utf-8"))
    (folder / f"{stem}.yml").write_text(text, encoding="utf-8")
    cases = 0
    for rule in rules:
        for kind in ("match", "miss", "evade"):
            fixture = rule.sibling(f".{kind}.jsonl")
            if fixture.is_file():
                lines = fixture.read_bytes()
                cases += lines.count(b"\n")
                (folder / _renamed_file(fixture.name, path.stem, stem, copy)).write_bytes(lines)
    return cases


def _renamed(name: str, copy: int) -> str:
    try:
        return str(uuid.uuid5(_SPACE, f"{uuid.UUID(name)} {copy}"))
    except ValueError:
        return f"{name}_{copy}"


def _renamed_file(name: str, old: str, new: str, copy: int) -> str:
    """`stem.match.jsonl`, or `stem.rule_name.match.jsonl` where a file holds several rules."""
    inner = name.removeprefix(old).split(".")[1:-2]
    own = "".join(f".{part}_{copy}" for part in inner)
    return f"{new}{own}.{'.'.join(name.split('.')[-2:])}"


def steps(pack: Path, variables: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """What is measured: each command holds all of the one before it but the first two."""
    words = {"pack": str(pack), "vars": variables}
    run = [sys.executable, "-c"]
    yield "python -c pass", [*run, "pass"]
    yield "python -c 'import sigma.collection'", [*run, "import sigma.collection"]
    yield "import of the command check", [*run, "import mcp_siem.cli.main, mcp_siem.cli.check"]
    yield "rules loaded", [*run, _LOAD.format(**words)]
    yield "rules loaded, engine built", [*run, _ENGINE.format(**words)]
    yield "rules loaded, engine built, all fixtures", [*run, _FIXTURES.format(**words)]
    yield "mcp-siem check (lint and fixtures)", [sys.executable, "-m", "mcp_siem.cli.main", "check", "-q", str(pack)]


def processor_time(command: list[str], env: dict[str, str]) -> float:
    """Seconds of processor time of a process, its start included; 10 says that it found something, which is fine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    if done.returncode not in (0, 10):
        raise SystemExit(done.stderr.decode("utf-8", "replace"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Prints the rows and, with --write, keeps them under a name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--write", metavar="NAME", help="under which name the figures are kept")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {chosen.core})
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder, "pack")
        rules, cases, variables = make_pack(pack, chosen.rules)
        (Path(folder) / "mcp-siem.toml").write_text(_settings(variables), encoding="utf-8")
        # An installed package has its modules compiled; here they may not be.
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        env |= {
            "PYTHONPYCACHEPREFIX": str(Path(folder, "compiled")),
            "MCP_SIEM_CONFIG": str(Path(folder, "mcp-siem.toml")),
        }
        works = list(steps(pack, variables))
        times: dict[str, list[float]] = {name: [] for name, _ in works}
        for turn in range(chosen.rounds + 1):
            for name, command in works:
                taken = processor_time(command, env)
                times[name] += [taken] if turn else []
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    bare, sigma = medians["python -c pass"], medians["python -c 'import sigma.collection'"]
    rows = [
        {
            "step": name,
            "seconds": round(taken, 3),
            "times_python": round(taken / bare, 1),
            "times_sigma": round(taken / sigma, 2),
        }
        for name, taken in medians.items()
    ]
    print(f"{rules} rules, {cases} cases, pack of {default_pack_dir().name}")
    for row in rows:
        print(
            f"{row['step']:42} {row['seconds']:7.3f} s {row['times_python']:6.1f} x python {row['times_sigma']:6.2f} x pySigma"
        )
    if chosen.write:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[chosen.write] = {
            "date": datetime.now().astimezone().date().isoformat(),
            "rules": rules,
            "cases": cases,
            "load": os.getloadavg()[0],
            "rows": rows,
        }
        RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _settings(variables: dict[str, list[str]]) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in variables.items()]
    return "\n".join(["[vars]", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
