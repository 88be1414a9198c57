//! What may be done to a market, in any order.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::words::{TASKS, WORKERS};

/// One operation. Tasks, workers, owners, instances, types and labels are numbers.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Insert(Vec<(u8, TaskShape)>, u64),
    Register {
        worker: u8,
        owner: Option<u8>,
        instance: Option<u8>,
        types: u8,
        model: Option<u8>,
        ner: bool,
    },
    Claim {
        worker: u8,
        limit: usize,
        max_leases: usize,
        lease: u64,
        request: Option<u8>,
    },
    Renew {
        worker: u8,
        instance: Option<u8>,
        tasks: Option<Vec<u8>>,
        lease: u64,
    },
    Submit(Vec<(u8, u8, u8, u8)>),
    /// Votes on what the workers hold, since votes on any task are rarely accepted.
    SubmitHeld {
        label: u8,
        every: usize,
    },
    Release {
        worker: u8,
        instance: Option<u8>,
        tasks: Option<Vec<u8>>,
        failed: bool,
    },
    Reap {
        limit: usize,
        silence: u64,
        gone: Option<u64>,
    },
    Rule {
        worker: u8,
        task_type: Option<u8>,
        suspend: bool,
    },
    Cancel(u8),
    /// Deletes tasks that were closed so many seconds ago, at most so many.
    Prune(i64, usize),
    Clear,
    /// The market begins again, on a store that was closed and opened where that can be.
    Reopen,
}

/// What a task asks for.
#[derive(Debug, Clone)]
pub(super) struct TaskShape {
    pub(super) task_type: u8,
    pub(super) required: u32,
    pub(super) wanted: u32,
    pub(super) max: u32,
    pub(super) attempts: u32,
    pub(super) priority: i32,
    pub(super) deadline: Option<i64>,
    pub(super) key: Option<u8>,
    pub(super) distinct: bool,
}

prop_compose! {
    fn shape()(
        (task_type, required, wanted, max, attempts) in (0..2_u8, 1..4_u32, 1..4_u32, 1..6_u32, 1..4_u32),
        priority in -1..2_i32,
        deadline in option::weighted(0.2, 0..400_i64),
        key in option::weighted(0.2, 0..3_u8),
        distinct in prop::bool::weighted(0.2),
    ) -> TaskShape {
        TaskShape { task_type, required, wanted, max, attempts, priority, deadline, key, distinct }
    }
}

/// Any operation but [`Op::Prune`], [`Op::Clear`] and [`Op::Reopen`].
fn op() -> impl Strategy<Value = Op> {
    let worker = || 0..WORKERS;
    let instance = || option::weighted(0.4, 0..2_u8);
    let tasks = || option::weighted(0.6, vec(0..TASKS, 0..5));
    let vote = (0..TASKS, 0..WORKERS, 0..3_u8, 0..4_u8);
    let owner = option::weighted(0.3, 0..2_u8);
    let model = option::weighted(0.6, 0..3_u8);
    prop_oneof![
        4 => (vec((0..TASKS, shape()), 1..5), prop_oneof![0..8_u64, Just(u64::MAX)])
            .prop_map(|(tasks, max_open)| Op::Insert(tasks, max_open)),
        3 => (worker(), owner, instance(), 1..4_u8, model, any::<bool>())
            .prop_map(|(worker, owner, instance, types, model, ner)| Op::Register {
                worker, owner, instance, types, model, ner,
            }),
        8 => (worker(), 0..6_usize, 0..6_usize, 1..200_u64, option::weighted(0.4, 0..2_u8))
            .prop_map(|(worker, limit, max_leases, lease, request)| Op::Claim {
                worker, limit, max_leases, lease, request,
            }),
        2 => (worker(), instance(), tasks(), 1..200_u64)
            .prop_map(|(worker, instance, tasks, lease)| Op::Renew {
                worker, instance, tasks, lease,
            }),
        2 => vec(vote, 1..5).prop_map(Op::Submit),
        6 => (0..3_u8, 1..4_usize).prop_map(|(label, every)| Op::SubmitHeld { label, every }),
        2 => (worker(), instance(), tasks(), any::<bool>())
            .prop_map(|(worker, instance, tasks, failed)| Op::Release {
                worker, instance, tasks, failed,
            }),
        3 => (0..6_usize, 1..100_u64, option::of(20..100_u64))
            .prop_map(|(limit, silence, gone)| Op::Reap { limit, silence, gone }),
        1 => (worker(), option::of(0..2_u8), prop::bool::weighted(0.3))
            .prop_map(|(worker, task_type, suspend)| Op::Rule { worker, task_type, suspend }),
        1 => (0..TASKS).prop_map(Op::Cancel),
    ]
}

/// A registration of every worker for both types, so that there is somebody to do something.
pub(super) fn registrations() -> impl Iterator<Item = Op> {
    (0..WORKERS).map(|worker| Op::Register {
        worker,
        owner: (worker < 2).then_some(0),
        instance: None,
        types: 3,
        model: Some(worker % 3),
        ner: false,
    })
}

/// Operations one after the other, each so many seconds after the one before.
pub(super) fn sequence() -> impl Strategy<Value = Vec<(i64, Op)>> {
    let op = prop_oneof![40 => op(), 1 => Just(Op::Reopen)];
    // The clock mostly goes on, by a little or a lot, and is put back now and then.
    let seconds = prop_oneof![8 => 0..20_i64, 2 => 50..300_i64, 1 => -30..0_i64];
    let steps = vec((seconds, op), 1..60);
    let clear = option::weighted(0.1, 0..60_usize);
    // What is deleted can no longer be checked against what was earned with it, so it comes late.
    let prunes = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((0..9_usize, 0..100_i64, 1..9_usize), 1..4)
    ];
    (steps, clear, prunes).prop_map(|(mut steps, clear, prunes)| {
        for (before_end, age, limit) in prunes {
            let at = steps.len().saturating_sub(before_end);
            steps.insert(at, (0, Op::Prune(age, limit)));
        }
        if let Some(at) = clear.filter(|at| *at < steps.len()) {
            steps.insert(at, (0, Op::Clear));
        }
        steps
    })
}

/// Operations of several callers at once, each round so many seconds after the one before.
pub(super) fn rounds() -> impl Strategy<Value = Vec<(i64, Vec<Op>)>> {
    let seconds = prop_oneof![8 => 0..20_i64, 2 => 50..300_i64];
    vec((seconds, vec(op(), 1..8)), 1..12)
}
