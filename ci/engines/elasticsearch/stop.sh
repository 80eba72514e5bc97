#!/usr/bin/env bash
# stop.sh FOLDER: ends the Elasticsearch that start.sh started on FOLDER; the folder may be deleted then.
set -euo pipefail
# shellcheck source=../machine.sh
. "$(dirname "$0")/../machine.sh"
end_process "${1:?usage: stop.sh FOLDER}/pid"
