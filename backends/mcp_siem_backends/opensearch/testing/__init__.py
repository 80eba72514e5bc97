"""A server that answers as OpenSearch does where a query set is concerned."""

from mcp_siem_backends.opensearch.testing.server import QuerySetServer

__all__ = ["QuerySetServer"]
