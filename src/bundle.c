/* SPDX-License-Identifier: BSD-3-Clause */
/* bundle.c - see bundle.h. */
#include "bundle.h"
#include "error.h"
#include "flow.h"

#define BUNDLE_MOST ((size_t)8 << 10)
#define PARTS       4u              /* at least so many have room in one */

static size_t size_of_bundle(const struct mpipe__link *link)
{
    return link->slot_out < BUNDLE_MOST ? link->slot_out : BUNDLE_MOST;
}

/* It has been sent, or the peer is dead.  False: it cannot be now. */
static bool let_go(struct mpipe__flow *flow, struct mpipe__link *link)
{
    struct mpipe__frame *b = link->bundle;

    if (!link->dead && !mpipe__link_ready(link, mpipe__wire_size(&b->head)))
        return false;
    link->bundle = NULL;
    if (link->dead)
        mpipe__pool_put(&flow->engine->pool, b);
    else if (mpipe__link_send(link, b) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_EMPI,
                         "frames could not be sent to rank %d", link->peer);
    return true;
}

static bool begin(struct mpipe__flow *flow, struct mpipe__link *link)
{
    struct mpipe__frame *b = mpipe__pool_get(&flow->engine->pool,
                                             size_of_bundle(link));

    if (b == NULL)
        return false;
    mpipe__frame_begin(b, NULL, (uint16_t)flow->spec->n_stages);
    b->head.kind = MPIPE__FRAME_BUNDLE;
    link->bundle = b;
    if (!link->is_bundled) {
        link->next_bundled = flow->bundled;
        flow->bundled = link;
        link->is_bundled = true;
    }
    return true;
}

bool mpipe__bundle_put(struct mpipe__flow *flow, struct mpipe__link *link,
                       struct mpipe__frame *f)
{
    size_t size = mpipe__wire_size(&f->head);

    if (size > size_of_bundle(link) / PARTS)
        return false;
    if (link->bundle != NULL
        && mpipe__frame_need(link->bundle, size) > size_of_bundle(link)
        && !let_go(flow, link))
        return false;
    if (link->bundle == NULL && !begin(flow, link))
        return false;
    f->head.flow = flow->links.flow;
    mpipe__frame_append_slow(link->bundle, &f->head, size);
    mpipe__pool_put(&flow->engine->pool, f);
    return true;
}

void mpipe__bundle_flush(struct mpipe__flow *flow)
{
    struct mpipe__link **at = &flow->bundled, *link;

    while ((link = *at) != NULL) {
        if (link->bundle != NULL && !let_go(flow, link)) {
            at = &link->next_bundled;
            continue;
        }
        *at = link->next_bundled;
        link->is_bundled = false;
    }
}

void mpipe__bundle_fini(struct mpipe__flow *flow)
{
    for (struct mpipe__link *link = flow->bundled; link != NULL;
         link = link->next_bundled) {
        mpipe__pool_put(&flow->engine->pool, link->bundle);
        link->bundle = NULL;
        link->is_bundled = false;
    }
    flow->bundled = NULL;
}

struct mpipe__frame *mpipe__bundle_next(struct mpipe__pool *pool,
                                        const struct mpipe__frame *bundle,
                                        struct mpipe__cursor *at,
                                        struct mpipe_error *err)
{
    struct mpipe_item item;
    struct mpipe__frame *f;

    if (!mpipe__cursor_next(at, &item))
        return NULL;
    if (mpipe__frame_check(item.data, item.size, err) != MPIPE_OK)
        return NULL;
    f = mpipe__pool_get(pool, item.size);
    if (f == NULL) {
        mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for a frame of %zu bytes",
                     item.size);
        return NULL;
    }
    memcpy(&f->head, item.data, item.size);
    f->peer = bundle->peer;
    if (f->head.kind == MPIPE__FRAME_DATA && mpipe__wire_size(&f->head) == item.size)
        return f;
    mpipe__pool_put(pool, f);
    mpipe__error(err, -1, MPIPE_ELINK, "a frame within another one is damaged");
    return NULL;
}
