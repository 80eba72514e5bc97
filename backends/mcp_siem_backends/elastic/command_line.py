"""Our Elastic backend as sigma-cli starts it: without a taxonomy, with a pipeline of the user's choice."""

from typing import Any, ClassVar

from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.elastic.esql import correlation_text
from mcp_siem_backends.elastic.fields import OwnIndex
from mcp_siem_backends.elastic.query import McpLuceneBackend

__all__ = ["McpElasticBackend"]


class _Converted:
    """Base rules of a correlation, which pySigma has converted before."""

    def __init__(self, *, is_heavy: bool) -> None:
        self.notes: dict[str, None] = {}
        self.is_heavy = is_heavy

    def text(self, rule: Any) -> str:
        queries = [str(query) for query in rule.get_conversion_result()]
        return queries[0] if len(queries) == 1 else " OR ".join(f"({query})" for query in queries)


class McpElasticBackend(McpLuceneBackend):
    """Lucene for detections, ES|QL for correlations, over an index of the shipped taxonomy."""

    correlation_methods: ClassVar[dict[str, str]] = {"default": "ES|QL over exact sliding windows"}

    def __init__(
        self,
        processing_pipeline: ProcessingPipeline | None = None,
        collect_errors: bool = False,  # noqa: FBT001, FBT002 - pySigma calls it by place
        **options: Any,
    ) -> None:
        super().__init__(
            processing_pipeline, collect_errors, index=OwnIndex(load_taxonomy(default_pack_dir())), **options
        )

    def convert_correlation_rule(
        self, rule: Any, output_format: str | None = None, method: str | None = None, callback: Any = None
    ) -> list[Any]:
        """One ES|QL query; refused where it cannot be exact."""
        del output_format, method
        text = correlation_text(rule, _Converted(is_heavy=self.is_heavy), self._index)
        rule.set_conversion_result([text])
        kept = text if callback is None else callback(rule, None, 0, None, text)
        return [kept] if rule._output and kept is not None else []  # noqa: SLF001 - as pySigma's own backends do
