//! No statement of the store walks through a table or sorts, but for the few that say so.

use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use crate::sql::Connection;
use crate::sql::statements::ALL;

use super::fixture::Place;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn plan(db: &mut Connection, sql: &str) -> Vec<String> {
    let lines = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
    let lines: Vec<Line> = lines.load(db.diesel()).unwrap();
    lines.into_iter().map(|line| line.detail).collect()
}

fn plan_of(name: &str) -> String {
    let place = Place::new();
    drop(place.open());
    let mut db = place.connect();
    let (_, sql) = ALL.iter().find(|(known, _)| *known == name).unwrap();
    plan(&mut db, sql).join("\n")
}

/// What the documentation of each of these statements says of itself.
const WALKING: [&str; 6] = [
    "AllSilentWorkers",
    "Counters",
    "ShiftLeases",
    "SeenAtMost",
    "StaleWorkers",
    "TalliesBy",
];

/// Sort what they walk through, or sum it up by groups.
const SORTING: [&str; 2] = ["AllSilentWorkers", "TalliesBy"];

/// Walks of an index in its order from the front that stop at a limit.
const FROM_THE_FRONT: [&str; 1] = ["LeadersFirst"];

#[test]
fn no_statement_walks_or_sorts() {
    let place = Place::new();
    drop(place.open());
    let mut db = place.connect();
    for (name, sql) in ALL {
        let control = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"];
        if control.iter().any(|word| sql.starts_with(word)) {
            continue;
        }
        let plan = plan(&mut db, sql).join("\n");
        let sorts = plan.contains("TEMP B-TREE");
        assert_eq!(
            sorts,
            SORTING.contains(name),
            "{name} sorts, or not:\n{plan}"
        );
        if WALKING.contains(name) {
            assert!(plan.contains("SCAN"), "{name} is better than it says");
        } else if FROM_THE_FRONT.contains(name) {
            assert!(plan.contains("USING INDEX"), "{name}:\n{plan}");
        } else {
            assert!(!plan.contains("SCAN"), "{name} walks:\n{plan}");
        }
    }
}

#[test]
fn the_hot_statements_use_the_indexes_that_are_made_for_them() {
    for (name, index) in [
        (
            "Claimable",
            "SEARCH t USING COVERING INDEX tasks_claimable (task_type=? AND (claim_rank,id)>(?,?))",
        ),
        ("Claimable", "SEARCH v USING INDEX votes_by_task (task=?)"),
        ("Claimable", "SEARCH l USING PRIMARY KEY (task=?)"),
        ("ClaimableAt", "SEARCH t USING PRIMARY KEY (id=?)"),
        ("ClaimableAt", "SEARCH v USING INDEX votes_by_task (task=?)"),
        ("ClaimableAt", "SEARCH l USING PRIMARY KEY (task=?)"),
        ("TaskById", "SEARCH t USING PRIMARY KEY (id=?)"),
        ("UpdateTask", "SEARCH tasks USING PRIMARY KEY (id=?)"),
        ("CloseTask", "SEARCH tasks USING PRIMARY KEY (id=?)"),
        (
            "HeldCount",
            "SEARCH leases USING COVERING INDEX leases_held (worker=?)",
        ),
        ("HeldBy", "SEARCH leases USING INDEX leases_held (worker=?)"),
        (
            "DeleteLease",
            "SEARCH leases USING PRIMARY KEY (task=? AND worker=?)",
        ),
        (
            "SetLease",
            "SEARCH leases USING PRIMARY KEY (task=? AND worker=?)",
        ),
        (
            "LeaseOf",
            "SEARCH leases USING PRIMARY KEY (task=? AND worker=?)",
        ),
        ("LeasesOn", "SEARCH leases USING PRIMARY KEY (task=?)"),
        ("VotesOn", "SEARCH v USING INDEX votes_by_task (task=?)"),
        (
            "OverdueLeases",
            "SEARCH leases USING COVERING INDEX leases_by_until (until<?)",
        ),
        (
            "OverdueTasks",
            "SEARCH tasks USING COVERING INDEX tasks_by_deadline (deadline>? AND deadline<?)",
        ),
        (
            "SilentWorkers",
            "SEARCH workers USING INDEX workers_present (last_seen<?)",
        ),
        (
            "WorkersPresentAfter",
            "SEARCH workers USING PRIMARY KEY (id>?)",
        ),
        (
            "RecordTypesOf",
            "SEARCH track_records USING COVERING INDEX track_records_by_worker (worker=?)",
        ),
        (
            "ScanBytes",
            "SEARCH bytes USING PRIMARY KEY (key>? AND key<?)",
        ),
        ("TalliesOf", "SEARCH tallies USING PRIMARY KEY (worker=?)"),
        (
            "TasksInState",
            "SEARCH tasks USING COVERING INDEX tasks_by_state (task_type=? AND state=? AND id>?)",
        ),
        (
            "TasksInStateBefore",
            "SEARCH tasks USING COVERING INDEX tasks_by_state (task_type=? AND state=? AND id<?)",
        ),
        (
            "EventsFrom",
            "SEARCH events USING INTEGER PRIMARY KEY (rowid>?)",
        ),
        (
            "QuietWorkers",
            "SEARCH workers USING INDEX workers_present (last_seen<?)",
        ),
    ] {
        let plan = plan_of(name);
        assert!(plan.contains(index), "{name} does not use {index}:\n{plan}");
    }
}
