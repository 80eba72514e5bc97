import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the generators and the cases stand beside the tests
sys.path.insert(0, str(Path(__file__).parents[2] / "ci" / "engines"))

from running import EngineError, built, running

# With MCP_SIEM_ENGINES=required an engine that is not there is fetched, and one that does not start is an error.
REQUIRED = os.environ.get("MCP_SIEM_ENGINES") == "required"
ENGINES = {"elasticsearch_url": "elasticsearch", "opensearch_url": "opensearch"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of an engine go to one worker, which starts it once and has its indices for itself."""
    for item in items:
        for fixture in ENGINES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(ENGINES[fixture]))


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """The address of a throw-away Elasticsearch: MCP_SIEM_ELASTICSEARCH_URL, else one of our own."""
    yield from _address("elasticsearch")


@pytest.fixture(scope="session")
def opensearch_url() -> Iterator[str]:
    """The address of a throw-away OpenSearch: MCP_SIEM_OPENSEARCH_URL, else one of our own."""
    yield from _address("opensearch")


def _address(engine: str) -> Iterator[str]:
    named = os.environ.get(f"MCP_SIEM_{engine.upper()}_URL")
    if named:
        yield named
        return
    if not REQUIRED and not built(engine):
        pytest.skip(f"not run: {engine} is not there; `make referee` fetches it")
    try:
        with running(engine) as url:
            yield url
    except EngineError as fault:
        if REQUIRED:
            raise
        pytest.skip(f"not run: {engine} did not start: {fault}")
