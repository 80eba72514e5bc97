# ruff: noqa: INP001 - a portion of pySigma's namespace: an __init__.py here would hide the others
"""Lets sigma-cli find our OpenSearch backend: `sigma convert -t mcp_opensearch -p mcp_opensearch`."""

from mcp_siem_backends.opensearch.command_line import McpOpensearchBackend

__all__ = ["McpOpensearchBackend"]
