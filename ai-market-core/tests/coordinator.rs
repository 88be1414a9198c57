//! The coordinator in process does what its APIs promise.

use ai_market_core::coordinator::{Coordinator, InvalidSettings};
use ai_market_core::store::MemoryStore;
use std::time::Duration;

async fn open() -> ((), Coordinator) {
    let coordinator = Coordinator::builder(MemoryStore::new()).build();
    (
        (),
        coordinator.unwrap_or_else(|_| unreachable!("the default settings are valid")),
    )
}

ai_market_core::market_api_tests!(open);

#[test]
fn settings_that_cannot_work_together_are_refused() {
    let builder = || Coordinator::builder(MemoryStore::new());
    let seconds = Duration::from_secs;
    let refused = builder().lease(seconds(10)).heartbeat(seconds(6)).build();
    assert!(matches!(refused, Err(InvalidSettings::Heartbeat { .. })));
    let refused = builder().heartbeat(Duration::ZERO).build();
    assert!(matches!(refused, Err(InvalidSettings::Heartbeat { .. })));
    let refused = builder()
        .required_submissions(101.try_into().unwrap())
        .build();
    assert!(matches!(
        refused,
        Err(InvalidSettings::RequiredSubmissions { .. })
    ));
    assert!(
        builder()
            .lease(seconds(10))
            .heartbeat(seconds(5))
            .build()
            .is_ok()
    );
}
