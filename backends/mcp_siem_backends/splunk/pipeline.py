"""The field names that Splunk gives to what we ship: a JSON array `x` is extracted as `x{}`. Made from the taxonomy."""

from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation, SetStateTransformation

from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.splunk.spl import ARRAY

__all__ = ["ROUTING", "array_names", "field_pipeline", "pipeline_yaml"]

# The state by which a pipeline asks that a rule sees the datasets of its logsource only.
ROUTING = "mcp_siem_routing"
_NAME = "mcp-siem: splunk"
_HEAD = """\
# Splunk field names of events shipped as JSON: an array `x` is extracted as `x{}`. Everything else keeps its name. The
# state lets a rule see the datasets of its logsource only.
# Made from ../taxonomy.toml; a test compares. For sigma-cli: sigma convert -t mcp_splunk -p sigma_rules/pipelines/splunk.yml
name: "mcp-siem: splunk"
priority: 20
allowed_backends:
  - mcp_splunk
transformations:
  - id: mcp_siem_routing
    type: set_state
    key: mcp_siem_routing
    val: true
  - id: mcp_siem_splunk_arrays
    type: field_name_mapping
    mapping:
"""


def array_names(taxonomy: Taxonomy) -> dict[str, str]:
    """Each field that may hold several values, with its name in Splunk."""
    return {name: name + ARRAY for name, field in sorted(taxonomy.fields.items()) if field.array}


def field_pipeline(taxonomy: Taxonomy) -> ProcessingPipeline:
    """A fresh pipeline: pySigma's keep state."""
    mapping = FieldMappingTransformation(dict(array_names(taxonomy)))
    items = [
        ProcessingItem(SetStateTransformation(ROUTING, True), identifier=ROUTING),  # noqa: FBT003 - pySigma's value
        ProcessingItem(mapping, identifier="mcp_siem_splunk_arrays"),
    ]
    return ProcessingPipeline(items, name=_NAME, priority=20, allowed_backends=frozenset({"mcp_splunk"}))


def pipeline_yaml(taxonomy: Taxonomy) -> str:
    """The same as a file that sigma-cli reads."""
    return _HEAD + "".join(f"      {name}: '{splunk}'\n" for name, splunk in array_names(taxonomy).items())
