/* SPDX-License-Identifier: BSD-3-Clause */
/* flow.pml - a pipeline that loses ranks, for the model checker Spin.
 *
 * Rank 0 feeds root frames, workers take them through the stages, rank 0 files
 * what comes back; at any moment workers die.  In every order in which this can
 * happen each result must be delivered once, and all that live must end.
 *
 * README in this folder says how to run it and what is left out.  Names in
 * parentheses are the functions of src/ that a part stands for.
 */

/* ---- sizes ---- */

#ifndef WORKERS
#define WORKERS 2               /* 1 to 3; rank 0 comes on top */
#endif
#ifndef STAGES
#define STAGES 1                /* 1: each worker serves it.  2: worker 1 has the
                                   first, 2 the second, 3 is as SPARE says */
#endif
#ifndef SPARE
#define SPARE 1                 /* 0: the third worker serves the first stage too */
#endif
#ifndef ROOTS
#define ROOTS 2                 /* root frames that are fed in all, up to 4 */
#endif
#ifndef WINDOW
#define WINDOW 2                /* ... and at most at a time */
#endif
#ifndef CREDITS
#define CREDITS 1               /* of each link */
#endif
#ifndef TOLD
#define TOLD 2                  /* reports that rank 0 has not taken yet */
#endif
#ifndef DEATHS
#define DEATHS 1                /* up to 3 */
#endif
#ifndef RETRIES
#define RETRIES 0               /* 1: a stage may fail on an item, which is then
                                   tried again, once */
#endif
#ifndef ORDERED
#define ORDERED 1               /* results are wanted in order */
#endif
#ifndef CUT_OFF
#define CUT_OFF 0               /* 1: who is taken for dead lives on for a while */
#endif

/* What is broken on purpose: -DMUTANT=NAME.  Each must be found. */
#ifndef MUTANT
#define MUTANT NONE
#endif
#define NONE                  0
#define ATTEMPT_UNCHECKED     1  /* results and reports of old attempts count */
#define STALE_REPORT_COUNTS   2  /* ... reports only */
#define STALE_RESULT_COUNTS   3  /* ... results only */
#define ATTEMPT_STAYS         4  /* a new attempt has the old number */
#define NOT_FED_AGAIN         5  /* what was in flight is forgotten */
#define DELIVERED_FED_AGAIN   6  /* roots that were delivered begin again too */
#define OLD_IDS_STAY          7  /* a new attempt keeps the sum of the old one */
#define OLD_RESULTS_STAY      8  /* ... and what has arrived for it */
#define DELIVERED_EARLY       9  /* with its first result */
#define OUT_OF_ORDER         10  /* whatever is complete is delivered */
#define ENDS_EARLY           11  /* when no root is open; some are complete */
#define NO_CREDIT            12  /* none comes back */
#define NO_CREDIT_IF_STALE   13  /* none for what is dropped */
#define CREDITS_ANEW         14  /* a new table gives all of them once more */
#define ONE_LANE             15  /* rank 0 alone has one, for both directions */
#define BEFORE_TABLE         16  /* frames do not wait for their table */
#define STALE_GOES_ON        17  /* stale frames are worked on */
#define FED_BEFORE_TABLE     18  /* rank 0 feeds by the table before */
#define TABLE_NOT_SENT       19  /* after a death; only rank 0 knows it */
#define CHILDREN_UNREPORTED  20  /* a frame that splits is not reported */
#define RETRY_UNREPORTED     21  /* ... or one that is handed back */
#define RETRIES_STAY         22  /* items to be tried again outlive their attempt */
#define RETRY_STALE          23  /* one of an old attempt goes out as a new one */
#define TRIES_UNCOUNTED      24  /* an item may fail for ever */
#define DEAD_AWAITED         25  /* the farewell of a dead rank is waited for */
#define LATE_FORGOTTEN       26  /* farewells end a link, with data on its way */
#define BROKEN(what) (MUTANT == what)

#define N          (WORKERS + 1)
#define VERSIONS   (DEATHS + 1)         /* of the table, from 1 */
#define ALL_ROOTS  ((1 << ROOTS) - 1)
#define ALL_STAGES ((1 << STAGES) - 1)
#define BIT(i)     (1 << (i))

