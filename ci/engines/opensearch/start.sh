#!/usr/bin/env bash
# start.sh FOLDER: starts a throw-away OpenSearch whose data is in FOLDER, on a free port of 127.0.0.1, and prints its
# address. stop.sh FOLDER ends it. OPENSEARCH_VERSION: 3.4.0. JAVA_HOME, PYTHON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../machine.sh
. "$here/../machine.sh"
[ -n "${1:-}" ] || { echo "usage: start.sh FOLDER" >&2; exit 2; }
java=$(find_java 21)
drop_root
mkdir -p "$(cache_dir)"
if command -v flock >/dev/null; then exec 9>"$(cache_dir)/lock"; flock 9; fi
home=$("${PYTHON:-python3}" "$here/build.py")
exec 9>&-
mkdir -p "$1"/{config,data,tmp,logs}
folder=$(cd "$1" && pwd)
own_copy "$home" "$folder/home"
rm -f "$folder/pid" "$folder/logs/http.ports"
cat >"$folder/config/log4j2.properties" <<'L'
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = ${sys:opensearch.logs.base_path}/engine.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
L
cat >"$folder/config/opensearch.yml" <<Y
cluster.name: referee
node.name: referee
node.portsfile: true
discovery.type: single-node
network.host: 127.0.0.1
http.port: 0
transport.port: 0
path.data: $folder/data
path.logs: $folder/logs
cluster.routing.allocation.disk.threshold_enabled: false
Y
touch "$folder/config/jvm.options"
unset JAVA_OPTS JAVA_TOOL_OPTIONS _JAVA_OPTIONS
if [ "${#AS[@]}" -gt 0 ]; then
  # Never the home: it may be hard links to the cache.
  chmod 755 "$folder"
  chown 65534:65534 "$folder"
  chown -R 65534:65534 "$folder"/{config,data,tmp,logs}
fi
cd "$folder"
"${AS[@]}" "$java" -Xms128m -Xmx"${ENGINE_HEAP:-512m}" -XX:+UseSerialGC -Xss1m -XX:TieredStopAtLevel="${ENGINE_TIER:-1}" \
  -Djava.io.tmpdir="$folder/tmp" -Djava.awt.headless=true -Dfile.encoding=UTF-8 -Djava.locale.providers=SPI,CLDR \
  --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED \
  -Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true -Dlog4j2.formatMsgNoLookups=true \
  -Djdk.attach.allowAttachSelf=true -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true \
  -Dio.netty.recycler.maxCapacityPerThread=0 -Dopensearch.path.home="$folder/home" \
  -Dopensearch.path.conf="$folder/config" -Dopensearch.distribution.type=tar -Dopensearch.bundled_jdk=false \
  -cp "$folder/home/lib/*" org.opensearch.bootstrap.OpenSearch >"$folder/logs/launcher.log" 2>&1 </dev/null &
echo $! >"$folder/pid"
await_url "$folder" "$folder/pid"
