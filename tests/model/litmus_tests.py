# SPDX-License-Identifier: BSD-2-Clause
"""The litmus tests of the vcpu protocol, for extract_litmus.py: which code of two harts, and what they must never see.

Each test of TESTS pairs a piece of one hart's code with a piece of another's, and names its mutants.
"""

# Followed when called; everything else is a call that orders nothing.
INLINE = {"wake", "claim_wake", "kick_claim", "kick_awake", "vcpu_kick_claim", "unhalt_claim", "vcpu_unhalt_claim",
          "wake_sleepers", "force_exit", "claim_ipi", "target_needs_ipi", "wait_acknowledged",
          "may_enter", "enter",
          "vcpu_irq_posted", "vcpu_request_pending", "vcpu_test_request",
          "vcpu_clear_request", "vcpu_check_request", "vcpu_make_request", "vcpu_kick",
          "vcpu_sleep_is_over", "vcpu_has_reason", "vcpu_timer_wakes",
          "reading_begin", "reading_end", "vcpu_mode", "vcpu_hsm_prepare"}

W, R, X = "write", "read", "rmw"  # rmw: an atomic OR, AND or exchange that is asked for as such


class Side:
    """Code of one hart: from `start` to `end`, in the functions one after another.

    start, end: (kind, word, value) with None for any; "entry", "return", or "call NAME".
    before, after: accesses of the caller's, for the word that the protocol guards.
    through: a word that the path has to access by an rmw.
    ring: its words are those of a virtqueue's ring.
    """

    def __init__(self, functions, start, end, before=None, after=None, through=None, ring=False):
        self.functions = functions
        self.start, self.end = start, end
        self.before, self.after = before, after
        self.through = through
        self.ring = ring


class Written:
    """Code of one hart that is not hartvisor's, a guest's driver: a store to one word, a full fence, a load from another."""
    before = after = through = None

    def __init__(self, stored, loaded):
        self.start, self.end = (W, stored, 1), (R, loaded, None)


# The vcpu's sides.
def enters(word):
    return Side(["vcpu_run"], (W, "mode", 1), (R, word, None))


# The same on the fast path: behind a call that has waited, and behind an access to a device that was outside.
def enters_anew(word):
    return Side(["enter_anew"], (W, "mode", 1), (R, word, None))


def enters_again(word):
    return Side(["fast_access"], (W, "mode", 1), (R, word, None))


def blocks(word):
    return Side(["vcpu_block"], (W, "blocked", 1), (R, word, None))


def rests(word):
    return Side(["rest"], (W, "blocked", 1), (R, word, None))


# The requester's sides.
def requester(functions, made, looked_at):
    return Side(functions, (X, made, None), (R, looked_at, None))


MAKE_KICK = ["vcpu_make_request", "vcpu_kick"]
BROADCAST = ["vcpus_make_request"]

# The device's side of a virtqueue whose ring lies together; the driver's is Written.
def device(function, stored, loaded):
    return Side([function], (W, stored, None), (R, loaded, None), ring=True)


REARM = [("REARM_NO_FENCE", 0, "fences")]
DEKKER_ENTRY = [("FENCE_B", 0, "fences"), ("FENCE_A", 1, "fences"), ("FENCE_A", 1, "order"),
                ("MODE_LATE", 0, "swap"), ("KICK_EARLY", 1, "swap")]
DEKKER_BLOCK = [("FENCE_C", 0, "fences"), ("FENCE_A", 1, "fences"), ("FENCE_A", 1, "order"),
                ("KICK_EARLY", 1, "swap")]
# The kick of a lock's waiter is a plain store, without an AMO's order.
DEKKER_UNHALT = [("FENCE_C", 0, "fences"), ("FENCE_A", 1, "fences"), ("KICK_EARLY", 1, "swap")]
DEKKER_READING = [("FENCE_READING", 0, "fences"), ("FENCE_A", 1, "order")]

