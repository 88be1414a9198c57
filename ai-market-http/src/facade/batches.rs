use std::error::Error;

use ai_market_core::access::Caller;
use ai_market_core::api::{ApiError, ClientApi, ErrorCode, TaskSpec, WorkerApi};
use ai_market_core::coordinator::{Acting, Coordinator};
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::wire::{
    SubmissionBatch, SubmissionBatchHead, SubmissionBatchResults, SubmissionRequest, TaskBatch,
    TaskBatchResults, TaskRequest,
};

use super::batch_body::BatchBody;
use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::metrics::Metrics;
use super::quota::Quota;

/// What clients and workers ask many times at once.
#[derive(Debug)]
pub(super) struct BatchRoutes {
    pub(super) coordinator: Coordinator,
    pub(super) metrics: Metrics,
}

pub(super) struct BatchErrors;
impl Errors for BatchErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

#[OpenApi]
impl BatchRoutes {
    /// Create several tasks
    ///
    /// As `POST /tasks` does for each of them, in order. A task that cannot be created gets the error
    /// that it would get there in its place of the results, and the others are created all the same.
    /// The request is refused as a whole, and nothing is created, when the list is absent or too long
    /// or when the store cannot take anything.
    #[oai(path = "/tasks/batch", method = "post", operation_id = "create_tasks")]
    async fn create(
        &self,
        caller: Data<&Caller>,
        quota: Data<&Quota>,
        body: BatchBody<TaskBatch>,
    ) -> Result<JsonBody<TaskBatchResults>, Failure<BatchErrors>> {
        let limits = &self.coordinator.settings().limits;
        let items = body.list(TaskBatch::ITEMS, limits)?;
        quota.count_items(TaskBatch::ITEMS, items.len())?;
        let items = items.read().map(|item| item.map(TaskRequest::into));
        let (specs, slots) = ResultSlots::of::<TaskSpec>(items);
        drop(body);
        let results = match specs.is_empty() {
            true => Vec::new(),
            false => self.acting_as(caller.0).enqueue(specs).await,
        };
        let results = slots.fill(results)?;
        self.count("/tasks/batch", &results);
        Ok(JsonBody(results.into()))
    }

    /// Hand several answers in
    ///
    /// As `POST /workers/submit` does for each of them, in order. An answer that does not count gets
    /// the error that it would get there in its place of the results, and the others count all the
    /// same. The request is refused as a whole, and nothing is changed, when the list is absent or
    /// too long, when the worker is not the caller's, or when the store cannot take anything.
    #[oai(
        path = "/workers/submit/batch",
        method = "post",
        operation_id = "submit_batch"
    )]
    async fn submit(
        &self,
        caller: Data<&Caller>,
        quota: Data<&Quota>,
        body: BatchBody<SubmissionBatch>,
    ) -> Result<JsonBody<SubmissionBatchResults>, Failure<BatchErrors>> {
        let head: SubmissionBatchHead = body.only(SubmissionBatchHead::WORKER_ID)?;
        let worker = head.worker_id.0;
        // The coordinator checks each vote; a batch without a good one would pass.
        caller.0.may_act_as(&worker)?;
        let limits = &self.coordinator.settings().limits;
        let items = body.list(SubmissionBatch::ITEMS, limits)?;
        quota.count_items(SubmissionBatch::ITEMS, items.len())?;
        let items = items.read();
        let items =
            items.map(|item| item.map(|item: SubmissionRequest| item.into_vote(worker.clone())));
        let (votes, slots) = ResultSlots::of(items);
        drop(body);
        let results = match votes.is_empty() {
            true => Vec::new(),
            false => self.acting_as(caller.0).submit(votes).await,
        };
        let results = slots.fill(results)?;
        self.count("/workers/submit/batch", &results);
        Ok(JsonBody(results.into()))
    }
}

impl BatchRoutes {
    fn acting_as(&self, caller: &Caller) -> Acting {
        self.coordinator.acting_as(caller.clone())
    }

