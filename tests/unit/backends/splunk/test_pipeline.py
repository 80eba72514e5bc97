import subprocess
import sys
from pathlib import Path

import yaml
from sigma.collection import SigmaCollection
from sigma.plugins import InstalledSigmaPlugins
from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem_backends.splunk import BACKEND
from mcp_siem_backends.splunk.pipeline import array_names, field_pipeline, pipeline_yaml
from mcp_siem_backends.splunk.query import McpSplunkBackend

RULE = """
title: t
id: 11111111-1111-4111-8111-111111111100
status: test
logsource: {product: mcp}
detection:
    s: {mcp.argument.path|startswith: /etc, mcp.server.name: x}
    condition: s
"""
EXPECTED = '`mcp_siem_index` sourcetype="mcp:normalized" "mcp.argument.path{}"="/etc*" mcp.server.name="x"'


def test_the_pipeline_file_is_what_the_taxonomy_says() -> None:
    directory = default_pack_dir()
    held = (directory / "pipelines" / "splunk.yml").read_text("utf-8")
    assert held == pipeline_yaml(load_taxonomy(directory))


def test_the_file_and_the_pipeline_of_the_code_name_fields_alike() -> None:
    taxonomy = load_taxonomy(default_pack_dir())
    text = pipeline_yaml(taxonomy)
    assert yaml.safe_load(text)["transformations"][1]["mapping"] == array_names(taxonomy)
    for pipeline in (field_pipeline(taxonomy), ProcessingPipeline.from_yaml(text)):
        assert McpSplunkBackend(pipeline).convert(SigmaCollection.from_yaml(RULE)) == [EXPECTED]


def test_sigma_cli_converts_a_rule_of_the_pack_as_we_do() -> None:
    plugins = InstalledSigmaPlugins.autodiscover(include_validators=False)
    file = ProcessingPipeline.from_yaml((default_pack_dir() / "pipelines" / "splunk.yml").read_text("utf-8"))
    for rule in (one for one in load_pack().alerting() if one.kind != "native"):
        ours = BACKEND.target().query(rule)
        assert isinstance(ours, Query), rule.stem
        for pipeline in (file, plugins.pipelines["mcp_splunk"]()):
            found = plugins.backends["mcp_splunk"](pipeline).convert(SigmaCollection.from_yaml(rule.text))
            assert found[-1] == ours.text, rule.stem


def test_without_its_pipeline_nothing_is_asked_of_datasets() -> None:
    plugins = InstalledSigmaPlugins.autodiscover(include_validators=False)
    (found,) = plugins.backends["mcp_splunk"]().convert(SigmaCollection.from_yaml(RULE))
    assert found == EXPECTED.replace("{}", "").replace('"mcp.argument.path"', "mcp.argument.path")


def test_importing_the_backend_loads_neither_pysigma_nor_the_sdk() -> None:
    code = "import sys, mcp_siem_backends.splunk; print([m for m in ('sigma', 'splunklib', 're2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
