# src/local.mk - the library.  Included by Makefile.am.

# Everything, with the internal symbols visible: what the unit tests link, and
# what libmpipe is made from.
noinst_LTLIBRARIES += src/libmpipe_core.la
src_libmpipe_core_la_SOURCES = \
	src/backup.c \
	src/backup.h \
	src/bundle.c \
	src/bundle.h \
	src/byte_stream.c \
	src/byte_stream.h \
	src/cause.c \
	src/cause.h \
	src/children.c \
	src/children.h \
	src/clock.h \
	src/collect.c \
	src/collect.h \
	src/combine.c \
	src/combine.h \
	src/commit.c \
	src/commit.h \
	src/doorbell.h \
	src/engine.c \
	src/engine.h \
	src/error.c \
	src/error.h \
	src/exchange.c \
	src/exchange.h \
	src/farewell.c \
	src/farewell.h \
	src/feeder.c \
	src/feeder.h \
	src/file_list.c \
	src/file_list.h \
	src/flow.c \
	src/flow.h \
	src/flow_plan.c \
	src/flow_plan.h \
	src/frame.c \
	src/frame.h \
	src/grouping.c \
	src/grouping.h \
	src/groups.c \
	src/groups.h \
	src/grow.h \
	src/interrupt.c \
	src/interrupt.h \
	src/interval.c \
	src/interval.h \
	src/job_journal.c \
	src/job_journal.h \
	src/journal.c \
	src/journal.h \
	src/journal_owner.c \
	src/journal_owner.h \
	src/kept.c \
	src/kept.h \
	src/last_words.c \
	src/last_words.h \
	src/launcher.c \
	src/launcher.h \
	src/layout.c \
	src/layout.h \
	src/ledger.c \
	src/ledger.h \
	src/lifeline.c \
	src/lifeline.h \
	src/line_reader.c \
	src/line_reader.h \
	src/link.c \
	src/link.h \
	src/log.c \
	src/log.h \
	src/look_ahead.c \
	src/look_ahead.h \
	src/machine.c \
	src/map_journal.c \
	src/map_journal.h \
	src/mapped.c \
	src/mapped.h \
	src/mapreduce.c \
	src/master.c \
	src/master.h \
	src/merge.c \
	src/merge.h \
	src/offspring.c \
	src/offspring.h \
	src/options.c \
	src/options.h \
	src/out.c \
	src/out.h \
	src/owners.c \
	src/owners.h \
	src/pace.c \
	src/pace.h \
	src/pair.c \
	src/pair.h \
	src/part_file.c \
	src/part_file.h \
	src/partition.c \
	src/partition.h \
	src/pipeline.c \
	src/pipeline.h \
	src/placement.c \
	src/placement.h \
	src/plan_cost.c \
	src/plan_cost.h \
	src/plan_print.c \
	src/plan_svg.c \
	src/plan_tree.c \
	src/plan_tree.h \
	src/poison.c \
	src/poison.h \
	src/pool.c \
	src/pool.h \
	src/progress.c \
	src/progress.h \
	src/record.c \
	src/record.h \
	src/recovery.c \
	src/recovery.h \
	src/reduce.c \
	src/reduce.h \
	src/refill.c \
	src/refill.h \
	src/relay.c \
	src/relay.h \
	src/repair.c \
	src/repair.h \
	src/report.c \
	src/report.h \
	src/report_json.c \
	src/resume.c \
	src/resume.h \
	src/route.c \
	src/route.h \
	src/routing.c \
	src/routing.h \
	src/run.c \
	src/run.h \
	src/scratch.c \
	src/scratch.h \
	src/session.c \
	src/session.h \
	src/show.c \
	src/show.h \
	src/shuffle.c \
	src/shuffle.h \
	src/sink.c \
	src/sink.h \
	src/sink_file.c \
	src/sink_file.h \
	src/sort.c \
	src/sort.h \
	src/source.c \
	src/source.h \
	src/source_files.c \
	src/source_lines.c \
	src/source_range.c \
	src/source_splits.c \
	src/split.c \
	src/split.h \
	src/split_reader.c \
	src/split_reader.h \
	src/stats.c \
	src/stats.h \
	src/store.c \
	src/store.h \
	src/summary.c \
	src/summary.h \
	src/table.c \
	src/table.h \
	src/tally.c \
	src/tally.h \
	src/topology.c \
	src/topology.h \
	src/trace.c \
	src/trace.h \
	src/transport.h \
	src/transport_fault.c \
	src/transport_fault.h \
	src/transport_loop.c \
	src/transport_loop.h \
	src/transport_mpi.c \
	src/transport_mpi.h \
	src/version.c \
	src/worker.c \
	src/worker.h \
	# End of src_libmpipe_core_la_SOURCES
if SMPI
src_libmpipe_core_la_SOURCES += src/doorbell_smpi.c
else
src_libmpipe_core_la_SOURCES += src/doorbell.c
endif
src_libmpipe_core_la_CFLAGS = $(AM_CFLAGS) $(HWLOC_CFLAGS) \
	$(JANSSON_CFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
src_libmpipe_core_la_LIBADD = $(HWLOC_LIBS) $(JANSSON_LIBS) \
	$(ZLIB_LIBS) $(ZSTD_LIBS) -lm

# Only mpipe_* leaves the shared library; mpipe__* is ours.
# tests/exports.expected is the list.
lib_LTLIBRARIES += src/libmpipe.la
src_libmpipe_la_SOURCES =
src_libmpipe_la_LIBADD = src/libmpipe_core.la
src_libmpipe_la_LDFLAGS = \
	-no-undefined \
	-export-symbols-regex '^mpipe_[a-z]' \
	-version-info $(LIBMPIPE_VERSION_INFO)

pkgconfig_DATA += src/mpipe.pc

# The public headers keep their folder: <mpipe.h>, <mpipe/error.h>.
include_HEADERS = include/mpipe.h
mpipeincludedir = $(includedir)/mpipe
mpipeinclude_HEADERS = \
	include/mpipe/error.h \
	include/mpipe/inline.h \
	include/mpipe/mapreduce.h \
	include/mpipe/mpi.h \
	include/mpipe/pipeline.h \
	include/mpipe/plan.h \
	include/mpipe/session.h \
	include/mpipe/sink.h \
	include/mpipe/source.h \
	include/mpipe/stage.h \
	include/mpipe/version.h \
	# End of mpipeinclude_HEADERS
