"""The sources that tell of calls and decisions, each of hosts, gateways or instrumented servers: a part of the table."""

from mcp_siem.sources.access_log import ACCESS_LOG
from mcp_siem.sources.agent_vcr import AGENT_VCR
from mcp_siem.sources.claude_code import CLAUDE_CODE
from mcp_siem.sources.claude_desktop import CLAUDE_DESKTOP
from mcp_siem.sources.codex import CODEX
from mcp_siem.sources.contextforge import CONTEXTFORGE
from mcp_siem.sources.cursor import CURSOR
from mcp_siem.sources.docker_gateway import DOCKER_GATEWAY
from mcp_siem.sources.fastmcp import FASTMCP
from mcp_siem.sources.gemini_cli import GEMINI_CLI
from mcp_siem.sources.jsonrpc import JSONRPC
from mcp_siem.sources.otel import OTEL
from mcp_siem.sources.port import Normaliser
from mcp_siem.sources.toolhive import TOOLHIVE

__all__ = ["CALL_SOURCES"]

CALL_SOURCES: tuple[Normaliser, ...] = (
    ACCESS_LOG,
    AGENT_VCR,
    CLAUDE_CODE,
    CLAUDE_DESKTOP,
    CODEX,
    CONTEXTFORGE,
    CURSOR,
    DOCKER_GATEWAY,
    FASTMCP,
    GEMINI_CLI,
    JSONRPC,
    OTEL,
    TOOLHIVE,
)
