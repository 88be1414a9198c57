use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::market::{Reap, Reaped};
use crate::store::StoreError;

use super::Coordinator;

/// How many leases and deadlines one step of maintenance ends: few enough that claims and votes
/// which wait for the store meanwhile do not notice.
const REAP_BATCH: usize = 500;

/// After how many missed rounds of maintenance the coordinator counts as having been down.
const SILENT_ROUNDS: u32 = 5;

impl Coordinator {
    /// Does the maintenance until `stop` is cancelled: ends leases and deadlines that ran out, declares
    /// workers gone, and deletes closed tasks and unused workers that are no longer kept.
    ///
    /// Its first round gives every lease the time back in which no coordinator ran. Once it is told
    /// to stop, requests that wait are answered, and later ones wait no more. What else is in
    /// progress is not ended; dropping the store finishes it. An error of the store is logged, and
    /// the next round tries again.
    pub async fn run(&self, stop: CancellationToken) {
        let end_waits = async {
            stop.cancelled().await;
            self.inner.stopping.cancel();
        };
        tokio::join!(self.maintain(&stop), self.prune_regularly(&stop), end_waits);
    }

    async fn maintain(&self, stop: &CancellationToken) {
        let interval = self.inner.settings.reap_interval();
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // In the first round, whatever time has passed since the last one is downtime.
        let mut silence = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.reap(silence).await {
                Ok(_) => silence = interval * SILENT_ROUNDS,
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "maintenance could not end what ran out"
                ),
            }
        }
    }

    /// Ends every lease and deadline that has run out, at once.
    ///
    /// # Errors
    ///
    /// When the store fails; what was ended before that stays ended.
    pub async fn reap_now(&self) -> Result<Reaped, StoreError> {
        self.reap(self.inner.settings.reap_interval() * SILENT_ROUNDS)
            .await
    }

    async fn reap(&self, silence: Duration) -> Result<Reaped, StoreError> {
        let mut total = Reaped::default();
        let mut silence = silence;
        loop {
            let reap = Reap::new(REAP_BATCH, silence)
                .with_longest_lease(self.inner.settings.lease)
                .with_stale_after(self.inner.settings.noted_stale_after())
                .with_gone_after(self.inner.settings.noted_gone_after())
                .with_unused_after(self.inner.settings.noted_unused_after());
            let reaped = self.inner.market.reap(reap).await?;
            total.lost += reaped.lost;
            total.expired += reaped.expired;
            for worker in &reaped.gone {
                tracing::warn!(%worker, "a worker is gone");
            }
            total.gone.extend(reaped.gone);
            total.deleted += reaped.deleted;
            total.effects.merge(reaped.effects);
            // What is left when the coordinator stops runs out under the next one.
            if !reaped.more || self.inner.stopping.is_cancelled() {
                break;
            }
            // Rounds that follow at once are not apart, however long the first one took.
            silence = Duration::MAX;
        }
        if total.deleted > 0 {
            tracing::info!(deleted = total.deleted, "unused workers were deleted");
        }
        if total.lost > 0 {
            tracing::info!(lost = total.lost, "leases ran out");
        }
        Ok(total)
    }

    /// Forgets every task, worker, vote and point.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.inner.market.clear().await?;
        self.inner.names.clear().await;
        Ok(())
    }
}
