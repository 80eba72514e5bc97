"""A rule with one part changed is another rule: a case of its file must notice. What may live is listed with its reason."""

from mcp_siem.prove.mutate import mutate
from mcp_siem.prove.survivors import LEAST_NOTICED, mutant_findings, read_survivors
from mcp_siem.rules.pack import default_pack_dir
from mcp_siem.rules.rule import RulePack


def test_cases_notice_every_mutant_of_the_pack_but_those_that_are_listed(pack: RulePack) -> None:
    mutated = list(mutate(pack))
    found = list(mutant_findings(mutated, read_survivors(default_pack_dir()), whole=True))
    assert [finding.message for finding in found] == []


def test_nearly_all_mutants_are_noticed(pack: RulePack) -> None:
    mutated = list(mutate(pack))
    assert len(mutated) > 100
    assert sum(one.noticed for one in mutated) >= LEAST_NOTICED * sum(one.mutants for one in mutated)
