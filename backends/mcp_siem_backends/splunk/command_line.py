"""Our Splunk backend as sigma-cli starts it: with the shipped taxonomy, which a pipeline may ask for."""

from typing import Any

from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.splunk import query

__all__ = ["McpSplunkBackend"]


class McpSplunkBackend(query.McpSplunkBackend):
    """SPL that means the rule. Field names and routing of our own events come with `-p mcp_splunk`."""

    def __init__(
        self,
        processing_pipeline: ProcessingPipeline | None = None,
        collect_errors: bool = False,  # noqa: FBT001, FBT002 - pySigma calls it by place
        **options: Any,
    ) -> None:
        taxonomy = load_taxonomy(default_pack_dir())
        super().__init__(processing_pipeline, collect_errors, taxonomy=taxonomy, routed=False, **options)
