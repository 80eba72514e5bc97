from collections.abc import Sequence

import pytest

from mcp_siem.convert.target import Target
from mcp_siem.rules.pack import load_pack, read_pack
from mcp_siem.rules.rule import RulePack
from mcp_siem_backends.elastic import BACKEND as ELASTIC
from mcp_siem_backends.opensearch import BACKEND as OPENSEARCH
from mcp_siem_backends.splunk import BACKEND as SPLUNK


@pytest.fixture(scope="session")
def pack() -> RulePack:
    """The shipped pack with its example values, as fixtures and goldens see it."""
    return load_pack(variables=read_pack().manifest.example_vars)


@pytest.fixture(scope="session")
def targets() -> Sequence[Target]:
    return [ELASTIC.target(), OPENSEARCH.target(), SPLUNK.target()]
