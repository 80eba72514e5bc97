# ruff: noqa: INP001 - a portion of pySigma's namespace: an __init__.py here would hide the others
"""Lets sigma-cli find our Elastic backend: `sigma convert -t mcp_elastic -p mcp_elastic`."""

from mcp_siem_backends.elastic.command_line import McpElasticBackend

__all__ = ["McpElasticBackend"]
