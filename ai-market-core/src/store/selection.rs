use crate::id::{TaskType, WorkerId};

use super::{ClaimFrontier, ClaimKey};

/// The claimable tasks as a store holds them, seen with the eyes of one worker.
pub trait ClaimList {
    /// What reading the store may fail with.
    type Error;

    /// Whether the task at `key` is claimable, and for the worker.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn is_for_worker(&mut self, task_type: &TaskType, key: ClaimKey) -> Result<bool, Self::Error>;

    /// The next claimable tasks of `task_type` after `after` in order, at most `limit`, each with
    /// whether it is for the worker; fewer than `limit` mean the end of the list.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn next(
        &mut self,
        task_type: &TaskType,
        after: Option<ClaimKey>,
        limit: usize,
    ) -> Result<Vec<(ClaimKey, bool)>, Self::Error>;
}

/// What [`ClaimFrontier::select`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These tasks are the worker's next ones, best first; it takes them all.
    Tasks(Vec<(TaskType, ClaimKey)>),
    /// The budget was used up; selecting again goes on from where this one stopped.
    Unfinished,
}

/// What was seen of one task type: the keys in order, and whether each is for the worker.
struct Seen<'a> {
    task_type: &'a TaskType,
    keys: Vec<(ClaimKey, bool)>,
}

impl ClaimFrontier {
    /// Selects the next tasks of `worker`, at most `room`, over all of `task_types`, and notes them
    /// as passed.
    ///
    /// About `budget` new tasks are looked at, and up to `room` of each type that were seen before,
    /// so that one claim cannot hold up a store.
    ///
    /// # Errors
    ///
    /// What `list` fails with.
    pub fn select<'a, L: ClaimList>(
        &mut self,
        worker: &WorkerId,
        task_types: impl IntoIterator<Item = &'a TaskType, IntoIter: ExactSizeIterator>,
        room: usize,
        budget: usize,
        list: &mut L,
    ) -> Result<Selection, L::Error> {
        if room == 0 {
            return Ok(Selection::Tasks(Vec::new()));
        }
        let task_types = task_types.into_iter();
        // What was found and left may be looked at once more by each round; beyond that, each
        // round gets on by the budget.
        let again = room.saturating_mul(task_types.len());
        let mut left = budget.max(1).saturating_add(again);
        let mut finished = true;
        let mut seen = Vec::new();
        for task_type in task_types {
            let mut keys = Vec::new();
            let done = self.look(worker, task_type, room, &mut left, list, &mut keys)?;
            seen.push(Seen { task_type, keys });
            finished &= done;
        }
        let mut tasks = Vec::new();
        if finished {
            for (place, seen) in seen.iter().enumerate() {
                let mine = seen.keys.iter().filter(|(_, mine)| *mine);
                tasks.extend(mine.map(|(key, _)| (*key, place)));
            }
            tasks.sort_unstable();
            tasks.truncate(room);
        }
        for (place, seen) in seen.iter().enumerate() {
            // The tasks taken of a type are the first of those that are for the worker.
            let mut taken = tasks.iter().filter(|(_, p)| *p == place).count();
            for (key, mine) in &seen.keys {
                if *mine && taken == 0 {
                    self.kept(worker, seen.task_type, *key);
                } else {
                    taken -= usize::from(*mine);
                    self.passed(worker, seen.task_type, *key);
                }
            }
        }
        if !finished {
            return Ok(Selection::Unfinished);
        }
        let tasks = tasks
            .into_iter()
            .map(|(key, place)| (seen[place].task_type.clone(), key));
        Ok(Selection::Tasks(tasks.collect()))
    }

    /// Looks through one type until `room` tasks for the worker are found, and says whether it came
    /// to them or to the end of the list within the budget.
    fn look<L: ClaimList>(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        room: usize,
        left: &mut usize,
        list: &mut L,
        keys: &mut Vec<(ClaimKey, bool)>,
    ) -> Result<bool, L::Error> {
        let mut found = 0;
        let behind = self.candidates(worker, task_type, (*left).saturating_add(1));
        for key in behind {
            if *left == 0 {
                return Ok(false);
            }
            *left -= 1;
            let mine = list.is_for_worker(task_type, key)?;
            keys.push((key, mine));
            found += usize::from(mine);
            if found == room {
                return Ok(true);
            }
        }
        let mut after = self.cursor(worker, task_type);
        let mut chunk = room.max(8);
        loop {
            if *left == 0 {
                return Ok(false);
            }
            let limit = chunk.min(*left);
            let page = list.next(task_type, after, limit)?;
            *left -= page.len();
            let end = page.len() < limit;
            for (key, mine) in page {
                after = Some(key);
                keys.push((key, mine));
                found += usize::from(mine);
                if found == room {
                    return Ok(true);
                }
            }
            if end {
                return Ok(true);
            }
            chunk = (chunk * 4).min(1_024);
        }
    }
}
