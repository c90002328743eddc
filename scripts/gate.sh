#!/usr/bin/env bash
# What a pipeline does with a change, for GitHub and GitLab alike: import what was measured, gate, write the reports.
# Reads FEATURE, CHAMPION, CANDIDATE and, where set, POLICY, CHAMPION_RESULTS, CANDIDATE_RESULTS, WORKBENCH, FOLDER (plumbline).
# Leaves the gate's exit status (0 promote, 3 reject, 4 hold) in $FOLDER/status; its own says whether the tool worked.
set -euo pipefail

folder="${FOLDER:-plumbline}"
mkdir -p "$folder"

results() { # NAME PATTERN [OPTION …]: import the files of one arm
  local name="$1" pattern="$2" files
  shift 2
  mapfile -t files < <(compgen -G "$pattern" | sort)
  if [ "${#files[@]}" = 0 ]; then
    echo "no file matches $pattern" >&2
    exit 2
  fi
  plumb import results "${files[@]}" --feature "$FEATURE" --variant "$name" "$@"
}

if [ -n "${CHAMPION_RESULTS:-}" ]; then results "$CHAMPION" "$CHAMPION_RESULTS"; fi
if [ -n "${CANDIDATE_RESULTS:-}" ]; then results "$CANDIDATE" "$CANDIDATE_RESULTS" --over "$CHAMPION"; fi

options=(--champion "$CHAMPION" --candidate "$CANDIDATE")
for ending in md html json junit.xml; do options+=(-o "$folder/gate.$ending"); done
if [ -n "${POLICY:-}" ]; then options+=(--policy "$POLICY"); fi
if [ -n "${WORKBENCH:-}" ]; then options+=(--workbench "$WORKBENCH"); fi

status=0
plumb gate "$FEATURE" "${options[@]}" || status=$?
case "$status" in 0 | 3 | 4) ;; *) exit "$status" ;; esac
echo "$status" >"$folder/status"

read -r decision outcome < <(python3 -c '
import json, sys
decision = json.load(open(sys.argv[1], encoding="utf-8"))
print(decision["decision_id"], decision["outcome"])' "$folder/gate.json")
bundle=("$decision" -o "$folder/bundle.zip")
if [ -n "${POLICY:-}" ]; then bundle+=(--policy "$POLICY"); fi
plumb bundle "${bundle[@]}"

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'status=%s\noutcome=%s\ndecision=%s\n' "$status" "$outcome" "$decision" >>"$GITHUB_OUTPUT"
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$folder/gate.md" >>"$GITHUB_STEP_SUMMARY"; fi
