# ruff: noqa: INP001 - a portion of pySigma's namespace: an __init__.py here would hide the others
"""Lets sigma-cli find the field names of our events in Splunk: `-p mcp_splunk`."""

from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.splunk.pipeline import field_pipeline

__all__ = ["mcp_splunk_pipeline"]


def mcp_splunk_pipeline() -> ProcessingPipeline:
    """The names of array fields, from the taxonomy of the shipped pack."""
    return field_pipeline(load_taxonomy(default_pack_dir()))
