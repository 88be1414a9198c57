//! What is packed comes back, and what is damaged is told.

use ai_market_core::confidence::Confidence;
use ai_market_core::event::{Event, EventKind, RequeueCause};
use ai_market_core::id::{Label, TaskId, TaskType, WorkerId};
use ai_market_core::time::Timestamp;
use proptest::prelude::*;

use super::{VERSION, pack, unpack};

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<i64>().prop_map(Timestamp::from_micros),
        (0..1_000_i64).prop_map(|n| Timestamp::from_micros(1_700_000_000_000_000 + n)),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let worker = "[a-cé\"<]{1,3}".prop_map(|id| WorkerId::new(id).unwrap());
    let task_type = "[a-c]{1,3}".prop_map(|name| TaskType::new(name).unwrap());
    let label = "[x-zß]{1,4}".prop_map(|text| Label::new(text).unwrap());
    let task = any::<[u8; 16]>().prop_map(TaskId::from_bytes);
    let share = (0..=1_000_u32)
        .prop_map(|n| Confidence::new(f64::from(n) / 999.9).unwrap_or(Confidence::ONE));
    let cause = prop::sample::select(RequeueCause::ALL.to_vec());
    let fields = (worker, task_type, label, task, share, cause);
    let more = (
        any::<u32>(),
        any::<u32>(),
        any_time(),
        ".{0,20}",
        any::<bool>(),
    );
    let kind = prop::sample::select(EventKind::ALL.to_vec());
    (kind, fields, more).prop_map(|(kind, fields, more)| {
        let (worker, task_type, label, task, agreement, cause) = fields;
        let (wanted, submissions, time, reason, whole) = more;
        let of = (!whole).then(|| task_type.clone());
        match kind {
            EventKind::TaskCreated => Event::TaskCreated {
                task,
                task_type,
                wanted,
            },
            EventKind::TaskLeased => Event::TaskLeased {
                task,
                task_type,
                worker,
                lease_until: time,
            },
            EventKind::TaskAnswered => Event::TaskAnswered {
                task,
                task_type,
                worker,
                submissions,
                wanted,
            },
            EventKind::TaskFinalized => Event::TaskFinalized {
                task,
                task_type,
                label,
                agreement,
                submissions,
                created_at: time,
            },
            EventKind::TaskFailed => Event::TaskFailed {
                task,
                task_type,
                reason,
                created_at: time,
            },
            EventKind::TaskCancelled => Event::TaskCancelled {
                task,
                task_type,
                reason,
                created_at: time,
            },
            EventKind::TaskRequeued => Event::TaskRequeued {
                task,
                task_type,
                worker,
                cause,
            },
            EventKind::WorkerRegistered => Event::WorkerRegistered {
                worker,
                task_types: [task_type, TaskType::sentiment()].into(),
            },
            EventKind::WorkerStale => Event::WorkerStale { worker },
            EventKind::WorkerGone => Event::WorkerGone { worker },
            EventKind::WorkerReturned => Event::WorkerReturned { worker },
            EventKind::WorkerSuspended => Event::WorkerSuspended {
                worker,
                task_type: of,
                reason,
            },
            EventKind::WorkerProbation => Event::WorkerProbation {
                worker,
                task_type: of,
                reason,
            },
            EventKind::WorkerReinstated => Event::WorkerReinstated {
                worker,
                task_type: of,
            },
            EventKind::MarketReset => Event::MarketReset {},
            kind => panic!("{kind} is not made here"),
        }
    })
}

fn any_row() -> impl Strategy<Value = Vec<(Timestamp, Event)>> {
    prop::collection::vec((any_time(), any_event()), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_comes_back_as_it_was(row in any_row()) {
        let packed = pack(&row).unwrap();
        let back = unpack(7, row.len(), &packed).unwrap();
        let places: Vec<_> = back.iter().map(|event| event.id.get()).collect();
        prop_assert_eq!(places, (7..7 + row.len() as u128).collect::<Vec<_>>());
        let back: Vec<_> = back.into_iter().map(|logged| (logged.at, logged.event)).collect();
        prop_assert_eq!(back, row);
    }

    #[test]
    fn a_row_that_was_cut_is_told(row in any_row(), share in 0..1_000_usize) {
        let packed = pack(&row).unwrap();
        let cut = &packed[..packed.len() * share / 1_000];
        prop_assert!(unpack(1, row.len(), cut).is_err());
    }

    #[test]
    fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut row = vec![VERSION];
        row.extend(&bytes);
        for bytes in [bytes, row] {
            // What it makes of them does not matter.
            let _ = unpack(1, 3, &bytes);
        }
    }
}

#[test]
fn an_event_takes_little() {
    let task = TaskId::from_bytes([7; 16]);
    let (task_type, at) = (
        TaskType::sentiment(),
        Timestamp::from_micros(1_700_000_000_000_000),
    );
    let worker = |n: u32| WorkerId::new(format!("worker-{n}")).unwrap();
    let leases = (0..30).map(|n| Event::TaskLeased {
        task,
        task_type: task_type.clone(),
        worker: worker(n % 3),
        lease_until: at,
    });
    let row: Vec<_> = leases.map(|event| (at, event)).collect();
    let packed = pack(&row).unwrap();
    assert!(packed.len() < 30 * 24, "{}", packed.len());
}
