/* SPDX-License-Identifier: BSD-3-Clause */
/* link.h - streams of frames between ranks, with credits (layer 2).
 *
 * A link joins this rank with one peer for one flow, in both directions.  Data
 * frames need a credit each; control frames (small, at most
 * MPIPE__CONTROL_SIZE) need none, but who sends many of them waits for
 * mpipe__link_may_tell().  A data frame that does not fit the slots
 * that the receiver has posted is sent in two: its head into the slot, its
 * payload on the bulk channel into memory that the receiver takes when it has
 * some.
 *
 * Invariants:
 *  - posted slots + frames not yet given back = the window granted;
 *  - messages on each of data and control are numbered; a repeated one is
 *    ignored, a gap breaks the link;
 *  - the bytes in sending, and those being received in bulk or held by the
 *    worker, each stay under the budget, or are one frame;
 *  - after FIN with its count, nothing more comes;
 *  - with a peer that is dead nothing is begun, and what it has sent is dropped.
 */
#ifndef MPIPE__LINK_H
#define MPIPE__LINK_H

#include "pace.h"
#include "pool.h"
#include "transport.h"

#define MPIPE__CONTROL_SIZE 4096u   /* wire size of a control frame at most */
#define MPIPE__SMALL_SLOT   4096u
#define MPIPE__TELL_MAX     16u     /* control frames that the peer has not taken */
#define MPIPE__CHANNELS     8u      /* of a flow: 4 a lane, one unused */

enum mpipe__channel { MPIPE__DATA, MPIPE__BULK, MPIPE__CONTROL };

/* Two links may join the same two ranks, each with its own credits and budget: a rank
 * that is alone feeds itself over one, and its results come back over the other, so
 * that neither can use up the other's credits.  Likewise steps along the columns of
 * an exchange are apart from those along its rows. */
enum mpipe__lane { MPIPE__LANE_MAIN, MPIPE__LANE_HOME };

/* What a control frame is for (head.stage of kind MPIPE__FRAME_CONTROL). */
enum mpipe__control {
    MPIPE__CREDIT = 1,  /* handled here: struct mpipe__credit */
    MPIPE__FIN,         /* handled here: uint64_t data frames sent in all */
    MPIPE__HELLO,       /* worker -> 0: this is the pipeline I have built */
    MPIPE__TABLE,       /* 0 -> worker: your role and links */
    MPIPE__REPORT,      /* worker -> 0: ids consumed and made */
    MPIPE__STATS,       /* worker -> 0: struct mpipe__rank_stats, stages */
    MPIPE__LOG,         /* worker -> 0 */
    MPIPE__PAUSE,       /* 0 -> worker */
    MPIPE__PAUSED,      /* worker -> 0 */
    MPIPE__RESUME,      /* 0 -> worker */
    MPIPE__STOP,        /* worker -> 0: this must end, and why */
    MPIPE__FINISH,      /* 0 -> worker: the flow is over: code and words */
    MPIPE__SPANS,       /* worker -> 0: pieces of the trace */
    MPIPE__VOID,        /* worker -> 0: these frames are not to count */
    MPIPE__COMMIT,      /* 0 -> worker: roots before this one are complete */
    MPIPE__PARTS,       /* worker -> 0: what its partitions hold */
    MPIPE__HEAVY,       /* worker -> 0: keys with many values */
    MPIPE__BRIEF,       /* 0 -> worker: a piece of what all must know */
    MPIPE__OWNERS,      /* 0 -> worker: who gets which partition */
    MPIPE__BOX,         /* 0 -> worker: what had this dead neighbour of yours in
                           hand?  worker -> 0: this */
    MPIPE__SAVED,       /* worker -> 0: what came of roots before this one is on
                           the disk */
    MPIPE__CHOICE       /* 0 -> worker: of a root and its copy this one counts */
};

enum mpipe__op_kind {
    MPIPE__OP_SEND = 1, MPIPE__OP_DATA, MPIPE__OP_BULK, MPIPE__OP_CONTROL
};

struct mpipe__credit {          /* the item of MPIPE__CREDIT */
    uint64_t n, items, took_us; /* frames, and what was in them */
    uint64_t told;              /* control frames taken, but for credits */
};

struct mpipe__links;

struct mpipe__link {
    struct mpipe__links *set;
    int peer;
    enum mpipe__lane lane;
    unsigned distance;

    unsigned window_out, credits;       /* frames in flight: the difference */
    uint32_t slot_out, data_seq_out, control_seq_out;
    uint64_t sent;              /* data frames; their seq comes round */
    struct mpipe__pace pace;    /* of the work that they are */

    unsigned window_in, owed;   /* slots granted; credits not yet given back */
    unsigned missing;           /* slots: there was no memory to post them */
    uint64_t owed_items, owed_us;       /* in those frames, and spent on them */
    uint32_t slot_in, data_seq_in, control_seq_in;
    uint64_t arrived;           /* whole data frames */
    struct mpipe__frame_queue slots;    /* posted, in order */
    struct mpipe__frame_queue bulk;     /* heads whose payload is to come */
    struct mpipe__frame *receiving;     /* its payload is under way */
    struct mpipe__frame_head announced; /* its head, which came first */
    size_t part;                /* bytes of it that have come */

