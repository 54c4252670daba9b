#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# jobscripts.sh - each jobscript is correct shell, and starts what it should.
#
# Slurm itself is not needed: mpipe, scontrol and pkg-config are stood in for.
# tests/cluster_slurm.sh gives the scripts to a real Slurm.

. "$abs_top_srcdir/tests/app.sh"

scripts=$abs_top_srcdir/jobscripts
for script in "$scripts"/*.sbatch; do
    sh -n "$script" || complain "$script: not correct"
    # sbatch reads its options only up to the first command.
    awk '/^[^#]/ { command = 1 } /^#SBATCH/ && command { exit 1 }' "$script" ||
        complain "$script: #SBATCH behind the first command"
done

mkdir bin
cat >bin/mpipe <<'END'
#!/bin/sh
printf '<%s>' mpipe "$@"
for word; do
    case $word in
    exit=*) exit "${word#exit=}" ;;
    wait) trap 'echo TERM; exit 9' TERM
          trap 'echo USR1; exit 14' USR1
          echo; : >started
          while :; do sleep 0.1; done ;;
    esac
done
exit 7
END
cat >bin/scontrol <<'END'
#!/bin/sh
printf '<%s>' scontrol "$@"
END
cat >bin/pkg-config <<'END'
#!/bin/sh
[ "$*" = '--variable=appsdir mpipe' ] && echo /opt/my/apps
END
chmod +x bin/*
PATH=$work/bin:$PATH
for variable in $(env | sed -n 's/^\(SLURM_[A-Z_]*\)=.*/\1/p'); do
    unset "$variable"
done
unset LAUNCHER

# starts STATUS WORDS SCRIPT [ARGUMENT...]
starts()
{
    want=$1
    words=$2
    script=$3
    shift 3
    command="$script $*"
    sh "$scripts/$script.sbatch" "$@" >out 2>err
    status=$?
    expect "$want"
    [ "$(cat out)" = "$words" ] || complain "$command: started '$(cat out)', not '$words'"
}

starts 7 '<mpipe><run></opt/my/apps/palindrome><10000000>' pipeline
starts 7 '<mpipe><run><./mine><two words><>' pipeline ./mine 'two words' ''
LAUNCHER=srun
export LAUNCHER
starts 7 '<mpipe><run><--launcher=srun><./mine>' pipeline ./mine
unset LAUNCHER

starts 7 '<mpipe><run></opt/my/apps/wordcount><-n><10></usr/include>' mapreduce
export SLURM_MEM_PER_CPU=1000 SLURM_CPUS_PER_TASK=4 MPIPE_SCRATCH='/my disk'
starts 7 '<mpipe><run><./mine><--memory=2000M><--scratch=/my disk><a b>' \
    mapreduce ./mine 'a b'
unset SLURM_MEM_PER_CPU SLURM_CPUS_PER_TASK MPIPE_SCRATCH
export SLURM_MEM_PER_NODE=64000 SLURM_TASKS_PER_NODE='2(x3),16,8'
starts 7 '<mpipe><run><./mine><--memory=2000M>' mapreduce ./mine
unset SLURM_MEM_PER_NODE SLURM_TASKS_PER_NODE

# array: the K-th file, or a seed; its results whole or not at all.
export SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=2
starts 7 '' array
[ ! -e array-5.2.result ] || complain "$command: results of a failed job"
[ "$(cat array-5.2.result.part)" = '<mpipe><run></opt/my/apps/pi><-s><2><-n><100>' ] ||
    complain "$command: $(cat array-5.2.result.part)"
starts 0 '' array 'not me' exit=0 'nor me'
[ "$(cat array-5.2.result)" = '<mpipe><run></opt/my/apps/wordcount><exit=0>' ] ||
    complain "$command: $(cat array-5.2.result)"
starts 2 '' array one

# resume: what is queued again, and what is not.
export SLURM_JOB_ID=8
run="<mpipe><run><--journal=$work/journal-8><--restarts=1>"
starts 7 "$run<./mine>" resume ./mine
for code in 13 14 137; do
    starts 0 "$run<exit=$code><scontrol><requeue><8>" resume exit=$code
done
for code in 0 1 6; do
    starts $code "$run<exit=$code>" resume exit=$code
done
export SLURM_RESTART_COUNT=5
starts 13 "$run<exit=13>" resume exit=13
starts 0 "$run<exit=14><scontrol><requeue><8>" resume exit=14
unset SLURM_RESTART_COUNT

# signalled SCRIPT SIGNAL STATUS WORDS: what it says after a signal.
signalled()
{
    command="$1.sbatch and SIG$2"
    rm -f started
    sh "$scripts/$1.sbatch" wait >out 2>err &
    pid=$!
    tries=0
    while [ ! -e started ] && [ $tries -lt 200 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill -"$2" $pid
    wait $pid
    status=$?
    expect "$3"
    [ "$(sed 1d out)" = "$4" ] || complain "$command: $(cat out)"
}

signalled pipeline TERM 9 TERM
signalled mapreduce TERM 9 TERM
signalled resume USR1 0 'USR1
<scontrol><requeue><8>'
signalled resume TERM 9 TERM
finish
