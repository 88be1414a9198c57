use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::id::TaskType;

/// The metrics of each task type, looked up once and kept.
///
/// Clients name the types, so only the first ones get time series of their own; all others share
/// one.
pub struct ByTaskType<T> {
    make: Box<dyn Fn(&str) -> T + Send + Sync>,
    known: RwLock<HashMap<TaskType, Arc<T>>>,
    others: OnceLock<Arc<T>>,
}

/// How many task types are told apart.
const MAX_TYPES: usize = 50;

impl<T> ByTaskType<T> {
    /// What all other types are called; no task type can be.
    pub const OTHERS: &'static str = "(other)";

    /// The metrics that `make` makes of the value of the label `task_type`.
    pub fn new(make: impl Fn(&str) -> T + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            known: RwLock::default(),
            others: OnceLock::new(),
        }
    }

    /// The metrics of `task_type`.
    pub fn of(&self, task_type: &TaskType) -> Arc<T> {
        // OK because nothing is half done where something panics under the lock.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(task_type) {
            return Arc::clone(metrics);
        }
        if known.len() >= MAX_TYPES {
            let others = || Arc::new((self.make)(Self::OTHERS));
            return Arc::clone(self.others.get_or_init(others));
        }
        drop(known);
        self.begin(task_type)
    }

    fn begin(&self, task_type: &TaskType) -> Arc<T> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(task_type) && known.len() >= MAX_TYPES {
            drop(known);
            return self.of(task_type);
        }
        let metrics = known.entry(task_type.clone());
        Arc::clone(metrics.or_insert_with(|| Arc::new((self.make)(task_type.as_str()))))
    }
}

impl<T> fmt::Debug for ByTaskType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByTaskType").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_types_are_told_apart_and_the_rest_shares_one() {
        let by_type = ByTaskType::new(str::to_owned);
        let of = |n: usize| by_type.of(&TaskType::new(format!("type-{n}")).unwrap());
        for n in 0..1_000 {
            let expected = match n {
                0..MAX_TYPES => format!("type-{n}"),
                _ => "(other)".to_owned(),
            };
            assert_eq!(*of(n), expected);
        }
        assert!(Arc::ptr_eq(&of(0), &of(0)) && Arc::ptr_eq(&of(100), &of(200)));
        TaskType::new(ByTaskType::<String>::OTHERS).unwrap_err();
    }
}
