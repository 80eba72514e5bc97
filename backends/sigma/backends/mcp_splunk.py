# ruff: noqa: INP001 - a portion of pySigma's namespace: an __init__.py here would hide the others
"""Lets sigma-cli find our Splunk backend: `sigma convert -t mcp_splunk -p mcp_splunk`."""

from mcp_siem_backends.splunk.command_line import McpSplunkBackend

__all__ = ["McpSplunkBackend"]
