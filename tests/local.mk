# tests/local.mk - the tests.  Included by Makefile.am.
#
#   tests/unit       CUnit suites, a file for each module, named in suites.def
#   tests/NAME.mpi   MPI programs, run on 1 2 3 4 7 ranks by run-mpi.sh
#   tests/NAME.sh    shell tests, of the programs and of the house itself
#
# Each is stopped after a time limit: a hang is a failure.

TEST_EXTENSIONS = .mpi .sh
LOG_COMPILER = timeout
AM_LOG_FLAGS = -k 2 600
MPI_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/run-mpi.sh
SH_LOG_COMPILER = timeout
AM_SH_LOG_FLAGS = -k 2 900 $(SHELL)
AM_TESTS_ENVIRONMENT = \
	LC_ALL=C; export LC_ALL; \
	CC='$(CC)'; export CC; \
	C11_CFLAGS='$(C11_CFLAGS)'; export C11_CFLAGS; \
	CLANG='$(CLANG)'; export CLANG; \
	MAKE='$(MAKE)'; export MAKE; \
	MPICXX='$(MPICXX)'; export MPICXX; \
	MPIRUN='$(MPIRUN)'; export MPIRUN; \
	NM='$(NM)'; export NM; \
	PKG_CONFIG='$(PKG_CONFIG)'; export PKG_CONFIG; \
	WARN_CFLAGS='$(WARN_CFLAGS)'; export WARN_CFLAGS; \
	abs_top_builddir='$(abs_top_builddir)'; export abs_top_builddir; \
	abs_top_srcdir='$(abs_top_srcdir)'; export abs_top_srcdir; \
	bindir='$(bindir)'; export bindir; \
	includedir='$(includedir)'; export includedir; \
	libdir='$(libdir)'; export libdir; \
	mandir='$(mandir)'; export mandir;

# What tests link: the library with its internal symbols, and asserts on, also
# after --disable-assert.
tests_cppflags = $(AM_CPPFLAGS) -UNDEBUG -I$(top_srcdir)/src

# ---- unit tests ----

unit_suites = \
	tests/backup.c \
	tests/bundle.c \
	tests/deaths.c \
	tests/doorbell.c \
	tests/error.c \
	tests/exchange.c \
	tests/file_list.c \
	tests/frame.c \
	tests/fuzz_frame.c \
	tests/interrupt.c \
	tests/interval.c \
	tests/job_backup.c \
	tests/job_deaths.c \
	tests/journal.c \
	tests/kept.c \
	tests/ledger.c \
	tests/lifeline.c \
	tests/line_reader.c \
	tests/link.c \
	tests/log.c \
	tests/mapreduce.c \
	tests/options.c \
	tests/owners.c \
	tests/partition.c \
	tests/pipeline.c \
	tests/placement.c \
	tests/plan_print.c \
	tests/pool.c \
	tests/progress.c \
	tests/property.c \
	tests/repair.c \
	tests/report.c \
	tests/resume.c \
	tests/route.c \
	tests/run_hosts.c \
	tests/show.c \
	tests/sink_file.c \
	tests/source.c \
	tests/split.c \
	tests/store.c \
	tests/table.c \
	tests/tally.c \
	tests/topology.c \
	tests/trace.c \
	tests/transport_fault.c \
	tests/transport_loop.c \
	# End of unit_suites

# What suites share.
unit_helpers = \
	tests/conformance.c \
	tests/conformance.h \
	tests/model.c \
	tests/model.h \
	tests/random.c \
	tests/random.h \
	tests/scenario.c \
	tests/scenario.h \
	tests/scenario_misuse.c \
	tests/scenario_use.c \
	tests/suite.h \
	tests/world.c \
	tests/world.h \
	# End of unit_helpers

if HAVE_CUNIT
check_PROGRAMS += tests/unit
TESTS += tests/unit
endif
tests_unit_SOURCES = \
	apps/run_hosts.c \
	apps/run_hosts.h \
	tests/suites.def \
	tests/testmain.c \
	$(unit_helpers) \
	$(unit_suites)
tests_unit_CPPFLAGS = $(tests_cppflags) $(CUNIT_CFLAGS)
tests_unit_LDFLAGS = -static
tests_unit_LDADD = src/libmpipe_core.la $(CUNIT_LIBS)

# Fails each allocation in turn, so its linker puts others in their place.
if HAVE_CUNIT
check_PROGRAMS += tests/allocation
TESTS += tests/allocation
endif
tests_allocation_SOURCES = \
	tests/allocation.c \
	tests/random.c \
	tests/random.h \
	tests/suite.h \
	tests/world.c \
	tests/world.h
tests_allocation_CPPFLAGS = $(tests_cppflags) $(CUNIT_CFLAGS)
tests_allocation_LDFLAGS = -static \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc \
	-Wl,--wrap=strdup,--wrap=free
tests_allocation_LDADD = src/libmpipe_core.la $(CUNIT_LIBS)

# Break the engine on purpose and see the tests fail: some minutes.
.PHONY: mutants
mutants:
	$(SHELL) $(top_srcdir)/tests/mutants.sh

# ---- MPI tests ----

mpi_tests = \
	tests/engine.mpi \
	tests/transport_mpi.mpi \
	# End of mpi_tests

check_PROGRAMS += $(mpi_tests)
TESTS += $(mpi_tests)

tests_engine_mpi_SOURCES = \
	tests/engine_mpi.c \
	tests/scenario.c \
	tests/scenario.h \
	tests/scenario_misuse.c \
	tests/scenario_use.c
tests_engine_mpi_CPPFLAGS = $(tests_cppflags)
tests_engine_mpi_LDFLAGS = -static
tests_engine_mpi_LDADD = src/libmpipe_core.la

