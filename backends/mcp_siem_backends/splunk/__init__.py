"""Splunk: rules as SPL saved searches. Nothing is loaded before it is asked for."""

from collections.abc import Callable, Mapping, Sequence

from mcp_siem.convert.target import Resource, Target
from mcp_siem.deploy.client import Client, Connection
from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["BACKEND", "SplunkBackend"]


class SplunkBackend:
    """The backend named `splunk`."""

    name = "splunk"

    def target(self) -> Target:
        """The pure half, over the taxonomy of the shipped pack."""
        from mcp_siem.rules.pack import default_pack_dir, load_taxonomy  # noqa: PLC0415 - lazy, so that import is cheap
        from mcp_siem_backends.splunk.target import SplunkTarget  # noqa: PLC0415 - pySigma costs 0.2 s

        return SplunkTarget(load_taxonomy(default_pack_dir()))

    def client(self, connection: Connection) -> Client:
        """The half with I/O."""
        from mcp_siem_backends.splunk.client import SplunkClient  # noqa: PLC0415 - only who connects needs the SDK
        from mcp_siem_backends.splunk.payload import rule_id_of  # noqa: PLC0415 - lazy, with the client

        return SplunkClient(connection, key_of=rule_id_of)

    def exports(self) -> Mapping[str, Callable[[Sequence[Resource]], str]]:
        """`conf`: savedsearches.conf."""
        from mcp_siem_backends.splunk.conf import savedsearches_conf  # noqa: PLC0415 - lazy, so that import is cheap

        return {"conf": savedsearches_conf}

    def templates(self) -> Mapping[str, Callable[[Taxonomy], str]]:
        """Splunk has no index template."""
        return {}


BACKEND = SplunkBackend()
