/* SPDX-License-Identifier: BSD-3-Clause */
/* feeder.h - rank 0: items in, root frames out (layer 3). */
#ifndef MPIPE__FEEDER_H
#define MPIPE__FEEDER_H

#include "link.h"
#include "out.h"

struct mpipe__flow;

struct mpipe__feeder {
    struct mpipe_out out;
    struct mpipe__frame *open;
    struct mpipe__frame_queue pending;  /* cut, not yet sent */
    size_t pending_bytes;
    struct mpipe__link **link;      /* to the first stage, nearest first */
    unsigned n_links;
    uint64_t open_since;
    uint64_t items, bytes;          /* fed, but for the open frame */
    uint64_t cuts;
    double item_ns;                 /* work per item, smoothed; < 0: unknown */
    size_t item_bytes;              /* of the last frame */
    bool ended;                     /* no more will be fed */
    bool stopped;                   /* nor will what is not yet sent */
    uint64_t again_since;           /* the source has nothing; 0: it may have */
};

/* The id of another root. */
uint64_t mpipe__feeder_id(struct mpipe__flow *flow);
void mpipe__feeder_init(struct mpipe__flow *flow);
void mpipe__feeder_fini(struct mpipe__flow *flow);
enum mpipe_err mpipe__feeder_item(struct mpipe__flow *flow, const void *data,
                                  size_t size);
struct mpipe__frame *mpipe__feeder_room(struct mpipe__flow *flow, size_t size);
/* An item was appended to the open frame: cut it if that is enough. */
void mpipe__feeder_added(struct mpipe__flow *flow);
/* Items fed, those of the open frame too. */
uint64_t mpipe__feeder_items(const struct mpipe__flow *flow);
/* Cut the open frame if it is old and a rank waits for work. */
void mpipe__feeder_age(struct mpipe__flow *flow);
/* Cut the open frame, if it has items. */
void mpipe__feeder_cut(struct mpipe__flow *flow);
/* Send what can be sent; true if something was. */
bool mpipe__feeder_pump(struct mpipe__flow *flow);
/* Call the source, if it is its turn; true if it did something. */
bool mpipe__feeder_pull(struct mpipe__flow *flow);
/* Would it take more without waiting? */
bool mpipe__feeder_wants(const struct mpipe__flow *flow);
/* Does what is fed and not yet delivered fill the window? */
bool mpipe__feeder_full(const struct mpipe__flow *flow);
/* Wait until it does; not from inside a stage. */
void mpipe__feeder_wait(struct mpipe__flow *flow);
/* What a root's work was: to make later frames as long as they should be. */
void mpipe__feeder_learn(struct mpipe__flow *flow, uint32_t items,
                         uint32_t work_us);
/* How long to rest until the source is to be asked again. */
unsigned mpipe__feeder_rest_us(const struct mpipe__feeder *fd, uint64_t now);
/* All that was fed has come out. */
bool mpipe__feeder_empty(const struct mpipe__flow *flow);

#endif
