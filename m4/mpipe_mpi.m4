# mpipe_mpi.m4 - which MPI this is, and how to start its programs.
# SPDX-License-Identifier: BSD-3-Clause

# MPIPE_CHECK_MPI
# Ends configure unless programs can be linked with MPI 3 (the doorbell needs
# its shared windows).  Sets mpipe_mpi_name, and the condition SMPI: ranks are not
# processes but threads of control in SimGrid's simulation, and time is simulated.
AC_DEFUN([MPIPE_CHECK_MPI], [
AC_MSG_CHECKING([for MPI 3])
AC_LINK_IFELSE([AC_LANG_PROGRAM([[
        #include <mpi.h>
        #if MPI_VERSION < 3
        # error "too old"
        #endif
    ]], [[return MPI_Init(0, 0);]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$CC does not link programs with MPI 3 or newer.
    Use the mpicc of Open MPI 4.1 or MPICH 4: CC=mpicc ./configure])])

AC_MSG_CHECKING([which MPI this is])
mpipe_mpi_name="an unknown MPI"
AC_PREPROC_IFELSE([AC_LANG_PROGRAM([[
        #include <mpi.h>
        #ifndef OPEN_MPI
        # error "another"
        #endif
    ]], [])], [mpipe_mpi_name="Open MPI"])
AC_PREPROC_IFELSE([AC_LANG_PROGRAM([[
        #include <mpi.h>
        #ifndef MPICH_VERSION
        # error "another"
        #endif
    ]], [])], [mpipe_mpi_name="MPICH"])
AC_PREPROC_IFELSE([AC_LANG_PROGRAM([[
        #include <mpi.h>
        #ifndef SMPI_H
        # error "another"
        #endif
    ]], [])], [mpipe_mpi_name="SimGrid's SMPI"])
AC_MSG_RESULT([$mpipe_mpi_name])
AM_CONDITIONAL([SMPI], [test "$mpipe_mpi_name" = "SimGrid's SMPI"])
AM_COND_IF([SMPI], [
    # memory is not simulated, and its macros would take functions named free
    CPPFLAGS="$CPPFLAGS -DSMPI_NO_OVERRIDE_MALLOC"
])
])

# MPIPE_FIND_MPIRUN
# Sets MPIRUN to the launcher that goes with CC (mpicc.mpich: mpirun.mpich,
# dir/mpicc: dir/mpirun), else to one in PATH; empty if there is none, and then the
# tests that need it are skipped.
AC_DEFUN([MPIPE_FIND_MPIRUN], [
AC_ARG_VAR([MPIRUN], [the program that starts MPI programs, for the tests])
AS_IF([test -z "$MPIRUN"], [
    set dummy $CC; mpipe_cc=$[2]
    AS_CASE([$mpipe_cc],
        [*mpicc*], [mpipe_guess=`AS_ECHO(["$mpipe_cc"]) | $SED 's/mpicc/mpirun/'`],
        [mpipe_guess=mpirun])
    AC_PATH_PROGS([MPIRUN], [$mpipe_guess mpirun mpiexec])
])
])
