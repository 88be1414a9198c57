//! What is remembered of how far workers have looked, and when it is forgotten.

use std::sync::Arc;

use super::cursors::{MAX_BEHIND, MAX_BEHIND_ALL, MAX_CURSORS};
use super::openings::{MAX_FILLED, MAX_OPENED};
use super::{ClaimFrontier, Look, MAX_PROFILES, MAX_RECENT, SHARED_CURSOR_LIFETIME, View};
use crate::id::{TaskId, TaskType, WorkerId};
use crate::store::{ClaimKey, WorkerProfile};
use crate::time::Timestamp;

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

/// The place of the `n`th task; places rise.
fn key(n: usize) -> ClaimKey {
    ClaimKey::new(0, TaskId::from_bytes((n as u128).to_be_bytes()))
}

fn keys<const N: usize>(places: [usize; N]) -> [ClaimKey; N] {
    places.map(key)
}

fn start() -> Timestamp {
    Timestamp::from_micros(0)
}

/// What is remembered of the tasks of one type.
#[derive(Default)]
struct Memory(ClaimFrontier);

impl Memory {
    fn view_at(&mut self, name: &str, now: Timestamp) -> View {
        let limit = 2 * MAX_BEHIND;
        let view = self
            .0
            .view(&worker(name), &TaskType::sentiment(), limit, now);
        let peeked = self.0.peek(&worker(name), &TaskType::sentiment(), limit);
        let seen = |key| view.behind.binary_search(key).is_ok();
        assert!(peeked.0.iter().all(seen));
        assert_eq!(peeked.1, view.after);
        view
    }

    fn view(&mut self, name: &str) -> View {
        self.view_at(name, start())
    }

    fn note_at(&mut self, name: &str, view: &View, look: &Look, now: Timestamp) {
        let task_type = TaskType::sentiment();
        self.0.note(&worker(name), &task_type, view, look, now);
    }

    fn note(&mut self, name: &str, view: &View, look: &Look) {
        self.note_at(name, view, look, start());
    }

    /// The worker looks up to the `n`th task and takes whatever it finds.
    fn pass(&mut self, name: &str, n: usize) {
        let view = self.view(name);
        let look = took_all(&view, n);
        self.note(name, &view, &look);
    }

    fn open(&mut self, n: usize) {
        self.0.opened(&TaskType::sentiment(), key(n));
    }

    fn fill(&mut self, n: usize) {
        self.0.filled(&TaskType::sentiment(), key(n));
    }

    fn expect(&mut self, n: usize) {
        self.0.expect(&TaskType::sentiment(), key(n));
    }

    fn no_longer_expect(&mut self, n: usize) {
        self.0.no_longer_expect(&TaskType::sentiment(), key(n));
    }
}

/// What a look finds that takes all it sees up to the `n`th task.
fn took_all(view: &View, n: usize) -> Look {
    Look {
        struck: view.behind.clone(),
        reached: Some(key(n)),
        ..Look::default()
    }
}

#[test]
fn what_is_opened_behind_the_cursor_is_seen_until_it_is_looked_at() {
    let mut memory = Memory::default();
    memory.pass("alice", 9);
    for n in [12, 5, 9, 10] {
        memory.open(n);
    }
    let view = memory.view("alice");
    assert_eq!(view.after, Some(key(9)));
    assert_eq!(view.behind, keys([5, 9]));
    memory.note("alice", &view, &took_all(&view, 11));
    let view = memory.view("alice");
    assert_eq!(view.after, Some(key(11)));
    assert_eq!(view.behind, []);
    let kept = Look {
        kept: keys([4, 30]).to_vec(),
        ..Look::default()
    };
    memory.note("alice", &view, &kept);
    assert_eq!(memory.view("alice").behind, keys([4]), "30 is ahead");
}

#[test]
fn what_is_expected_behind_the_cursor_is_seen_once_and_in_order() {
    let mut memory = Memory::default();
    memory.pass("alice", 9);
    memory.pass("bob", 20);
    memory.open(5);
    for n in [5, 3, 15, 30] {
        memory.expect(n);
    }
    assert_eq!(memory.view("alice").behind, keys([3, 5]));
    assert_eq!(memory.view("bob").behind, keys([3, 5, 15]));
}

#[test]
fn what_is_expected_is_seen_until_each_of_its_steps_is_finished() {
    let mut memory = Memory::default();
    memory.pass("alice", 9);
    memory.expect(3);
    memory.expect(3);
    memory.no_longer_expect(3);
    assert_eq!(memory.view("alice").behind, keys([3]));
    memory.no_longer_expect(3);
    assert_eq!(memory.view("alice").behind, []);
    memory.no_longer_expect(3);
    assert_eq!(memory.view("alice").behind, [], "nothing is left of it");
}

#[test]
fn a_note_takes_in_what_was_opened_since_its_view() {
    let mut memory = Memory::default();
    let view = memory.view("alice");
    memory.open(5);
    memory.open(12);
    memory.note("alice", &view, &took_all(&view, 9));
    let view = memory.view("alice");
    assert_eq!(view.behind, keys([5]), "12 is ahead");
    memory.open(6);
    memory.note("alice", &view, &took_all(&view, 9));
    assert_eq!(memory.view("alice").behind, keys([6]), "5 was looked at");
}

