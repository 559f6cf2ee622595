# Sourced by the other scripts: a private PostgreSQL in a temporary folder, where one is needed, and the command.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
afterimage=${AFTERIMAGE:-$root/src/Afterimage.Cli/bin/Release/net10.0/Afterimage.Cli}
[ -x "$afterimage" ] || { echo "Build first: dotnet build -c Release"; exit 1; }
export OMP_NUM_THREADS=1
work=$(mktemp -d) && chmod 755 "$work"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1 || true)
port=${PORT:-55433}
on="Host=127.0.0.1;Port=$port;Username=owner;Database=postgres"
as_postgres() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$1"; else bash -c "$1"; fi; }
pg() { as_postgres "$bin/pg_ctl -D $work/pg/data -o '-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$work/pg' -l $work/pg/log -m fast -w $1" > /dev/null; }
start_postgres() {
  [ -n "$bin" ] || { echo "skipped: no PostgreSQL here (apt-get install postgresql)"; exit 0; }
  mkdir "$work/pg" && echo secret > "$work/pg/password"
  [ "$(id -u)" != 0 ] || chown -R postgres "$work/pg"
  as_postgres "$bin/initdb -D $work/pg/data -A scram-sha-256 -U owner --pwfile=$work/pg/password" > /dev/null
  pg start
  export PGPASSWORD=secret
}
sql() { "$bin/psql" -h 127.0.0.1 -p "$port" -U owner -d postgres -Atqc "$1"; }
# Everything in a table of results but the times.
numbers() { sed -E 's/,[^,]*,[^,]*\r?$//' "$1/report.csv"; }
same() {
  diff -q <(numbers "$1") <(numbers "$2") > /dev/null && diff -rq "$1/reconstructions" "$2/reconstructions" > /dev/null \
    && diff -rq "$1/images" "$2/images" > /dev/null && echo "equal bit for bit: numbers, pictures and arrays of $(numbers "$1" | tail -n +2 | cut -d, -f1 | sort -u | wc -l) cases"
}
# Only what these scripts began.
finish() {
  trap - EXIT
  jobs -p | xargs -r kill 2> /dev/null || true
  wait 2> /dev/null || true
  [ ! -d "$work/pg" ] || pg stop || true
  rm -rf "$work"
}
trap finish EXIT
