#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# deaths.sh - ranks of a real job die, in several ways and at several times, and
# the job started by `mpipe run` still gives just the right output.

. "$abs_top_srcdir/tests/app.sh"

deadly=$abs_top_builddir/tests/deadly
items=20000

needs_survival 'that a pipeline goes on after deaths'

awk -v n=$items 'BEGIN { for (i = 1; i <= n; i++) if (i % 3 != 0)
    printf "%d %d\n", i, i * i }' >expected

# run RANKS WORD...: the program with these words; what the launcher says of
# deaths in its own words is not looked at.
run()
{
    ranks=$1
    shift
    command="deadly $* on $ranks ranks"
    timeout -k 2 30 "$mpipe" run -n "$ranks" "$deadly" "$@" \
        >"$work/out" 2>"$work/all" </dev/null
    status=$?
    grep -a -v 'PMIX ERROR' "$work/all" >"$work/err"
}

# lives RANKS DEATHS HOW:RANK:AT...: all results, and the report counts the dead.
lives()
{
    ranks=$1
    deaths=$2
    shift 2
    run "$ranks" $items "$@"
    expect 0
    expect_out expected
    if [ "$deaths" -gt 0 ]; then
        grep -q "^$deaths ranks* died: [0-9]" err ||
            complain "$command: the report does not count $deaths dead: $(cat err)"
        [ "$(grep -c 'rank [0-9]* on .* has died' err)" -eq "$deaths" ] ||
            complain "$command: the log does not name $deaths dead: $(cat err)"
    fi
}

lives 4 0
# dies HOW CAUSE: which is told, in the log where it has a name, and in the report.
dies()
{
    lives 4 1 "$1:2:100"
    grep -q "^1 rank died: 2 of .* ($2); " err ||
        complain "$command: the report does not say of what: $(cat err)"
    case $2 in
    SIG*)
        grep -q "warning: rank 2 on .* has died of $2\$" err ||
            complain "$command: the log does not say of what: $(cat err)" ;;
    esac
}

dies kill 'killed, or gone'
dies exit 'killed, or gone'
dies segv SIGSEGV
dies abort SIGABRT
lives 3 1 kill:1:1
lives 3 1 kill:2:0                      # while its stage is set up
lives 2 1 kill:1:5000                   # rank 0 alone
lives 5 3 kill:1:10 kill:3:300 exit:4:5
lives 5 1 kill:2:200 --spares=1

# After it has done its part, when the others end MPI and would wait for it.
lives 4 0 end:2
lives 3 0 end:0

# A program that begins MPI itself, and would end it.
lives 4 0 own
lives 4 1 own kill:2:100
grep -q 'so the program ends in mpipe_finalize()' err ||
    complain "$command: it is not said that it ends early"

# Before its n-th message, wherever that is: the last come at the very end.
for n in 2 3 5 8 13 21 34 36 38 40; do
    export MPIPE_FAULT=kill=$n,rank=2
    run 4 $items
    unset MPIPE_FAULT
    command="death of rank 2 at its message $n"
    expect 0
    expect_out expected
done

# All but rank 0, each before its n-th message.  (At their n-th items they might
# die over the same one, which would then be taken for the cause.)
for n in 4 9; do
    export MPIPE_FAULT=kill=$n,rank=1,rank=2,rank=3,rank=4,rank=5,rank=6
    run 7 $items
    unset MPIPE_FAULT
    command="death of all but rank 0 at their message $n"
    expect 0
    expect_out expected
    grep -q '^6 ranks died: [0-9]' err ||
        complain "$command: the report does not count them: $(cat err)"
done

# An item that kills whoever works on it fails after --max-retries deaths; all
# others are delivered.
poisoned()
{
    most=$1
    shift
    run "$@"
    expect 1
    grep -v '^7777 ' expected | cmp -s - out ||
        complain "$command: not all but one of the results"
    grep -q 'error: .*ranks* died over it, the last of them rank [0-9]' err ||
        complain "$command: the item is not told: $(cat err)"
    [ "$(grep -c 'rank [0-9]* on .* has died' err)" -le "$most" ] ||
        complain "$command: it took more ranks than it should: $(cat err)"
}
poisoned 3 7 $items poison:7777
poisoned 2 3 $items poison:7777         # rank 0 stays
poisoned 2 6 $items poison:7777 --max-retries=1
poisoned 4 7 $items poison:7777 kill:1:50

