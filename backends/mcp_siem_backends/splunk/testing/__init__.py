"""A faithful small splunkd, for our tests and others'."""

from mcp_siem_backends.splunk.testing.splunkd import SplunkServer

__all__ = ["SplunkServer"]
