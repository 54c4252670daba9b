# mpipe_compiler.m4 - what is asked of the C compiler.
# SPDX-License-Identifier: BSD-3-Clause

# MPIPE_DEFAULT_CC
# Use mpicc unless CC is given.  Must come before AC_PROG_CC and all that
# needs it, or it has no effect.
AC_DEFUN([MPIPE_DEFAULT_CC], [
AS_IF([test -z "$CC"], [
    AC_CHECK_PROGS([CC], [mpicc])
    AS_IF([test -z "$CC"], [AC_MSG_ERROR([there is no mpicc.
    Install Open MPI (on Debian: libopenmpi-dev openmpi-bin) or MPICH, name
    another compiler with CC=..., or run ./quickstart, which installs it.])])
])
# What smpicc links is run by smpirun alone, but configure wants to run its tests:
# so it does as cc does, and says so, which libtool takes for the name of ld.
AS_CASE([$CC], [*smpicc*], [
    SMPI_PRETEND_CC=1
    export SMPI_PRETEND_CC
    test -n "$LD" || LD=ld
])
])

# MPIPE_CHECK_C11
# Sets C11_CFLAGS; ends configure if the compiler is too old.
AC_DEFUN([MPIPE_CHECK_C11], [
AC_MSG_CHECKING([whether $CC takes C11])
mpipe_save_CFLAGS=$CFLAGS
C11_CFLAGS="-std=c11"
CFLAGS="$C11_CFLAGS $CFLAGS"
AC_COMPILE_IFELSE(
    [AC_LANG_PROGRAM([[_Static_assert(_Alignof(double) > 1, "C11");]], [])],
    [AC_MSG_RESULT([$C11_CFLAGS])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([a C11 compiler is needed])])
CFLAGS=$mpipe_save_CFLAGS
AC_SUBST([C11_CFLAGS])
])

# MPIPE_CHECK_WARNINGS(FLAGS)
# Sets WARN_CFLAGS to those of FLAGS that the compiler knows.
AC_DEFUN([MPIPE_CHECK_WARNINGS], [
mpipe_save_CFLAGS=$CFLAGS
WARN_CFLAGS=
for mpipe_flag in $1; do
    AC_MSG_CHECKING([whether $CC takes $mpipe_flag])
    CFLAGS="$mpipe_save_CFLAGS -Werror $mpipe_flag"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int mpipe_probe;]])],
        [AC_MSG_RESULT([yes])
         WARN_CFLAGS="${WARN_CFLAGS:+$WARN_CFLAGS }$mpipe_flag"],
        [AC_MSG_RESULT([no])])
done
CFLAGS=$mpipe_save_CFLAGS
AC_SUBST([WARN_CFLAGS])
])

# MPIPE_CHECK_ASAN
# Sets ASAN_CFLAGS; ends configure if a program cannot be linked with them.
AC_DEFUN([MPIPE_CHECK_ASAN], [
AC_MSG_CHECKING([for the sanitizers])
ASAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined dnl
-fno-omit-frame-pointer -g"
mpipe_save_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS $ASAN_CFLAGS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([$ASAN_CFLAGS])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([--enable-asan: $CC cannot link with the sanitizers])])
CFLAGS=$mpipe_save_CFLAGS
AC_SUBST([ASAN_CFLAGS])
])

# MPIPE_RPATH
# Sets RPATH_FLAG, for mpipe.pc: outside the system's own folders the loader
# would not find libmpipe.so, and a program linked with the flags of
# pkg-config could not be started.
AC_DEFUN([MPIPE_RPATH], [
AC_ARG_ENABLE([rpath],
    [AS_HELP_STRING([--disable-rpath],
        [no -rpath in mpipe.pc; the default is one unless libdir is a system folder])],
    [], [enable_rpath=yes])
mpipe_prefix=$prefix
test "$mpipe_prefix" = NONE && mpipe_prefix=$ac_default_prefix
AS_CASE([$enable_rpath/$mpipe_prefix],
    [no/*|yes/usr|yes//usr|yes//], [RPATH_FLAG=],
    [RPATH_FLAG='-Wl,-rpath,${libdir} '])
AC_SUBST([RPATH_FLAG])
])