# Rank 0: all is lost, and that is told; nobody stays behind.
run 4 $items kill:0:0
command="death in vain"
expect 0                                # rank 0 serves no stage: it lives
export MPIPE_FAULT=kill=30,rank=0
run 4 $items
unset MPIPE_FAULT
command="death of rank 0"
expect 13
grep -q 'rank 0 of .*deadly has not said how it ended' err ||
    complain "$command: nobody says so: $(cat err)"
! ls -l /proc/[0-9]*/exe 2>/dev/null | grep -q "$deadly" || complain "$command: ranks stay behind"

# A rank dies before it has a lifeline: `mpipe run` sees that, and ends what would wait
# for ever.
for early in early:2:0 early:1:1; do
    run 3 $items $early
    expect 13
    expect_err 'the others would wait for'
    [ ! -s out ] || complain "$command: it has results"
    ! ls -l /proc/[0-9]*/exe 2>/dev/null | grep -q "$deadly" ||
        complain "$command: ranks stay behind"
done

# ... but one that is only late is waited for, and of a program that is not ours nothing
# is known.
command="mpipe run: a late rank"
"$mpipe" run -n 3 sh -c 'sleep $((2 * OMPI_COMM_WORLD_RANK)); exec "$0" "$@"' \
    "$deadly" $items >out 2>err </dev/null
status=$?
expect 0
expect_out expected
command="mpipe run: another program"
"$mpipe" run -n 3 sh -c 'sleep $((2 * OMPI_COMM_WORLD_RANK)); echo here' >out 2>err
[ "$(grep -c here out)" -eq 3 ] || complain "$command: $(cat out err)"

# The code of the program comes back, and what it says.
command="mpipe run: exit codes"
"$mpipe" run -n 3 "$deadly" >out 2>all
status=$?
expect 2
grep -q '^deadly: deadly ITEMS' all || complain "$command: no usage error"
"$mpipe" run -n 2 ./not-there >out 2>all
status=$?
expect 127
grep -q '^mpipe run: ./not-there cannot be run: No such file' all ||
    complain "$command: not told what is missing"
"$mpipe" run -n 0 true >out 2>err
status=$?
expect 2
expect_err 'mpipe run: -n 0: give a whole number from 1 on'
"$mpipe" run >out 2>err
status=$?
expect 2
expect_err 'mpipe run: which program'
timeout -k 2 30 "$mpipe" run -n 2 --launcher-option= "$deadly" 5 >out 2>err </dev/null
status=$?
expect 2
expect_err 'mpipe run: --launcher-option: give a word'

# A dry run prints what a shell would take.
command="mpipe run --dry-run"
"$mpipe" run --dry-run -n 3 --launcher-option=--tag-output "$deadly" 5 "it's" \
    >out 2>err
status=$?
expect 0
grep -q "^mpirun -n 3 .*--mca pml ob1 .*--enable-recovery .*--tag-output .*/deadly 5 'it'..'s'\$" \
    out || complain "$command: $(cat out)"
OMPI_MCA_pml=ucx "$mpipe" run --dry-run -n 3 true >out 2>err
! grep -q 'ob1' out || complain "$command: it overrules the user: $(cat out)"

# Open MPI 5 ends the job also when told to recover, unless this is said; and it loses
# parts of stdout, unless rank 0 prints past it.
if ! "$mpipe" info | grep -q 'Open MPI v[1-4]\.'; then
    grep -q ' --runtime-options error-nonzero-status=0 .* MPIPE_STDOUT=' out ||
        complain "$command: not what Open MPI 5 needs: $(cat out)"
    "$mpipe" run --dry-run --launcher-option=--tag-output true >out 2>err
    ! grep -q 'MPIPE_STDOUT' out || complain "$command: mpirun cannot tag: $(cat out)"
fi

# In a job of Slurm, by mpirun and by srun.
export SLURM_JOB_ID=1 SLURM_CPUS_PER_TASK=2
"$mpipe" run --dry-run --launcher=mpirun true >out 2>err
grep -q "^mpirun .*--map-by slot:PE=2 .*--mca plm_slurm_args '--no-kill --kill-on-bad-exit=0' .* true\$" \
    out || complain "$command, Slurm: $(cat out)"
! grep -q -e ' -n ' -e oversubscribe out ||
    complain "$command, Slurm: it knows better than Slurm: $(cat out)"
"$mpipe" run --dry-run --launcher=srun true >out 2>err
[ "$(cat out)" = 'srun --mpi=pmix --cpus-per-task=2 true' ] ||
    complain "$command, srun: $(cat out)"
unset SLURM_JOB_ID SLURM_CPUS_PER_TASK
"$mpipe" run --launcher=ssh true >out 2>err
status=$?
expect 2
expect_err 'mpipe run: --launcher=ssh: it can be mpirun or srun'

finish