/* ---- frames ----
 *
 * { attempt, root, node, tries, stage }: 'node' says which of the root's
 * descendants this is: 0 the root itself, 1 and 2 what it splits into.  So ids
 * are bits here, and the sum of a ledger's entry is a set.  That different
 * frames have different ids is taken for granted. */

#define ID(attempt, node, tries) \
    BIT(((attempt) - 1) * 6 + (node) * 2 + (tries))
#define OF_ATTEMPT(attempt) (63 << (((attempt) - 1) * 6))

/* What the stages make of roots: 0 and 3 split in two, of which a second stage
 * drops one; 1 goes on, and keeps its id; 2 is dropped. */
#define SPLITS(root) ((root) == 0 || (root) == 3)
#define DROPS(root)  ((root) == 2)
#define RESULTS(root) \
    (DROPS(root) -> 0 : (!SPLITS(root) -> BIT(0) \
                         : (STAGES == 2 -> BIT(1) : BIT(1) | BIT(2))))

/* ---- links ----
 *
 * Data has a channel for each sender and receiver, and one more: rank 0 alone
 * sends itself results on lane 1. */

#define LINK(from, to) ((from) * N + (to))
#define LINKS          (N * N + 1)
#define UP(from, to)   (LINK(from, to) + ((from) == 0) * N * N * !BROKEN(ONE_LANE))

chan data[LINKS] = [CREDITS] of { byte, byte, byte, byte, byte };
byte used[LINKS];               /* link: window_out - credits */
chan input[N] = [WORKERS * CREDITS + 1] of { byte, byte, byte, byte, byte,
                                             byte };    /* the sender first */
chan control[N] = [VERSIONS + 1] of { byte };   /* from rank 0 to each: */
#define FINISH 0                                /* or a version of the table */
chan report[N] = [TOLD] of { byte, byte, int }; /* to rank 0: attempt, root, ids */
bool fin[LINKS];                /* FIN was sent */

/* ---- ranks ---- */

byte version[N];                /* flow: of the table that it has taken */
byte todo[N];                   /* what the frame in hand, the first of the input,
                                   has still to become: */
#define CHILD_1   BIT(1)
#define CHILD_2   BIT(2)
#define GO_ON     BIT(3)        /* the frame itself */
#define HAND_BACK BIT(4)        /* an item goes to rank 0, to be tried again */
#define TELL      BIT(5)        /* that was all, but for the report */
byte open[N], comes[N];         /* link_open(): workers joined by a link, and those
                                   of them that data comes from */
bool said_hello[N];
bool leaving[N];                /* flow: LEAVING */
bool closed[N];                 /* flow: CLOSED */
bool dead[N];
byte knows[N];                  /* engine: dead, as this rank knows */
#define KNOWS(r, who) ((knows[r] & BIT(who)) != 0)
byte deaths = DEATHS;           /* that may still be */

/* Roles, decided by rank 0 for each version: a bit for each stage. */
byte role[(VERSIONS + 1) * N];
#define ROLE(v, r)      role[(v) * N + (r)]
#define SERVES(v, r, s) ((ROLE(v, r) & BIT(s)) != 0)
#define LAST(mask)      ((mask) >= 2 -> 1 : 0)
/* Does the table lead from one to the other?  (Spares lead nowhere.) */
#define LEADS(v, from, to) \
    (ROLE(v, from) != 0 && (LAST(ROLE(v, from)) + 1 == STAGES -> (to) == 0 \
        : SERVES(v, to, LAST(ROLE(v, from)) + 1)))

/* ---- rank 0 ---- */

byte sent_version;              /* master: version */
byte fed;                       /* ledger: next */
byte opened, complete, delivered;       /* sets of roots: their state */
byte first;                     /* ledger: the oldest that is not delivered */
byte attempt[ROOTS];            /* ledger: its entries */
int xored[ROOTS];
byte results[ROOTS];            /* nodes that have arrived */
byte again;                     /* roots to be fed once more */
#if MUTANT == RETRIES_STAY
#define RETRIES_KEPT (4 * ROOTS)
#else
#define RETRIES_KEPT (2 * ROOTS)
#endif
chan retries = [RETRIES_KEPT] of { byte, byte, byte, byte, byte };
bool stopping;

