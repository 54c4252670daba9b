# doc/local.mk - documents and man pages.  Included by Makefile.am.

dist_man_MANS += \
	# End of dist_man_MANS

dist_doc_DATA += \
	LICENSE \
	NEWS \
	# End of dist_doc_DATA

# To copy from, and to change.
jobscriptsdir = $(docdir)/jobscripts
dist_jobscripts_DATA += \
	jobscripts/README \
	jobscripts/pipeline.sbatch \
	# End of dist_jobscripts_DATA
