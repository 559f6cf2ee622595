#!/usr/bin/env bash
# 200 small cases on four workers through PostgreSQL, undisturbed and then with kill -9 of a worker every few seconds and a restart of
# PostgreSQL: both must equal the local sweep bit for bit.
source "$(dirname "$0")/setup.sh"
start_postgres
sed 's/"trials": 10/"trials": 40/' "$root/experiments/small-grid.json" > "$work/grid.json"
"$afterimage" sweep "$work/grid.json" --leakage off --out "$work/local" > /dev/null
worker() { "$afterimage" worker --on "$on" --slots 1 --scratch "$work/scratch$1" "${@:2}" >> "$work/worker$1" 2>&1 & pids[$1]=$!; }
declare -A pids
echo "undisturbed:"
"$afterimage" sweep "$work/grid.json" --leakage off --on "$on"
begin=$(date +%s%N)
for n in 1 2 3 4; do worker "$n" --until-empty; done
for n in 1 2 3 4; do wait "${pids[$n]}"; done
echo "wall $(( ($(date +%s%N) - begin) / 1000000 )) ms, of workers' cases $(sql 'select round(sum(seconds)::numeric, 1) from afterimage.result') s"
"$afterimage" sweep collect --on "$on" --out "$work/calm" > /dev/null
same "$work/local" "$work/calm"
echo "disturbed:"
sql "truncate afterimage.result, afterimage.task, afterimage.sweep cascade; truncate afterimage_jobs.job, afterimage_jobs.jobqueue, afterimage_jobs.state cascade"
"$afterimage" sweep "$work/grid.json" --leakage off --on "$on"
for n in 1 2 3 4; do worker "$n"; done
killed=0 restarts=0 begin=$(date +%s)
while [ "$(sql 'select count(*) from afterimage.result')" -lt 204 ] && [ $(($(date +%s) - begin)) -lt 540 ]; do
  sleep $((RANDOM % 4 + 4))
  if [ "$killed" -lt 12 ]; then
    n=$((RANDOM % 4 + 1)); kill -9 "${pids[$n]}"; wait "${pids[$n]}" 2> /dev/null || true; worker "$n"; killed=$((killed + 1))
  fi
  if [ "$killed" = 5 ] && [ "$restarts" = 0 ]; then pg restart; restarts=1; fi
  [ "$(sql 'select count(*) from afterimage.result')" -lt 200 ] || break
done
echo "$killed workers killed, $restarts restart; results $(sql 'select count(*) from afterimage.result'), cases taken more than once $(sql 'select count(*) from afterimage.task where attempts > 1')"
"$afterimage" sweep collect --on "$on" --out "$work/hurt" > /dev/null
same "$work/local" "$work/hurt"
