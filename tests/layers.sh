#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# layers.sh - a file includes only headers of its own layer and those below.
#
# The table below is the architecture (doc/design.md): what is not in it
# fails.  A header has the layer of the name that it shares with a .c file.
# hwloc, MPI and what else has effects are each known to few files.

layer_of()
{
    case $1 in
    error|grow|frame|ledger|reorder|credit|pool|options|log|report|report_json|\
    progress|trace|show|stats|interval|journal|journal_owner|record|\
    cause|pace|pair|combine|table|partition|sort|scratch|kept|run|merge|groups|store)
        echo 0 ;;                       # pure: plain structs, no effects
    topology|machine|placement|grouping|layout|plan_*|repair|owners|exchange|route)
        echo 1 ;;                       # plan: where things run
    transport|transport_*|clock|doorbell|doorbell_smpi|farewell|interrupt|last_words|launcher|lifeline|link|\
    offspring)
        echo 2 ;;                       # move: bytes between ranks
    worker|children|bundle|mapped|map_journal|backup|poison|recovery|resume|relay|routing|shuffle|collect|commit|feeder|sink|master|engine|flow|\
    flow_plan|out|stage|summary|tally)
        echo 3 ;;                       # run: what a rank does
    session|session_*|pipeline|pipeline_*|source|source_*|sink_file|\
    mapreduce|look_ahead|job_journal|reduce|refill|part_file|byte_stream|split_reader|\
    file_list|line_reader|split|version)
        echo 4 ;;                       # doors: what programs call
    *)
        return 1 ;;
    esac
}

# Who may include a header of another library.
allowed()
{
    case $1 in
    hwloc.h|hwloc/*) case $2 in topology.c) ;; *) return 1 ;; esac ;;
    mpi.h|mpipe/mpi.h)
        case $2 in transport_mpi.[ch]|session*.c) ;; *) return 1 ;; esac ;;
    zlib.h|zstd.h) case $2 in byte_stream.c) ;; *) return 1 ;; esac ;;
    simgrid/*|smpi/*) case $2 in doorbell_smpi.c) ;; *) return 1 ;; esac ;;
    jansson.h) case $2 in report_json.c|flow_plan.c) ;; *) return 1 ;; esac ;;
    CUnit/*|png.h) return 1 ;;
    esac
}

cd "$abs_top_srcdir/src" || exit 1
failed=0
checked=0

complain()
{
    echo "layers.sh: $*"
    failed=1
}

for file in *.[ch]; do
    if ! mine=$(layer_of "${file%.[ch]}"); then
        complain "src/$file has no layer: add it to the table in tests/layers.sh"
        continue
    fi
    checked=$((checked + 1))
    for header in $(sed -n 's/^# *include "\(.*\)".*/\1/p' "$file"); do
        if ! its=$(layer_of "${header%.h}"); then
            complain "src/$file includes \"$header\", which has no layer"
        elif [ "$its" -gt "$mine" ]; then
            complain "src/$file (layer $mine) includes \"$header\" (layer $its)"
        elif [ ! -e "$header" ]; then
            complain "src/$file includes \"$header\", which is not in src/"
        fi
    done
    for header in $(sed -n 's/^# *include <\(.*\)>.*/\1/p' "$file"); do
        allowed "$header" "$file" ||
            complain "src/$file includes <$header>, which is for other files"
    done
done

[ $failed -ne 0 ] || echo "$checked files keep to their layers"
exit $failed