#[test]
fn a_note_changes_nothing_once_too_much_was_opened_since_its_view() {
    for (opened, known) in [(MAX_RECENT, true), (MAX_RECENT + 1, false)] {
        let mut memory = Memory::default();
        memory.pass("bob", MAX_RECENT);
        let view = memory.view("alice");
        for n in 0..opened {
            memory.open(n);
        }
        memory.note("alice", &view, &took_all(&view, opened));
        let after = memory.view("alice").after;
        assert_eq!(after.is_some(), known, "{opened}");
        // A view from then on knows what is opened after it.
        memory.pass("alice", opened);
        let view = memory.view("alice");
        memory.open(7);
        memory.note("alice", &view, &took_all(&view, opened));
        assert_eq!(memory.view("alice").behind, keys([7]), "{opened}");
    }
}

#[test]
fn a_look_that_began_before_all_was_forgotten_changes_nothing() {
    let mut memory = Memory::default();
    for reached in [None, Some(9)] {
        for forgets in [true, false] {
            if let Some(n) = reached {
                memory.pass("alice", n);
            }
            let before = memory.view("alice");
            assert_eq!(before.after, reached.map(key));
            if forgets {
                memory.0.forget(&worker("alice"));
            } else {
                memory.0.clear();
            }
            assert_eq!(memory.view("alice").after, None);
            memory.note("alice", &before, &took_all(&before, 20));
            assert_eq!(memory.view("alice").after, None, "{reached:?}, {forgets}");
        }
    }
}

#[test]
fn what_others_may_have_opened_is_looked_at_again_after_a_while() {
    let mut memory = Memory::default();
    let shared = |view: &View, n| Look {
        shared: true,
        ..took_all(view, n)
    };
    let half = start().plus(SHARED_CURSOR_LIFETIME / 2);
    let over = start().plus(SHARED_CURSOR_LIFETIME);
    let view = memory.view("alice");
    memory.note("alice", &view, &shared(&view, 9));
    memory.open(5);
    let view = memory.view_at("alice", half);
    assert_eq!(view.after, Some(key(9)));
    memory.note_at("alice", &view, &shared(&view, 10), half);
    let slow = memory.view_at("alice", half);
    let view = memory.view_at("alice", over);
    assert_eq!((view.after, view.behind.len()), (None, 0));
    memory.note_at("alice", &slow, &shared(&slow, 20), over);
    let view = memory.view_at("alice", over);
    assert_eq!(view.after, None, "a look behind the new cursor is missing");
    memory.note_at("alice", &view, &took_all(&view, 9), over);
    let view = memory.view_at("alice", over);
    assert_eq!((view.after, view.behind), (Some(key(9)), vec![]));
}

#[test]
fn a_cursor_starts_again_where_it_missed_an_opening() {
    let mut memory = Memory::default();
    let far = 2 * MAX_OPENED;
    memory.pass("alice", 9);
    memory.pass("bob", far);
    memory.open(5);
    for n in 10..9 + MAX_OPENED {
        memory.open(n);
    }
    let view = memory.view("alice");
    assert_eq!((view.after, &*view.behind), (Some(key(9)), &keys([5])[..]));
    memory.pass("carol", 9);
    memory.open(far - 2);
    assert_eq!(memory.view("carol").after, Some(key(9)), "it knows of 5");
    memory.pass("dora", 9);
    for n in 10..=10 + MAX_OPENED {
        memory.open(n);
    }
    for name in ["carol", "dora"] {
        let view = memory.view(name);
        assert_eq!((view.after, view.behind.len()), (None, 0), "{name}");
        memory.pass(name, 9);
        memory.open(3);
        let view = memory.view(name);
        assert_eq!((view.after, &*view.behind), (Some(key(9)), &keys([3])[..]));
    }
}

#[test]
fn what_nobody_may_claim_is_not_looked_at_until_it_is_opened_again() {
    let mut memory = Memory::default();
    memory.pass("alice", 20);
    memory.pass("bob", 9);
    for n in [3, 4, 5, 15] {
        memory.open(n);
    }
    let view = memory.view("alice");
    assert_eq!(
        view.behind,
        keys([3, 4, 5, 15]),
        "taken in before it is filled"
    );
    for n in [3, 5, 15] {
        memory.fill(n);
    }
    for name in ["alice", "bob"] {
        assert_eq!(memory.view(name).behind, keys([4]), "{name}");
    }
    memory.open(5);
    memory.fill(4);
    for name in ["alice", "bob", "alice"] {
        assert_eq!(memory.view(name).behind, keys([5]), "{name}");
    }
    let view = memory.view("alice");
    let kept = Look {
        kept: keys([2, 5]).to_vec(),
        ..Look::default()
    };
    memory.note("alice", &view, &kept);
    memory.fill(2);
    assert_eq!(memory.view("alice").behind, keys([5]));
}

