//! Events are logged with the step that they belong to.

use super::words::{failed, task};
use crate::confidence::Confidence;
use crate::conformance::harness::{Harness, at, label, race, task_type, worker};
use crate::event::{Event, EventId, EventKind, RequeueCause};
use crate::id::TaskType;
use crate::store::{EventQuery, TransactionError};

fn gone(name: &str) -> Event {
    Event::WorkerGone {
        worker: worker(name),
    }
}

/// One of every kind, and every cause for which a lease ends.
fn every_event() -> Vec<Event> {
    let (task, sentiment) = (task(0), TaskType::sentiment());
    let (worker, reason) = (worker("zoe é"), "it's spam: é\n".to_owned());
    let mut events = vec![
        Event::created(&task),
        Event::leased(&task, worker.clone(), at(60)),
        Event::answered(&task, worker.clone()),
        Event::TaskFinalized {
            task: task.id,
            task_type: sentiment.clone(),
            label: label("two\nlines"),
            agreement: Confidence::new(2.0 / 3.0).unwrap(),
            submissions: 3,
            created_at: at(0),
        },
        Event::closed(&failed(task.clone())).expect("it is closed"),
        Event::TaskCancelled {
            task: task.id,
            task_type: sentiment.clone(),
            reason: "not 'needed'\n".to_owned(),
            created_at: at(0),
        },
        Event::WorkerRegistered {
            worker: worker.clone(),
            task_types: [sentiment.clone(), task_type("ner-2")].into(),
        },
        Event::WorkerStale {
            worker: worker.clone(),
        },
        gone("zoe é"),
        Event::WorkerReturned {
            worker: worker.clone(),
        },
        Event::WorkerSuspended {
            worker: worker.clone(),
            task_type: Some(sentiment),
            reason: reason.clone(),
        },
        Event::WorkerProbation {
            worker: worker.clone(),
            task_type: None,
            reason,
        },
        Event::WorkerReinstated {
            worker: worker.clone(),
            task_type: None,
        },
        Event::MarketReset {},
    ];
    let causes = RequeueCause::ALL.into_iter();
    events.extend(causes.map(|cause| Event::requeued(&task, worker.clone(), cause)));
    events
}

async fn all(h: &Harness) -> Vec<(EventId, Event)> {
    let query = EventQuery::after(EventId::START, 10_000);
    let page = h.store.events(query).await.unwrap();
    let events = page.events.iter();
    events
        .map(|logged| (logged.id, logged.event.clone()))
        .collect()
}

/// In the order in which they were logged, with the time of their step.
pub async fn events_come_back_as_they_were_logged(h: &Harness) {
    let events = every_event();
    let missing: Vec<_> = EventKind::ALL
        .iter()
        .filter(|kind| events.iter().all(|event| event.kind() != **kind))
        .collect();
    assert!(missing.is_empty(), "there is no event of {missing:?}");
    let (first, second) = events.split_at(7);
    for (seconds, events) in [(1, first), (2, second)] {
        h.at(seconds);
        let events = events.to_vec();
        h.run(move |tx| events.iter().try_for_each(|event| tx.log(event.clone())))
            .await;
    }
    let page = h.store.events(EventQuery::after(EventId::START, 99)).await;
    let page = page.unwrap();
    let found: Vec<_> = page
        .events
        .iter()
        .map(|logged| logged.event.clone())
        .collect();
    assert_eq!(found, events);
    let times: Vec<_> = page.events.iter().map(|logged| logged.at).collect();
    assert_eq!((times[0], times[6], times[7]), (at(1), at(1), at(2)));
    assert!(
        page.events
            .is_sorted_by(|before, after| before.id < after.id)
    );
    assert_eq!(page.newest, page.events[events.len() - 1].id);
}

/// Each step's in one piece, at higher places than all that could be read before.
pub async fn places_rise_with_each_step(h: &Harness) {
    let callers = (0..6_u32).map(|caller| {
        let h = h.clone();
        async move {
            for n in 0..10_u32 {
                let before = all(&h).await.last().map(|(place, _)| *place);
                let name = format!("w-{caller}-{n}");
                let own = name.clone();
                h.run(move |tx| {
                    tx.log(gone(&own))?;
                    tx.log(Event::MarketReset {})?;
                    tx.log(gone(&own))
                })
                .await;
                let found = all(&h).await;
                let at = found.iter().position(|(_, event)| *event == gone(&name));
                let at = at.expect("what was logged can be read");
                assert!(Some(found[at].0) > before);
                assert_eq!(found[at + 1].1, Event::MarketReset {});
                assert_eq!(found[at + 2].1, gone(&name));
            }
        }
    });
    race(callers.collect()).await;
    let found = all(h).await;
    assert_eq!(found.len(), 180);
    assert!(found.is_sorted_by(|before, after| before.0 < after.0));
}

/// A step that is undone has logged nothing.
pub async fn an_undone_step_logs_nothing(h: &Harness) {
    h.run(|tx| tx.log(gone("first"))).await;
    let failing = h.try_run(|tx| {
        tx.log(gone("never"))?;
        Err::<(), _>(TransactionError::Panicked)
    });
    assert!(failing.await.is_err());
    h.run(|tx| tx.log(gone("second"))).await;
    let found: Vec<_> = all(h).await.into_iter().map(|(_, event)| event).collect();
    assert_eq!(found, [gone("first"), gone("second")]);
}

/// Everything is deleted but the place of the newest event; the rest of the step holds.
pub async fn clearing_goes_on_with_the_places_of_events(h: &Harness) {
    h.run(|tx| {
        tx.log(gone("first"))?;
        tx.log(gone("second"))
    })
    .await;
    let newest = h.store.events(EventQuery::last(0)).await.unwrap().newest;
    h.run(|tx| {
        tx.log(gone("third"))?;
        tx.clear()?;
        tx.log(Event::MarketReset {})
    })
    .await;
    let found = all(h).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].0 > newest);
    assert_eq!(found[0].1, Event::MarketReset {});
    h.run(|tx| tx.log(gone("fourth"))).await;
    let after = h.store.events(EventQuery::after(newest, 9)).await.unwrap();
    assert_eq!(after.events.len(), 2);
    assert!(after.events[0].id < after.events[1].id);
}
