#!/usr/bin/env bash
# start.sh FOLDER: starts a throw-away Elasticsearch whose data is in FOLDER, on a free port of 127.0.0.1, and prints its
# address. stop.sh FOLDER ends it. ELASTICSEARCH_VERSION: 8.19.4 (default, has ES|QL) or 9.4.3. JAVA_HOME, PYTHON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../machine.sh
. "$here/../machine.sh"
export ELASTICSEARCH_VERSION=${ELASTICSEARCH_VERSION:-8.19.4}
[ -n "${1:-}" ] || { echo "usage: start.sh FOLDER" >&2; exit 2; }
case $ELASTICSEARCH_VERSION in 9.*) java=$(find_java 21) ;; *) java=$(find_java 17) ;; esac
drop_root
mkdir -p "$(cache_dir)"
if command -v flock >/dev/null; then exec 9>"$(cache_dir)/lock"; flock 9; fi
home=$("${PYTHON:-python3}" "$here/build.py")
exec 9>&-
mkdir -p "$1"/{config/jvm.options.d,tmp,logs}
folder=$(cd "$1" && pwd)
own_copy "$home" "$folder/home"
rm -f "$folder/pid" "$folder/logs/http.ports"
cp "$home"/config/{jvm.options,role_mapping.yml,roles.yml,users,users_roles} "$folder/config/"
sed -i.bak '/Xlog:gc/d;/HeapDumpOnOutOfMemoryError/d;/jdk.incubator.vector/d;/UseG1GC/d' "$folder/config/jvm.options"
cat >"$folder/config/log4j2.properties" <<'L'
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = ${sys:es.logs.base_path}/engine.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
L
cat >"$folder/config/elasticsearch.yml" <<Y
cluster.name: referee
node.name: referee
node.portsfile: true
path.data: $folder/data
path.logs: $folder/logs
http.host: 127.0.0.1
http.port: 0
transport.host: 127.0.0.1
transport.port: 0
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: false
Y
unset JAVA_HOME JAVA_OPTS JAVA_TOOL_OPTIONS _JAVA_OPTIONS
export ES_JAVA_HOME=${java%/bin/java} ES_PATH_CONF=$folder/config ES_TMPDIR=$folder/tmp
# Small and quick for tests: no touched heap, serial collector, the first compiler alone.
export ES_JAVA_OPTS="-Xms128m -Xmx${ENGINE_HEAP:-512m} -XX:-AlwaysPreTouch -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=${ENGINE_TIER:-1}"
if [ "${#AS[@]}" -gt 0 ]; then
  # Never the home: it may be hard links to the cache.
  chmod 755 "$folder"
  chown 65534:65534 "$folder"
  chown -R 65534:65534 "$folder"/{config,tmp,logs}
fi
"${AS[@]}" "$folder/home/bin/elasticsearch" -d -p "$folder/pid" </dev/null >"$folder/logs/launcher.log" 2>&1 ||
  { cat "$folder"/logs/*.log >&2; exit 1; }
await_url "$folder" "$folder/pid"
