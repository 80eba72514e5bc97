from pathlib import Path

import pytest

from mcp_siem.convert.pipelines import datasets_of, pipeline_yaml, routing
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy

TAXONOMY = load_taxonomy(default_pack_dir())


def test_the_shipped_pipeline_is_made_from_the_taxonomy() -> None:
    shipped = (Path(default_pack_dir()) / "pipelines" / "elastic.yml").read_text(encoding="utf-8")
    assert shipped == pipeline_yaml(TAXONOMY, target="elastic", index="logs-mcp.*")


@pytest.mark.parametrize("dataset", sorted(TAXONOMY.datasets))
def test_the_logsource_of_a_dataset_leads_to_it(dataset: str) -> None:
    found = datasets_of(TAXONOMY, TAXONOMY.datasets[dataset])
    assert found is not None
    assert dataset in found


def test_a_product_leads_to_all_its_datasets_and_nothing_to_no_condition() -> None:
    mcp = datasets_of(TAXONOMY, {"product": "mcp"})
    assert mcp is not None
    assert all(name.startswith("mcp.") for name in mcp)
    assert datasets_of(TAXONOMY, {}) is None
    assert routing(TAXONOMY, {}).items == []