#[test]
fn only_the_last_filled_tasks_are_remembered() {
    for (others, behind) in [(MAX_FILLED - 1, &[][..]), (MAX_FILLED, &keys([0])[..])] {
        let mut memory = Memory::default();
        memory.pass("alice", MAX_FILLED);
        memory.open(0);
        memory.view("alice");
        memory.fill(0);
        for n in 1..=others {
            memory.fill(n);
        }
        assert_eq!(memory.view("alice").behind, behind, "{others}");
    }
}

#[test]
fn a_cursor_starts_again_with_too_much_behind_it() {
    let mut memory = Memory::default();
    memory.pass("alice", MAX_BEHIND);
    for n in 0..MAX_BEHIND {
        memory.open(n);
    }
    assert_eq!(memory.view("alice").behind.len(), MAX_BEHIND);
    memory.open(MAX_BEHIND);
    let view = memory.view("alice");
    assert_eq!((view.after, view.behind.len()), (None, 0));
}

#[test]
fn tasks_that_nobody_may_claim_leave_room_behind_a_cursor() {
    let mut memory = Memory::default();
    memory.pass("alice", MAX_BEHIND);
    for n in 0..MAX_BEHIND {
        memory.open(n);
    }
    memory.view("alice");
    memory.fill(7);
    memory.open(MAX_BEHIND);
    let view = memory.view("alice");
    assert_eq!(view.after, Some(key(MAX_BEHIND)));
    assert_eq!(view.behind.len(), MAX_BEHIND);
}

#[test]
fn the_cursors_used_last_are_kept_where_there_are_too_many() {
    let mut memory = Memory::default();
    let name = |n: usize| format!("worker {n}");
    for n in 0..MAX_CURSORS {
        memory.pass(&name(n), 9);
    }
    for n in [0, 1] {
        assert_eq!(memory.view(&name(n)).after, Some(key(9)));
    }
    memory.pass(&name(MAX_CURSORS), 9);
    for n in [0, 1, MAX_CURSORS - 1, MAX_CURSORS] {
        assert_eq!(memory.view(&name(n)).after, Some(key(9)), "{n}");
    }
    assert_eq!(memory.view(&name(2)).after, None);
}

#[test]
fn cursors_not_used_for_longest_start_again_where_too_much_is_behind_all() {
    let mut memory = Memory::default();
    let name = |n: usize| format!("worker {n}");
    let workers = MAX_BEHIND_ALL / MAX_BEHIND;
    for n in 0..=workers {
        memory.pass(&name(n), MAX_BEHIND);
    }
    for n in 0..MAX_BEHIND {
        memory.open(n);
    }
    for n in 0..workers {
        assert_eq!(memory.view(&name(n)).behind.len(), MAX_BEHIND, "{n}");
    }
    for n in [workers, workers - 1] {
        assert_eq!(memory.view(&name(n)).behind.len(), MAX_BEHIND, "{n}");
    }
    for n in [0, 1] {
        assert_eq!(memory.view(&name(n)).after, None, "{n}");
    }
}

#[test]
fn what_a_look_has_seen_to_be_claimable_is_not_filled() {
    let mut memory = Memory::default();
    memory.pass("alice", 9);
    memory.open(5);
    memory.fill(5);
    let view = memory.view("alice");
    assert_eq!(view.behind, []);
    // Another process has opened it again.
    let kept = Look {
        kept: keys([5]).to_vec(),
        ..Look::default()
    };
    memory.note("alice", &view, &kept);
    assert_eq!(memory.view("alice").behind, keys([5]));
}

#[test]
fn a_worker_that_has_not_looked_is_not_remembered() {
    let mut memory = Memory::default();
    memory.pass("bob", 9);
    let (alice, task_type) = (worker("alice"), TaskType::sentiment());
    assert_eq!(memory.0.peek(&alice, &task_type, 1), (vec![], None));
    memory.pass("alice", 9);
    memory.open(5);
    memory.open(4);
    let peeked = memory.0.peek(&alice, &task_type, 1);
    assert_eq!(peeked, (vec![key(4)], Some(key(9))));
}

#[test]
fn what_workers_said_of_themselves_is_remembered_up_to_a_bound() {
    let mut memory = ClaimFrontier::default();
    let profile = |n: usize| Arc::new(WorkerProfile::new(worker(&format!("worker {n}")), []));
    let profiles: Vec<_> = (0..=MAX_PROFILES).map(profile).collect();
    for profile in &profiles[..MAX_PROFILES] {
        memory.set_profile(profile);
    }
    let changed = WorkerProfile::new(profiles[0].worker.clone(), [TaskType::sentiment()]);
    memory.set_profile(&Arc::new(changed.clone()));
    let known = |memory: &ClaimFrontier, n: usize| {
        let known = memory.profile(&profiles[n].worker);
        known.map(|known| known.capabilities.len())
    };
    assert_eq!(known(&memory, 0), Some(1));
    assert_eq!(known(&memory, 1), Some(0));
    memory.set_profile(&profiles[MAX_PROFILES]);
    assert_eq!(known(&memory, MAX_PROFILES), Some(0));
    assert_eq!(known(&memory, 0), None);
    memory.clear();
    assert_eq!(known(&memory, MAX_PROFILES), None);
}
