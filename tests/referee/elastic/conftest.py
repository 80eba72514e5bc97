import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the engine and the generators stand beside the tests

from elastic_engine import Elasticsearch


@pytest.fixture(scope="session")
def server(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    """A running Elasticsearch whose `logs-mcp.referee*` indices we may delete."""
    engine = Elasticsearch(elasticsearch_url)
    engine.forget()
    yield engine
    engine.forget()
