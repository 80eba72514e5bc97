# ruff: noqa: INP001 - a portion of pySigma's namespace: an __init__.py here would hide the others
"""Lets sigma-cli find the routing of our events in OpenSearch: `-p mcp_opensearch`."""

from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.convert.pipelines import pipeline_yaml
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.opensearch.fields import INDEX_PATTERN

__all__ = ["mcp_opensearch_pipeline"]


def mcp_opensearch_pipeline() -> ProcessingPipeline:
    """Logsource to event.dataset, from the taxonomy of the shipped pack."""
    text = pipeline_yaml(load_taxonomy(default_pack_dir()), target="opensearch", index=INDEX_PATTERN)
    return ProcessingPipeline.from_yaml(text)
