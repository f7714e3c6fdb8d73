#!/bin/bash
# Beside each member, for ever: the first one makes the set and its users, once. Safe to repeat and to interrupt.
# Only from a member's own address may the first user be made (MongoDB's localhost exception), so this is no Job.
set -uo pipefail
trap 'exit 0' TERM INT
if [ "${HOSTNAME##*-}" = 0 ]; then
  until mongosh --quiet --norc "mongodb://127.0.0.1:27017/?directConnection=true&serverSelectionTimeoutMS=5000" \
    --file /scripts/initiate.js; do
    sleep 5 & wait $!
  done
fi
sleep infinity & wait $!
