# doc/local.mk - documents and man pages.  Included by Makefile.am.

dist_man_MANS += \
	doc/man/dsort.1 \
	doc/man/kmers.1 \
	doc/man/mandelbrot.1 \
	doc/man/mpipe.1 \
	doc/man/mpipe.7 \
	doc/man/palindrome.1 \
	doc/man/pi.1 \
	doc/man/sumjob.1 \
	doc/man/taskchain.1 \
	doc/man/wordcount.1 \
	# End of dist_man_MANS

# One for each public header, made of its comments.
man3_pages = \
	doc/man/mpipe_error.3 \
	doc/man/mpipe_mapreduce.3 \
	doc/man/mpipe_mpi.3 \
	doc/man/mpipe_pipeline.3 \
	doc/man/mpipe_plan.3 \
	doc/man/mpipe_session.3 \
	doc/man/mpipe_sink.3 \
	doc/man/mpipe_source.3 \
	doc/man/mpipe_stage.3 \
	doc/man/mpipe_version.3 \
	# End of man3_pages
man_MANS += $(man3_pages)
CLEANFILES += $(man3_pages)
EXTRA_DIST += doc/scaling.awk doc/scaling.tsv doc/header2man.awk doc/model/README doc/model/flow.pml README.md

$(man3_pages): doc/header2man.awk $(mpipeinclude_HEADERS)
	$(AM_V_GEN)$(MKDIR_P) doc/man && \
	noun=`expr $@ : '.*/mpipe_\(.*\)\.3'` && \
	$(AWK) -v name=mpipe_$$noun -v version=$(PACKAGE_VERSION) \
	    -f $(srcdir)/doc/header2man.awk \
	    $(srcdir)/include/mpipe/$$noun.h >$@.tmp && \
	mv $@.tmp $@

dist_doc_DATA += \
	LICENSE \
	NEWS \
	README \
	doc/design.md \
	doc/features.md \
	doc/performance.md \
	doc/plan.md \
	doc/protocol.md \
	doc/rationale.md \
	doc/scaling.md \
	doc/scaling.svg \
	# End of dist_doc_DATA

# For those who look after a cluster.
modulesdir = $(pkgdatadir)/modulefiles
nodist_modules_DATA = contrib/mpipe
EXTRA_DIST += contrib/spack/libmpipe/package.py

# To copy from, and to change.
jobscriptsdir = $(docdir)/jobscripts
dist_jobscripts_DATA += \
	jobscripts/README \
	jobscripts/array.sbatch \
	jobscripts/mapreduce.sbatch \
	jobscripts/pipeline.sbatch \
	jobscripts/resume.sbatch \
	# End of dist_jobscripts_DATA
