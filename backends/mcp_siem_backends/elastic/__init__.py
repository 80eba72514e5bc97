"""Elastic: Kibana detection rules over our index template. Importing this does nothing; each half loads when asked."""

from collections.abc import Callable, Mapping, Sequence

from mcp_siem.convert.target import Resource, Target
from mcp_siem.deploy.client import Client, Connection
from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["BACKEND"]


class _Elastic:
    """The backend that the entry point `elastic` names."""

    name = "elastic"

    def target(self) -> Target:
        """The pure half, for the index that the shipped taxonomy describes."""
        from mcp_siem.rules.pack import default_pack_dir, load_taxonomy  # noqa: PLC0415 - loaded when asked
        from mcp_siem_backends.elastic.target import ElasticTarget  # noqa: PLC0415 - loaded when asked

        return ElasticTarget(load_taxonomy(default_pack_dir()))

    def target_on(self, caps: object, *, where: str) -> Target:
        """The pure half, for an index of somebody else's mapping, which its `_field_caps` describes."""
        from mcp_siem.rules.pack import default_pack_dir, load_taxonomy  # noqa: PLC0415 - loaded when asked
        from mcp_siem_backends.elastic.foreign import ForeignIndex  # noqa: PLC0415 - loaded when asked
        from mcp_siem_backends.elastic.target import ElasticTarget  # noqa: PLC0415 - loaded when asked

        taxonomy = load_taxonomy(default_pack_dir())
        return ElasticTarget(taxonomy, ForeignIndex(caps, taxonomy, where=where))

    def client(self, connection: Connection) -> Client:
        """Kibana's Detection Engine over HTTP."""
        from mcp_siem_backends.elastic.client import KibanaClient  # noqa: PLC0415 - loaded when asked

        return KibanaClient(connection)

    def exports(self) -> Mapping[str, Callable[[Sequence[Resource]], str]]:
        """Kibana's import file."""
        from mcp_siem_backends.elastic.payload import kibana_ndjson  # noqa: PLC0415 - loaded when asked

        return {"ndjson": kibana_ndjson}

    def templates(self) -> Mapping[str, Callable[[Taxonomy], str]]:
        """The index template."""
        from mcp_siem_backends.elastic.template import template_json  # noqa: PLC0415 - loaded when asked

        return {"elastic": template_json}


BACKEND = _Elastic()