# name: (side 0, side 1, words that are not 0 at first, the forbidden values of the reads, mutants).
# A read is "0:word" or "1:word": side 0's or 1's, the last one of this word on the path; "1:word@first".
TESTS = {
    # entry/kick: the vcpu overlooks the request and the kicker overlooks the vcpu
    "entry_kick": (enters("requests"), requester(MAKE_KICK, "requests", "mode"), {},
                   {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "entry_broadcast": (enters("requests"), requester(BROADCAST, "requests", "mode"), {},
                        {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "entry_pause": (enters("requests"), requester(["vcpu_make_request"] + BROADCAST, "requests", "mode"),
                    {}, {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "entry_start": (enters("requests"), requester(["vcpu_hsm_start"], "requests", "mode"), {},
                    {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "anew_kick": (enters_anew("requests"), requester(MAKE_KICK, "requests", "mode"), {},
                  {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "anew_flush": (enters_anew("inject"), requester(["vcpu_inject"], "inject", "mode"), {},
                   {"0:inject": 0, "1:mode": 0}, DEKKER_ENTRY),
    "again_kick": (enters_again("requests"), requester(MAKE_KICK, "requests", "mode"), {},
                   {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "again_flush": (enters_again("inject"), requester(["vcpu_inject"], "inject", "mode"), {},
                    {"0:inject": 0, "1:mode": 0}, DEKKER_ENTRY),
    # a fence to one that sleeps: asked, and found outside, it is asked for nothing more
    "ask_entry": (enters("requests"), requester(["sbi_fence"], "requests", "mode"), {},
                  {"0:requests": 0, "1:mode": 0}, DEKKER_ENTRY),
    "claim_entry": (enters("inject"), requester(["vcpu_inject_claim"], "inject", "mode"), {},
                    {"0:inject": 0, "1:mode": 0}, DEKKER_ENTRY),
    # inject/flush: there is no request, inject or levels play its part
    "inject_flush": (enters("inject"), requester(["vcpu_inject"], "inject", "mode"), {},
                     {"0:inject": 0, "1:mode": 0}, DEKKER_ENTRY),
    "level_flush": (enters("levels"), requester(["vcpu_set_level"], "levels", "mode"), {},
                    {"0:levels": 0, "1:mode": 0}, DEKKER_ENTRY),
    # block/kick: the vcpu goes to sleep over a request and the kicker does not see that it sleeps
    "block_kick": (blocks("requests"), requester(MAKE_KICK, "requests", "blocked"), {},
                   {"0:requests": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "block_broadcast": (blocks("requests"), requester(BROADCAST, "requests", "blocked"), {},
                        {"0:requests": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "block_start": (blocks("requests"), requester(["vcpu_hsm_start"], "requests", "blocked"), {},
                    {"0:requests": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "block_inject": (blocks("inject"), requester(["vcpu_inject"], "inject", "blocked"), {},
                     {"0:inject": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "block_level": (blocks("levels"), requester(["vcpu_set_level"], "levels", "blocked"), {},
                    {"0:levels": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "block_unhalt": (blocks("kicked"), Side(["vcpu_unhalt"], (W, "kicked", 1), (R, "blocked", None)), {},
                     {"0:kicked": 0, "1:blocked": 0}, DEKKER_UNHALT),
    "claim_block": (blocks("inject"), requester(["vcpu_inject_claim"], "inject", "blocked"), {},
                    {"0:inject": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "claim_block_unhalt": (blocks("kicked"), Side(["vcpu_unhalt_claim"], (W, "kicked", 1), (R, "blocked", None)),
                           {}, {"0:kicked": 0, "1:blocked": 0}, DEKKER_UNHALT),
    # the same of a vcpu that rests on its own hart
    "rest_kick": (rests("requests"), requester(MAKE_KICK, "requests", "blocked"), {},
                  {"0:requests": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "rest_broadcast": (rests("requests"), requester(BROADCAST, "requests", "blocked"), {},
                       {"0:requests": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "rest_inject": (rests("inject"), requester(["vcpu_inject"], "inject", "blocked"), {},
                    {"0:inject": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "rest_level": (rests("levels"), requester(["vcpu_set_level"], "levels", "blocked"), {},
                   {"0:levels": 0, "1:blocked": 0}, DEKKER_BLOCK),
    "rest_unhalt": (rests("kicked"), Side(["vcpu_unhalt"], (W, "kicked", 1), (R, "blocked", None)), {},
                    {"0:kicked": 0, "1:blocked": 0}, DEKKER_UNHALT),
    # make/check: the request is seen, what the requester wrote before is not
    "make_check": (Side(["vcpu_make_request"], "entry", (X, "requests", None), before=(W, "data", 1)),
                   Side(["vcpu_check_request"], (R, "requests", None), "return", after=(R, "data"),
                        through="requests"),
                   {}, {"1:requests@first": 1, "1:data": 0},
                   [("MAKE_NO_BARRIER", 0, "fences"), ("CHECK_NO_BARRIER", 1, "fences"),
                    ("CHECK_NO_BARRIER", 1, "order")]),
    "broadcast_check": (Side(BROADCAST, "entry", (X, "requests", None), before=(W, "data", 1)),
                        Side(["vcpu_check_request"], (R, "requests", None), "return", after=(R, "data"),
                             through="requests"),
                        {}, {"1:requests@first": 1, "1:data": 0},
                        [("MAKE_NO_BARRIER", 0, "fences"), ("CHECK_NO_BARRIER", 1, "order")]),
    # READING: the walker sees the table that was taken out, the waiter does not see the walker
    "reading_read": (Side(["vcpu_read_guest"], (W, "mode", 3), "call gstage_read", after=(R, "table")),
                     Side(BROADCAST, "entry", (R, "mode", None), before=(W, "table", 1)), {},
                     {"0:table": 0, "1:mode": 0}, DEKKER_READING),
    "reading_write": (Side(["vcpu_write_guest"], (W, "mode", 3), "call gstage_write",
                           after=(R, "table")),
                      Side(BROADCAST, "entry", (R, "mode", None), before=(W, "table", 1)), {},
                      {"0:table": 0, "1:mode": 0}, DEKKER_READING),
    "reading_fetch": (Side(["vcpu_fetch_insn"], (W, "mode", 3), "call guest_hlvx_hu",
                           after=(R, "table")),
                      Side(BROADCAST, "entry", (R, "mode", None), before=(W, "table", 1)), {},
                      {"0:table": 0, "1:mode": 0}, DEKKER_READING),
    # WAIT: the waiter sees that the stay is over and reuses the page that it still reads
    "wait_mode": (Side(["vcpu_read_guest"], "call gstage_read", (W, "mode", 0), before=(R, "table")),
                  Side(BROADCAST, (R, "mode", None), "return", after=(W, "table", 2)), {"mode": 3},
                  {"0:table": 2, "1:mode@first": 0},
                  [("LEAVE_NO_RELEASE", 0, "fences"), ("WAIT_NO_ACQUIRE", 1, "order")]),
    "wait_seq": (Side(["vcpu_read_guest"], "call gstage_read", (W, "guest_seq", None),
                      before=(R, "table")),
                 Side(BROADCAST, (R, "guest_seq", None), "return", after=(W, "table", 2)), {"mode": 3},
                 {"0:table": 2, "1:guest_seq@first": 1},
                 [("LEAVE_NO_RELEASE", 0, "order"), ("WAIT_NO_ACQUIRE", 1, "order")]),
    "wait_guest": (Side(["vcpu_run"], "call guest_switch", (W, "mode", 0), before=(R, "table")),
                   Side(BROADCAST, (R, "mode", None), "return", after=(W, "table", 2)), {"mode": 1},
                   {"0:table": 2, "1:mode@first": 0},
                   [("LEAVE_NO_RELEASE", 0, "fences"), ("WAIT_NO_ACQUIRE", 1, "order")]),
    # the count of a stay that is over is never seen with the mode of that stay
    "seq_after_mode": (Side(["vcpu_run"], (W, "mode", 0), (W, "guest_seq", None)),
                       Side(BROADCAST, (R, "guest_seq", None), (R, "mode", None)), {"mode": 1},
                       {"1:guest_seq@first": 1, "1:mode": 1},
                       [("SEQ_BEFORE_MODE", 0, "swap"), ("SEQ_BEFORE_MODE", 0, "fences"),
                        ("SEQ_READ_LATE", 1, "swap")]),
    "seq_after_reading": (Side(["vcpu_read_guest"], (W, "mode", 0), (W, "guest_seq", None)),
                          Side(BROADCAST, (R, "guest_seq", None), (R, "mode", None)), {"mode": 3},
                          {"1:guest_seq@first": 1, "1:mode": 3},
                          [("SEQ_BEFORE_MODE", 0, "swap"), ("SEQ_BEFORE_MODE", 0, "fences"),
                           ("SEQ_READ_LATE", 1, "swap")]),
    # a kicker that finds it IN_GUEST_MODE finds where: the IPI goes to the right hart
    "where_kick": (Side(["vcpu_migrate_in", "vcpu_run"], (W, "pcpu", None), (W, "mode", 1)),
                   Side(["vcpu_kick"], (R, "mode", None), (R, "pcpu", None)), {},
                   {"1:mode@first": 1, "1:pcpu": 0},
                   [("LAST_PCPU_UNORDERED", 0, "fences"), ("LAST_PCPU_UNORDERED", 1, "order")]),
    "where_broadcast": (Side(["vcpu_migrate_in", "vcpu_run"], (W, "pcpu", None), (W, "mode", 1)),
                        Side(BROADCAST, (R, "mode", None), (R, "pcpu", None)), {},
                        {"1:mode@first": 1, "1:pcpu": 0},
                        [("LAST_PCPU_UNORDERED", 0, "fences"), ("LAST_PCPU_UNORDERED", 1, "order")]),
    # virtqueues: the device does not see the next chain, and the driver does not see that it has to notify of it
    "virtq_notify": (device("virtq_rearm", "avail_event", "avail_idx"), Written("avail_idx", "avail_event"), {},
                     {"0:avail_idx": 0, "1:avail_event": 0}, REARM + [("DRIVER_NO_FENCE", 1, "fences")]),
    "virtq_notify_flags": (device("virtq_rearm", "used_flags", "avail_idx"), Written("avail_idx", "used_flags"),
                           {"used_flags": 1}, {"0:avail_idx": 0, "1:used_flags": 1},
                           REARM + [("DRIVER_NO_FENCE", 1, "fences")]),
    # the driver does not see the used chain, and the device does not see that it is to interrupt
    "virtq_interrupt": (device("virtq_rearm", "used_idx", "used_event"), Written("used_event", "used_idx"), {},
                        {"0:used_event": 0, "1:used_idx": 0}, REARM + [("DRIVER_LOOK_NO_FENCE", 1, "fences")]),
    "virtq_publish": (device("virtq_publish", "used_idx", "used_event"), Written("used_event", "used_idx"), {},
                      {"0:used_event": 0, "1:used_idx": 0},
                      [("PUBLISH_NO_FENCE", 0, "fences"), ("DRIVER_LOOK_NO_FENCE", 1, "fences")]),
}
