/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.h - where this rank is (layer 1; topology.c is the only file that
 * knows hwloc).
 *
 * A switch file says which switches a node hangs on, outermost first, the
 * names joined by dots as in Slurm's SLURM_TOPOLOGY_ADDR:
 *
 *     # HOST...: SWITCH[.SWITCH...]
 *     node1 node2 node3: core.rack1
 *     gpu*: core.rack2
 *     *: core
 *
 * A host may be a shell pattern and is compared with the full host name and
 * with its part before the first dot; the first line that fits counts.
 */
#ifndef MPIPE__TOPOLOGY_H
#define MPIPE__TOPOLOGY_H

#include <stdio.h>
#include "placement.h"

/* Find out where the calling process is: host name; package ... core from its
 * binding ('nth' of the 'of' processes on this node spreads those that are not
 * bound to one core over the cores they may use, in order); switches from
 * 'switch_file' if it is not NULL, else from SLURM_TOPOLOGY_ADDR (with
 * SLURM_TOPOLOGY_ADDR_PATTERN).  Leaves id[MPIPE__NODE] 0: the caller, which
 * knows who shares memory, sets it.
 * MPIPE_EIO: the switch file cannot be read; MPIPE_EINVAL: a bad line in it,
 * or none for this host; MPIPE_ENOMEM.  'where' is then unchanged. */
enum mpipe_err mpipe__topology_locate(struct mpipe__location *where,
                                      const char *switch_file, unsigned nth,
                                      unsigned of, struct mpipe_error *err);

/* Pure.  Set the switch levels of 'where' from an address such as
 * "core.rack1.node7" and its pattern "switch.switch.node"; with pattern NULL
 * all names but the last are switches.  The innermost switch is
 * MPIPE__SWITCH2; more than three tiers fold into the outermost.  An address
 * that does not fit its pattern leaves the levels 0 and returns false. */
bool mpipe__topology_slurm(struct mpipe__location *where, const char *address,
                           const char *pattern);

/* Pure.  Set the switch levels from the lines of a switch file; where->host
 * must be set.  'name' is the file's, for the error's words. */
enum mpipe_err mpipe__topology_switches(struct mpipe__location *where,
                                        FILE *file, const char *name,
                                        struct mpipe_error *err);

#endif