/* Only to check with: ids of the present attempt that exist anywhere. */
int live[ROOTS];

/* Of the step that is being made; 0 between steps. */
byte q, peer, i, n, at, root, node, tries, stage, last;
int ids;

inline forget()
{
    q = 0; peer = 0; i = 0; n = 0; at = 0; root = 0; node = 0; tries = 0;
    stage = 0; last = 0; ids = 0
}

/* ---- choices ---- */

#define ANY(f)       (f(1) || (WORKERS > 1 && f(2)) || (WORKERS > 2 && f(3)))
#define ANY_RANK(f)  (f(0) || ANY(f))
#if WORKERS == 1
#define CHOICES(f)   :: f(1) -> q = 1
#elif WORKERS == 2
#define CHOICES(f)   :: f(1) -> q = 1 :: f(2) -> q = 2
#else
#define CHOICES(f)   :: f(1) -> q = 1 :: f(2) -> q = 2 :: f(3) -> q = 3
#endif
#define PICK(f)      if CHOICES(f) fi
#define PICK_RANK(f) if :: f(0) -> q = 0 CHOICES(f) fi

/* ---- links: credits and ends ---- */

#define READY(r, to, l) (!KNOWS(r, to) && used[l] < CREDITS)   /* link_ready() */

/* link_send().  To the dead, and to those that take us for dead, it is lost. */
inline send(from, to, l)
{
    used[l]++;
    if
    :: !dead[to] && !KNOWS(to, from) ->
        assert(nfull(data[l]));         /* there is a slot for each credit */
        data[l] ! at, root, node, tries, stage
    :: else
    fi
}

/* link_consumed(), and give_back() with it: a credit that is still on its way is
 * like a sender that is slow. */
inline consumed(from, to, l)
{
    if
    :: dead[from] || KNOWS(from, to) || KNOWS(to, from) || BROKEN(NO_CREDIT)
    :: else ->
        assert(used[l] > 0);            /* more came back than were used */
        used[l]--
    fi
}

inline drain(l)
{
    do :: len(data[l]) > 0 -> data[l] ? _, _, _, _, _ :: else -> break od
}

/* links_bury(): what it sent is dropped, and nothing more is sent to it. */
inline bury(r, whom)
{
    knows[r] = knows[r] | BIT(whom);
    drain(LINK(whom, r));
    used[LINK(r, whom)] = 0;
    do
    :: r == 0 && len(report[whom]) > 0 -> report[whom] ? _, _, _
    :: else -> break
    od
}

/* links_finished(): FIN has come, and as much data as it says. */
#define JOINED(r, with) \
    ((r) != (with) && ((r) == 0 || (with) == 0 || (open[r] & BIT(with)) != 0))
#define ENDED(r, with) \
    ((KNOWS(r, with) && !BROKEN(DEAD_AWAITED)) \
     || (fin[LINK(r, with)] && fin[LINK(with, r)] \
         && (len(data[LINK(with, r)]) == 0 || BROKEN(LATE_FORGOTTEN))))

/* ---- rank 0: the ledger ---- */

/* ledger_find(): is what has come of the root's present attempt? */
#define FOUND(a, r, broken) \
    ((opened & BIT(r)) != 0 \
     && (attempt[r] == (a) || BROKEN(ATTEMPT_UNCHECKED) || (broken)))

/* ledger_cancel().  Complete means that nothing of it is left. */
inline cancel(r, what)
{
    xored[r] = xored[r] ^ (what);
    if
    :: xored[r] == 0 || (BROKEN(DELIVERED_EARLY) && results[r] != 0) ->
        assert((live[r] & OF_ATTEMPT(attempt[r])) == 0 ||
               BROKEN(DELIVERED_EARLY));
        opened = opened & ~BIT(r);
        complete = complete | BIT(r)
    :: else
    fi
}

/* Frames come into being and go. */
inline born(a, r, what)
{
    if :: attempt[r] == (a) -> live[r] = live[r] | (what) :: else fi
}

