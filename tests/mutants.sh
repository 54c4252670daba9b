#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# mutants.sh - do the tests see it when the engine is broken on purpose?
#
# Each row below breaks one line: the ledger, the credits, the order, a frame.
# In a copy of the source tree it is built and the unit tests that follow are
# run, which must fail.  A mutant that lives is a test that is missing.
#
#   make mutants            or, from a source tree that has its configure:
#   tests/mutants.sh [WORD] only the rows with WORD in their description
#   tests/mutants.sh -n     see that each row still finds what it breaks
#
# Takes two hours, so only -n is part of `make check`.  A row whose pattern is found
# nowhere, or which does not build, is an error: keep the rows in step with the source.

here=$(cd "$(dirname "$0")/.." && pwd) || exit 2
word=${1:-}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM

# file | suites | sed program | what it breaks
rows()
{
    cat <<'ROWS'
ledger.c|ledger|s/if (r->xored != 0)/if ((uint32_t)r->xored != 0)/|ledger: half an id is enough
ledger.c|ledger|s/r->xored ^= ids;/r->xored = ids ^ 0;/|ledger: only the last news count
ledger.c|ledger|s/&& r->attempt == attempt ? r/ ? r/|ledger: old attempts count
ledger.c|ledger|s/r->state == MPIPE__ROOT_OPEN \&\& r->attempt == attempt/r->attempt == attempt/|ledger: complete roots are found again
ledger.c|ledger|s/root < l->first || root >= l->next/root >= l->next/|ledger: delivered roots are found
ledger.c|ledger|s/    r->attempt = l->attempt;$/    ;/|ledger: a new attempt has the old number
ledger.c|ledger|s/    r->xored = id;$/    r->xored ^= id;/|ledger: a new attempt keeps old ids
ledger.c|ledger|s/l->next - l->first >= l->capacity/l->open + l->complete >= l->capacity/|ledger: the window counts entries only
ledger.c|ledger|s/l->grown + more > l->memory/false/|ledger: the ring grows past its memory
ledger.c|ledger|s/    l->ring\[r->seq \& (l->capacity - 1)\] = NULL;/    ;/|ledger: what is delivered keeps its slot
ledger.c|ledger|s/    l->bytes -= r->bytes;/    ;/|ledger: bytes in flight only grow
ledger.c|ledger|s/    if (l->ordered) {/    if (!l->ordered \&\& l->open > 99) {/|order: feed order is forgotten
ledger.c|ledger|s/mpipe__ledger_at(l, l->ready_last)->next/mpipe__ledger_at(l, l->ready_first)->next/|order: complete roots get lost
ledger.c|ledger|s/mpipe__frame_order(a, b) <= 0/mpipe__frame_order(a, b) < 0/|order: equal paths change places
ledger.c|ledger|s/mpipe__frame_order(a, b) <= 0/mpipe__frame_order(a, b) >= 0/|order: results run backwards
frame.c|frame|s/p\[i\] < q\[i\] ? -1 : 1/p[i] < q[i] ? 1 : -1/|order: paths compare backwards
frame.c|frame|s/(uint32_t)child;/(uint32_t)child % 2;/|order: only two children have numbers
frame.c|frame|s/return (int)a->head.n_path - (int)b->head.n_path;/return 0;/|order: a parent is its child's equal
frame.c|frame|s/    h->attempt = parent->head.attempt;/    ;/|ledger: children forget their attempt
frame.c|frame|s/return room + 8 + 8 \* (size_t)h->n_items;/return room + 8;/|frame: no room for the lengths
frame.c|frame|s/memmove(to, spot, size);/(void)spot;/|frame: a smaller commit is overwritten
frame.c|frame fuzz_frame|s/h->bytes > SIZE_MAX \/ 2/h->bytes > SIZE_MAX - 1/|frame: lengths may come round
frame.c|frame|s/size != mpipe__wire_size(h) && size != MPIPE__HEAD_SIZE/size < mpipe__wire_size(h) \&\& size != MPIPE__HEAD_SIZE/|frame: a message may be too long
frame.c|frame fuzz_frame|s/if ((uint64_t)(c->end - c->at) < size)/if (c->end == c->at \&\& size > 0)/|frame: an item may end outside
frame.h|frame fuzz_frame|s,|| bytes != (uint64_t)n_items,|| false \&\& bytes != (uint64_t)n_items,|frame: a damaged one is walked by its stride
pool.c|pool|s/if (--f->refs > 0)/if (--f->refs > 1)/|pool: the last but one reference frees
pool.c|pool|s/pool->kept + f->capacity > pool->keep_max/pool->kept > pool->keep_max/|pool: keeps one too many
flow.c|pipeline|s/            unsure = mpipe__pace_unsure(&best->pace);/            ;/|feed: who is near gets two items before others have one
pool.c|pool|s/ || f->size_class == SMALLEST)/)/|pool: the smallest frames are copied for nothing
pool.c|pool|s/    copy->peer = f->peer;/    ;/|pool: whoever sent a frame is forgotten
link.c|link|s/    link->credits--;/    ;/|credits: sending costs nothing
link.c|link|s/    link->owed++;/    link->owed += 2;/|credits: two come back for one
link.c|link|s/    link->credits += (unsigned)c->n;/    link->credits++;/|credits: one comes back for many
link.c|link|s/    link->owed = link->heard = 0;/    link->heard = 0;/|credits: given back again and again
link.c|link|s/    link->owed = link->heard = 0;/    link->owed = 0;/|credits: control frames are taken twice
link.c|link|s/    link->told -= (unsigned)c->told;/    ;/|credits: who has told much may never tell more
link.c|link|s/link->told < MPIPE__TELL_MAX/true/|credits: who has told much goes on
link.c|link|s/if (now || !link->leaves_last || link->fin_received)/if (true)/|end: who leaves last leaves first
link.c|link|s/    e = post_slots(link, 1);/    e = MPIPE_OK;/|credits: given back without a slot
link.c|link|s/2 \* link->owed >= link->window_in/link->owed > link->window_in/|credits: all kept until a rest
pace.c|link|s/p->items \* p->item_ns < MPIPE__LONG_NS/p->items * p->item_ns <= MPIPE__LONG_NS/|credits: one frame too many
pace.c|link|s/return frames < CAREFUL;/return frames < 99;/|credits: not careful at first
pace.c|link|s/return frames == 1 \&/return frames >= 1 \&/|credits: a third long frame
pace.c|link|s/p->items += items;/p->items++;/|credits: a frame of many items counts as one
link.c|link|s/set->sending\[link->lane\] + wire_size <= set->budget/set->sending[link->lane] <= set->budget/|budget: of sends is passed
link.c|link|s/set->held\[link->lane\] + size > set->budget/set->held[link->lane] > set->budget/|budget: of receives is passed
link.c|link|s/        link->set->held\[link->lane\] -= wire_size;/        ;/|budget: what is consumed stays held
link.c|link|s/(int32_t)(f->head.seq - link->data_seq_in) <= 0/f->head.seq <= link->data_seq_in/|numbers: do not come round
link.c|link|s/(int32_t)(f->head.seq - link->data_seq_in) <= 0/false/|numbers: a repeated frame counts
link.c|link|s/repeated = (int32_t)(f->head.seq - link->control_seq_in) <= 0/repeated = false/|numbers: a repeated credit counts
link.c|link|s/if (f->head.seq != link->data_seq_in + 1)/if (false)/|numbers: a lost frame is not missed
link.c|link|s/if (!repeated && f->head.seq != link->control_seq_in + 1)/if (false)/|numbers: a lost control is not missed
link.c|link|s/            || link->arrived < link->fin_count)/            )/|end: frames on their way are forgotten
link.c|link|s/ \&\& !link->fin_sent \&\& !link->fin_received)/)/|end: credits after the farewell
worker.c|pipeline|s/               \&\& !out->slow \&\& out->strip.left == left - 1)/               \&\& out->strip.left <= left - 1)/|emit: an item that emits twice counts once
worker.c|pipeline|s/            m.n_items += quick;/            ;/|emit: a failing item takes its neighbours back
worker.c|pipeline|s/    out->strip.spot = NULL;/    ;/|emit: a commit after the return
out.c|pipeline|s/        if (out->strip.spot != out->strip.at)/        if (false)/|emit: a commit of what was lost
out.h|pipeline|s/    out->emitted += n;/    ;/|emit: what went through the strip is not counted
table.c|table store|s/^    t->n = t->used = 0;/    t->n = 0;/|table: what was cleared comes back
sort.c|store|s/order(\&spare\[a\], \&entry\[b\]) <= 0/order(\&spare[a], \&entry[b]) < 0/|sort: equal keys change places
merge.c|store|s/: a < b;/: a > b;/|merge: later runs come first
run.c|store|s/ != head.hash)/ != head.hash \&\& head.bytes < 99)/|run: a changed block is believed
groups.c|store|s/        || mpipe__pair(pair)->key_size != g->key.size/        || false/|groups: a key takes the values of a longer one
store.c|store|s/    memmove(more + at + 1, more + at/    memmove(more + at, more + at/|store: a run is lost
store.c|store|s/s->memory > s->limit ? make_room/s->memory > 9 * s->limit ? make_room/|store: the limit is passed
shuffle.c|mapreduce|s/            mpipe__frame_truncate(o->log\[i\].frame, o->log\[i\].n_items);/            ;/|shuffle: what a failing item emitted counts
shuffle.c|mapreduce|s/    void_what_left(flow);/    o->n_left = 0;/|shuffle: what had left counts twice
collect.c|mapreduce|s/        if (is_void(c, f->head.id))/        if (false)/|collect: void frames count
collect.c|mapreduce|s/    mpipe__frames_sort(\&frames);/    ;/|collect: frames count in the order in which they came
collect.c|mapreduce|s/    return c->applied < c->committed;/    return true;/|collect: a root counts before it is complete
collect.c|mapreduce|s/(BUCKETS - 1)\].first == NULL)/(BUCKETS - 1)].n < 2)/|collect: a root of which one frame came is passed over
collect.c|mapreduce|s/root >= c->applied)/root > c->applied)/|collect: which frames are void is forgotten too soon
commit.c|mapreduce|s/    m->n_voids = kept;/    m->n_voids = kept = 0;/|commit: voids of later roots are forgotten
relay.c|job_deaths|s/        done_with(flow, from, size, items);/        ;/|relay: credits of what was sent on are kept
relay.c|job_deaths|s/            wait_here(flow, f);/            mpipe__pool_put(\&flow->engine->pool, f);/|relay: what cannot go on is dropped
bundle.c|bundle|s/        \&\& !let_go(flow, link))/        \&\& false)/|bundle: more than has room
bundle.c|bundle|s/mpipe__wire_size(\&f->head) == item.size/true/|bundle: a frame within is longer than its item
bundle.c|bundle|s/f->head.kind == MPIPE__FRAME_DATA \&\& /true \&\& /|bundle: any kind of frame comes in one
relay.c|job_deaths|s/return !flow->tabled || f->head.attempt > flow->version;/return false;/|relay: a frame goes on by an older table
worker.c|bundle|s/    if (flow->spec->shuffle == NULL || w->until_stir-- > 0)/    if (true)/|bundle: nothing is taken in between the items of a frame
children.c|bundle|s/ \&\& mpipe__bundle_put(flow, owner, f)) {/ \&\& from == 0 \&\& mpipe__bundle_put(flow, owner, f)) {/|bundle: a frame that had to wait goes alone
tally.c|tally|s/    to->xored ^= more->xored;/    to->xored = more->xored;/|tally: only the last news of a root count
tally.c|tally|s/           \&\& t->entry\[i\].attempt == like->attempt ? / ? /|tally: two attempts are added up
tally.c|tally|s/return flow->side == 0 || is_first(flow) ? flow->home : flow->row\[0\];/return flow->home;/|tally: all tell rank 0
tally.c|job_deaths|s/            to = flow->home;    .*/            ;/|tally: by an old table a dead rank is told
tally.c|mapreduce|s/^        pass_on(flow, f);/        ;/|tally: what is taken back is not passed on
exchange.c|exchange|s/return via < n_workers ? via/return via < 9999 ? via/|exchange: by way of a worker that is not there
exchange.c|exchange|s/from % side % (n_workers/from % side % (1 + n_workers/|exchange: by way of the last row itself
partition.c|partition|s/        if (above)/        if (above || bound->prefix == prefix)/|partition: bounds are those of the one before
doorbell.c|doorbell|s/SEQ_CST) == 1)/SEQ_CST) == 2)/|doorbell: nobody is woken
interrupt.c|interrupt|s/if (caught == 0) {/if (caught != number) {/|interrupt: the last signal counts
recovery.c|deaths|s/    if (r->fed->refs == 1 \&\& !r->fed->buried)/    if (true)/|deaths: what is still being sent is changed
recovery.c|deaths|s/^    drop_all(flow, \&m->retries);/    ;/|deaths: items to be tried again outlive their attempt
recovery.c|deaths|s/        feed_again(flow);/        ;/|deaths: what was in flight is forgotten
flow.h|deaths|s/return f->head.attempt < flow->version;/return false;/|deaths: what is stale goes on
worker.c|deaths|s/if (f->head.attempt > flow->version || /if (/|deaths: a frame overtakes its table
poison.c|deaths|s/s->failed = s->deaths >= deaths_most(flow) || .*/s->failed = false;/|deaths: an item may kill without end
poison.c|deaths|s/    if (r->items > 1 \&\& (r->split == 0/    if (false \&\& (r->split == 0/|deaths: the wrong item is blamed
poison.c|deaths|s/    else if (!mpipe__flow_ending(flow))$/    else if (false)/|deaths: nobody asks what was in hand on other nodes
poison.c|deaths|s/    member->asked = false;/    ;/|deaths: each neighbour's answer counts
poison.c|deaths|s/    } else if (note(flow, (int)sight.rank, \&sight.box)) {/    } else if (note(flow, (int)sight.rank, \&sight.box) \&\& false) {/|deaths: an item that has failed is fed once more
transport_loop.c|transport_loop|s/^    return loop_near(t, peer) ? /    return true ? /|loop: boxes are seen from everywhere
master.c|job_deaths|s/ \&\& mpipe__recovery_lacks(flow))/ \&\& false)/|jobs: a lost partition is not missed
master.c|job_deaths|s/           || (flow->spec->direct != NULL$/           || (false/|jobs: later keys are delivered before earlier ones
recovery.c|job_deaths|s/        mpipe__ledger_reopen(\&m->ledger, m->again_from);/        ;/|jobs: what was complete and not delivered stays so
recovery.c|job_deaths|s/if (lost == 0 || (!first \&\& m->again_from > 0))/if (lost == 0)/|jobs: a partition is given away in the midst
recovery.c|job_deaths|s/        lack(flow, rank);/        ;/|jobs: the next job's partitions are not missed
collect.c|job_deaths|s/if (f->head.root < from || !mpipe__flow_stale(flow, f)) {/if (true) {/|jobs: frames of two attempts count
collect.c|job_deaths|s/if (f->head.root < from || !mpipe__flow_stale(flow, f)) {/if (!mpipe__flow_stale(flow, f)) {/|jobs: what is complete is forgotten
collect.c|job_deaths|s/^    if (mpipe__flow_stale(flow, f) || /    if (/|jobs: frames of an older attempt are taken
sink.c|job_deaths|s/        r->keys += entry->keys;/        ;/|jobs: delivered keys are not counted
resume.c|job_deaths|s/    if (flow->engine->n_recorded > 0)/    if (false)/|job journal: a signal between flows gives up what was saved
resume.c|job_deaths|s/    if (re->outlives \&\& flow->engine->n_recorded == 0) {/    if (re->outlives) {/|job journal: a stop is never worth going on
reduce.c|job_deaths|s/    while (g->keys < token->keys \&\& /    while (false \&\& /|jobs: delivered keys are not passed over
reduce.c|job_deaths|s/    if (!again)$/    if (true)/|jobs: a key for a part file fails twice
reduce.c|job_deaths|s/    if (p->deaths < t->most \&\& !(last \&\& p->deaths > 1))/    if (true)/|jobs: a key may kill without end
mapreduce.c|job_deaths|s/    mr->from->store.keeps = resumes(mr);/    ;/|jobs: what was gone through is forgotten
mapreduce.c|job_deaths mapreduce|s/    mr->from->store.any_order \&= !resumes(mr);/    ;/|jobs: keys come in another order again
mapreduce.c|job_deaths|s/        mr->n_failed += counts.failed;/        ;/|jobs: keys that failed before a death are forgiven
refill.c|kept job_deaths|s/            failed = next_failed(failed->next);/            mpipe__kept_add(k, item.data, item.size), failed = next_failed(failed->next);/|jobs: items that failed are fed again
refill.c|kept|s/    return !t->differs \&\& t->seen == t->n;/    return !t->differs;/|jobs: a key that does not fail again is not missed
shuffle.c|job_deaths mapreduce|s/        if (p >= o->n_owners || o->owner\[p\].state != MPIPE__PART_FULL/        if (false \&\& (o->owner[p].state != MPIPE__PART_FULL)/|jobs: pairs from before a death count again
collect.c|job_backup|s/ || mpipe__collect_lost(flow, f)) {/) {/|copies: what comes late of the other one counts
collect.c|job_backup|s/        f->head.root = root;/        ;/|copies: what came of a copy has no place in the order
collect.c|job_backup|s/^    c->n_lost = 0; .*/    ;/|copies: what lost in one attempt has lost in the next
collect.c|job_backup|s/            return f->head.attempt == flow->version;/            return true;/|copies: frames ahead of their table are lost
collect.c|job_backup|s/ || f->head.attempt > flow->version) {/) {/|copies: frames ahead of their table are chosen
collect.c|job_backup|s/    struct mpipe__frame_queue lost = take_out(flow, choice->lost), won;/    struct mpipe__frame_queue lost, won; mpipe__queue_init(\&lost);/|copies: what has come of the other one counts
commit.c|job_backup|s/            v.root = lost;.*/            ;/|copies: frames of a copy that are void count
commit.c|job_backup|s/^    tell_choices(flow);             .*/    ;/|copies: nobody hears which one counts
commit.c|job_backup|/^void mpipe__commit_again/,/^}/s/    tell_choices(flow);/    ;/|copies: a table comes before what was chosen
commit.c|job_backup|s/        if (!mpipe__engine_dead(flow->engine, r))$/        if (r != 2)/|copies: one rank does not hear which one counts
recovery.c|job_backup|s/        m->member\[r\].quiet = 0; .*/        ;/|recovery: who waits for a rank that dies gives up
owners.c|owners|s/        while (has\[w\] > level)/        while (has[w] > level + 1)/|owners: one gets two at a time
owners.c|owners|s/        if (dead != NULL \&\& owner\[p\].state != MPIPE__PART_DONE/        if (dead != NULL/|owners: what is done is lost
link.c|deaths|s/    return !link->dead \&\& link->credits > 0$/    return link->credits > 0/|deaths: the dead are sent to
repair.c|repair|s/        if (r->dead\[i\] || role->serves != (from != NULL)/        if (role->serves != (from != NULL)/|repair: the dead are given roles
journal.c|journal|s/ || h.at != r->at || / || /|journal: a record counts wherever it stands
journal.c|journal|s/    if (h.digest != digest_of(\&h, \&all, 1))/    if (false)/|journal: a changed record is believed
journal.c|journal|s/                \*found = upto > at;/                *found = true;/|journal: any mark makes a torn end damage
journal.c|journal|s/                \*found = upto > at;/                *found = false;/|journal: damage is cut off
journal.c|journal|s/^    if (ftruncate(j->fd, (off_t)good) != 0)/    if (false)/|journal: what is torn stays behind the end
journal.c|journal|s/^    j->size = r.at;/    j->size = end;/|journal: records are written behind what was torn
journal.c|journal|s/^        if (errno != EWOULDBLOCK \&\& errno != EINTR)/        if (true)/|journal: two write one file
journal.c|journal|s/    if (e == MPIPE_OK \&\& size > CAPACITY)$/    if (e == MPIPE_OK \&\& size > 2 * CAPACITY + CAPACITY)/|journal: what is longer than the buffer goes through it
journal.c|journal|s/        e = put(j, "\\0\\0\\0\\0\\0\\0\\0", align8(h.size) - h.size, err);/        ;/|journal: records are not padded
journal.c|journal|s/    return mark(j, upto, err);/    return mark(j, j->size, err);/|journal: a mark vouches for what came since
journal.c|journal|s/    if (j->size == j->marked)$/    if (false)/|journal: marks follow marks for ever
journal.c|journal|s/    if (e == MPIPE_OK \&\& fdatasync(j->fd) != 0)/    if (e == MPIPE_OK \&\& false)/|journal: a disk that fails is not noticed
journal.c|journal|s/    while (e == MPIPE_OK \&\& r->kind == MPIPE__JOURNAL_MARK);/    while (false);/|journal: marks are handed out
journal.c|journal|s/^        \&\& first != MAGIC)/        \&\& false)/|journal: another file is taken for a torn one
journal.c|journal|s/^    if (mkdir(dir, 0777) != 0 \&\& errno != EEXIST)/    if (mkdir(dir, 0777) != 0)/|journal: its folder must not be there
frame.c|frame|s/        memset(payload + end, 0, mpipe__align8(end) - end);/        ;/|frame: what lies between items stays
interval.c|interval|s/if (set->list\[middle\].end <= at)/if (set->list[middle].end < at)/|interval: an item behind the end is in it
interval.c|interval|s/        || (right != NULL \&\& right->first < more->end))/        || 0)/|interval: items are done twice
interval.c|interval|s/    if (more->first >= more->end$/    if (more->first > more->end/|interval: none is one
interval.c|interval|s/    left->digest += right->digest;/    ;/|interval: a digest is lost where three meet
interval.c|interval|s/        right->digest += more->digest;/        ;/|interval: a digest is lost on the left
interval.c|interval|s/    if (left != NULL \&\& left->end < more->first)/    if (left != NULL)/|interval: neighbours stay two
interval.c|interval resume|s/XXH3_64bits_withSeed(data, size, number)/XXH3_64bits_withSeed(data, size, 0 * number)/|interval: items may change places
resume.c|resume|s/    room = (next->first > at ? next->first : next->end) - at;/    room = next->end - at;/|resume: a frame straddles what is done
resume.c|resume|s/    if (re->digest != next->digest)/    if (false)/|resume: another input is passed over
resume.c|resume|s/^    re->digest = 0;/    ;/|resume: digests of intervals run together
resume.c|resume|s/        re->next_root = next->end;/        ;/|resume: roots have the numbers of what is done
resume.c|resume|s/    if (re == NULL || re->replaying || !goes_well(flow))/    if (re == NULL || !goes_well(flow))/|resume: what is replayed is recorded again
journal_owner.c|resume|s/        if (at + n >= end || strcmp(at, ours->text\[i\]) != 0)/        if (at + n >= end)/|resume: another job goes on with the journal
resume.c|resume|s/                                spec->ordered ? ", ordered" : "");/                                "");/|resume: order is not asked for
resume.c|resume|s/        hash = XXH64(name, strlen(name) + 1, hash);/        ;/|resume: of long pipelines only the beginning counts
resume.c|resume|s/^    mpipe__journal_flush(\&re->journal, \&err);/    ;/|resume: a killed process loses all
resume.c|resume|s/    return e == MPIPE_OK ? mpipe__journal_sync(\&re->journal, err) : e;/    return e;/|resume: the beginning is not on the disk
resume.c|resume|s/    if (mpipe__journal_sync(\&re->journal, \&err) != MPIPE_OK) {/    if (false) {/|resume: what was saved is not on the disk
resume.c|resume|s/    flow->master->feeder.stopped = true;/    ;/|resume: a signal does not stop the feed
resume.c|resume|s/    if (!empty \&\& flow->engine->now < re->drain_until)/    if (false)/|resume: what is under way is not waited for
resume.c|resume|s/    if (next != NULL)$/    if (false)/|resume: an input that has become shorter
record.c|resume|s/    f->head.tries = (uint16_t)record.tries;/    ;/|resume: how often it was tried is forgotten
record.c|resume|s/    f->peer = record.peer;/    ;/|resume: where it failed is forgotten
resume.c|resume|s/    root.made = record.made;/    ;/|resume: what was made is not counted
resume.c|resume|s/    m->counts.fed += root.items;/    ;/|resume: what was fed before is not counted
resume.c|resume|s/    memcpy(\&re->ranks, at, sizeof re->ranks);/    re->ranks = (unsigned)flow->engine->transport->size;/|resume: ranges are cut for the ranks of this run
resume.c|resume|s/    return re != NULL \&\& re->passed > re->n_given/    return false \&\& re->passed > re->n_given/|resume: earlier results do not come
resume.c|resume|s/^        unlink(path);/        ;/|resume: a journal outlives its job
resume.c|resume|s/    r->digest = digest_of(f, r->first_item);/    r->digest = digest_of(f, 0);/|resume: the first digest is another
resume.c|resume|s/    if (is_given(re, items.first)) {/    if (false) {/|resume: results come twice
resume.c|resume|s/    if (items.end > re->fed) {/    if (false) {/|resume: results come before their turn
record.c|resume|s/    return at == end \&\& (!fed/    return (!fed/|resume: a record that is too long is believed
record.c|resume|s/    return c.left > 0 || c.at != c.end ? NULL : c.end;/    return c.end;/|resume: items that do not fill their frame are believed
record.c|resume|s/           \&\& root->items + root->made == root->dropped + root->delivered + n;/           ;/|resume: counts need not add up
resume.c|resume|s/    return re->ranks > 0 ? MPIPE_OK/    return true ? MPIPE_OK/|resume: a journal of no ranks is believed
resume.c|resume|s/    memcpy(\&re->memory, at + sizeof re->ranks, sizeof re->memory);/    re->memory = flow->engine->options->memory;/|resume: ranges are cut for the memory of this run
resume.c|job_deaths|s/        return re->reader.at < re->replay_end;/        return false;/|job journal: earlier results do not come
feeder.c|job_deaths|s/        || mpipe__resume_comes_first(flow))/        )/|job journal: tokens are made before it is known what is done
master.c|job_deaths|s/               \&\& (flow->engine->survives || mpipe__resume_wanted(flow)));/               \&\& flow->engine->survives);/|job journal: tokens are delivered in any order
mapreduce.c|job_deaths|s/            sh->owner\[p\].state = MPIPE__PART_DONE;/            ;/|job journal: what is done is done again
mapreduce.c|job_deaths|s/    sh->n_parts = j->n_parts;/    ;/|job journal: there is no number of partitions to tell
reduce.c|job_deaths|s/    if (is_deadly(token, key))/    if (false)/|jobs: a key that kills is reduced again and again
reduce.c|job_deaths|s/    if (p->suspect != key)/    if (true)/|jobs: deaths over a key do not add up
worker.c|job_deaths|s/    box->key = key;/    ;/|jobs: nobody knows over which key a rank died
recovery.c|job_deaths|s/    else if (m->answer_due == 0)/    else/|jobs: what another node knows comes too late
job_journal.c|job_deaths|s/        o->j->done\[token.part\] = token.last != 0;/        o->j->done[token.part] = true;/|job journal: a partition that was begun is done
record.c|job_deaths|s/            add_frame(\&p, fed);/            ;/|job journal: tokens are not recorded
mapped.c|job_deaths|s/    while (e == MPIPE_OK \&\& root < cut) {/    while (e == MPIPE_OK \&\& root < UINT64_MAX \&\& file->size > r.at) {/|job journal: pairs beyond the cut count
mapped.c|job_deaths|s/        m->loaded\[p\] |= m->due\[p\];/        m->loaded[p] = true;/|job journal: what others had is not read after a death
mapped.c|job_deaths|s/    if (!flow->spec->shuffle->mapped.due\[record.part\])/    if (false)/|job journal: pairs of others are read
mapped.c|job_deaths|s/        m->due\[p\] = !m->loaded\[p\]/        m->due[p] = true/|job journal: pairs are read again and again
map_journal.c|job_deaths|s/    while ((p = m->first) != NULL \&\& p->root < upto/    while ((p = m->first) != NULL \&\& p->root <= upto/|job journal: a root is recorded that is on no disk yet
map_journal.c|job_deaths|s/ \&\& m->saved\[owner\[p\]\] < least)/ \&\& m->saved[owner[p]] < least \&\& p == 0)/|job journal: one owner that has it is enough
map_journal.c|job_deaths|s/    run->cut = root.keys + 1;/    run->cut = root.keys;/|job journal: the last root of a run is lost
shuffle.c|job_deaths|s/            mpipe__mapped_forget(\&flow->spec->shuffle->mapped, p);/            ;/|job journal: what was dropped is not read again
shuffle.c|job_deaths|s/    mpipe__mapped_owners(\&flow->spec->shuffle->mapped);/    ;/|job journal: a new owner does not read
collect.c|job_deaths|s/    return e == MPIPE_OK ? mpipe__mapped_add(flow, root, f, err) : e;/    return e;/|job journal: nothing comes into the files
sink.c|resume|s/^    mpipe__resume_record(flow, r);/    ;/|resume: nothing is recorded
sink.c|resume|s/^    mpipe__resume_record(flow, r);/    if (r->results.n > 0) mpipe__resume_record(flow, r);/|resume: what came to nothing is not recorded
sink.c|resume|s/^    if (mpipe__resume_replays(flow)) {/    if (mpipe__resume_replays(flow) \&\& mpipe__ledger_ready(l) == NULL) {/|resume: new results come before earlier ones
feeder.c|resume|s/           \&\& !mpipe__resume_replays(flow);/           ;/|resume: the end comes before earlier results
feeder.c|resume|s/    if (fd->out.limit > room)/    if (false)/|resume: frames are longer than what is not done
backup.c|job_backup|s/             || sh->owner\[p\].state == MPIPE__PART_FULL)/             )/|left behind: who has partitions
backup.c|backup|s/            \&\& !is_needed(flow, r))/            \&\& false)/|left behind: nobody
lifeline.c|lifeline|s/^    if (!may)$/    if (false)/|left behind: whoever is told
lifeline.c|lifeline|s/: line->in.said == GOING ? MPIPE__LEFT : /: /|left behind: it seems to have died
lifeline.c|lifeline|s/^        line->silent = 0;/        ;/|lifeline: an answer does not count
lifeline.c|lifeline|s/        else if (line->silent++ == 0)/        else if (++line->silent > ROUNDS)/|lifeline: nobody is asked
lifeline.c|lifeline|s/        if (line->silent == ROUNDS)/        if (false)/|lifeline: silence is no death
lifeline.c|lifeline|s/    if (mpipe__now() >= l->next_round)/    while (mpipe__now() >= l->next_round)/; /^static void ask/,/^}/s/l->next_round = mpipe__now() + /l->next_round += /|lifeline: rounds in which rank 0 slept count
lifeline.c|lifeline|s/            say(line->fd, ANSWER, l->rank, l->token);/            ;/|lifeline: nobody answers
lifeline.c|lifeline|s/    if (!line->left) {/    if (true) {/|lifeline: who leaves has died
lifeline.c|lifeline|s/               \&\& say(line->fd, DIED, l->deaths\[line->n_told\], l->token))/               \&\& line->n_told != 1 \&\& say(line->fd, DIED, l->deaths[line->n_told], l->token))/|lifeline: only the first death is told
lifeline.c|lifeline|s/^        say(line->fd, DIED, rank, l->token);/        ;/|lifeline: who is taken for dead does not hear of it
lifeline.c|lifeline|s/ \&\& r->token == l->token \&\& / \&\& /|lifeline: strangers are let in
lifeline.c|lifeline|s/    mpipe__offspring_watch(.*/    ;/|lifeline: a forked child keeps the line
lifeline.c|lifeline|s/    return l->n_deaths == 0;/    return true;/|lifeline: who parts does not know of the dead
lifeline.c|lifeline|s/MPIPE__LEFT : MPIPE__GONE;/MPIPE__LEFT : line->cause;/|lifeline: the last words are not the last
last_words.c|lifeline|s/^    tell(number);/    ;/|last words: nobody is told of a crash
last_words.c|lifeline|s/^        tell(0);/        ;/|last words: what was mended counts as a crash
last_words.c|lifeline|s/        action.sa_flags |= SA_SIGINFO | SA_ONSTACK;/        action.sa_flags |= SA_SIGINFO;/|last words: none of an overflow of the stack
last_words.c|lifeline|s/            go_on(number, info, context, \&before\[i\]);/            ;/|last words: the handler that was there is not called
last_words.c|lifeline|s/    return number != SIGABRT \&\& sigaction/    return sigaction/|last words: none of abort()
owners.c|owners|s/            owner\[p\].state = MPIPE__PART_LOST;$/            owner[p].state = owner[p].state == MPIPE__PART_FILLING ? MPIPE__PART_FULL : MPIPE__PART_LOST;/|owners: what a dead rank was filling is full
owners.c|owners|s/                 || owner\[p\].state == MPIPE__PART_FULL); w++)/                 ); w++)/|owners: who has much gets as much again
owners.c|owners|s/? MPIPE__PART_FULL : MPIPE__PART_LOST;$/? MPIPE__PART_FULL : MPIPE__PART_FULL;/|owners: what was half filled is full
kept.c|kept|s/    if (k->used < MUCH)$/    if (true)/|kept: all stays in memory
kept.c|kept|s/    memmove(k->block, k->block + k->block_at, left);/    ;/|kept: an item at the end of a block is mixed up
kept.c|kept|s/^    k->next = 0;/    ;/|kept: the second time nothing comes
kept.c|kept|s/    if (k->block_at == k->block_end \&\& k->next == k->file.size + k->used)/    if (k->block_at == k->block_end \&\& k->next >= k->file.size)/|kept: what is still in memory is left out
kept.c|kept|s/    if (k->error.code != MPIPE_OK)$/    if (false)/|kept: after an error more is kept
refill.c|kept|s/    t->differs |= t->whole;/    ;/|jobs: another key that fails is not noticed
refill.c|kept|s/        if (!is_free(\&t->key\[i\]))$/        if (i == 0)/|jobs: keys that failed are forgotten
refill.c|kept|s/    if (failed != NULL \&\& k->error.code == MPIPE_OK)/    if (false)/|jobs: a failed item that was not fed
ROWS
}

# The same with tabs between the fields: a sed program may hold bars, what it breaks
# holds none.
fields()
{
    rows | awk -F'|' '{
        program = $3
        for (i = 4; i < NF; i++)
            program = program "|" $i
        printf "%s\t%s\t%s\t%s\n", $1, $2, program, $NF
    }'
}
tab=$(printf '\t')

fail()
{
    echo "mutants.sh: $*"
    [ ! -s "$work/log" ] || tail -n 40 "$work/log" | sed 's,^,| ,'
    exit 2
}

# From a good file, the one to compile.
break_it()
{
    sed "$2" "$1" >"$3" || fail "$file: no program for sed: $2"
    ! cmp -s "$1" "$3" || fail "$file: nothing to break for \"$what\": $2"
}

if [ "$word" = -n ]; then
    fields >"$work/rows"
    while IFS=$tab read -r file suites program what; do
        break_it "$here/src/$file" "$program" "$work/broken"
        for suite in $suites; do
            grep -q "^SUITE($suite)" "$here/tests/suites.def" ||
                fail "$file: there is no suite $suite for \"$what\""
        done
    done <"$work/rows"
    echo "$(wc -l <"$work/rows") mutants find what they break"
    exit 0
fi

# A copy without what was built in place.
mkdir "$work/copy" "$work/build" || exit 2
tar -C "$here" --exclude=.git -cf - . | tar -C "$work/copy" -xf - || exit 2
cd "$work/copy" || exit 2
[ -x configure ] || fail "there is no configure yet: run autoreconf -i"
if [ -e config.status ]; then
    make distclean >"$work/log" 2>&1 || fail "make distclean failed"
fi
cd "$work/build" || exit 2
../copy/configure --disable-shared CFLAGS=-O0 >"$work/log" 2>&1 ||
    fail "configure failed"
make -j2 tests/unit >"$work/log" 2>&1 || fail "the tests do not build"
fields | awk -F"$tab" -v word="$word" 'index($4, word) > 0' >"$work/rows"
[ -s "$work/rows" ] || fail "no row has \"$word\""
suites=$(cut -f2 "$work/rows" | tr ' ' '\n' | sort -u)
# shellcheck disable=SC2086  # a list of words
timeout -s KILL 900 tests/unit $suites >"$work/log" 2>&1 ||
    fail "they fail before any change"

total=0
alive=0
while IFS=$tab read -r file suites program what; do
    source=$work/copy/src/$file
    cp "$source" "$work/good"
    break_it "$work/good" "$program" "$source"
    make tests/unit CFLAGS='-O0 -w' >"$work/log" 2>&1 ||
        fail "$file: does not build: \"$what\""
    # shellcheck disable=SC2086  # a list of words
    timeout -s KILL 400 tests/unit $suites >"$work/log" 2>&1 </dev/null
    case $? in
    0)
        verdict=LIVES
        alive=$((alive + 1))
        ;;
    137) verdict=hangs ;;           # it was killed by the time
    *) verdict=killed ;;
    esac
    total=$((total + 1))
    printf '%-7s %-11s %s\n' "$verdict" "$file" "$what"
    cp "$work/good" "$source"
done <"$work/rows"

echo "$total mutants, $alive alive"
[ "$total" -gt 0 ] && [ "$alive" -eq 0 ]
