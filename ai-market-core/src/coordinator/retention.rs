use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, sleep};
use tokio_util::sync::CancellationToken;

use crate::market::Prune;
use crate::store::StoreError;

use super::Coordinator;

/// How many closed tasks one step looks at: few enough that claims and votes which wait for the store
/// meanwhile do not notice.
const PRUNE_BATCH: usize = 100;

/// How long the coordinator pauses after a step, in times of what the step took, so that the store has
/// most of its time for others.
const PAUSE_FACTOR: u32 = 3;

/// The longest such pause: a step that takes long has waited for others for most of it.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How often closed tasks are looked at.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
const MAX_INTERVAL: Duration = Duration::from_secs(600);

impl Coordinator {
    /// Deletes the tasks that are no longer kept, at intervals, until `stop` is cancelled.
    pub(super) async fn prune_regularly(&self, stop: &CancellationToken) {
        let Some(keep) = self.inner.settings.keep_closed else {
            return;
        };
        let interval = (keep / 100).clamp(MIN_INTERVAL, MAX_INTERVAL);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let rounds = async {
            loop {
                ticks.tick().await;
                match self.prune(keep, true).await {
                    Ok(0) => {}
                    Ok(deleted) => tracing::info!(deleted, "closed tasks were deleted"),
                    Err(error) => tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "closed tasks could not be deleted"
                    ),
                }
            }
        };
        // OK because a step that is given up is done or not done as a whole.
        tokio::select! {
            () = rounds => {}
            () = stop.cancelled() => {}
        }
    }

    /// Deletes every task that was closed longer ago than [`Settings::keep_closed`], at once, and
    /// returns how many it deleted: none where closed tasks are kept for ever.
    ///
    /// [`Settings::keep_closed`]: super::Settings::keep_closed
    ///
    /// # Errors
    ///
    /// When the store fails; what was deleted before that stays deleted.
    pub async fn prune_now(&self) -> Result<u64, StoreError> {
        match self.inner.settings.keep_closed {
            Some(keep) => self.prune(keep, false).await,
            None => Ok(0),
        }
    }

    async fn prune(&self, keep: Duration, gently: bool) -> Result<u64, StoreError> {
        let closed_before = self.now().minus(keep);
        let mut prune = Prune::new(closed_before, PRUNE_BATCH);
        let mut deleted = 0;
        loop {
            let begun = Instant::now();
            let pruned = self.inner.market.prune(prune.clone()).await?;
            deleted += pruned.deleted;
            if pruned.next.is_none() {
                return Ok(deleted);
            }
            prune = prune.after(pruned.next);
            if gently {
                sleep((begun.elapsed() * PAUSE_FACTOR).min(MAX_PAUSE)).await;
            }
        }
    }
}
