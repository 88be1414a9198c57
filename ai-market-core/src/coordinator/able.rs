use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::api::ApiError;
use crate::id::TaskType;
use crate::store::Serving;
use crate::time::Timestamp;

/// How long a count is kept.
const KEPT: Duration = Duration::from_secs(1);

/// How many workers may be given tasks of each type, counted at most once a second.
///
/// To count them the store visits all workers, and clients ask for their tasks all the time.
#[derive(Debug, Default)]
pub(super) struct AbleWorkers {
    counted: Mutex<Option<Counted>>,
}

#[derive(Debug)]
struct Counted {
    at: Timestamp,
    able: Arc<BTreeMap<TaskType, u64>>,
}

impl AbleWorkers {
    /// The counts, which `look` finds where those at hand are too old. Those that ask meanwhile wait
    /// for that one look.
    pub(super) async fn get<F>(
        &self,
        now: Timestamp,
        look: impl FnOnce() -> F,
    ) -> Result<Arc<BTreeMap<TaskType, u64>>, ApiError>
    where
        F: Future<Output = Result<Vec<Serving>, ApiError>>,
    {
        let mut counted = self.counted.lock().await;
        // A clock may be set back; what was counted after now is no news.
        let fresh = |counted: &&Counted| counted.at <= now && now < counted.at.plus(KEPT);
        if let Some(counted) = counted.as_ref().filter(fresh) {
            return Ok(Arc::clone(&counted.able));
        }
        let mut able: BTreeMap<TaskType, u64> = BTreeMap::new();
        for of in look().await? {
            *able.entry(of.task_type).or_default() += of.workers;
        }
        let able = Arc::new(able);
        *counted = Some(Counted {
            at: now,
            able: Arc::clone(&able),
        });
        Ok(able)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::api::ErrorCode;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + millis * 1_000)
    }

    #[tokio::test]
    async fn it_looks_once_a_second() {
        let able = AbleWorkers::default();
        let looks = Cell::new(0);
        let ask = async |now| {
            let look = || {
                looks.set(looks.get() + 1);
                let (ner, n) = (TaskType::new("ner").unwrap(), looks.get());
                // Two models for one type.
                let found = vec![
                    Serving::new(ner.clone(), None, n),
                    Serving::new(ner, None, 10),
                ];
                async move { Ok(found) }
            };
            let able = able.get(now, look).await.unwrap();
            able[&TaskType::new("ner").unwrap()]
        };
        for (millis, expected) in [(0, 11), (1, 11), (999, 11), (1_000, 12), (1_999, 12)] {
            assert_eq!(ask(at(millis)).await, expected, "{millis}");
        }
        assert_eq!(ask(at(0)).await, 13, "the clock was set back");
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let able = AbleWorkers::default();
        let error = || ApiError::new(ErrorCode::Unavailable, "the store is away");
        let failed = able.get(at(0), || async { Err(error()) }).await;
        assert_eq!(failed.unwrap_err().code(), ErrorCode::Unavailable);
        let found = able.get(at(0), || async { Ok(Vec::new()) }).await;
        assert!(found.unwrap().is_empty());
    }
}
