//! What a store counts is what happened.

use std::collections::BTreeMap;

use ai_market_core::store::StoreError;
use futures_util::FutureExt;
use futures_util::future::join_all;
use prometheus::{Registry, proto::MetricType};

use crate::error::Error;
use crate::{OpenError, SqliteStore};

use super::faults::hold;
use super::fixture::{Place, insert, market, new_task};

fn open(place: &Place, registry: &Registry, queue: usize) -> Result<SqliteStore, OpenError> {
    place
        .options()
        .with_queue(queue.try_into().unwrap())
        .with_registry(registry.clone())
        .open(place.path())
}

/// The values by name and label; of a histogram its count and sum.
fn values(registry: &Registry) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    for family in registry.gather() {
        for metric in family.get_metric() {
            let labels: Vec<_> = metric.get_label().iter().map(|l| l.value()).collect();
            let name = [&[family.name()], &labels[..]].concat().join(" ");
            match family.get_field_type() {
                MetricType::COUNTER => values.insert(name, metric.get_counter().get_value()),
                MetricType::GAUGE => values.insert(name, metric.get_gauge().get_value()),
                _ => {
                    let histogram = metric.get_histogram();
                    values.insert(format!("{name} sum"), histogram.get_sample_sum());
                    values.insert(name, histogram.get_sample_count() as f64)
                }
            };
        }
    }
    values
}

#[tokio::test]
async fn groups_and_queues_are_counted() {
    let (place, registry) = (Place::new(), Registry::new());
    let store = open(&place, &registry, 4).unwrap();
    let before = values(&registry);
    let (release, held) = hold(&store).await;
    let market = market(&store);
    let put = |n| market.insert(insert([new_task(n)]));
    let mut waiting = Box::pin(join_all((0..4).map(put)));
    assert!(waiting.as_mut().now_or_never().is_none());
    let refused = put(9).now_or_never().unwrap();
    assert!(
        matches!(refused, Err(StoreError::Overloaded)),
        "{refused:?}"
    );
    let full = values(&registry);
    for (name, expected) in [
        ("ai_market_sqlite_queue_length write", 4.0),
        ("ai_market_sqlite_queue_length read", 0.0),
        ("ai_market_sqlite_queue_limit write", 4.0),
        ("ai_market_sqlite_overloaded_total write", 1.0),
        ("ai_market_sqlite_overloaded_total read", 0.0),
    ] {
        assert_eq!(full[name], expected, "{name}");
    }
    drop(release);
    for outcome in waiting.await {
        outcome.unwrap();
    }
    held.await.unwrap();
    let after = values(&registry);
    let grown = |name: &str| after[name] - before[name];
    assert_eq!(grown("ai_market_sqlite_group_steps"), 2.0, "groups");
    assert_eq!(grown("ai_market_sqlite_group_steps sum"), 5.0, "steps");
    for name in [
        "ai_market_sqlite_group_duration_seconds",
        "ai_market_sqlite_commit_duration_seconds",
    ] {
        assert_eq!(grown(name), 2.0, "{name}");
        assert!(grown(&format!("{name} sum")) > 0.0, "{name}");
    }
    assert_eq!(after["ai_market_sqlite_queue_length write"], 0.0);
    for (name, suffix) in [("database", ""), ("wal", "-wal")] {
        let path = format!("{}{suffix}", place.path().display());
        let bytes = std::fs::metadata(path).unwrap().len();
        assert_eq!(
            after[&format!("ai_market_sqlite_file_bytes {name}")],
            bytes as f64,
            "{name}"
        );
    }
}

#[tokio::test]
async fn failures_are_counted_as_what_they_took_with_them() {
    let (place, registry) = (Place::new(), Registry::new());
    let store = open(&place, &registry, 64).unwrap();
    store
        .with_session(|_| Err::<(), _>(Error::Panicked))
        .await
        .unwrap_err();
    let failed = |name: &str| values(&registry)[&format!("ai_market_sqlite_{name}_failed_total")];
    assert_eq!((failed("steps"), failed("groups")), (1.0, 0.0));
    store
        .with_session(|session| Ok(session.db.script("ROLLBACK;")?))
        .await
        .unwrap_err();
    assert_eq!((failed("steps"), failed("groups")), (1.0, 1.0));
}

#[tokio::test]
async fn two_stores_need_two_registries_unless_one_follows_the_other() {
    let (place, other, registry) = (Place::new(), Place::new(), Registry::new());
    let store = open(&place, &registry, 64).unwrap();
    let refused = open(&other, &registry, 64).unwrap_err();
    assert!(matches!(refused, OpenError::RegistryInUse(_)), "{refused}");
    assert!(!other.path().exists());
    let clone = store.clone();
    drop(store);
    assert!(!values(&registry).is_empty());
    drop(clone);
    assert!(values(&registry).is_empty());
    drop(open(&other, &registry, 64).unwrap());
    drop(open(&place, &registry, 64).unwrap());
}
