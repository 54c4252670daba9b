#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - `mpipe run` beside launchers that only play: how it deals with signals, and with
# a launcher that does not end when the job has, and how it leaves out lost hosts.

. "$abs_top_srcdir/tests/app.sh"

mpipe=$abs_top_builddir/apps/mpipe
copy=$abs_top_builddir/tests/copy
job=
TMPDIR=$work
export TMPDIR
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
for launcher in mpiexec mpiexec.hydra srun; do
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

# ---- hosts that are lost ----

# The first start dies.  Then the hosts whose names are in 'lost' are lost: nothing can be
# started where they are, by a word, by a file, or by Slurm's word.  The second start notes
# where it would be.
played()
{
    cat <<'END'
hosts= file= n=
for word; do
    case $before in
    --host) hosts=$word ;;
    --hostfile) hosts=$(cat "$word") ;;
    -n) n=$word ;;
    esac
    case $word in
    --nodelist=*) hosts=${word#*=} ;;
    esac
    before=$word
done
[ -n "$hosts" ] || [ -z "$OMPI_MCA_orte_default_hostfile" ] ||
    hosts=$(cat "$OMPI_MCA_orte_default_hostfile")
[ -n "$hosts" ] || hosts=$SLURM_JOB_NODELIST
if [ "$word" = true ]; then
    ! echo "$hosts" | grep -q -F -f lost
    exit
fi
[ $nth -gt 1 ] || { sleep 0.1; kill -KILL $$; }
echo $n $hosts >where
env | grep '^SLURM_' | sort >variables
echo "0 0 end" >"$MPIPE_STATUS_FILE"
exit 0
END
}
# left_out LOST WHERE WORD...: with these words it is started again there.
left_out()
{
    rm -f where
    echo "$1" >lost
    want=$2
    shift 2
    command="mpipe run $*, $(cat lost) is lost"
    played | play
    begin --restarts=1 "$@" ./job
    ended
    expect 0
    [ "$(cat where)" = "$want" ] || complain "$command: started on '$(cat where)', not '$want'"
}
printf '#!/bin/sh\n' >job
chmod +x job
host='--launcher-option=--host --launcher-option'
file='--launcher-option=--hostfile --launcher-option'
left_out node2 '4 node1:2,node3:2' -n 6 $host=node1:2,node2:2,node3:2
expect_err 'left out, for nothing can be started there: node2 (2 of 3 hosts are left, with room for 4 of 6 ranks)'
left_out node2 '4 node1:2,node3:2' -n 4 $host=node1:2,node2:2,node3:2
expect_err 'left out, for nothing can be started there: node2 (2 of 3 hosts are left)'
left_out nothing '4 node1:2,node2:2' -n 4 $host=node1:2,node2:2
! grep -q 'left out' err || complain "$command: $(cat err)"
left_out node '4 node1:2,node2:2' -n 4 $host=node1:2,node2:2
expect_err 'nothing can be started on any host, so none is left out'
printf 'node1 slots=2\nnode2 slots=4\n' >hosts
left_out node1 '4 node2 slots=4' -n 6 $file=hosts
OMPI_MCA_orte_default_hostfile=hosts
export OMPI_MCA_orte_default_hostfile
left_out node1 '4 node2 slots=4' -n 6
left_out node1 '4 node2 slots=4' -n 6
unset OMPI_MCA_orte_default_hostfile

# In a job of Slurm's: all the variables that mpirun looks at.
export SLURM_JOB_ID=7 SLURM_JOB_NODELIST='node[1-3]' SLURM_NODELIST='node[1-3]' \
    SLURM_JOB_NUM_NODES=3 SLURM_NNODES=3 SLURM_NTASKS=5 SLURM_NPROCS=5 \
    SLURM_TASKS_PER_NODE='2(x2),1' SLURM_JOB_CPUS_PER_NODE='4(x3)'
cat >want <<'END'
SLURM_JOB_CPUS_PER_NODE=4,4
SLURM_JOB_ID=7
SLURM_JOB_NODELIST=node1,node3
SLURM_JOB_NUM_NODES=2
SLURM_NNODES=2
SLURM_NODELIST=node1,node3
SLURM_NPROCS=3
SLURM_NTASKS=3
SLURM_OVERLAP=1
SLURM_TASKS_PER_NODE=2,1
END
for launcher in mpirun srun; do
    left_out node2 'node1,node3' --launcher=$launcher
    cmp -s want variables || complain "$command: $(diff want variables)"
    left_out node2 '3 node1,node3' --launcher=$launcher -n 5
done
for variable in $(env | sed -n 's/^\(SLURM_[A-Z_]*\)=.*/\1/p'); do
    unset "$variable"
done

# A signal while they are tried is heeded.
command="mpipe run, SIGTERM while hosts are tried"
play <<'END'
[ $nth -gt 1 ] || kill -KILL $$
: >trying
exec sleep 60
END
begin --restarts=1 -n 2 $host=node1,node2 ./job
await_file trying
kill -TERM "$job"
ended
expect 137
[ -z "$(ls -d mpipe-* 2>/dev/null)" ] || complain "files are left: $(ls -d mpipe-*)"

finish
