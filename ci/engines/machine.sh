# What a start script needs of the machine; read by bash, never run.

# A JDK of at least major $1: JAVA_HOME, the path, or where Debian keeps them.
find_java() {
  local java
  for java in ${JAVA_HOME:+"$JAVA_HOME/bin/java"} $(command -v java) /usr/lib/jvm/*/bin/java; do
    if [ "$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)" -ge "$1" ] 2>/dev/null; then
      readlink -f "$java"
      return
    fi
  done
  if [ "$1" -le 17 ]; then
    echo "no JDK $1 or newer: set JAVA_HOME, or put java on the path (Debian: apt-get install openjdk-17-jdk-headless)" >&2
  else
    echo "no JDK $1 or newer: set JAVA_HOME, or put java on the path (https://adoptium.net has it for every system)" >&2
  fi
  return 1
}

cache_dir() { echo "${XDG_CACHE_HOME:-$HOME/.cache}/mcp-siem"; }

# Sets AS to what runs a command as a user without rights. The servers refuse root.
drop_root() {
  AS=()
  [ "$(id -u)" = 0 ] || return 0
  command -v setpriv >/dev/null || { echo "no setpriv: start the engine as a user other than root" >&2; return 1; }
  AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

# A copy of the server $1 at $2: root's cache is closed to the user that runs it, and a server must not change the cache.
own_copy() {
  rm -rf "$2"
  cp -al "$1" "$2" 2>/dev/null || { rm -rf "$2"; cp -a "$1" "$2"; }
}

# Waits until the server in folder $1 with the pid in file $2 answers, and prints its address.
await_url() {
  local address end=$((SECONDS + ${ENGINE_WAIT:-120}))
  while [ "$SECONDS" -lt "$end" ]; do
    if [ -s "$1/logs/http.ports" ]; then
      address=$(grep -m 1 '^127\.0\.0\.1:' "$1/logs/http.ports" || true)
      if [ -n "$address" ] && [[ $(ask "$address") == *200* ]]; then
        echo "http://$address"
        return
      fi
    fi
    if [ -s "$2" ] && ! kill -0 "$(cat "$2")" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "the engine did not answer; the end of its log:" >&2
  tail -n 30 "$1"/logs/*.log >&2
  return 1
}

# The status line of a health request, without a tool that may be missing.
ask() {
  (
    exec 3<>"/dev/tcp/${1%:*}/${1#*:}" || exit 0
    printf 'GET /_cluster/health?wait_for_status=yellow&timeout=1s HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" >&3
    timeout 3 head -n 1 <&3
  ) 2>/dev/null || true
}

# Ends the process whose pid is in file $1, and waits for it.
end_process() {
  local pid _
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}
