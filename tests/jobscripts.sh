#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# jobscripts.sh - each jobscript is correct shell, and starts what it should.
#
# Slurm itself is not needed: mpirun and pkg-config are stood in for.

. "$abs_top_srcdir/tests/app.sh"

for script in "$abs_top_srcdir"/jobscripts/*.sbatch; do
    sh -n "$script" || complain "$script: not correct"
    # sbatch reads its options only up to the first command.
    awk '/^[^#]/ { command = 1 } /^#SBATCH/ && command { exit 1 }' "$script" ||
        complain "$script: #SBATCH behind the first command"
done

mkdir bin
cat >bin/mpirun <<'END'
#!/bin/sh
printf '<%s>' mpirun "$@"
[ "$1" != wait ] || { trap 'echo TERM; exit 9' TERM; echo; : >started
                      while :; do sleep 0.1; done; }
exit 7
END
cat >bin/pkg-config <<'END'
#!/bin/sh
[ "$*" = '--variable=appsdir mpipe' ] && echo /opt/my/apps
END
chmod +x bin/mpirun bin/pkg-config
PATH=$work/bin:$PATH
script=$abs_top_srcdir/jobscripts/pipeline.sbatch

started()
{
    command=$1
    [ "$status" -eq "$2" ] || complain "$1: exit status $status, not $2"
    [ "$(cat out)" = "$3" ] || complain "$1: started '$(cat out)', not '$3'"
}

sh "$script" >out
status=$?
started 'no arguments' 7 '<mpirun></opt/my/apps/wordcount><-n><10></usr/include>'
sh "$script" ./mine 'two words' '' >out
status=$?
started 'a program' 7 '<mpirun><./mine><two words><>'

sh "$script" wait >out &
pid=$!
tries=0
while [ ! -e started ] && [ $tries -lt 200 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
kill -TERM $pid
wait $pid
status=$?
started 'a signal' 9 '<mpirun><wait>
TERM'
finish
