#!/usr/bin/env bash
# kill -9 of a child at CHILDREN random moments and of the sweep itself at PARENTS ones; after each the sweep is resumed.
# usage: bench/sweeps/kills.sh [CHILDREN [PARENTS]]
source "$(dirname "$0")/setup.sh"
children=${1:-20} parents=${2:-10} grid=$root/experiments/small-grid.json
"$afterimage" sweep "$grid" --leakage off --out "$work/whole" > /dev/null
begin() { "$afterimage" sweep "$grid" --leakage off --out "$work/hurt" "$@" >> "$work/log" 2>&1 & sweep=$!; }
pause() { sleep "$((RANDOM % 4 + 1)).$((RANDOM % 10))"; }
more=() killed=0 ended=0
while [ "$killed" -lt "$children" ] || [ "$ended" -lt "$parents" ]; do
  begin "${more[@]}"; more=(--resume)
  for _ in 1 2 3; do
    pause
    child=$(pgrep -P "$sweep" | shuf -n 1 || true)
    if [ -n "$child" ] && [ "$killed" -lt "$children" ] && kill -9 "$child" 2> /dev/null; then killed=$((killed + 1)); fi
  done
  if [ "$ended" -lt "$parents" ] && kill -9 "$sweep" 2> /dev/null; then ended=$((ended + 1)); fi
  wait "$sweep" 2> /dev/null || true
  # A whole sweep has nothing left to kill: it begins anew.
  if [ "$(grep -c '"audit-finished"' "$work/hurt/events.jsonl" || true)" != 0 ] && ! grep -q '"outcome": *"Crashed"' "$work/hurt/report.json"; then
    same "$work/whole" "$work/hurt" || { echo "DIFFERENT"; exit 1; }
    rm -rf "$work/hurt"; more=()
  fi
done
if [ -d "$work/hurt" ]; then
  for _ in 1 2; do "$afterimage" sweep "$grid" --leakage off --out "$work/hurt" --resume >> "$work/log" 2>&1 || true; done
  same "$work/whole" "$work/hurt" || { echo "DIFFERENT"; exit 1; }
fi
echo "$killed children and $ended sweeps killed; recorded crashes: $(grep -c ' crashed: ' "$work/log" || true)"
