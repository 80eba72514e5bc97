"""Where a rule looks: the macro and source type that bound it, and the datasets that are not its business."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_siem.events.taxonomy import Taxonomy
from mcp_siem_backends.splunk.leaves import text
from mcp_siem_backends.splunk.pattern import Wildcard
from mcp_siem_backends.splunk.predicate import Node, all_of, any_of, negated, search_terms, where_rest

__all__ = ["ENDPOINT_MACRO", "INDEX_MACRO", "SOURCETYPE", "Scope", "scope_of", "search_spl"]

INDEX_MACRO = "mcp_siem_index"
ENDPOINT_MACRO = "mcp_siem_endpoint_index"
SOURCETYPE = "mcp:normalized"
_DATASET = "event.dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """`bound` starts every search, so that none looks at everything; `routing` leaves out other rules' datasets.

    An event without a dataset, or with one of a family that the taxonomy does not know, is tried against every rule.
    """

    bound: str
    routing: Node | None = None
    is_mcp: bool = True

    def narrowed(self, node: Node) -> Node:
        """The condition with the routing."""
        return node if self.routing is None else all_of([self.routing, node])


def scope_of(category: str | None, product: str | None, service: str | None, taxonomy: Taxonomy | None) -> Scope:
    """The scope of a Sigma logsource; events of product `mcp` are ours, all others are where the site keeps them."""
    is_mcp = (product or "").casefold() == "mcp"
    bound = f'`{INDEX_MACRO}` sourcetype="{SOURCETYPE}"' if is_mcp else f"`{ENDPOINT_MACRO}`"
    excluded = taxonomy.excluded(category=category, product=product, service=service) if taxonomy else ((), ())
    return Scope(bound=bound, routing=_routing(*excluded), is_mcp=is_mcp)


def _routing(families: Sequence[str], singles: Sequence[str]) -> Node | None:
    leaves = [text(_DATASET, [f"{family}.", Wildcard.MANY], ascii_only=True) for family in families]
    leaves += [text(_DATASET, [name], ascii_only=True) for name in singles]
    return negated(any_of(leaves)) if leaves else None


def search_spl(scope: Scope, node: Node) -> str:
    """The whole search of a rule over single events."""
    narrowed = scope.narrowed(node)
    first = " ".join([scope.bound, *search_terms(narrowed)])
    rest = where_rest(narrowed)
    return first if rest is None else f"{first}\n| where {rest}"
