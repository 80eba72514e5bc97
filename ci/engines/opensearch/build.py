"""Assembles a real OpenSearch of Maven Central alone: `build.py` prints the folder of version OPENSEARCH_VERSION.

Maven brings the jars of the server and of its modules in one heap (pom.xml names them); here they are laid out as the
distribution has them. What no module claims goes to lib/.
"""

import fnmatch
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pinned import PinError, build_command, check, maven, pins, readable

HERE = Path(__file__).parent
# The release of log4j that each server was built with: an optional dependency of its pom.
LOG4J = {"3.4.0": "2.21.0"}
# Pulled in by poms, but no part of the distribution's lib/.
DROPPED = ("slf4j-api-*", "jzlib-*", "jakarta.annotation-*", "error_prone*", "jspecify*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """The class of a module, the module it extends, its jars, and jars that it shares with lib/."""

    entry: str
    jars: tuple[str, ...]
    shared: tuple[str, ...] = ()
    extends: str = ""


MODULES = {
    "transport-netty4": Module(
        entry="transport.Netty4ModulePlugin", jars=("transport-netty4-client-*", "netty-*", "opensearch-netty4-*")
    ),
    "lang-painless": Module(
        entry="painless.PainlessModulePlugin",
        jars=("lang-painless-*", "opensearch-scripting-painless-spi-*", "antlr4-runtime-*", "asm-*"),
    ),
    "lang-expression": Module(
        entry="script.expression.ExpressionModulePlugin",
        jars=("lang-expression-*", "lucene-expressions-*"),
        shared=("antlr4-runtime-*", "asm-*"),
    ),
    "lang-mustache": Module(
        entry="script.mustache.MustacheModulePlugin", jars=("lang-mustache-client-*", "compiler-*")
    ),
    "analysis-common": Module(
        entry="analysis.common.CommonAnalysisModulePlugin", jars=("analysis-common-*",), extends="lang-painless"
    ),
    "mapper-extras": Module(entry="index.mapper.MapperExtrasModulePlugin", jars=("mapper-extras-client-*",)),
    "parent-join": Module(entry="join.ParentJoinModulePlugin", jars=("parent-join-client-*",)),
    "percolator": Module(entry="percolator.PercolatorModulePlugin", jars=("percolator-client-*",)),
    "aggs-matrix-stats": Module(
        entry="search.aggregations.matrix.MatrixAggregationModulePlugin", jars=("aggs-matrix-stats-client-*",)
    ),
    "reindex": Module(
        entry="index.reindex.ReindexModulePlugin",
        jars=(
            "reindex-client-*", "opensearch-rest-client-*", "opensearch-ssl-config-*", "httpc*", "commons-codec-*",
            "commons-logging-*",
        ),
    ),
    "ingest-common": Module(
        entry="ingest.common.IngestCommonModulePlugin",
        jars=("ingest-common-*", "opensearch-dissect-*", "opensearch-grok-*", "joni-*", "jcodings-*"),
        extends="lang-painless",
    ),
    "ingest-user-agent": Module(entry="ingest.useragent.IngestUserAgentModulePlugin", jars=("ingest-user-agent-*",)),
    "geo": Module(entry="geo.GeoModulePlugin", jars=("geo-*",)),
    "rank-eval": Module(entry="index.rankeval.RankEvalModulePlugin", jars=("rank-eval-client-*",)),
}  # fmt: skip


def _build(version: str, home: Path) -> None:
    if version not in LOG4J:
        raise PinError(f"OpenSearch {version} is none of {', '.join(LOG4J)}")
    cache = home.parent
    heap = cache / f"jars-{version}"
    shutil.rmtree(heap, ignore_errors=True)
    options = (f"-Dos.version={version}", f"-Dlog4j.version={LOG4J[version]}", f"-DoutputDirectory={heap}")
    maven("copy-dependencies", *options, "-f", str(HERE / "pom.xml"), folder=cache)
    pinned = pins(HERE / "SHA256SUMS")
    for jar in sorted(heap.iterdir()):
        check(jar, jar.name, pinned)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        made = Path(work) / "home"
        _assemble(heap, made, version)
        readable(made)
        made.rename(home)
    shutil.rmtree(heap)


def _assemble(heap: Path, made: Path, version: str) -> None:
    for folder in ("bin", "lib", "modules", "plugins"):
        (made / folder).mkdir(parents=True)
    jars = [jar for jar in sorted(heap.glob("*.jar")) if not _fits(jar, DROPPED)]
    claimed: set[Path] = set()
    for name, module in MODULES.items():
        own = [jar for jar in jars if _fits(jar, module.jars)]
        folder = made / "modules" / name
        folder.mkdir()
        for jar in [*own, *(jar for jar in jars if _fits(jar, module.shared))]:
            shutil.copy(jar, folder)
        (folder / "plugin-descriptor.properties").write_text(_descriptor(name, module, version), encoding="utf-8")
        claimed.update(own)
    for jar in jars:
        if jar not in claimed:
            shutil.copy(jar, made / "lib")


def _fits(jar: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(jar.name, pattern) for pattern in patterns)


def _descriptor(name: str, module: Module, version: str) -> str:
    return (
        f"name={name}\ndescription={name}\nversion={version}\nopensearch.version={version}\njava.version=21\n"
        f"classname=org.opensearch.{module.entry}\nextended.plugins={module.extends}\n"
        "has.native.controller=false\ncustom.foldername=\n"
    )


if __name__ == "__main__":
    sys.exit(build_command(_build, Path(__file__), os.environ.get("OPENSEARCH_VERSION") or "3.4.0"))
