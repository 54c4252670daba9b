/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe_tool.h - the parts of the tool `mpipe`.
 *
 * Each is called with its own name as argv[0] and returns the exit status: 0,
 * or 2 after a line on stderr that says what is wrong and what to do.
 */
#ifndef MPIPE_TOOL_H
#define MPIPE_TOOL_H

int mpipe_tool_bench(int argc, char **argv);
int mpipe_tool_bench_death(int argc, char **argv);  /* what bench starts */
int mpipe_tool_info(int argc, char **argv);
int mpipe_tool_plan(int argc, char **argv);
int mpipe_tool_run(int argc, char **argv);      /* the program's status */

#endif
