#!/bin/sh
# What `make bench` runs. usage: run.sh BUILD_DIR
set -eu
exec python3 "$(dirname "$0")/camera_cost.py" --build "$1"
