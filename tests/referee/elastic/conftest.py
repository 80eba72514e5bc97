import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the engine and the generators stand beside the tests

from elastic_engine import Elasticsearch

URL = os.environ.get("MCP_SIEM_ELASTICSEARCH_URL")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a server there is nothing to ask; one line says how to get one."""
    if URL is None:
        reason = "MCP_SIEM_ELASTICSEARCH_URL names no throw-away Elasticsearch 8.19; make referee starts one"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def server() -> Iterator[Elasticsearch]:
    """A running Elasticsearch whose `logs-mcp.referee*` indices we may delete."""
    engine = Elasticsearch(URL or "")
    engine.forget()
    yield engine
    engine.forget()
