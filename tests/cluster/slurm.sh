# SPDX-License-Identifier: BSD-3-Clause
# slurm.sh - Slurm on the virtual hosts; tests read it with '.', in place of hosts.sh.
#
#   slurm_up CORES        munge and slurmd on all hosts, which have so many cores each;
#                         slurmctld on "head", where the test itself is, so that it
#                         can say sbatch, scontrol, ...
#   slurm_back HOST       it was started again
#   slurm_lost HOST       Slurm is told that it has failed, rather than find out
#   slurm_start JOB       that was queued again: now, and not in two minutes
#   slurm_state JOB       such as RUNNING, PENDING, COMPLETED
#   slurm_is JOB STATE    is it in this one?

for tool in sbatch slurmctld slurmd munged; do
    PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null 2>&1 || {
        echo "SKIPPED: $tool is not installed (Debian: slurm-wlm, munge), so no job was given to Slurm: that was NOT tried"
        exit 77
    }
done
PATH=$PATH:/usr/sbin:/sbin
. "$abs_top_srcdir/tests/cluster/hosts.sh"

slurm=$cluster/slurm

# Each switch with its hosts, as Slurm is told.
slurm_topology()
{
    for switch in $(seq "$cluster_switches"); do
        list=
        for k in $(seq "$cluster_n"); do
            [ "$(switch_of "$k")" -ne "$switch" ] || list=$list${list:+,}node$k
        done
        echo "SwitchName=switch$switch Nodes=$list"
    done
    [ "$cluster_switches" -eq 1 ] ||
        echo "SwitchName=core Switches=switch[1-$cluster_switches]"
}

# Nothing is waited for that a test can do without.
slurm_conf()
{
    cat <<END
ClusterName=virtual
SlurmctldHost=head
SlurmUser=root
StateSaveLocation=$slurm/state
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
TopologyPlugin=topology/tree
MpiDefault=none
ReturnToService=1
SlurmdTimeout=60
MessageTimeout=5
TCPTimeout=1
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=5
SlurmdParameters=config_overrides
NodeName=node[1-$cluster_n] Sockets=1 CoresPerSocket=$1 ThreadsPerCore=1 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE
END
}

# Where: COMMAND is "at HOST", or nothing for the head.
munged_up()
{
    "$@" mkdir -p -m 755 /run/munge
    "$@" munged --force --key-file="$slurm/munge.key" --log-file=/run/munge/log \
        --pid-file=/run/munge/pid --seed-file=/run/munge/seed --num-threads=2
}

slurmd_up()
{
    munged_up at "$1"
    at "$1" slurmd -f "$SLURM_CONF"
}

slurm_back()
{
    slurmd_up "$1"
    scontrol update nodename="$1" state=resume
    within 180 slurm_idle || complain "$1 does not come back to Slurm: $(sinfo -N)"
}
slurm_lost() { scontrol update nodename="$1" state=down reason=test; }

# A run that begins while the end of the one before is not all told fails at once, and
# Slurm does not say when it is: hence its two minutes, and these seconds.
slurm_runs()
{
    scontrol update jobid="$1" starttime=now 2>/dev/null
    slurm_is "$1" RUNNING
}
slurm_start()
{
    within 60 slurm_is "$1" PENDING || complain "$command: it is not queued again"
    sleep 8
    within 60 slurm_runs "$1" || complain "$command: it is not started again"
}

slurm_state() { scontrol -o show job "$1" | sed -n 's/.* JobState=\([A-Z_]*\).*/\1/p'; }
slurm_is() { [ "$(slurm_state "$1")" = "$2" ]; }
slurm_idle() { [ "$(sinfo -h -N -o %t 2>/dev/null | grep -cx idle)" -eq "$cluster_n" ]; }

slurm_up()
{
    mkdir -p "$slurm/state"
    mount -t tmpfs -o mode=755 run /run
    mount --bind "$cluster/hosts" /etc/hosts
    hostname head
    head -c 128 /dev/urandom >"$slurm/munge.key"
    chmod 600 "$slurm/munge.key"
    slurm_conf "$1" >"$slurm/slurm.conf"
    slurm_topology >"$slurm/topology.conf"
    # slurmd wants one, though nothing uses it; this one does no harm.
    echo 'CgroupPlugin=cgroup/v1' >"$slurm/cgroup.conf"
    echo 'PMIxCliTmpDirBase=/var/tmp' >"$slurm/mpi.conf"
    export SLURM_CONF="$slurm/slurm.conf"
    munged_up env
    slurmctld -f "$SLURM_CONF"
    cluster_each slurmd_up
    within 60 slurm_idle || {
        complain "Slurm does not come up: $(sinfo -N; tail -n 5 "$slurm"/*.log)"
        exit 1
    }
}
