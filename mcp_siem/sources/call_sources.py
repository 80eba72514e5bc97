"""The sources that tell of calls and decisions, each of hosts, gateways or instrumented servers: a part of the table."""

from mcp_siem.sources.claude_code import CLAUDE_CODE
from mcp_siem.sources.contextforge import CONTEXTFORGE
from mcp_siem.sources.docker_gateway import DOCKER_GATEWAY
from mcp_siem.sources.fastmcp import FASTMCP
from mcp_siem.sources.otel import OTEL
from mcp_siem.sources.port import Normaliser

__all__ = ["CALL_SOURCES"]

CALL_SOURCES: tuple[Normaliser, ...] = (CLAUDE_CODE, CONTEXTFORGE, DOCKER_GATEWAY, FASTMCP, OTEL)
