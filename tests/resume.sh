#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# resume.sh - jobs with a journal are killed, stopped and run again, and the
# output is just right; what `mpipe run` does of that by itself.

. "$abs_top_srcdir/tests/app.sh"

mpipe=$abs_top_builddir/apps/mpipe
copy=$abs_top_builddir/tests/copy
before=0
job=
trap '[ -z "$job" ] || kill -KILL "$job" 2>/dev/null; cd /; rm -rf "$work"' EXIT

if ! command -v "${MPIRUN:-mpirun}" >/dev/null 2>&1 ||
    ! command -v mpirun >/dev/null 2>&1; then
    echo "SKIPPED: no mpirun, so that a killed job goes on was NOT tried"
    exit 77
fi
open_mpi=no
! "$mpipe" info | grep -q 'Open MPI' || open_mpi=yes
unset OMPI_MCA_orte_enable_recovery
seq 1 4000 >input
export COPY_PAUSE_US=1000 COPY_PID="$work/pid"

# run RANKS OPTION... : a copy that takes 4000 times 1 ms, by `mpipe run`.
run()
{
    ranks=$1
    shift
    command="copy by mpipe run on $ranks ranks, $*"
    timeout -k 2 60 "$mpipe" run -n "$ranks" --journal=journal "$@" "$copy" \
        lines 0 output input >out 2>all </dev/null
    status=$?
    grep -a -v 'PMIX ERROR' all >err
}

# begin RANKS OPTION... : the same in the background, until some is done.
begin()
{
    ranks=$1
    shift
    command="copy by mpipe run on $ranks ranks, $*"
    "$mpipe" run -n "$ranks" --journal=journal "$@" "$copy" lines 0 output \
        input >out 2>all </dev/null &
    job=$!
    some_is_done
}

journal_size()
{
    cat journal/*.journal 2>/dev/null | wc -c
}

# A few records have come, since 'before'.
some_is_done()
{
    for i in $(seq 200); do
        [ "$(journal_size)" -lt $((before + 2000)) ] || return
        sleep 0.05
    done
    complain "$command: nothing comes into the journal"
}

ended()
{
    wait "$job"
    status=$?
    job=
    grep -a -v 'PMIX ERROR' all >err
}

child_of()
{
    sed -n 's/^\([0-9]*\) .*/\1/p' "/proc/$1/task/$1/children" 2>/dev/null
}

# All is there once, and nothing else is left.
whole()
{
    expect 0
    cmp -s input output || complain "$command: the output is not the input"
    [ -z "$(find . -name 'output.*')" ] ||
        complain "$command: left: $(find . -name 'output.*')"
    [ -z "$(ls journal)" ] || complain "$command: a journal is left"
    rm -rf output journal
}

unfinished()
{
    [ ! -e output ] || complain "$command: there is an output"
    [ -s journal/pipeline-0.journal ] || complain "$command: no journal"
}


# ---- rank 0, and mpirun ----

begin 3
kill -KILL "$(cat pid)"
ended
expect 13
expect_err 'what was done is in journal: the same command goes on from there'
unfinished
run 3
grep -q '^[1-9][0-9]* of the items fed were done by an earlier run' err ||
    complain "$command: it has begun anew: $(cat err)"
whole

begin 3 --restarts=2
kill -KILL "$(cat pid)"
ended
grep -q 'started again, 1 of 2, and goes on from its journal' err ||
    complain "$command: it does not say so: $(cat err)"
whole

begin 3 --restarts=2
kill -KILL "$(child_of "$job")"
ended
grep -q 'ended with 137: it is started again' err ||
    complain "$command: it does not say so: $(cat err)"
whole

# nohup: a signal that is ignored asks for nothing.
command="copy by mpipe run, SIGHUP ignored"
sh -c 'trap "" HUP; exec "$@"' sh "$mpipe" run -n 3 --journal=journal --restarts=1 \
    "$copy" lines 0 output input >out 2>all </dev/null &
job=$!
some_is_done
kill -HUP "$job"
kill -KILL "$(cat pid)"
ended
whole

