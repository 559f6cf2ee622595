#!/bin/sh
# Audits one simulated client and fails where its images come back. Exit codes: 0 passed, 2 the condition is true of a case,
# 4 nothing came back but an attack did not converge, 1 and 3 something is wrong with the input or a case crashed.
#   AFTERIMAGE   the command, by default afterimage
#   EXPERIMENT   an experiment's JSON file or flags of afterimage audit, by default one procedural image and LeNet
#   CONDITION    what must not be true
#   REPORT       the folder of the report, by default runs/privacy
set -u
AFTERIMAGE=${AFTERIMAGE:-afterimage}
CONDITION=${CONDITION:-verdict >= recognizable or identification > 0.05}
REPORT=${REPORT:-runs/privacy}
# Words of EXPERIMENT are flags, so it is not quoted.
# shellcheck disable=SC2086
$AFTERIMAGE audit ${EXPERIMENT:-} --threads 1 --fail-if "$CONDITION" --out "$REPORT"
code=$?
case $code in
    0) echo "Passed: $CONDITION is true of no case, and every attack converged." ;;
    2) echo "Failed: the update gives images away; see $REPORT/report.html." ;;
    4) echo "Not passed: nothing came back, but an attack did not converge, which is no protection." ;;
    *) echo "No answer: the audit itself failed." ;;
esac
exit $code
