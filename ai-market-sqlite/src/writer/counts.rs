use std::collections::{BTreeMap, BTreeSet, HashMap};

use ai_market_core::id::TaskType;
use ai_market_core::store::Counter;

use crate::data::counter::{
    MODELS_OF_TYPE, SERVING_TYPE, SHORT, SHORT_OF_TYPE, TASKS_IN_STATUS, TASKS_OF_TYPE, UNSERVED,
    UNSERVED_TYPE, counter_row,
};
use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{
    AddToCounter, DeleteEmptyCounter, DeleteEmptyCountersOf, InsertCounter, TypeSumsBehind,
};

/// What is to be added to counters.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counters: HashMap<Counter, i64>,
    /// By how many there are more open tasks.
    open: i64,
    /// Counters of the store's own, by kind and task type; those of all types have none.
    own: HashMap<(i64, Option<TaskType>), i64>,
}

impl Counts {
    pub(super) fn count(&mut self, counter: &Counter, by: i64) {
        if matches!(counter, Counter::Tasks(_, status) if status.is_open()) {
            self.open += by;
        }
        match self.counters.get_mut(counter) {
            Some(n) => *n += by,
            None => {
                self.counters.insert(counter.clone(), by);
            }
        }
    }

    /// Adds to a counter of the store's own, of a type or of all.
    pub(super) fn count_own(&mut self, kind: i64, task_type: Option<&TaskType>, by: i64) {
        *self.own.entry((kind, task_type.cloned())).or_default() += by;
    }

    /// By how many there are more open tasks.
    pub(super) const fn open(&self) -> i64 {
        self.open
    }

    /// Adds what a later job of the same group counted.
    pub(super) fn merge(&mut self, later: Self) {
        self.open += later.open;
        for (counter, by) in later.counters {
            *self.counters.entry(counter).or_default() += by;
        }
        for (counter, by) in later.own {
            *self.own.entry(counter).or_default() += by;
        }
    }

    /// Writes the counters, and the sums that follow from them.
    pub(super) fn write(&self, db: &mut Connection) -> Result<(), Error> {
        let mut rows: BTreeMap<(i64, &str, i64), i64> = BTreeMap::new();
        // The types of which tasks were deleted.
        let mut pruned = BTreeSet::new();
        // The types of which tasks may be short of workers, or no longer are.
        let mut changed = BTreeSet::new();
        let mut add = |row, by| *rows.entry(row).or_default() += by;
        for (counter, by) in self.counters.iter().filter(|(_, by)| **by != 0) {
            let (kind, task_type, key) = counter_row(counter);
            add((kind, task_type, key), *by);
            if let Counter::Tasks(..) = counter {
                add((TASKS_OF_TYPE, task_type, 0), *by);
                add((TASKS_IN_STATUS, "", key), *by);
            }
            if !task_type.is_empty() {
                changed.insert(task_type);
            }
        }
        for ((kind, task_type), by) in self.own.iter().filter(|(_, by)| **by != 0) {
            let task_type = task_type.as_ref().map_or("", TaskType::as_str);
            add((*kind, task_type, 0), *by);
            if *kind == SERVING_TYPE {
                changed.insert(task_type);
            }
        }
        for ((kind, task_type, key), by) in rows {
            db.add_to_counter(kind, task_type, key, by)?;
            if kind == TASKS_OF_TYPE && by < 0 {
                pruned.insert(task_type);
            }
        }
        for of in changed {
            let row = db.row::<TypeSumsBehind, (i64, i64), _>((of, of, of, of, of, of))?;
            let (short, unserved) = row.unwrap_or_default();
            for (kind, all, by) in [
                (SHORT_OF_TYPE, SHORT, short),
                (UNSERVED_TYPE, UNSERVED, unserved),
            ] {
                db.add_to_counter(kind, of, 0, by)?;
                db.add_to_counter(all, "", 0, by)?;
            }
        }
        for of in pruned {
            if db.execute::<DeleteEmptyCounter>((TASKS_OF_TYPE, of, 0_i64))? > 0 {
                db.execute::<DeleteEmptyCountersOf>((of,))?;
            }
        }
        Ok(())
    }
}

impl Connection {
    fn add_to_counter(
        &mut self,
        kind: i64,
        task_type: &str,
        key: i64,
        by: i64,
    ) -> Result<(), Error> {
        if by == 0 {
            return Ok(());
        }
        if self.execute::<AddToCounter>((by, kind, task_type, key))? == 0 {
            self.execute::<InsertCounter>((by, kind, task_type, key))?;
        }
        // Lists of types look for these, and types come and go with workers.
        if by < 0 && matches!(kind, SERVING_TYPE | MODELS_OF_TYPE) {
            self.execute::<DeleteEmptyCounter>((kind, task_type, key))?;
        }
        Ok(())
    }
}
