#!/usr/bin/env bash
# A sweep as a Slurm array: sbatch --array=0-7 slurm-array.sh grid.json
# Then, once all tasks have ended: afterimage sweep merge shares/* --out whole
#SBATCH --job-name=afterimage
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
set -euo pipefail
grid=${1:?usage: sbatch --array=0-7 slurm-array.sh grid.json}
share=shares/$SLURM_ARRAY_TASK_ID
# A task that was requeued goes on where it was.
resume=()
if [ -e "$share/events.jsonl" ]; then resume=(--resume); fi
exec afterimage sweep "$grid" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --workers "$SLURM_CPUS_PER_TASK" --out "$share" "${resume[@]}"
