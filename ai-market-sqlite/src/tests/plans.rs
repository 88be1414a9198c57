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

#[derive(QueryableByName)]
struct Instruction {
    #[diesel(sql_type = Text)]
    opcode: String,
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

/// What the documentation of each of these statements says of itself: one changes every lease, and one
/// is for groupings that no route asks for.
const WALKING: [&str; 2] = ["ShiftLeases", "TalliesBy"];

/// Sort what they walk through, or sum it up by groups.
const SORTING: [&str; 1] = ["TalliesBy"];

/// Walks of an index in its order from the front that stop at a limit.
const FROM_THE_FRONT: [&str; 2] = ["LeadersFirst", "VotelessFirst"];

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
        // A row without a table is no walk.
        let plan = plan(&mut db, sql).join("\n");
        let plan = plan.replace("SCAN CONSTANT ROW", "");
        let sorts = plan.contains("TEMP B-TREE");
        assert_eq!(
            sorts,
            SORTING.contains(name),
            "{name} sorts, or not:\n{plan}"
        );
        if WALKING.contains(name) {
            assert!(plan.contains("SCAN"), "{name} is better than it says");
        } else if FROM_THE_FRONT.contains(name) {
            assert!(plan.contains("INDEX"), "{name}:\n{plan}");
        } else {
            assert!(!plan.contains("SCAN"), "{name} walks:\n{plan}");
        }
    }
}

/// A table of its own costs a statement more than everything else that it does. These change several rows,
/// or are run seldom.
const WITH_TABLE: [&str; 7] = [
    "DeleteEmptyCountersOf",
    "DeleteLeasesOn",
    "DeleteLossesOf",
    "GoneSeenAtMost",
    "InsertApiKey",
    "SeenAtMost",
    "ShiftLeases",
];

#[test]
fn no_hot_write_makes_a_table_of_its_own() {
    let place = Place::new();
    drop(place.open());
    let mut db = place.connect();
    let mut found = Vec::new();
    for (name, sql) in ALL {
        let writes = ["INSERT", "UPDATE", "DELETE"];
        if !writes.iter().any(|word| sql.starts_with(word)) {
            continue;
        }
        let code = diesel::sql_query(format!("EXPLAIN {sql}"));
        let code: Vec<Instruction> = code.load(db.diesel()).unwrap();
        if code.iter().any(|of| of.opcode == "OpenEphemeral") {
            found.push(*name);
        }
    }
    found.sort_unstable();
    assert_eq!(found, WITH_TABLE);
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
            "RecordTypesOf",
            "SEARCH track_records USING COVERING INDEX track_records_by_worker (worker=?)",
        ),
        (
            "ScanBytes",
            "SEARCH bytes USING PRIMARY KEY (key>? AND key<?)",
        ),
        ("TalliesOf", "SEARCH tallies USING PRIMARY KEY (worker=?)"),
        (
            "TasksByType",
            "SEARCH tasks USING COVERING INDEX tasks_by_type (task_type=? AND status=? AND id>?)",
        ),
        (
            "TasksByTypeBefore",
            "SEARCH tasks USING COVERING INDEX tasks_by_type (task_type=? AND status=? AND id<?)",
        ),
        (
            "TasksByStatus",
            "SEARCH tasks USING COVERING INDEX tasks_by_status (status=? AND id>?)",
        ),
        (
            "TasksByStatusBefore",
            "SEARCH tasks USING COVERING INDEX tasks_by_status (status=? AND id<?)",
        ),
        (
            "StaleWorkers",
            "SEARCH workers USING COVERING INDEX workers_present (last_seen<?)",
        ),
        (
            "GoneWorkers",
            "SEARCH workers USING INDEX workers_gone (last_seen<?)",
        ),
        ("SeenAtMost", "INDEX workers_present (last_seen>?)"),
        ("GoneSeenAtMost", "INDEX workers_gone (last_seen>?)"),
        (
            "Totals",
            "SEARCH counters USING PRIMARY KEY (kind=? AND task_type=?)",
        ),
        (
            "LargestTypes",
            "SEARCH counters USING COVERING INDEX counters_by_size (n>?)",
        ),
        (
            "TypesAfter",
            "SEARCH counters USING PRIMARY KEY (kind=? AND task_type>?)",
        ),
        (
            "TypeLeadersFirst",
            "SEARCH tallies USING COVERING INDEX tallies_by_type (task_type=? AND type_points>?)",
        ),
        (
            "TypeLeadersTied",
            "SEARCH tallies USING COVERING INDEX tallies_by_type \
             (task_type=? AND type_points=? AND worker>?)",
        ),
        (
            "TypeLeadersBelow",
            "SEARCH tallies USING COVERING INDEX tallies_by_type \
             (task_type=? AND type_points>? AND type_points<?)",
        ),
        (
            "TalliesOfType",
            "SEARCH tallies USING PRIMARY KEY (worker=? AND task_type=?)",
        ),
        (
            "VotelessBelow",
            "SEARCH workers USING COVERING INDEX workers_without_votes (points<?)",
        ),
        (
            "SumsFirst",
            "SEARCH sums USING INDEX sums_by_points (kind=? AND task_type=?)",
        ),
        (
            "SumsTied",
            "SEARCH sums USING INDEX sums_by_points (kind=? AND task_type=? AND points=? AND name>?)",
        ),
        (
            "SumsBelow",
            "SEARCH sums USING INDEX sums_by_points (kind=? AND task_type=? AND points<?)",
        ),
        (
            "SumsOf",
            "SEARCH sums USING PRIMARY KEY (kind=? AND name=?)",
        ),
        (
            "TalliedModel",
            "SEARCH sums USING PRIMARY KEY (kind=? AND name>?)",
        ),
        ("ServedModel", "SEARCH served USING PRIMARY KEY (model>?)"),
        ("ServedTypes", "SEARCH served USING PRIMARY KEY (model=?)"),
        (
            "ServedLabels",
            "SEARCH served_labels USING PRIMARY KEY (model=? AND task_type=?)",
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
