# apps/local.mk - the tool and the example programs.  Included by Makefile.am.
#
# They are linked with the static library, so that what stands in the build
# folder is the program itself (no wrapper script: mpirun, gdb and valgrind
# take it as it is), and no libmpipe.so of an older installation is picked up.

# The tool is for everyone's PATH.
bin_PROGRAMS += apps/mpipe
apps_mpipe_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/bench.h \
	apps/bench_control.c \
	apps/bench_data.c \
	apps/bench_data.h \
	apps/bench_death.c \
	apps/bench_death.h \
	apps/bench_farm.c \
	apps/bench_farm_control.c \
	apps/bench_faults.c \
	apps/bench_kmers.c \
	apps/bench_pipeline.c \
	apps/bench_print.c \
	apps/bench_sort.c \
	apps/bench_wait.c \
	apps/bench_words.c \
	apps/mpipe.c \
	apps/mpipe_bench.c \
	apps/mpipe_info.c \
	apps/mpipe_plan.c \
	apps/mpipe_run.c \
	apps/mpipe_tool.h \
	apps/run_command.c \
	apps/run_command.h \
	apps/run_elsewhere.c \
	apps/run_elsewhere.h \
	apps/run_hosts.c \
	apps/run_hosts.h \
	apps/run_line.c \
	apps/run_line.h \
	apps/run_signals.c \
	apps/run_signals.h \
	apps/run_stdout.c \
	apps/run_stdout.h \
	apps/run_watch.c \
	apps/run_watch.h \
	apps/word_table.c \
	apps/word_table.h \
	# End of apps_mpipe_SOURCES
apps_mpipe_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
apps_mpipe_LDFLAGS = -static
apps_mpipe_LDADD = src/libmpipe.la $(JANSSON_LIBS) -lm

# The examples have common names (wordcount), so they go to a folder of their
# own, which `pkg-config --variable=appsdir mpipe` prints.
pkglibexec_PROGRAMS += \
	apps/dsort \
	apps/kmers \
	apps/mypipeline \
	apps/palindrome \
	apps/pi \
	apps/sumjob \
	apps/taskchain \
	apps/wordcount \
	# End of pkglibexec_PROGRAMS
if HAVE_PNG
pkglibexec_PROGRAMS += apps/mandelbrot
endif

apps_dsort_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/dsort.c
apps_dsort_LDFLAGS = -static
apps_dsort_LDADD = src/libmpipe.la

apps_kmers_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/kmers.c \
	apps/sequence.c \
	apps/sequence.h
apps_kmers_LDFLAGS = -static
apps_kmers_LDADD = src/libmpipe.la

apps_mandelbrot_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/mandelbrot.c
apps_mandelbrot_CFLAGS = $(AM_CFLAGS) $(PNG_CFLAGS)
apps_mandelbrot_LDFLAGS = -static
apps_mandelbrot_LDADD = src/libmpipe.la $(PNG_LIBS)

apps_mypipeline_SOURCES = apps/mypipeline.c
apps_mypipeline_LDFLAGS = -static
apps_mypipeline_LDADD = src/libmpipe.la

apps_palindrome_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/palindrome.c
apps_palindrome_LDFLAGS = -static
apps_palindrome_LDADD = src/libmpipe.la

apps_pi_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/pi.c
apps_pi_LDFLAGS = -static
apps_pi_LDADD = src/libmpipe.la

apps_sumjob_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/sumjob.c
apps_sumjob_LDFLAGS = -static
apps_sumjob_LDADD = src/libmpipe.la

apps_taskchain_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/taskchain.c
apps_taskchain_LDFLAGS = -static
apps_taskchain_LDADD = src/libmpipe.la

apps_wordcount_SOURCES = \
	apps/arguments.c \
	apps/arguments.h \
	apps/word_table.c \
	apps/word_table.h \
	apps/wordcount.c
apps_wordcount_CFLAGS = $(AM_CFLAGS) $(XXHASH_CFLAGS)
apps_wordcount_LDFLAGS = -static
apps_wordcount_LDADD = src/libmpipe.la $(XXHASH_LIBS)

# The README's program, to copy from.
examplesdir = $(docdir)/examples
dist_examples_DATA += apps/mypipeline.c
