# include/local.mk - the public headers.  Included by Makefile.am.

nobase_include_HEADERS += $(public_headers:%=%)
