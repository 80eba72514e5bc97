"""Several targets at once give what each gives alone, and its error."""

import gc
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from mcp_siem.cli.converting import converted
from mcp_siem.cli.main import cli
from mcp_siem.convert.target import Query, Refusal
from mcp_siem.errors import ConfigError, UsageError
from mcp_siem.rules.pack import default_pack_dir, load_pack
from mcp_siem.rules.rule import Rule
from mcp_siem_backends.elastic.target import ElasticTarget
from mcp_siem_backends.splunk.target import SplunkTarget

FOLDER = default_pack_dir() / "rules" / "protocol_session"
PACK = load_pack([FOLDER])


@pytest.fixture(autouse=True)
def _garbage() -> Iterator[None]:
    """Gives back what a conversion takes from the collector."""
    limits = gc.get_threshold()
    yield
    gc.set_threshold(*limits)
    gc.unfreeze()


class _Broken(SplunkTarget):
    def query(self, rule: Rule) -> Query | Refusal:
        del rule
        raise ConfigError("broken")


def test_several_targets_give_what_each_gives_alone() -> None:
    targets = [ElasticTarget(PACK.taxonomy), SplunkTarget(PACK.taxonomy)]
    rules = PACK.alerting()
    assert converted(targets, rules) == [[target.query(rule) for rule in rules] for target in targets]


def test_an_error_of_one_target_is_raised_here() -> None:
    with pytest.raises(ConfigError):
        converted([ElasticTarget(PACK.taxonomy), _Broken(PACK.taxonomy)], PACK.alerting())


def test_json_names_the_target_of_each_query() -> None:
    asked = ["convert", "--rules", str(FOLDER), "--format", "json", "-q", "--target", "splunk", "--target", "elastic"]
    answer = CliRunner().invoke(cli, asked)
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    rules = len(PACK.alerting())
    assert [one["target"] for one in found] == ["splunk"] * rules + ["elastic"] * rules


def test_a_file_to_import_is_of_one_target() -> None:
    asked = ["convert", "--rules", str(FOLDER), "--format", "conf", "--target", "splunk", "--target", "elastic"]
    assert isinstance(CliRunner().invoke(cli, asked).exception, UsageError)
