#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - `mpipe run` beside launchers that only play: how it deals with signals, and with
# a launcher that does not end when the job has.

. "$abs_top_srcdir/tests/app.sh"

mpipe=$abs_top_builddir/apps/mpipe
copy=$abs_top_builddir/tests/copy
job=
# shellcheck disable=SC2046  # a list of words
trap '[ ! -e pids ] || kill -KILL $(cat pids) 2>/dev/null
    [ -z "$job" ] || kill -KILL "$job" 2>/dev/null; cd /; rm -rf "$work"' EXIT

# What stands where mpirun would: it notes who it is, and does what 'play' says, which
# may ask for the 'nth' time that it is started.
mkdir bin
cat >bin/mpirun <<END
#!/bin/sh
cd "$work" || exit 99
echo \$\$ >>pids
nth=\$(wc -l <pids)
. ./play
END
chmod +x bin/mpirun
for launcher in mpiexec mpiexec.hydra; do
    ln -s mpirun bin/$launcher
done
PATH=$work/bin:$PATH
export PATH

play()
{
    rm -f pids seen
    cat >play
}

begin()
{
    "$mpipe" run "$@" >out 2>err </dev/null &
    job=$!
    # until it is no longer this shell, which would catch a signal
    for i in $(seq 1000); do
        case $(readlink "/proc/$job/exe") in
        */mpipe|'') break ;;
        esac
    done
}

running()
{
    ! grep -q '^State:.*Z' "/proc/$job/status" 2>/dev/null && kill -0 "$job" 2>/dev/null
}

# It has to end by itself, in less time than a player plays; nobody is left.
ended()
{
    for i in $(seq 500); do
        running || break
        sleep 0.1
    done
    ! running || { complain "$command: it does not end"; kill -KILL "$job"; }
    wait "$job"
    status=$?
    job=
    [ -e pids ] || return
    while read -r pid; do
        ! kill -0 "$pid" 2>/dev/null || complain "$command: its launcher stays behind"
    done <pids
}

await_file()
{
    for i in $(seq 200); do
        [ ! -e "$1" ] || return
        sleep 0.05
    done
    complain "$command: nothing has begun"
}

# ---- signals ----

# At whatever moment one comes, also before the launcher is there, nobody stays behind.
command="mpipe run, SIGTERM while it starts"
play <<'END'
exec sleep 60
END
for ms in 000 001 002 003 004 006 008 010 015 020 030 050; do
    begin -n 2 true
    sleep 0.$ms
    kill -TERM "$job"
    ended
    expect 143
done

# Who sends one does not want it to be started again.
for signal in TERM HUP; do
    command="mpipe run --restarts, SIG$signal"
    play <<'END'
: >seen
exec sleep 5
END
    begin -n 2 --restarts=3 true
    await_file seen
    kill -$signal "$job"
    ended
    [ "$(wc -l <pids)" -eq 1 ] || complain "$command: it was started again"
done

# One that comes between two starts is found before the next.
command="mpipe run, SIGTERM between two starts"
play <<'END'
trap '' TERM
kill -TERM $PPID
kill -KILL $$
END
begin -n 2 --restarts=3 true
wait "$job"
status=$?
expect 137
[ "$(wc -l <pids)" -eq 1 ] || complain "$command: it was started again"

# One that was ignored when it began stays so.
command="mpipe run, SIGTERM ignored"
play <<'END'
: >seen
exec sleep 2
END
sh -c 'trap "" TERM; exec "$@"' sh "$mpipe" run -n 2 sleep 2 >out 2>err </dev/null &
job=$!
await_file seen
kill -TERM "$job"
ended
[ $status -ne 143 ] || complain "$command: it was handed on"

# ---- a launcher that does not end ----

# Its rank 0 says that it ended, and does; then the launcher sleeps.
stays()
{
    command="mpipe run, a launcher that stays after \"$1\""
    play <<END
export OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_LOCAL_SIZE=1
sh -c 'sleep 1; echo "$1" >"\$MPIPE_STATUS_FILE"'
unset OMPI_COMM_WORLD_RANK
$2
exec sleep 60
END
    begin -n 1 true
    ended
    expect_err 'and the launcher has not: it is ended'
}
stays '3 0 end'
expect 3
stays '0 2 end'
expect 0
stays '0 0 end'
expect 0

# ... nor when rank 0 has aborted the job.
command="mpipe run, a launcher that stays after an abort"
play <<'END'
echo "4 0 abort" >"$MPIPE_STATUS_FILE"
exec sleep 60
END
begin -n 1 true
ended
expect 4

# It waits for whoever reads its output.
command="mpipe run, a slow reader"
play <<'END'
export OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_LOCAL_SIZE=1
sh -c 'sleep 1; echo "3 0 end" >"$MPIPE_STATUS_FILE"'
unset OMPI_COMM_WORLD_RANK
head -c 300000 /dev/zero
exec sleep 60
END
read_slowly() { sleep 9; wc -c; }
"$mpipe" run -n 1 true 2>err </dev/null | read_slowly >out
[ "$(cat out)" -eq 300000 ] || complain "$command: it gets $(cat out) bytes"

# Rank 0 dies, and the launcher knows of nothing; started again it is a good one.
command="mpipe run, a launcher that stays after the death of rank 0"
seq 1 2000 >input
export COPY_PID="$work/pid" COPY_PAUSE_US=1000
play <<END
until [ "\$1" = "$copy" ]; do shift; done
[ \$nth -eq 1 ] || exec "\$@"
"\$@"
exec sleep 60
END
begin -n 1 --journal=journal --restarts=1 "$copy" lines 0 output input
await_file "$work/journal/pipeline-0.journal"
await_file pid
kill -KILL "$(cat pid)"
ended
expect 0
expect_err 'rank 0 is gone for 5 s, and the launcher has not ended: it is ended'
expect_err 'copy ended with 13: it is started again, 1 of 1'
cmp -s input output || complain "$command: the output is not the input"

finish
