"""Which events a rule is about, as a condition in its query: the logsource of a rule becomes `event.dataset`. Pure."""

from collections.abc import Mapping

import yaml
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import AddConditionTransformation

from mcp_siem.events.taxonomy import Taxonomy

__all__ = ["DATASET", "left_out", "pipeline_yaml", "routing"]

DATASET = "event.dataset"


def left_out(taxonomy: Taxonomy, logsource: Mapping[str, str | None]) -> list[str]:
    """The datasets that a rule of this logsource never sees, a whole family as `web.*`; none if it sees all."""
    families, singles = taxonomy.excluded(
        category=logsource.get("category"), product=logsource.get("product"), service=logsource.get("service")
    )
    return [*(f"{family}.*" for family in families), *singles]


def routing(taxonomy: Taxonomy, logsource: Mapping[str, str | None]) -> ProcessingPipeline:
    """The pipeline that leaves them out. An event without a dataset is tried against every rule, as in the engine."""
    names = left_out(taxonomy, logsource)
    items = [ProcessingItem(AddConditionTransformation({DATASET: names}, negated=True))] if names else []
    return ProcessingPipeline(name="mcp-siem routing", items=items)


def pipeline_yaml(taxonomy: Taxonomy, *, target: str, index: str) -> str:
    """The same as pySigma YAML, for sigma-cli's `-p`; it knows the logsources that the taxonomy names, no subsets."""
    state = {"id": "index", "type": "set_state", "key": "index", "val": index}
    document = {
        "name": f"mcp-siem: {target}",
        "priority": 50,
        "transformations": [state, *(_item(name, parts, taxonomy) for name, parts in taxonomy.datasets.items())],
    }
    head = (
        f"# Routing of mcp-siem for {target}: the logsource of a rule becomes a condition on event.dataset.\n"
        "# Made from [datasets] of ../taxonomy.toml; a test compares. Use: sigma convert -p <this file>\n"
    )
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _item(name: str, parts: Mapping[str, str], taxonomy: Taxonomy) -> dict[str, object]:
    return {
        "id": name.replace(".", "_"),
        "type": "add_condition",
        "conditions": {DATASET: left_out(taxonomy, parts)},
        "negated": True,
        "rule_conditions": [{"type": "logsource", **parts}],
    }