inline gone(a, r, what)
{
    if :: attempt[r] == (a) -> live[r] = live[r] & ~(what) :: else fi
}

/* ledger_feed(), or ledger_again(); and the id of the frame. */
inline begin_root(r)
{
    if
    :: attempt[r] != 0 && BROKEN(ATTEMPT_STAYS)
    :: else -> attempt[r] = sent_version
    fi;
    xored[r] = ID(attempt[r], 0, 0) ^ (BROKEN(OLD_IDS_STAY) -> xored[r] : 0);
    if :: BROKEN(OLD_RESULTS_STAY) :: else -> results[r] = 0 fi;
    live[r] = ID(attempt[r], 0, 0);
    opened = opened | BIT(r)
}

/* sink_deliver(), ledger_release() */
inline deliver(r)
{
    assert((delivered & BIT(r)) == 0);              /* not twice */
    assert(results[r] == RESULTS(r));               /* all, and no others */
    assert(!ORDERED || delivered == BIT(r) - 1);    /* in order */
    complete = complete & ~BIT(r);
    delivered = delivered | BIT(r);
    attempt[r] = 0;
    xored[r] = 0;
    results[r] = 0;
    live[r] = 0;
    do
    :: (delivered & BIT(first)) != 0 -> first++
    :: else -> break
    od
}

/* ---- rank 0: tables and recovery ---- */

/* repair(): who serves what, without those that rank 0 takes for dead. */
inline give_roles(v)
{
    n = 0;
    i = 1;
    do
    :: i < N -> n = n + !KNOWS(0, i); i++
    :: else -> break
    od;
    ROLE(v, 0) = (n == 0 -> ALL_STAGES : 0);
    i = 1;
    do
    :: i < N ->
        if
        :: KNOWS(0, i) -> ROLE(v, i) = 0
        :: !KNOWS(0, i) && (STAGES == 1 || n == 1) -> ROLE(v, i) = ALL_STAGES
        :: !KNOWS(0, i) && STAGES == 2 && n > 1 ->
            ROLE(v, i) = (i < 3 -> BIT(i - 1) : (KNOWS(0, 1) -> BIT(0)
                          : (KNOWS(0, 2) -> BIT(1) : (SPARE -> 0 : BIT(0)))))
        fi;
        i++
    :: else -> break
    od
}

/* routing_send(): the next version, to all that live. */
inline send_tables()
{
    sent_version++;
    give_roles(sent_version);
    i = 0;
    do
    :: i < N ->
        if
        :: KNOWS(0, i) || dead[i] ||
           (BROKEN(TABLE_NOT_SENT) && i > 0 && sent_version > 1)
        :: else -> control[i] ! sent_version
        fi;
        i++
    :: else -> break
    od
}

