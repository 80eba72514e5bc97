"""People who live in sigma-cli: our backends and pipelines as the `sigma` command finds and runs them."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import load_pack
from mcp_siem_backends.elastic import BACKEND as ELASTIC
from mcp_siem_backends.splunk import BACKEND as SPLUNK

ROOT = Path(__file__).resolve().parents[2]
SIGMA = Path(sys.executable).with_name("sigma")
PACK = {rule.stem: rule for rule in load_pack().alerting()}
RULES = ("mcp_arguments_option_injection", "mcp_auth_http_privilege_escalation")


def _sigma(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([SIGMA, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("stem", RULES)
@pytest.mark.parametrize("backend", [SPLUNK, ELASTIC], ids=lambda backend: backend.name)
@pytest.mark.parametrize("pipeline", ["file", "name"])
def test_a_rule_of_the_pack_is_converted_as_we_do(stem: str, backend: object, pipeline: str) -> None:
    name = backend.name  # type: ignore[attr-defined]
    chosen = f"sigma_rules/pipelines/{name}.yml" if pipeline == "file" else f"mcp_{name}"
    rule = PACK[stem]
    done = _sigma("convert", "-t", f"mcp_{name}", "-p", chosen, rule.path)
    ours = backend.target().query(rule)  # type: ignore[attr-defined]
    assert isinstance(ours, Query)
    assert done.returncode == 0
    assert done.stdout.strip() == ours.text


def test_targets_and_pipelines_are_listed() -> None:
    for what in ("targets", "pipelines"):
        done = _sigma("list", what)
        assert done.returncode == 0
        assert "mcp_splunk" in done.stdout
        assert "mcp_elastic" in done.stdout


FOREIGN: dict[str, dict[str, object]] = {
    "unknown logsource": {"logsource": {"category": "alien", "product": "x"}, "detection": {"s": {"Odd Field": "a*"}}},
    "no level": {"detection": {"s": {"Image|endswith": "\\cmd.exe", "CommandLine|contains|all": ["/c", "whoami"]}}},
    "regex": {"detection": {"s": {"a.b{}.c|re": "^(foo|bar)\\d{2,4}$"}}},
    "keywords": {"detection": {"s": ["one", "two words"]}},
    "network": {"detection": {"s": {"DestinationIp|cidr": ["10.0.0.0/8", "fe80::/10"]}}},
    "field reference": {"detection": {"s": {"a|fieldref": "b"}}},
    "windash": {"detection": {"s": {"CommandLine|windash|contains": "-enc"}}},
    "hostile text": {"detection": {"s": {"f": '`x` $y$ " | ] [ \\* %z% \n'}}},
    "number and null": {"detection": {"s": {"n|gte": 5, "m": None, "o": True}}},
    "keyword pattern": {"detection": {"s": {"|re": "a.*b"}}},
    "negated keyword": {"detection": {"s": ["x"], "t": {"f": 1}}, "condition": "t and not s"},
    "field that cannot be named": {"detection": {"s": {'a"b`c': 1}}},
}


@pytest.mark.parametrize("target", ["mcp_splunk", "mcp_elastic"])
@pytest.mark.parametrize("case", FOREIGN)
def test_any_rule_of_others_is_converted_or_refused_with_a_code(case: str, target: str, tmp_path: Path) -> None:
    given = dict(FOREIGN[case])
    detection = {**given.pop("detection"), "condition": given.pop("condition", "s")}  # type: ignore[dict-item]
    rule = {"title": case, "status": "test", "logsource": {"product": "windows"}, **given, "detection": detection}
    file = tmp_path / "rule.yml"
    file.write_text(yaml.safe_dump(rule, sort_keys=False), "utf-8")
    done = _sigma("convert", "-t", target, "--without-pipeline", str(file))
    if done.returncode == 0:
        assert done.stdout.strip()
    else:
        assert f"{target.removeprefix('mcp_').upper()}-" in done.stderr
        assert not done.stdout.strip()