# ---- signals ----

for signal in TERM USR1; do
    begin 3 --restarts=2
    kill -$signal "$job"
    ended
    expect 14
    [ "$(grep -c 'run the same command to go on' err)" -eq 1 ] ||
        complain "$command: it does not say so: $(cat err)"
    unfinished
    run 2
    grep -q '^[1-9][0-9]* of the items fed were done by an earlier run' err ||
        complain "$command: it has begun anew: $(cat err)"
    whole
done

# A bare mpirun hands SIGUSR1 on.
command="copy by mpirun, SIGUSR1"
flags=
[ $open_mpi = no ] || flags="--oversubscribe --bind-to none"
[ $open_mpi = no ] || [ "$(id -u)" -ne 0 ] || flags="--allow-run-as-root $flags"
if [ $open_mpi = yes ]; then
    # shellcheck disable=SC2086  # a list of words
    mpirun $flags -n 3 "$copy" --journal=journal lines 0 output input \
        >out 2>err </dev/null &
    job=$!
    some_is_done
    kill -USR1 "$job"
    ended
    expect 14
    unfinished
    run 3
    whole
fi

# One item takes longer than there is time.
command="copy with a slow line, --grace=1"
COPY_PAUSE_US=30000000 "$mpipe" run -n 3 --journal=journal "$copy" --grace=1 --frame=1K lines 0 \
    output input >out 2>all </dev/null &
job=$!
for i in $(seq 100); do
    [ ! -s journal/pipeline-0.journal ] || break
    sleep 0.1
done
kill -TERM "$job"
(sleep 25; kill -KILL "$job" 2>/dev/null) &
late=$!
ended
kill "$late" 2>/dev/null
expect 14
grep -q 'but for what took longer than --grace' err ||
    complain "$command: it does not say so: $(cat err)"
rm -rf journal

# ---- a program with two sessions whose pipelines are alike ----

command="copy twice, killed in the second session"
export COPY_SESSIONS=2
"$mpipe" run -n 3 --journal=journal "$copy" lines 0 output input >out 2>all \
    </dev/null &
job=$!
for i in $(seq 300); do
    [ ! -e output ] || break
    sleep 0.1
done
some_is_done
kill -KILL "$(cat pid)"
ended
expect 13
[ ! -e output.2 ] || complain "$command: there is an output"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" lines 0 output input \
    >out 2>err </dev/null
status=$?
expect 0
cmp -s input output || complain "$command: the first output is not the input"
sed p input >twice
cmp -s twice output.2 || complain "$command: the second output is not right"
grep -q '^[1-9][0-9]* of the items fed were done by an earlier run' err ||
    complain "$command: it has begun anew: $(cat err)"
[ -z "$(ls journal)" ] || complain "$command: a journal is left"
unset COPY_SESSIONS
rm -rf output output.2 journal

# ---- results to stdout come once, at the end ----

command="copy to stdout, killed"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" lines 0 - input \
    >printed 2>all </dev/null &
job=$!
some_is_done
kill -KILL "$(cat pid)"
ended
expect 13
! grep -q '^[0-9][0-9]*$' printed || complain "$command: some of it came"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" lines 0 - input \
    >printed 2>err </dev/null
status=$?
expect 0
cmp -s input printed || complain "$command: the output is not the input"
rm -rf journal

# ---- ranges of files are cut as they were, on any number of ranks ----

awk 'BEGIN { for (i = 0; i < 1500000; i++) print i, i * i }' >large
export COPY_PAUSE_US=1000000
for ranks in 7 2; do
    command="copy of ranges on $ranks ranks"
    "$mpipe" run -n $ranks --journal=journal "$copy" splits 0 output large \
        >out 2>all </dev/null &
    job=$!
    some_is_done
    kill -KILL "$(cat pid)"
    ended
    expect 13
    before=$(journal_size)
done
before=0
command="copy of ranges on 3 ranks"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" splits 0 output large \
    >out 2>err </dev/null
status=$?
export COPY_PAUSE_US=1000
cmp -s large output || complain "$command: the output is not the input"
grep -q '^[1-9][0-9]* of the items fed were done by an earlier run' err ||
    complain "$command: it has begun anew: $(cat err)"
