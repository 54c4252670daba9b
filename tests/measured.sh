#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# measured.sh - a plan by what an earlier run has measured.

. "${srcdir:-.}/app.sh"

report=$tmp/report.json
