# ruff: noqa: INP001 - a portion of pySigma's namespace: an __init__.py here would hide the others
"""Lets sigma-cli find the routing of our events in Elastic: `-p mcp_elastic`."""

from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.convert.pipelines import pipeline_yaml
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.elastic.template import INDEX_PATTERN

__all__ = ["mcp_elastic_pipeline"]


def mcp_elastic_pipeline() -> ProcessingPipeline:
    """Logsource to event.dataset, from the taxonomy of the shipped pack."""
    text = pipeline_yaml(load_taxonomy(default_pack_dir()), target="elastic", index=INDEX_PATTERN)
    return ProcessingPipeline.from_yaml(text)
