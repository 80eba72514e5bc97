"""Our OpenSearch backend as sigma-cli starts it: without a taxonomy, with a pipeline of the user's choice."""

from typing import Any, ClassVar

from sigma.processing.pipeline import ProcessingPipeline

from mcp_siem.rules.pack import default_pack_dir, load_taxonomy
from mcp_siem_backends.opensearch.clause import Clause, any_of
from mcp_siem_backends.opensearch.correlation import correlation_body
from mcp_siem_backends.opensearch.layout import laid_out
from mcp_siem_backends.opensearch.plan import read_plan
from mcp_siem_backends.opensearch.query import McpDslBackend

__all__ = ["McpOpensearchBackend"]


class McpOpensearchBackend(McpDslBackend):
    """The body of a search for each rule, over an index of the shipped taxonomy."""

    correlation_methods: ClassVar[dict[str, str]] = {"default": "A scripted metric over exact sliding windows"}

    def __init__(
        self,
        processing_pipeline: ProcessingPipeline | None = None,
        collect_errors: bool = False,  # noqa: FBT001, FBT002 - pySigma calls it by place
        **options: Any,
    ) -> None:
        super().__init__(processing_pipeline, collect_errors, taxonomy=load_taxonomy(default_pack_dir()), **options)
        self._asked: dict[int, Clause] = {}

    def convert_rule(self, rule: Any, output_format: str | None = None, callback: Any = None) -> list[Any]:
        """The searches of a rule; what they ask for is kept for the correlations that build on it."""
        found = super().convert_rule(rule, output_format, callback)
        if self.clauses:
            self._asked[id(rule)] = any_of(self.clauses)
        return found

    def convert_correlation_rule(
        self, rule: Any, output_format: str | None = None, method: str | None = None, callback: Any = None
    ) -> list[Any]:
        """One search; refused where it cannot mean the same."""
        del output_format, method
        plan = read_plan(rule)
        text = laid_out(correlation_body(plan, [self._asked[id(one)] for one in plan.rules]))
        rule.set_conversion_result([text])
        kept = text if callback is None else callback(rule, None, 0, None, text)
        return [kept] if rule._output and kept is not None else []  # noqa: SLF001 - as pySigma's own backends do
