//! What may be done to a store, in any order.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{TASKS, WORKERS};

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Insert(Vec<(u8, TaskShape)>, u64),
    Register {
        worker: u8,
        owner: Option<u8>,
        instance: Option<u8>,
        types: u8,
        model: bool,
        ner: bool,
    },
    Claim {
        worker: u8,
        limit: usize,
        max_leases: usize,
        lease: u64,
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
    Clear,
    Reopen,
}

#[derive(Debug, Clone)]
pub(crate) struct TaskShape {
    pub(crate) task_type: u8,
    pub(crate) required: u32,
    pub(crate) wanted: u32,
    pub(crate) max: u32,
    pub(crate) attempts: u32,
    pub(crate) priority: i32,
    pub(crate) deadline: Option<i64>,
    pub(crate) key: Option<u8>,
    pub(crate) distinct: bool,
    pub(crate) params: Option<u8>,
    pub(crate) reference: bool,
    pub(crate) tags: u8,
}

fn shape() -> impl Strategy<Value = TaskShape> {
    (
        (0..2_u8, 1..4_u32, 1..4_u32, 1..6_u32, 1..4_u32),
        (
            -1..2_i32,
            option::weighted(0.2, 0..400_i64),
            option::weighted(0.2, 0..3_u8),
            prop::bool::weighted(0.2),
        ),
        (
            option::weighted(0.4, 0..3_u8),
            prop::bool::weighted(0.2),
            prop_oneof![3 => Just(0_u8), 1 => 0..8_u8],
        ),
    )
        .prop_map(
            |(
                (task_type, required, wanted, max, attempts),
                (priority, deadline, key, distinct),
                (params, reference, tags),
            )| TaskShape {
                task_type,
                required,
                wanted,
                max,
                attempts,
                priority,
                deadline,
                key,
                distinct,
                params,
                reference,
                tags,
            },
        )
}

fn op() -> impl Strategy<Value = Op> {
    let worker = || 0..WORKERS;
    let instance = || option::weighted(0.4, 0..2_u8);
    let tasks = || option::weighted(0.6, vec(0..TASKS, 0..5));
    let vote = (0..TASKS, 0..WORKERS, 0..3_u8, 0..4_u8);
    prop_oneof![
        4 => (vec((0..TASKS, shape()), 1..5), prop_oneof![0..8_u64, Just(u64::MAX)])
            .prop_map(|(tasks, max_open)| Op::Insert(tasks, max_open)),
        3 => (worker(), option::weighted(0.3, 0..2_u8), instance(), 1..4_u8, any::<(bool, bool)>())
            .prop_map(|(worker, owner, instance, types, (model, ner))| Op::Register {
                worker, owner, instance, types, model, ner,
            }),
        8 => (worker(), 0..6_usize, 0..6_usize, 1..200_u64)
            .prop_map(|(worker, limit, max_leases, lease)| Op::Claim {
                worker, limit, max_leases, lease,
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
        1 => Just(Op::Reopen),
    ]
}

pub(crate) fn ops() -> impl Strategy<Value = Vec<(i64, Op)>> {
    // The time rises, by a little or a lot: that of a store never falls while it is open.
    // What comes at the same time as the op before is done together with it.
    let step = (
        prop_oneof![6 => Just(0), 8 => 1..20_i64, 2 => 50..300_i64],
        op(),
    );
    let steps = vec(step, 1..60);
    (steps, option::weighted(0.1, 0..60_usize)).prop_map(|(mut steps, clear)| {
        if let Some(at) = clear.filter(|at| *at < steps.len()) {
            steps.insert(at, (0, Op::Clear));
        }
        steps
    })
}
