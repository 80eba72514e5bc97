from pathlib import Path

import pytest

from mcp_siem.convert.pipelines import left_out, pipeline_yaml, routing
from mcp_siem.rules.pack import default_pack_dir, load_taxonomy

TAXONOMY = load_taxonomy(default_pack_dir())


def test_the_shipped_pipeline_is_made_from_the_taxonomy(update_golden: bool) -> None:  # noqa: FBT001 - a fixture
    shipped = Path(default_pack_dir()) / "pipelines" / "elastic.yml"
    made = pipeline_yaml(TAXONOMY, target="elastic", index="logs-mcp.*")
    if update_golden:
        shipped.write_text(made, encoding="utf-8")
    assert shipped.read_text(encoding="utf-8") == made


@pytest.mark.parametrize("dataset", sorted(TAXONOMY.datasets))
def test_the_logsource_of_a_dataset_never_leaves_it_out(dataset: str) -> None:
    names = left_out(TAXONOMY, TAXONOMY.datasets[dataset])
    assert names
    assert dataset not in names
    assert f"{dataset.partition('.')[0]}.*" not in names


def test_a_product_leaves_out_other_families_and_nothing_no_condition() -> None:
    assert left_out(TAXONOMY, {"product": "mcp"}) == ["endpoint.*", "linux.*", "web.*"]
    assert left_out(TAXONOMY, {}) == []
    assert routing(TAXONOMY, {}).items == []
