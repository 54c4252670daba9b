#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# mutant_rows.sh - each row of mutants.sh still finds what it breaks.
#
# Whether the tests see it says `make mutants`, which takes two hours.

exec sh "$abs_top_srcdir/tests/mutants.sh" -n
