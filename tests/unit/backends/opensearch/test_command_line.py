import pytest
from sigma.collection import SigmaCollection
from sigma.plugins import InstalledSigmaPlugins
from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.convert.pipelines import pipeline_yaml
from mcp_siem.convert.refuse import RefusedError
from mcp_siem.convert.target import Query
from mcp_siem.rules.pack import default_pack_dir, load_pack, load_taxonomy
from mcp_siem_backends.opensearch import BACKEND

SHIPPED = default_pack_dir() / "pipelines" / "opensearch.yml"
RULE = (
    "title: t\nlogsource: {product: mcp, service: http}\ndetection:\n  sel: {user.id|re: '(?=a)b'}\n  condition: sel\n"
)


@pytest.fixture(scope="module")
def plugins() -> InstalledSigmaPlugins:
    return InstalledSigmaPlugins.autodiscover()


def test_the_shipped_pipeline_is_made_from_the_taxonomy(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    made = pipeline_yaml(load_taxonomy(default_pack_dir()), target="opensearch", index="logs-mcp.*")
    if update_golden:
        SHIPPED.write_text(made, encoding="utf-8")
    assert SHIPPED.read_text(encoding="utf-8") == made


def test_sigma_cli_converts_rules_of_the_pack_as_we_do(plugins: InstalledSigmaPlugins) -> None:
    file = ProcessingPipeline.from_yaml(SHIPPED.read_text("utf-8"))
    sigma = [rule for rule in load_pack().alerting() if rule.kind != "native"]
    routed = [rule for rule in sigma if rule.logsource is None or rule.logsource.service]
    for rule in routed[::10]:
        ours = BACKEND.target().query(rule)
        assert isinstance(ours, Query), rule.stem
        for pipeline in (file, plugins.pipelines["mcp_opensearch"]()):
            backend = plugins.backends["mcp_opensearch"](pipeline)
            assert str(backend.convert(SigmaCollection.from_yaml(rule.text))[-1]) == ours.text, rule.stem


def test_sigma_cli_is_told_what_cannot_be_said(plugins: InstalledSigmaPlugins) -> None:
    with pytest.raises(RefusedError, match="OPENSEARCH-REGEX"):
        plugins.backends["mcp_opensearch"]().convert(SigmaCollection.from_yaml(RULE))
