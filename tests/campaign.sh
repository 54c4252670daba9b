#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# campaign.sh - a minute of the fault campaign (campaign.c): random jobs whose
# ranks are killed give just the right results; and a part of one in which rank 0
# and mpirun are killed, and the job is run again.
#
# MPIPE_TEST_SEED=N other jobs, MPIPE_TEST_MINUTES=N for longer.

. "$abs_top_srcdir/tests/app.sh"

needs_survival 'the fault campaign'

TMPDIR=$work "$abs_top_builddir/tests/campaign" --mapreduce=survives \
    --seed="${MPIPE_TEST_SEED:-1}" --minutes="${MPIPE_TEST_MINUTES:-1}" ||
    complain "the campaign has found something"
TMPDIR=$work "$abs_top_builddir/tests/campaign" --resume --mapreduce=survives \
    --seed="${MPIPE_TEST_SEED:-10}" --minutes="${MPIPE_TEST_MINUTES:-0.5}" ||
    complain "the campaign with a journal has found something"
finish