    /// Counts the items of a batch, and logs faults among them: the answer's status tells of none.
    fn count<T>(&self, route: &str, results: &[Result<T, ApiError>]) {
        let mut taken = 0;
        for result in results {
            let Err(error) = result else {
                taken += 1;
                continue;
            };
            self.metrics.items(route, Some(error.code()), 1);
            if error.code() == ErrorCode::Internal {
                tracing::error!(error = error as &dyn Error, "an item of a batch failed");
            }
        }
        self.metrics.items(route, None, taken);
    }
}

/// The results of a batch before the coordinator has answered: an error for each item that could not be
/// read, and an empty slot for each other one.
struct ResultSlots(Vec<Result<(), ApiError>>);

impl ResultSlots {
    /// Returns the items that could be read, and the slots for the results.
    fn of<T>(items: impl Iterator<Item = Result<T, ApiError>>) -> (Vec<T>, Self) {
        let mut good = Vec::new();
        let places = items.map(|item| item.map(|item| good.push(item))).collect();
        (good, Self(places))
    }

    /// Puts the coordinator's results into the empty slots.
    ///
    /// # Errors
    ///
    /// The store's error, when it took none of the items: that concerns the request, so the status of
    /// the answer has to tell it.
    fn fill<T>(
        self,
        results: Vec<Result<T, ApiError>>,
    ) -> Result<Vec<Result<T, ApiError>>, ApiError> {
        let failed = |result: &Result<T, ApiError>| result.as_ref().is_err_and(of_the_store);
        if results.iter().all(failed)
            && let Some(Err(error)) = results.first()
        {
            return Err(error.clone());
        }
        let mut results = results.into_iter();
        let filled = self.0.into_iter().map(|place| {
            place?;
            results.next().unwrap_or_else(|| {
                let message = "the coordinator gave no answer";
                Err(ApiError::new(ErrorCode::Internal, message))
            })
        });
        Ok(filled.collect())
    }
}

/// Whether an error says that a store could not work.
fn of_the_store(error: &ApiError) -> bool {
    matches!(
        error.code(),
        ErrorCode::TooManyRequests | ErrorCode::Unavailable | ErrorCode::Internal
    )
}

#[cfg(test)]
mod tests {
    use ai_market_core::store::StoreError;

    use super::*;

    fn bad() -> ApiError {
        ApiError::invalid("text", "the text is empty")
    }

    fn filled(places: &[bool], results: Vec<Result<u8, ApiError>>) -> Result<String, ErrorCode> {
        let items = places.iter().map(|good| good.then_some(()).ok_or_else(bad));
        let (good, slots) = ResultSlots::of(items);
        assert_eq!(good.len(), places.iter().filter(|good| **good).count());
        let filled = slots.fill(results).map_err(|error| error.code())?;
        let shown = filled.iter().map(|result| match result {
            Ok(n) => n.to_string(),
            Err(error) => error.code().to_string(),
        });
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_result_is_in_its_place() {
        let full = || Err(ApiError::new(ErrorCode::MarketFull, "full"));
        let fault = || Err(StoreError::failed("broken").into());
        let shown = filled(
            &[false, true, true, false, true],
            vec![Ok(1), full(), Ok(3)],
        );
        assert_eq!(shown.unwrap(), "invalid 1 market_full invalid 3");
        assert_eq!(filled(&[], vec![]).unwrap(), "");
        assert_eq!(filled(&[false], vec![]).unwrap(), "invalid");
        // A full market is a matter of each task.
        assert_eq!(filled(&[true], vec![full()]).unwrap(), "market_full");
        let mixed = filled(&[true, true], vec![fault(), Ok(2)]);
        assert_eq!(mixed.unwrap(), "internal 2");
    }

    #[test]
    fn a_store_that_takes_nothing_fails_the_whole() {
        for (error, code) in [
            (StoreError::Overloaded, ErrorCode::TooManyRequests),
            (StoreError::unavailable("locked"), ErrorCode::Unavailable),
            (StoreError::failed("broken"), ErrorCode::Internal),
        ] {
            let error = ApiError::from(error);
            let results = vec![Err(error.clone()), Err(error)];
            assert_eq!(filled(&[true, false, true], results), Err(code));
        }
    }
}
