/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe.h - pipelines over MPI: everything a program needs.
 *
 * Needs no <mpi.h>; a program that calls MPI itself, or that brings its own
 * communicator, includes <mpipe/mpi.h> as well.
 */
#ifndef MPIPE_H
#define MPIPE_H

#include <mpipe/error.h>
#include <mpipe/version.h>
#include <mpipe/session.h>
#include <mpipe/stage.h>
#include <mpipe/pipeline.h>
#include <mpipe/source.h>
#include <mpipe/sink.h>
#include <mpipe/mapreduce.h>
#include <mpipe/plan.h>

#endif
