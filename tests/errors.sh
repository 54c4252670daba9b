#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# errors.sh - what a user may get wrong is told in one line, with the exit code
# of its kind, on any number of ranks; odd surroundings are lived with.

. "$abs_top_srcdir/tests/app.sh"

# Without mpirun, what the shell gives it is what it has.
direct()
{
    timeout -k 2 60 "$abs_top_builddir/tests/copy" "$@"
}

seq 1 2000 >input
mkdir folder

# refused STATUS TEXT [OPTION...], on each of $counts ranks
refused()
{
    expected=$1
    text=$2
    shift 2
    for ranks in $counts; do
        on $ranks copy "$@" lines 0 output input
        expect "$expected"
        expect_err "$text"
        rm -f output
    done
}

# ---- options ----

counts='0 1 3'
refused 2 'credits=0 on the command line: must be 1 to 64' --credits=0
counts=0
refused 2 'credits=65 on the command line: must be 1 to 64' --credits=65
refused 2 'credits=many on the command line: must be a whole number' \
    --credits=many
refused 2 'credits=-1 on the command line: must be' --credits=-1
refused 2 'window=9 on the command line: must be 1M to 1T' --window=9
refused 2 'frame=1X on the command line: must be a size' --frame=1X
refused 2 'policy=best on the command line: must be topology, packed or' \
    --policy=best
refused 2 'progress=maybe on the command line: must be auto' --progress=maybe
refused 2 'quiet=perhaps on the command line: must be yes or no' \
    --quiet=perhaps
refused 2 "fault plan: 'kaputt=1' is not" --fault=kaputt=1
counts='0 3'
MPIPE_CREDITS=none
export MPIPE_CREDITS
refused 2 'MPIPE_CREDITS=none in the environment: must be a whole number'
unset MPIPE_CREDITS

# What is wrong on one rank alone is told with its number, and ends them all.
cat >odd <<'END'
#!/bin/sh
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" != 2 ] || export MPIPE_FRAME=odd
exec "$@"
END
command='copy with an odd option on rank 2 of 4'
sh "$abs_top_srcdir/tests/run-mpi.sh" -n 4 sh ./odd \
    "$abs_top_builddir/tests/copy" lines 0 output input >out 2>err
status=$?
expect 2
expect_err 'rank 2: MPIPE_FRAME=odd in the environment: must be a size'

# ---- files that cannot be written ----

for option in report trace log; do
    refused 4 no/place --quiet --$option=no/place
    refused 4 folder --quiet --$option=folder
done
if [ -e /dev/full ]; then
    # What is written only when all have ended does not change how they did.
    for option in report trace; do
        refused 0 /dev/full --quiet --$option=/dev/full
    done
    # A log that cannot be written is not worth a job.
    on 3 copy --quiet --log=/dev/full lines 0 output input
    expect 0
    cmp -s input output || complain "$command: not the same"
    # Without mpirun in between, stdout is the file itself.
    command='copy to a full stdout'
    direct --quiet lines 0 - input >/dev/full 2>err
    status=$?
    expect 4
    expect_err 'stdout: cannot write: No space left on device'
    command='copy with a full stderr'
    direct lines 0 - input 2>/dev/full >out
    status=$?
    expect 0
    expect_out input
fi

# ---- odd surroundings ----

command='copy to a closed stdout'
direct --quiet lines 0 - input >&- 2>err
status=$?
expect 4
expect_err 'stdout: cannot write: Bad file descriptor'
command='copy with a closed stderr'
direct lines 0 - input 2>&- >out
status=$?
expect 0
expect_out input
command='copy with a closed stdin'
direct --quiet lines 0 - <&- >out 2>err
status=$?
expect 4
command='copy with all of them closed'
direct lines 0 output input <&- >&- 2>&-
status=$?
expect 0
cmp -s input output || complain "$command: not the same"

# Many more ranks than cores.
on 32 copy --quiet lines 0 - input
expect 0
expect_out input

# ---- messages that are late, repeated or lost ----

# A repeated message may come when its receiver has ended; UCX, below MPICH,
# would tell of it on stdout.
UCX_LOG_LEVEL=error
export UCX_LOG_LEVEL

for ranks in 1 3; do
    MPIPE_FAULT=duplicate=50000,delay=50000,seed=3,channels=85
    export MPIPE_FAULT
    on $ranks copy --quiet lines 0 - input
    expect 0
    expect_out input
    MPIPE_FAULT=drop_nth=8,channels=17
    on $ranks copy --quiet --frame=1K lines 0 - input
    expect 10
    expect_err 'a data message was lost'
    unset MPIPE_FAULT
done
finish
