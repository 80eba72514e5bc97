import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the engine stands beside the tests, the generators beside others
sys.path.insert(0, str(Path(__file__).parents[1] / "elastic"))
sys.path.insert(0, str(Path(__file__).parents[1] / "spl"))

from opensearch_engine import OpenSearch


@pytest.fixture(scope="session")
def opensearch(opensearch_url: str) -> Iterator[OpenSearch]:
    """A running OpenSearch whose `logs-mcp.referee*` indices we may delete."""
    engine = OpenSearch(opensearch_url)
    engine.forget()
    yield engine
    engine.forget()
