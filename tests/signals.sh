#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# signals.sh - SIGINT and SIGTERM, to rank 0 or to mpirun, end an endless job
# with its report, and with nothing left behind.

. "$abs_top_srcdir/tests/app.sh"

path=$abs_top_builddir/tests/load
program=
trap '[ -z "$program" ] || kill -KILL "$program" 2>/dev/null; exit 1' \
    HUP INT TERM

# interrupted RANKS SIGNAL WHOM: 'rank 0', or the one who was started.
interrupted()
{
    command="load forever on $1 ranks, SIG$2 to $3"
    rm -f said
    mkfifo said
    if [ "$1" -eq 0 ]; then
        "$path" forever >said 2>err &
    else
        # What mpirun gets run-mpi.sh cannot hand on, so the shell becomes it.
        MPIRUN=$work/launcher sh "$abs_top_srcdir/tests/run-mpi.sh" -n "$1" \
            "$path" forever >said 2>err &
    fi
    started=$!
    exec 3<said
    read -r word pid <&3
    [ "$word" = running ] || complain "$command: it does not run: $word"
    program=$pid
    sleep 0.3                   # until the launcher has settled, too
    [ "$3" = 'rank 0' ] || pid=$(cat mpirun.pid)
    kill -"$2" "$pid"
    # it has 20 seconds
    timeout 20 cat <&3 >rest || complain "$command: it does not end"
    exec 3<&-
    wait $started
    status=$?
    program=
    [ "$3" = mpirun ] || expect 9
    [ $status -ne 0 ] || complain "$command: exit status 0"
    expect_err 'load: ended by signal'
    [ "$(grep -c '^pipeline: [0-9]* fed, ' err)" -eq 1 ] ||
        complain "$command: not one report on stderr: $(cat err)"
    [ "$1" -eq 0 ] || [ "$(grep -c '^rank [0-9]* grew' rest)" -eq "$1" ] ||
        complain "$command: not all ranks have come to their end"
}

# A launcher that says who it is.
cat >launcher <<EOF
#!/bin/sh
echo \$\$ >"$work/mpirun.pid"
exec ${MPIRUN:-mpirun} "\$@"
EOF
chmod +x launcher
if ! command -v "${MPIRUN:-mpirun}" >/dev/null 2>&1; then
    echo "SKIPPED: no mpirun"
    exit 77
fi

# A function that does not end keeps the job from ending by a signal; a second
# one, two seconds later, does not ask.
insisted()
{
    command="load stuck, SIG$1 twice"
    rm -f said
    mkfifo said
    "$path" stuck >said 2>err &
    started=$!
    exec 3<said
    read -r word program <&3
    [ "$word" = stuck ] || complain "$command: it does not run: $word"
    kill -"$1" "$program"
    sleep 1
    kill -0 "$program" 2>/dev/null || complain "$command: the first ended it"
    sleep 2
    kill -"$1" "$program"
    timeout 20 cat <&3 >rest || complain "$command: it does not end"
    exec 3<&-
    wait $started
    status=$?
    program=
    [ $status -gt 128 ] || complain "$command: exit status $status"
}

for signal in INT TERM; do
    insisted $signal
    interrupted 0 $signal 'rank 0'
    interrupted 1 $signal 'rank 0'
    interrupted 4 $signal 'rank 0'
    interrupted 4 $signal mpirun
done
finish
