import pytest
from sigma.collection import SigmaCollection
from sigma.plugins import InstalledSigmaPlugins
from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import default_pack_dir, load_pack
from mcp_siem_backends.elastic import BACKEND

RULE = "title: t\nlogsource: {product: mcp, service: http}\ndetection:\n  sel: {user.id|SLOT: x}\n  condition: sel\n"


@pytest.fixture(scope="module")
def plugins() -> InstalledSigmaPlugins:
    return InstalledSigmaPlugins.autodiscover()


def test_sigma_cli_converts_a_rule_of_the_pack_as_we_do(plugins: InstalledSigmaPlugins) -> None:
    file = ProcessingPipeline.from_yaml((default_pack_dir() / "pipelines" / "elastic.yml").read_text("utf-8"))
    for rule in (one for one in load_pack().alerting() if one.kind != "native"):
        ours = BACKEND.target().query(rule)
        assert isinstance(ours, Query), rule.stem
        for pipeline in (file, plugins.pipelines["mcp_elastic"]()):
            backend = plugins.backends["mcp_elastic"](pipeline)
            form = "dsl" if ours.language == "dsl" else "default"
            theirs = str(backend.convert(SigmaCollection.from_yaml(rule.text), form)[-1])
            if rule.logsource is not None and not rule.logsource.service and not rule.logsource.category:
                # A pipeline knows whole logsources only, so such a rule is not routed by it.
                assert ours.language == "dsl" or ours.text.endswith(f" AND {theirs}"), rule.stem
            else:
                assert theirs == ours.text, rule.stem


def test_sigma_cli_is_told_what_cannot_be_said(plugins: InstalledSigmaPlugins) -> None:
    backend = plugins.backends["mcp_elastic"]()
    with pytest.raises(RefusedError, match="ELASTIC-FIELDREF"):
        backend.convert(SigmaCollection.from_yaml(RULE.replace("SLOT", "fieldref")))
