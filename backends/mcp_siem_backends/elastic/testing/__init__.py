"""A faithful small Kibana, for our tests and others'."""

from mcp_siem_backends.elastic.testing.kibana import KibanaServer

__all__ = ["KibanaServer"]
