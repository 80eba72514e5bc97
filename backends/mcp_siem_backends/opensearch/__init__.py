"""OpenSearch: rules as stored searches over our index template. Importing this does nothing; each half loads when asked."""

from collections.abc import Callable, Mapping, Sequence

from mcp_siem.convert.target import Resource, Target
from mcp_siem.deploy.client import Client, Connection
from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["BACKEND"]


class _OpenSearch:
    """The backend that the entry point `opensearch` names."""

    name = "opensearch"

    def target(self) -> Target:
        """The pure half, for the index that the shipped taxonomy describes."""
        from mcp_siem.rules.pack import default_pack_dir, load_taxonomy  # noqa: PLC0415 - loaded when asked
        from mcp_siem_backends.opensearch.target import OpenSearchTarget  # noqa: PLC0415 - loaded when asked

        return OpenSearchTarget(load_taxonomy(default_pack_dir()))

    def client(self, connection: Connection) -> Client:
        """An index that holds the queries."""
        from mcp_siem_backends.opensearch.client import QuerySetClient  # noqa: PLC0415 - loaded when asked

        return QuerySetClient(connection)

    def exports(self) -> Mapping[str, Callable[[Sequence[Resource]], str]]:
        """`ndjson`: the query set as a bulk request."""
        from mcp_siem_backends.opensearch.payload import queries_ndjson  # noqa: PLC0415 - loaded when asked

        return {"ndjson": queries_ndjson}

    def templates(self) -> Mapping[str, Callable[[Taxonomy], str]]:
        """The index template."""
        from mcp_siem_backends.opensearch.template import template_json  # noqa: PLC0415 - loaded when asked

        return {"opensearch": template_json}


BACKEND = _OpenSearch()