expect 0
rm -rf large output journal

# ---- another job ----

begin 3
kill -TERM "$job"
ended
command="the plan of a job that has a journal"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" --plan lines 0 output \
    input >out 2>err
status=$?
expect 0
unfinished
command="another command"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" lines 0 output \
    /dev/null >out 2>err
status=$?
expect 6
expect_err 'is of the command "copy lines 0 output input", not "copy lines 0 output /dev/null": remove it, or name another folder'
command="another command, with the same letters"
timeout -k 2 60 "$mpipe" run -n 3 --journal=journal "$copy" lines 0 "output input" \
    >out 2>err </dev/null
status=$?
expect 6
expect_err "not \"copy lines 0 'output input'\": remove it, or name another folder"
command="another input"
sed 's/^1$/one/' input >other
cp input keep
cp other input
run 3
expect 6
expect_err 'of the input are not those of the journal in journal: has the input changed?'
[ ! -e output ] || complain "$command: there is an output"
cp keep input
run 3
whole

# ---- where no journal can be ----

command="a journal in a file"
: >file
timeout -k 2 60 "$mpipe" run -n 2 --journal=file "$copy" lines 0 output input \
    >out 2>err </dev/null
status=$?
expect 4
expect_err 'journal file/pipeline-0.journal: cannot open: Not a directory'
for word in --journal= --restarts=x --restarts=-1; do
    command="mpipe run $word"
    timeout -k 2 60 "$mpipe" run -n 2 $word "$copy" lines 0 output input \
        >out 2>err </dev/null
    status=$?
    expect 2
done
for word in --grace=x --grace=-1 --grace=99999999999999999999; do
    command="copy $word"
    timeout -k 2 60 "$mpipe" run -n 2 --journal=journal "$copy" "$word" lines 0 \
        output input >out 2>err </dev/null
    status=$?
    expect 2
    expect_err "copy: $word on the command line: must be a whole number, 0 to 86400"
done
rm -rf file journal

# Root may write everywhere, and so is somebody else for once.
command="a folder of somebody else's"
mkdir other-folder
chmod 555 other-folder
chmod 755 .
as=
[ "$(id -u)" -ne 0 ] || as="setpriv --reuid=65534 --regid=65534 --clear-groups"
if $as test -x "$copy" 2>/dev/null && $as test -r "$work/input"; then
    TMPDIR=/tmp HOME=/tmp timeout -k 2 60 $as "$copy" --journal=other-folder \
        lines 0 - input >out 2>err </dev/null
    status=$?
    expect 4
    expect_err 'journal other-folder/pipeline-0.journal: cannot open: Permission denied'
else
    echo "NOT tried: a journal in $command (nobody else can run programs here)"
fi
rm -rf other-folder

# ---- restarts without a journal ----

command="a pipe cannot be read again"
: >mark
cat >once <<END
#!/bin/sh
[ ! -e mark ] && exec "$copy" --quiet "\$@"
[ "\${OMPI_COMM_WORLD_RANK:-\$PMI_RANK}" != 0 ] || rm mark
MPIPE_FAULT=kill=30,rank=0 exec "$copy" --quiet "\$@"
END
chmod +x once
cat input | timeout -k 2 60 "$mpipe" run -n 3 --restarts=1 ./once lines 0 output \
    >out 2>err
status=$?
expect 13
expect_err 'its stdin is a pipe, which cannot be read twice'
: >mark
command="a file can"
timeout -k 2 60 "$mpipe" run -n 3 --restarts=1 ./once lines 0 output <input \
    >out 2>err
status=$?
expect 0
expect_err 'from its beginning (no --journal)'
cmp -s input output || complain "$command: the output is not the input"

for p in /proc/[0-9]*; do
    [ "$(readlink "$p/exe" 2>/dev/null)" != "$copy" ] ||
        [ "$(readlink "$p/cwd")" != "$work" ] ||
        complain "rank $(basename "$p") stays behind"
done
finish