/* feed_again(): all that is not complete begins another attempt. */
inline feed_again()
{
    do
    :: len(retries) > 0 && !BROKEN(RETRIES_STAY) -> retries ? _, _, _, _, _
    :: else -> break
    od;
    again = 0;
    i = 0;
    do
    :: i < fed ->
        if
        :: (opened & BIT(i)) != 0 ||
           (BROKEN(DELIVERED_FED_AGAIN) && (delivered & BIT(i)) != 0) ->
            begin_root(i);
            again = again | BIT(i)
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* recovery_deaths() */
inline recover()
{
    if
    :: sent_version > 0 && !stopping ->
        send_tables();
        if :: BROKEN(NOT_FED_AGAIN) :: else -> feed_again() fi
    :: else
    fi
}

/* ---- any rank: its table ---- */

/* flow_table(): more links, none less; what is in hand is stale from here on. */
inline take_table(r)
{
    control[r] ? at;
    version[r] = at;
    todo[r] = 0;
    i = 1;
    do
    :: i < N ->
        if
        :: i == r || r == 0 || KNOWS(r, i)
        :: else ->
            if
            :: LEADS(at, r, i) || LEADS(at, i, r) -> open[r] = open[r] | BIT(i)
            :: else
            fi;
            if :: LEADS(at, i, r) -> comes[r] = comes[r] | BIT(i) :: else fi
        fi;
        if :: BROKEN(CREDITS_ANEW) -> used[LINK(r, i)] = 0 :: else fi;
        i++
    :: else -> break
    od
}

/* ---- any rank: the worker ---- */

/* Is what rank 0 has sent itself on lane 0 a result? */
#define IS_RESULT data[0]?[_, _, _, _, STAGES]

/* What comes early waits in the MPI library: there is no slot for it yet. */
#define HAS_DATA(r, from) \
    (len(data[LINK(from, r)]) > 0 && version[r] > 0 && !KNOWS(r, from) \
     && ((from) == 0 || (comes[r] & BIT(from)) != 0) \
     && !(BROKEN(ONE_LANE) && (r) == 0 && IS_RESULT))

/* got_data() */
inline arrive(r, from)
{
    data[LINK(from, r)] ? at, root, node, tries, stage;
    if
    :: leaving[r] -> consumed(from, r, LINK(from, r))
    :: else -> input[r] ! from, at, root, node, tries, stage
    fi
}

/* What the first of the input is to it: worker_step(). */
#define FREE(r)    (todo[r] == 0 && !leaving[r] && version[r] > 0)
#define CURRENT(r) (input[r]?[_, eval(version[r]), _, _, _, _])
#define OLDER(r) \
    ((version[r] > 1 && input[r]?[_, 1, _, _, _, _]) \
     || (version[r] > 2 && input[r]?[_, 2, _, _, _, _]) \
     || (version[r] > 3 && input[r]?[_, 3, _, _, _, _]))
#define NEWER(r)   (len(input[r]) > 0 && !CURRENT(r) && !OLDER(r))
#define TAKES(r) \
    (CURRENT(r) || (BROKEN(STALE_GOES_ON) && OLDER(r)) \
     || (BROKEN(BEFORE_TABLE) && NEWER(r)))
#define UNTRIED(r) (input[r]?[_, _, _, _, 0, _])

/* drop_input() */
inline drop(r)
{
    input[r] ? peer, at, root, node, tries, stage;
    gone(at, root, ID(at, node, tries));
    if
    :: BROKEN(NO_CREDIT_IF_STALE) && !leaving[r]
    :: else -> consumed(peer, r, LINK(peer, r))
    fi
}

/* link_pick(): a rank that results may go to, with a credit for it.  can_go_on():
 * there is one, or there is no way at all until another table comes. */
#define OUT(r, to) (LEADS(version[r], r, to) && READY(r, to, UP(r, to)))
#define WAY(r, to) (LEADS(version[r], r, to) && !KNOWS(r, to))

/* The frame in hand, and the last stage that it runs through here. */
inline look(r)
{
    input[r] ? < peer, at, root, node, tries, stage >;
    last = (SERVES(version[r], r, stage) -> LAST(ROLE(version[r], r)) : stage)
}

/* The frame in hand is done, and its credit goes back. */
inline done(r)
{
    input[r] ? peer, at, root, node, tries, stage;
    consumed(peer, r, LINK(peer, r));
    todo[r] = 0
}

/* begin_frame(), run_frame(): what does it become? */
inline work(r)
{
    look(r);
    assert(stage < STAGES);             /* else got_data() ends the flow */
    if
    :: node == 0 && stage == 0 && SPLITS(root) ->
        todo[r] = CHILD_1 | (last == 0 -> CHILD_2 : 0)
    :: (node == 0 && DROPS(root)) || (node == 2 && last == 1) -> todo[r] = TELL
    :: else -> todo[r] = GO_ON
    fi
}

/* children_pass(): one frame, to rank q. */
inline pass_on(r)
{
    look(r);
    stage = last + 1;
    assert(q == 0 -> stage == STAGES : SERVES(version[r], q, stage));
    if
    :: todo[r] == GO_ON -> n = node
    :: todo[r] & CHILD_1 -> n = 1
    :: todo[r] == CHILD_2 -> n = 2
    fi;
    if
    :: n != node ->
        node = n;
        tries = 0;
        born(at, root, ID(at, node, tries))
    :: else
    fi;
    send(r, q, UP(r, q));
    if
    :: todo[r] == GO_ON -> done(r)
    :: todo[r] == (CHILD_1 | CHILD_2) -> todo[r] = CHILD_2
    :: else -> todo[r] = TELL
    fi
}

/* hand_back(): a child that rank 0 is to have tried again. */
inline hand_back(r)
{
    look(r);
    if
    :: BROKEN(TRIES_UNCOUNTED) -> send(r, 0, UP(r, 0)); done(r)
    :: else ->
        tries = 1;
        born(at, root, ID(at, node, tries));
        send(r, 0, UP(r, 0));
        todo[r] = TELL | HAND_BACK
    fi
}

/* end_frame(), report_frame(): the id consumed, and the ids made. */
inline tell(r)
{
    look(r);
    ids = ID(at, node, tries);
    gone(at, root, ids);
    if
    :: todo[r] & HAND_BACK -> ids = ids | ID(at, node, 1)
    :: todo[r] == TELL && node == 0 && SPLITS(root) ->
        ids = ids | ID(at, 1, 0) | (last == 0 -> ID(at, 2, 0) : 0)
    :: else
    fi;
    if
    :: KNOWS(0, r)
    :: BROKEN(CHILDREN_UNREPORTED) && todo[r] == TELL && SPLITS(root)
    :: BROKEN(RETRY_UNREPORTED) && (todo[r] & HAND_BACK)
    :: else -> report[r] ! at, root, ids
    fi;
    done(r)
}

#define MY_DATA(from) HAS_DATA(_pid, from)
#define MY_OUT(to)    OUT(_pid, to)
#define MY_WAY(to)    WAY(_pid, to)

/* The steps of a worker; rank 0 makes them too, when it is alone. */
#define WORKER_STEPS(r) \
    :: d_step { len(control[r]) > 0 && !control[r]?[FINISH] -> \
                take_table(r); forget() } \
    :: d_step { FREE(r) && OLDER(r) && !BROKEN(STALE_GOES_ON) -> \
                drop(r); forget() } \
    :: d_step { FREE(r) && TAKES(r) \
                && (ANY_RANK(MY_OUT) || !ANY_RANK(MY_WAY)) -> \
                work(r); forget() } \
    :: d_step { FREE(r) && TAKES(r) && RETRIES && UNTRIED(r) \
                && (ANY_RANK(MY_OUT) || !ANY_RANK(MY_WAY)) -> \
                todo[r] = HAND_BACK } \
    :: atomic { (todo[r] & (CHILD_1 | CHILD_2 | GO_ON)) != 0 \
                && ANY_RANK(MY_OUT) -> \
                PICK_RANK(MY_OUT); d_step { pass_on(r); forget() } } \
    :: d_step { todo[r] == HAND_BACK && READY(r, 0, UP(r, 0)) -> \
                hand_back(r); forget() } \
    :: d_step { (todo[r] & TELL) != 0 && nfull(report[r]) -> \
                tell(r); forget() }

/* flow_finish(), farewell(): what has come is dropped, then FIN is said.  Rank 0
 * says it later, to each that has: links_finish(), leaves_last. */
inline leave(r)
{
    leaving[r] = true;
    todo[r] = 0;
    do :: len(input[r]) > 0 -> drop(r) :: else -> break od;
    i = 0;
    do
    :: i < N ->
        if :: r != 0 && JOINED(r, i) -> fin[LINK(r, i)] = true :: else fi;
        i++
    :: else -> break
    od
}

#define NOT_ENDED(with) (JOINED(_pid, with) && !ENDED(_pid, with))

/* ---- rank 0 ---- */

/* flow_routed(): it has taken the table that it sent last. */
#define ROUTED \
    (version[0] > 0 && (version[0] == sent_version || BROKEN(FED_BEFORE_TABLE)))
#define FEEDS(to)      (SERVES(version[0], to, 0) && READY(0, to, LINK(0, to)))
#define AWAITED(who)   (!said_hello[who] && !KNOWS(0, who))
#define HAS_RESULT(who) \
    (len(data[UP(who, 0)]) > 0 && !KNOWS(0, who) \
     && (!BROKEN(ONE_LANE) || (who) != 0 || IS_RESULT))
#define HAS_REPORT(who) (len(report[who]) > 0)
#define IS_GONE(who) \
    (!KNOWS(0, who) && !closed[who] && (dead[who] || (CUT_OFF && deaths > 0)))
#define MAY_DELIVER(r) \
    ((complete & BIT(r)) != 0 \
     && (!ORDERED || first == (r) || BROKEN(OUT_OF_ORDER)))
/* FIN comes behind all that it had to tell. */
#define LEAVES(who) \
    (!KNOWS(0, who) && fin[LINK(who, 0)] && !fin[LINK(0, who)] \
     && len(report[who]) == 0)

/* feeder_pump(): send_root(), pump_again() */
inline feed(r)
{
    at = attempt[r];
    root = r;
    node = 0;
    tries = 0;
    stage = 0;
    send(0, q, LINK(0, q))
}

/* got_data(): a result, sink_arrive(), or an item to be tried again,
 * master_retry(). */
inline file(from)
{
    data[UP(from, 0)] ? at, root, node, tries, stage;
    consumed(from, 0, UP(from, 0));
    if
    :: stage == STAGES && !stopping &&
       FOUND(at, root, BROKEN(STALE_RESULT_COUNTS)) ->
        assert((results[root] & BIT(node)) == 0);   /* not twice */
        results[root] = results[root] | BIT(node);
        gone(at, root, ID(at, node, tries));
        cancel(root, ID(at, node, tries))
    :: stage < STAGES && !stopping && FOUND(at, root, BROKEN(RETRY_STALE)) ->
        retries ! attempt[root], root, node, tries, stage
    :: else
    fi
}

/* sink_report() */
inline take_report(from)
{
    report[from] ? at, root, ids;
    if
    :: FOUND(at, root, BROKEN(STALE_REPORT_COUNTS)) -> cancel(root, ids)
    :: else
    fi
}

/* retry_link(): a rank that serves the stage.  (The code prefers another one than
 * that where it failed.) */
#define FITS(s, to) \
    (retries?[_, _, _, _, s] && SERVES(sent_version, to, s) \
     && READY(0, to, LINK(0, to)))
#define TRIES_AGAIN(to) (FITS(0, to) || (STAGES > 1 && FITS(1, to)))

active proctype home()
{
    do
    /* master_begin(): all that live have said hello */
    :: d_step { sent_version == 0 && !ANY(AWAITED) -> send_tables(); forget() }

    /* feeder_pump(): roots that are fed again go before new ones */
    :: atomic { ROUTED && again != 0 && !stopping && ANY_RANK(FEEDS) ->
                PICK_RANK(FEEDS);
                d_step {
                    do :: (again & BIT(i)) == 0 -> i++ :: else -> break od;
                    again = again & ~BIT(i);
                    feed(i);
                    forget()
                } }
    :: atomic { ROUTED && again == 0 && fed < ROOTS && fed - first < WINDOW &&
                ANY_RANK(FEEDS) ->
                PICK_RANK(FEEDS);
                d_step {
                    i = fed;
                    fed++;
                    begin_root(i);
                    feed(i);
                    forget()
                } }

    /* send_retries() */
    :: atomic { ROUTED && len(retries) > 0 && !stopping && ANY_RANK(TRIES_AGAIN) ->
                PICK_RANK(TRIES_AGAIN);
                d_step {
                    retries ? at, root, node, tries, stage;
                    send(0, q, LINK(0, q));
                    forget()
                } }

    /* engine_progress() */
    :: atomic { ANY_RANK(HAS_RESULT) ->
                PICK_RANK(HAS_RESULT); d_step { file(q); forget() } }
    :: atomic { ANY_RANK(HAS_REPORT) ->
                PICK_RANK(HAS_REPORT); d_step { take_report(q); forget() } }

    /* sink_deliver() */
    :: d_step { MAY_DELIVER(0) && !stopping ->
                deliver(0); forget() }
    :: d_step { ROOTS > 1 && MAY_DELIVER(1) && !stopping ->
                deliver(1); forget() }
    :: d_step { ROOTS > 2 && MAY_DELIVER(2) && !stopping ->
                deliver(2); forget() }
    :: d_step { ROOTS > 3 && MAY_DELIVER(3) && !stopping ->
                deliver(3); forget() }

    /* it is alone */
    :: d_step { nfull(input[0]) && HAS_DATA(0, 0) -> arrive(0, 0); forget() }
    WORKER_STEPS(0)

    /* take_deaths(): of one or of several at a time */
    :: atomic { ANY(IS_GONE) ->
                do
                :: ANY(IS_GONE) ->
                    PICK(IS_GONE);
                    d_step {
                        deaths = deaths - !dead[q];
                        n = q;
                        bury(0, n);
                        forget();
                        q = 1
                    }
                :: q > 0 -> break
                od;
                d_step { recover(); forget() } }

    /* master_step(): the feed has ended and the ledger is empty */
    :: d_step { !stopping && fed == ROOTS && opened == 0 &&
                (complete == 0 || BROKEN(ENDS_EARLY)) ->
                stopping = true;
                i = 1;
                do
                :: i < N ->
                    if
                    :: KNOWS(0, i) || dead[i]
                    :: else -> control[i] ! FINISH
                    fi;
                    i++
                :: else -> break
                od;
                leave(0);
                forget() }
    :: atomic { ANY(LEAVES) ->
                PICK(LEAVES); d_step { fin[LINK(0, q)] = true; forget() } }
    :: atomic { leaving[0] && !ANY(NOT_ENDED) && len(data[LINK(0, 0)]) == 0 &&
                len(data[UP(0, 0)]) == 0 ->
                closed[0] = true;
                assert(delivered == ALL_ROOTS);
                break }
    od;

    /* lifeline_part(): others that live are still told of deaths */
end_told:
    do
    :: atomic { ANY(IS_GONE) ->
                PICK(IS_GONE);
                d_step {
                    deaths = deaths - !dead[q];
                    n = q;
                    bury(0, n);
                    forget()
                } }
    od
}

/* ---- a worker ---- */

/* What it may hear of: a lifeline ends, or rank 0 has said so. */
#define NEWS(who) \
    ((dead[who] || KNOWS(0, who)) && (who) != _pid && !KNOWS(_pid, who))

inline die(r)
{
    dead[r] = true;
    do
    :: len(input[r]) > 0 -> input[r] ? _, _, _, _, _, _
    :: else -> break
    od;
    do :: len(control[r]) > 0 -> control[r] ? _ :: else -> break od;
    i = 0;
    do
    :: i < N ->
        drain(LINK(i, r));
        used[LINK(r, i)] = 0;
        i++
    :: else -> break
    od;
    todo[r] = 0;
    version[r] = 0;
    open[r] = 0;
    comes[r] = 0;
    knows[r] = 0;
    leaving[r] = false
}

active [WORKERS] proctype worker()
{
    do
    :: d_step { !said_hello[_pid] -> said_hello[_pid] = true }
    :: atomic { ANY_RANK(MY_DATA) && nfull(input[_pid]) ->
                PICK_RANK(MY_DATA); d_step { arrive(_pid, q); forget() } }
    WORKER_STEPS(_pid)
    :: atomic { ANY(NEWS) -> PICK(NEWS); d_step { bury(_pid, q); forget() } }
    :: d_step { control[_pid]?[FINISH] ->
                control[_pid] ? FINISH; leave(_pid); forget() }
    :: atomic { leaving[_pid] && !ANY_RANK(NOT_ENDED) -> closed[_pid] = true; break }
    /* at any moment */
    :: atomic { (deaths > 0 && !CUT_OFF) || KNOWS(0, _pid) ->
                d_step { deaths = deaths - !KNOWS(0, _pid); die(_pid); forget() };
                break }
    od
}

/* When nothing can happen any more: what was sent among those that live has been
 * taken. */
active proctype end()
{
    timeout ->
    i = 0;
    do
    :: i < LINKS ->
        assert(len(data[i]) == 0 || (i < N * N && (dead[i / N] || dead[i % N])));
        i++
    :: else -> break
    od
}
