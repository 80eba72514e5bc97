"""A rule with one selection dropped or turned round is another rule: a case of its file must notice."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from mcp_siem.prove.cases import Bench
from mcp_siem.rules.condition import named_selections, rewritten
from mcp_siem.rules.fixtures import load_fixtures
from mcp_siem.rules.pack import load_pack, read_pack
from mcp_siem.rules.rule import Rule, RulePack

Documents = list[dict[str, object]]


def _detection(document: Mapping[str, object]) -> dict[str, object]:
    node = document["detection"]
    assert isinstance(node, dict)
    return node


def _mutants(rule: Rule) -> Iterator[tuple[str, Documents]]:
    documents: Documents = list(yaml.safe_load_all(rule.text))
    for index, document in enumerate(documents):
        if "detection" not in document:
            continue
        condition = str(_detection(document)["condition"])
        names = [name for name in _detection(document) if name != "condition"]
        for name in names:
            changed = _turned(condition, name, names)
            if changed is not None:
                mutant = copy.deepcopy(documents)
                _detection(mutant[index])["condition"] = changed
                yield f"{document['title']}: {name} turned round", mutant
            if changed is None or len(names) > 1:
                mutant = copy.deepcopy(documents)
                detection = _detection(mutant[index])
                del detection[name]
                kept = _without(condition, name, [other for other in names if other != name])
                if kept is not None:
                    detection["condition"] = kept
                    yield f"{document['title']}: {name} dropped", mutant


def _turned(condition: str, name: str, names: list[str]) -> str | None:
    """The condition with `not name` for `name`; None if only a pattern names it."""
    changed = rewritten(
        condition, lambda word, of: f"{of} of {word}" if of else f"(not {word})" if word == name else word
    )
    return changed if changed != condition and name in names else None


def _without(condition: str, name: str, others: list[str]) -> str | None:
    """The condition if it still has a meaning without the selection: a pattern names it beside others."""
    if _turned(condition, name, [name]) is not None:
        return None
    parts: list[str] = []
    rewritten(condition, lambda word, of: parts.append(f"{of} of {word}" if of else word) or "")
    return condition if all(named_selections(part, others) for part in parts) else None


def _survivors(pack: RulePack, rule: Rule) -> Iterator[str]:
    fixtures = load_fixtures(rule)
    for says, documents in _mutants(rule):
        mutant = replace(rule, text=yaml.safe_dump_all(documents, sort_keys=False))
        bases = [_base(pack, document, documents) for document in documents[:-1]]
        bench = Bench(replace(pack, rules=(*bases, mutant)))
        assert not bench.refused
        if not any(bench.try_cases(mutant, bases, fixtures)):
            yield says


def _base(pack: RulePack, document: Mapping[str, object], documents: Documents) -> Rule:
    known = next(rule for rule in pack if rule.id == document["id"])
    # what a correlation is built on stands before it
    chain = documents[: documents.index(document) + 1] if known.kind == "correlation" else [document]
    return replace(known, text=yaml.safe_dump_all(chain, sort_keys=False))


PACK = load_pack(variables=read_pack().manifest.example_vars)
# Mutants that no case kills yet: work for whoever writes cases. Nothing may be added by hand.
SURVIVORS = Path(__file__).with_name("survivors.json")


def test_a_case_notices_every_selection_but_those_that_are_listed(*, update_golden: bool) -> None:
    found = {rule.stem: found for rule in PACK.alerting() if (found := list(_survivors(PACK, rule)))}
    if update_golden:
        SURVIVORS.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    known = json.loads(SURVIVORS.read_text(encoding="utf-8"))
    assert found == known, "a mutant lives, or one is dead: run `pytest tests/rules --update-golden` and read the diff"


def test_a_rule_has_mutants_for_each_selection_it_names() -> None:
    (rule,) = [rule for rule in PACK.alerting() if rule.stem == "mcp_arguments_shell_command_chain"]
    assert len(list(_mutants(rule))) >= 3