tests_transport_mpi_mpi_SOURCES = \
	tests/conformance.c \
	tests/conformance.h \
	tests/transport_mpi.c
tests_transport_mpi_mpi_CPPFLAGS = $(tests_cppflags)
tests_transport_mpi_mpi_LDFLAGS = -static
tests_transport_mpi_mpi_LDADD = src/libmpipe_core.la

# ---- programs that shell tests run ----

check_PROGRAMS += tests/cluster/cable tests/copy tests/deadly tests/late tests/load
check_PROGRAMS += tests/slowly
tests_cluster_cable_SOURCES = tests/cluster/cable.c
tests_copy_SOURCES = tests/copy.c
tests_copy_LDFLAGS = -static
tests_copy_LDADD = src/libmpipe.la

tests_slowly_SOURCES = tests/slowly.c
tests_slowly_LDFLAGS = -static
tests_slowly_LDADD = src/libmpipe.la

tests_late_SOURCES = tests/late.c
tests_late_LDFLAGS = -static
tests_late_LDADD = src/libmpipe.la

tests_deadly_SOURCES = tests/deadly.c
tests_deadly_LDFLAGS = -static
tests_deadly_LDADD = src/libmpipe.la
tests_load_SOURCES = tests/load.c
tests_load_LDFLAGS = -static
tests_load_LDADD = src/libmpipe.la

# The fault campaign, and the program that it starts.
check_PROGRAMS += tests/campaign tests/campaign_job
tests_campaign_SOURCES = \
	tests/campaign.c \
	tests/campaign.h \
	tests/campaign_judge.c \
	tests/campaign_run.c \
	$(campaign_common)
tests_campaign_CPPFLAGS = $(tests_cppflags)
tests_campaign_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_campaign_LDADD = $(JANSSON_LIBS)
tests_campaign_job_SOURCES = \
	tests/campaign_job.c \
	$(campaign_common)
tests_campaign_job_CPPFLAGS = $(tests_cppflags)
tests_campaign_job_LDFLAGS = -static
tests_campaign_job_LDADD = src/libmpipe.la
campaign_common = \
	tests/campaign_case.c \
	tests/campaign_case.h \
	tests/model.c \
	tests/model.h \
	tests/random.c \
	tests/random.h

# Jobs for many ranks, where they are simulated (CC=smpicc): see tests/scale.sh.
EXTRA_PROGRAMS =
if SMPI
EXTRA_PROGRAMS += tests/scale/scale
endif
SCALE_RANKS = 16 64 256 1024 4096
.PHONY: scale
scale: tests/scale/scale
	$(SHELL) $(top_srcdir)/tests/scale/run.sh $(SCALE_FLAGS) $(SCALE_RANKS)
tests_scale_scale_SOURCES = \
	tests/scale/arrivals.c \
	tests/scale/arrivals.h \
	tests/scale/gauge.c \
	tests/scale/gauge.h \
	tests/scale/scale.c
tests_scale_scale_CPPFLAGS = $(tests_cppflags)
tests_scale_scale_LDFLAGS = -static \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc \
	-Wl,--wrap=strdup,--wrap=free,--wrap=MPI_Isend,--wrap=MPI_Testsome \
	-Wl,--wrap=MPI_Irecv,--wrap=MPI_Cancel,--wrap=smpi_clock_gettime \
	-Wl,--wrap=mpipe__sink_report,--wrap=mpipe__tally_take
tests_scale_scale_LDADD = src/libmpipe_core.la

# ---- shell tests ----

# They come first, so that all cores have work to the end.
long_tests = \
	tests/asan.sh \
	tests/other_mpi.sh \
	tests/valgrind.sh \
	# End of long_tests

shell_tests = \
	tests/backup.sh \
	tests/bench.sh \
	tests/campaign.sh \
	tests/clang.sh \
	tests/cluster.sh \
	tests/cluster_deaths.sh \
	tests/cluster_far.sh \
	tests/cluster_slurm.sh \
	tests/copy.sh \
	tests/counts.sh \
	tests/deaths.sh \
	tests/docs.sh \
	tests/dsort.sh \
	tests/errors.sh \
	tests/exports.sh \
	tests/headers.sh \
	tests/install.sh \
	tests/job_deaths.sh \
	tests/job_resume.sh \
	tests/jobscripts.sh \
	tests/kmers.sh \
	tests/large.sh \
	tests/layers.sh \
	tests/limit.sh \
	tests/lists.sh \
	tests/mandelbrot.sh \
	tests/measured.sh \
	tests/memory.sh \
	tests/mutant_rows.sh \
	tests/palindrome.sh \
	tests/plan.sh \
	tests/progress.sh \
	tests/quickstart.sh \
	tests/resume.sh \
	tests/run.sh \
	tests/scale.sh \
	tests/signals.sh \
	tests/silent.sh \
	tests/spin.sh \
	tests/sumjob.sh \
	tests/taskchain.sh \
	tests/trickle.sh \
	tests/wordcount.sh \
	# End of shell_tests

# What they read.
test_data = \
	# End of test_data

TESTS += $(long_tests) $(shell_tests)
EXTRA_DIST += \
	$(long_tests) \
	$(shell_tests) \
	$(test_data) \
	tests/app.sh \
	tests/cluster/hosts.sh \
	tests/cluster/slurm.sh \
	tests/exports.expected \
	tests/mutants.sh \
	tests/run-mpi.sh \
	tests/scale/platform.sh \
	tests/scale/run.sh \
	tests/sum.sh \
	tests/valgrind.supp \
	# End of EXTRA_DIST