    struct mpipe__frame *listening;     /* the posted control frame */
    unsigned told, heard;       /* control frames that the peer has not yet, or
                                   that we have not yet said to have taken */
    uint64_t heard_at;          /* the first of these */
    struct mpipe__frame_queue unsent;   /* control frames: no memory to send */
    struct mpipe__frame_queue reserve;  /* for the last words */
    struct mpipe__frame *bundle;        /* small frames that are to leave together */
    struct mpipe__link *next_bundled;   /* see bundle.h */
    bool is_bundled;
    bool leaves_last;           /* its FIN answers the peer's, which may have
                                   much to say until then */
    bool fin_sent, fin_received;
    uint64_t fin_count;
    bool dead;                  /* the peer is */
};

struct mpipe__links {
    void *owner;                /* the flow */
    struct mpipe__transport *transport;
    struct mpipe__pool *pool;
    uint64_t now;               /* ns; whoever takes events sets it */
    unsigned channel;           /* the first of this flow's */
    uint16_t flow;
    size_t max_payload;         /* a larger one is damage */
    size_t max_message;         /* a piece of a payload; tests lower it */
    size_t budget, sending[2], held[2]; /* by lane */
    unsigned n_sends, n_large;  /* frames being sent, and those of them over
                                   MPIPE__SMALL_SLOT */
    unsigned n_coming;          /* receives from the dead, to come back */
    unsigned n_receiving, n_waiting;    /* bulk payloads under way, or not
                                           begun for want of budget */
    bool finishing;
    struct mpipe__link **link;  /* sorted by peer and lane */
    unsigned n, capacity;
    uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
};

void mpipe__links_init(struct mpipe__links *set, void *owner,
                       struct mpipe__transport *t, struct mpipe__pool *pool,
                       uint16_t flow, size_t budget, size_t max_payload);
/* After links_finished(), or when no peer will send any more: withdraw the
 * receives.  False: sends are still under way, and the links are needed until
 * they end. */
bool mpipe__links_withdraw(struct mpipe__links *set);
/* The same, and free the links; what is still under way must not be asked
 * for. */
void mpipe__links_fini(struct mpipe__links *set);

/* The link to a peer; open() makes it if need be, with its control channel
 * listening.  NULL: there is none, or no memory. */
struct mpipe__link *mpipe__link_find(const struct mpipe__links *set, int peer,
                                     enum mpipe__lane lane);
struct mpipe__link *mpipe__link_open(struct mpipe__links *set, int peer,
                                     enum mpipe__lane lane);

/* Let the peer send 'window' data frames through slots of 'slot' bytes; or be
 * told that the peer lets us.  Said again it only adds to the window, and the
 * slots stay as they are. */
enum mpipe_err mpipe__link_grant(struct mpipe__link *link, unsigned window,
                                 uint32_t slot);
void mpipe__link_granted(struct mpipe__link *link, unsigned window,
                         uint32_t slot);

/* The peer is dead.  What was under way with it is accounted for as it comes back
 * (see abandon() in transport.h). */
void mpipe__links_bury(struct mpipe__links *set, int peer);

/* May a data frame of so many bytes leave now? */
bool mpipe__link_ready(const struct mpipe__link *link, size_t wire_size);

/* When it may where it may not, if nothing is heard until then; UINT64_MAX: not before. */
uint64_t mpipe__link_ready_at(const struct mpipe__link *link);

/* May many more control frames be sent, or should the peer first take some? */
bool mpipe__link_may_tell(const struct mpipe__link *link);

/* Send; takes over one reference to the frame, also on an error.  A data frame
 * must be ready.  A control frame for which there is no memory to send it is
 * kept, and sent by settle(). */
enum mpipe_err mpipe__link_send(struct mpipe__link *link,
                                struct mpipe__frame *f);
enum mpipe_err mpipe__link_control(struct mpipe__link *link,
                                   struct mpipe__frame *f);

/* An empty control frame to append items to; NULL: no memory. */
struct mpipe__frame *mpipe__control_new(struct mpipe__links *set,
                                        enum mpipe__control what);
/* One with a single item.  For the last words, STOP, FINISH and FIN, there is
 * always memory, once. */
enum mpipe_err mpipe__control_send(struct mpipe__link *link,
                                   enum mpipe__control what, const void *item,
                                   size_t size);

/* A data frame that came over this link is done with: its slot is posted anew
 * and a credit goes back, at once or with the next.  'wire_size' and 'items' are what
 * it had when it came, 'took_us' is the time spent on it. */
enum mpipe_err mpipe__link_consumed(struct mpipe__link *link, size_t wire_size,
                                    uint32_t items, uint64_t took_us);
/* Give back what is owed, before resting; send and listen again where that
 * failed. */
enum mpipe_err mpipe__links_settle(struct mpipe__links *set);

/* What a completion meant. */
struct mpipe__event {
    enum { MPIPE__NOTHING, MPIPE__GOT_DATA, MPIPE__GOT_CONTROL } kind;
    struct mpipe__link *link;
    struct mpipe__frame *frame;     /* the taker's, to be put to the pool */
};

/* Handle one completion whose cookie is a frame.  On an error 'err' says which
 * link broke and how. */
enum mpipe_err mpipe__link_event(const struct mpipe__completion *done,
                                 struct mpipe__event *event,
                                 struct mpipe_error *err);

/* Closing: tell every peer how much was sent, where this end leaves last when
 * the peer has told; then keep taking events until finished() (data frames that
 * still come are the taker's to drop).  'now': wait for no peer. */
enum mpipe_err mpipe__links_finish(struct mpipe__links *set, bool now);
bool mpipe__links_finished(const struct mpipe__links *set);

#endif
