//! Every statement of the store. The tests look at the query plan of each.
//!
//! Limits are written `? + 0`: SQLite looks at the value of a bare `LIMIT ?` when it plans, and
//! therefore plans the statement anew whenever another value is bound, which costs more than most
//! statements do. `RETURNING` is left to rare statements, since it makes a table for its rows.

use diesel::sql_types::{BigInt, Binary, Bool, Double, Nullable, Text};

use super::Statement;

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident -> $row:ty = $sql:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl Statement for $name {
                const SQL: &'static str = $sql;
                type Row = $row;
            }
        )*

        /// Every statement with its name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $sql)),*];
    };
}

type MaybeText = Nullable<Text>;
type MaybeInt = Nullable<BigInt>;

/// What never changes of a task but for its counts.
type TaskHead = (
    (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    (BigInt, BigInt, BigInt, BigInt, MaybeInt, Text, BigInt),
);
/// What is known of a task beside its text: params, reference, tags, who put it in, and a salt.
type TaskInput = (MaybeText, MaybeText, MaybeText, MaybeText, Nullable<Binary>);
/// The text of a task and how it ended.
type TaskTail = (
    Text,
    MaybeInt,
    MaybeText,
    Nullable<Double>,
    MaybeText,
    MaybeText,
);

/// A claimable task, and how a worker is involved with it.
type CandidateRow = (Binary, BigInt, BigInt, BigInt, BigInt, BigInt);

/// A lease but for its task and place.
type LeaseColumns = (
    (Text, BigInt, BigInt),
    (MaybeText, MaybeText, MaybeText, MaybeInt, BigInt),
);

/// A vote but for its place.
type VoteRow = (
    (Text, MaybeText, Text, Double, MaybeText),
    (MaybeText, BigInt, BigInt, BigInt),
);

/// A worker but for its leases and how far it is trusted.
type WorkerRow = (
    (Text, MaybeText, MaybeText, Text, MaybeText, Text),
    (BigInt, BigInt),
    (BigInt, BigInt, BigInt, BigInt, MaybeInt),
);

/// The sums of a tally.
type TallySums = (
    (BigInt, BigInt, BigInt),
    (BigInt, BigInt, BigInt),
    (BigInt, BigInt),
);

/// A key: what it is for, and what became of it.
type KeyRow = (
    (Binary, Text, MaybeText, Text, Binary),
    (BigInt, MaybeInt, MaybeInt, Nullable<Binary>),
);

statements! {
    // Transactions.

    Begin -> () = "BEGIN IMMEDIATE";
    BeginRead -> () = "BEGIN DEFERRED";
    Commit -> () = "COMMIT";
    Rollback -> () = "ROLLBACK";
    Savepoint -> () = "SAVEPOINT job";
    ReleaseSavepoint -> () = "RELEASE job";
    RollbackToSavepoint -> () = "ROLLBACK TO job";

    // Tasks.

    TaskById -> (TaskHead, TaskInput, TaskTail) =
        "SELECT t.created_at, t.required, t.wanted, t.max_submissions, t.max_attempts, t.attempts,
            t.rank, t.submission_count, t.lease_count, t.state, t.deadline, t.task_type,
            t.distinct_models,
            i.params, i.reference, i.tags, i.client, i.salt,
            i.text, t.closed_at, o.label, o.agreement, o.policy, o.reason
        FROM tasks t
        CROSS JOIN inputs i ON i.seq = t.input
        LEFT JOIN outcomes o ON o.seq = t.outcome
        WHERE t.id = ?";
    TaskByName -> (Binary,) = "SELECT task FROM idempotency_keys WHERE name = ?";
    /// Of most tasks; every value costs.
    InsertText -> () = "INSERT INTO inputs (text, salt) VALUES (?, ?)";
    InsertInput -> () =
        "INSERT INTO inputs (text, salt, params, reference, tags, client)
        VALUES (?, ?, ?, ?, ?, ?)";
    /// Right after `InsertText` or `InsertInput`.
    InsertTask -> () =
        "INSERT INTO tasks (id, input, task_type, created_at, required, wanted, max_submissions,
            max_attempts, rank, claim_rank, deadline, distinct_models, status)
        VALUES (?, last_insert_rowid(), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)";
    InsertKey -> () = "INSERT INTO idempotency_keys (name, task) VALUES (?, ?)";
    /// Leaves the columns of the indexes on status and deadline alone, so that those do not move.
    UpdateTask -> () =
        "UPDATE tasks SET wanted = ?, attempts = ?, submission_count = ?, lease_count = ?,
            claim_rank = ?
        WHERE id = ?";
    /// Of an open task whose status changes.
    UpdateTaskAndStatus -> () =
        "UPDATE tasks SET wanted = ?, attempts = ?, submission_count = ?, lease_count = ?,
            claim_rank = ?, status = ?
        WHERE id = ?";
    /// Right after `InsertOutcome`.
    CloseTask -> () =
        "UPDATE tasks SET wanted = ?, attempts = ?, submission_count = ?, lease_count = 0,
            claim_rank = NULL, state = ?, status = ?, closed_at = ?, outcome = last_insert_rowid()
        WHERE id = ? AND state = 0";
    InsertOutcome -> () =
        "INSERT INTO outcomes (label, agreement, policy, reason) VALUES (?, ?, ?, ?)";
    OverdueTasks -> (Binary,) =
        "SELECT id FROM tasks
        WHERE state = 0 AND deadline IS NOT NULL AND deadline <= ?
        ORDER BY deadline, id LIMIT ? + 0";

    /// Of one status; a page of closed tasks is made of three.
    ClosedTasks -> (Binary, Text, BigInt, BigInt) =
        "SELECT id, task_type, closed_at, submission_count FROM tasks
        WHERE status = ? AND id > ? AND id < ? ORDER BY id LIMIT ? + 0";
    /// With whether it has leases, and whether it has losses, which few have.
    ClosedTaskRows -> (BigInt, BigInt, Bool, Bool) =
        "SELECT t.input, t.outcome, EXISTS (SELECT 1 FROM leases l WHERE l.task = t.id),
            EXISTS (SELECT 1 FROM losses s WHERE s.task = t.id)
        FROM tasks t WHERE t.id = ? AND t.outcome IS NOT NULL";
    DeleteTask -> () = "DELETE FROM tasks WHERE id = ?";
    DeleteInput -> () = "DELETE FROM inputs WHERE seq = ?";
    DeleteOutcome -> () = "DELETE FROM outcomes WHERE seq = ?";
    /// Few tasks have one, and deleting it by the task would make a table of its own for each.
    KeyOf -> (Text,) = "SELECT name FROM idempotency_keys WHERE task = ?";
    DeleteKey -> () = "DELETE FROM idempotency_keys WHERE name = ?";
    DeleteVotesOn -> () = "DELETE FROM votes WHERE task = ?";
    DeleteLeasesOn -> () = "DELETE FROM leases WHERE task = ?";
    DeleteLossesOf -> () = "DELETE FROM losses WHERE task = ?";

    // Claiming.

    /// A page of the claimable tasks of a type after a place, each with how a worker is involved with
    /// it: among its lease holders and among its voters, in bits the worker itself (1), its owner (2)
    /// and its model (4), and how often it or its owner lost the task. The counts spare the look-up where there is
    /// nothing to find.
    Claimable -> CandidateRow =
        "SELECT t.id, t.claim_rank, t.distinct_models,
            iif(t.lease_count = 0, 0, (
                SELECT coalesce(max(l.worker = ?), 0) + 2 * coalesce(max(l.owner = ?), 0)
                    + 4 * coalesce(max(l.model = ?), 0)
                FROM leases l WHERE l.task = t.id)),
            iif(t.submission_count = 0, 0, (
                SELECT coalesce(max(v.worker = ?), 0) + 2 * coalesce(max(v.owner = ?), 0)
                    + 4 * coalesce(max(v.model = ?), 0)
                FROM votes v WHERE v.task = t.id AND v.late = 0)),
            iif(t.attempts = 0, 0, (
                SELECT coalesce(sum(s.n), 0) FROM losses s
                WHERE s.task = t.id AND (s.worker = ? OR s.owner = ?)))
        FROM tasks t INDEXED BY tasks_claimable
        WHERE t.task_type = ? AND t.claim_rank IS NOT NULL AND (t.claim_rank, t.id) > (?, ?)
        ORDER BY t.claim_rank, t.id LIMIT ? + 0";
    /// The same of one task, if it is claimable.
    ClaimableAt -> CandidateRow =
        "SELECT t.id, t.claim_rank, t.distinct_models,
            iif(t.lease_count = 0, 0, (
                SELECT coalesce(max(l.worker = ?), 0) + 2 * coalesce(max(l.owner = ?), 0)
                    + 4 * coalesce(max(l.model = ?), 0)
                FROM leases l WHERE l.task = t.id)),
            iif(t.submission_count = 0, 0, (
                SELECT coalesce(max(v.worker = ?), 0) + 2 * coalesce(max(v.owner = ?), 0)
                    + 4 * coalesce(max(v.model = ?), 0)
                FROM votes v WHERE v.task = t.id AND v.late = 0)),
            iif(t.attempts = 0, 0, (
                SELECT coalesce(sum(s.n), 0) FROM losses s
                WHERE s.task = t.id AND (s.worker = ? OR s.owner = ?)))
        FROM tasks t WHERE t.id = ? AND t.claim_rank IS NOT NULL";

    // Leases.

    HeldCount -> (BigInt,) = "SELECT count(*) FROM leases WHERE worker = ? AND standing = 0";
    HeldBy -> (Binary, LeaseColumns) =
        "SELECT task, worker, claimed_at, until, owner, instance, request, model, standing
        FROM leases WHERE worker = ? AND standing = 0 ORDER BY task";
    LeaseOf -> LeaseColumns =
        "SELECT worker, claimed_at, until, owner, instance, request, model, standing FROM leases
        WHERE task = ? AND worker = ?";
    LeasesOn -> (BigInt, LeaseColumns) =
        "SELECT n, worker, claimed_at, until, owner, instance, request, model, standing FROM leases
        WHERE task = ?";
    /// Of a lease that is there, changes only until when it lasts, and nothing where it becomes a
    /// grace lease: the column of the index of held leases is left alone, so that a renewal does not
    /// move that.
    PutLease -> () =
        "INSERT INTO leases (task, worker, n, claimed_at, until, owner, instance, request, model,
            standing)
        VALUES (?, ?, (SELECT coalesce(max(n), 0) + 1 FROM leases WHERE task = ?), ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (task, worker) DO UPDATE SET until = excluded.until
        WHERE standing = excluded.standing";
    SetLease -> () = "UPDATE leases SET until = ?, standing = ? WHERE task = ? AND worker = ?";
    DeleteLease -> () = "DELETE FROM leases WHERE task = ? AND worker = ?";
    OverdueLeases -> (Binary, Text) =
        "SELECT task, worker FROM leases WHERE until < ? ORDER BY until, task, worker LIMIT ? + 0";
    /// Changes every lease, whose number is bounded by what the workers may hold, once after each
    /// time in which nobody served.
    ShiftLeases -> () =
        "UPDATE leases SET until = min(until + ?, ?), claimed_at = min(claimed_at + ?, ?)";
    SeenAtMost -> () = "UPDATE workers SET last_seen = ? WHERE gone = 0 AND last_seen > ?";
    GoneSeenAtMost -> () = "UPDATE workers SET last_seen = ? WHERE gone = 1 AND last_seen > ?";
    LossesOf -> (Text, MaybeText, BigInt) =
        "SELECT worker, owner, n FROM losses WHERE task = ? ORDER BY worker";
    PutLoss -> () =
        "INSERT INTO losses (task, worker, owner, n) VALUES (?, ?, ?, ?)
        ON CONFLICT (task, worker) DO UPDATE SET owner = excluded.owner, n = excluded.n";

    // Votes.

    VotesOn -> (BigInt, VoteRow) =
        "SELECT v.seq, v.worker, v.owner, v.label, v.confidence, v.scores,
            (SELECT m.identity FROM models m WHERE m.seq = v.model),
            v.truncated, v.submitted_at, v.late
        FROM votes v WHERE v.task = ?";
    InsertVote -> () =
        "INSERT INTO votes (task, worker, owner, label, confidence, scores, model, truncated,
            submitted_at, late)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    ModelByIdentity -> (BigInt,) = "SELECT seq FROM models WHERE identity = ?";
    ModelBySeq -> (Text,) = "SELECT identity FROM models WHERE seq = ?";
    InsertModel -> () = "INSERT INTO models (identity) VALUES (?)";

    // Workers.

    WorkerById -> WorkerRow =
        "SELECT id, owner, instance, capabilities, model, models, stale, gone, registered_at,
            last_seen, points, submissions, last_heartbeat
        FROM workers WHERE id = ?";
    WorkersAfter -> WorkerRow =
        "SELECT id, owner, instance, capabilities, model, models, stale, gone, registered_at,
            last_seen, points, submissions, last_heartbeat
        FROM workers WHERE id > ? ORDER BY id LIMIT ? + 0";
    SilentWorkers -> (Text, BigInt, MaybeInt) =
        "SELECT id, last_seen, last_heartbeat FROM workers
        WHERE gone = 0 AND last_seen < ? ORDER BY last_seen, id LIMIT ? + 0";
    GoneWorkers -> (Text, BigInt, MaybeInt) =
        "SELECT id, last_seen, last_heartbeat FROM workers
        WHERE gone = 1 AND last_seen < ? ORDER BY last_seen, id LIMIT ? + 0";
    /// Of workers that never did anything, of which few have leases, records or standings.
    UnusedWorkers -> (Text,) =
        "SELECT id FROM workers w
        WHERE gone = 1 AND tallied = 0 AND last_seen < ?
            AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.worker = w.id AND l.standing = 0)
            AND NOT EXISTS (SELECT 1 FROM track_records r WHERE r.worker = w.id)
            AND NOT EXISTS (SELECT 1 FROM standings s WHERE s.worker = w.id)
        ORDER BY last_seen, id LIMIT ? + 0";
    DeleteWorker -> () = "DELETE FROM workers WHERE id = ?";
    /// Of those that are not gone yet, of which few are stale.
    QuietWorkers -> (Text, BigInt, MaybeInt) =
        "SELECT id, last_seen, last_heartbeat FROM workers
        WHERE gone = 0 AND stale = 0 AND last_seen < ? ORDER BY last_seen, id LIMIT ? + 0";
    PutWorker -> () =
        "INSERT INTO workers (id, owner, instance, capabilities, model, models, stale, gone,
            registered_at, last_seen)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, instance = excluded.instance,
            capabilities = excluded.capabilities, model = excluded.model,
            models = excluded.models, stale = excluded.stale, gone = excluded.gone,
            last_seen = max(last_seen, excluded.last_seen)";
    /// Writes nothing for a worker that was seen a moment ago.
    SeeWorker -> () =
        "UPDATE workers SET last_seen = max(last_seen, ?) WHERE id = ? AND last_seen <= ?";
    BeatWorker -> () =
        "UPDATE workers SET last_heartbeat = max(coalesce(last_heartbeat, ?), ?) WHERE id = ?";
    /// Apart from `SeeWorker`, so that hearing of a worker does not move it in the leaderboard's
    /// index.
    ///
    /// A sum that is too large for an integer becomes a float in SQLite, of which `min` and `max`
    /// make the largest or smallest integer.
    CreditWorker -> () =
        "UPDATE workers SET
            points = max(-9223372036854775808, min(points + ?, 9223372036854775807)),
            submissions = min(submissions + ?, 9223372036854775807)
        WHERE id = ?";
    /// Workers of equal points, and those of fewer: two statements, since one range over an index
    /// that falls by points and rises by id is not a comparison of pairs.
    LeadersTied -> (Text, BigInt, BigInt) =
        "SELECT id, points, submissions FROM workers
        WHERE submissions > 0 AND points = ? AND id > ? ORDER BY id LIMIT ? + 0";
    LeadersBelow -> (Text, BigInt, BigInt) =
        "SELECT id, points, submissions FROM workers
        WHERE submissions > 0 AND points < ? ORDER BY points DESC, id LIMIT ? + 0";
    LeadersFirst -> (Text, BigInt, BigInt) =
        "SELECT id, points, submissions FROM workers
        WHERE submissions > 0 ORDER BY points DESC, id LIMIT ? + 0";
    /// The same of workers that have a tally but no vote in time, which the leaderboard leaves out.
    VotelessTied -> (Text, BigInt) =
        "SELECT id, points FROM workers
        WHERE submissions = 0 AND tallied = 1 AND points = ? AND id > ? ORDER BY id LIMIT ? + 0";
    VotelessBelow -> (Text, BigInt) =
        "SELECT id, points FROM workers
        WHERE submissions = 0 AND tallied = 1 AND points < ? ORDER BY points DESC, id LIMIT ? + 0";
    VotelessFirst -> (Text, BigInt) =
        "SELECT id, points FROM workers
        WHERE submissions = 0 AND tallied = 1 ORDER BY points DESC, id LIMIT ? + 0";
    MarkTallied -> () = "UPDATE workers SET tallied = 1 WHERE id = ? AND tallied = 0";
    /// Those that are not gone; a worker is declared gone soon after it is stale, so there are few.
    StaleWorkers -> (BigInt,) = "SELECT count(*) FROM workers WHERE gone = 0 AND last_seen < ?";

    // Track records.

    RecordOf -> (Text,) = "SELECT record FROM track_records WHERE task_type = ? AND worker = ?";
    SetRecord -> () =
        "INSERT INTO track_records (task_type, worker, agreements, disagreements, record)
        VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (task_type, worker) DO UPDATE SET agreements = excluded.agreements,
            disagreements = excluded.disagreements, record = excluded.record";
    RecordTypesOf -> (Text,) = "SELECT task_type FROM track_records WHERE worker = ?";
    PriorOf -> (Text,) = "SELECT record FROM priors WHERE task_type = ?";
    SetPrior -> () =
        "INSERT INTO priors (task_type, agreements, disagreements, record) VALUES (?, ?, ?, ?)
        ON CONFLICT (task_type) DO UPDATE SET agreements = excluded.agreements,
            disagreements = excluded.disagreements, record = excluded.record";

    // How far workers are trusted, and how they did.

    StandingsOf -> (Text, BigInt, MaybeInt, Text, MaybeText, BigInt) =
        "SELECT task_type, state, max_leases, reason, policy, since FROM standings WHERE worker = ?";
    SetStanding -> () =
        "INSERT INTO standings (worker, task_type, state, max_leases, reason, policy, since)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (worker, task_type) DO UPDATE SET state = excluded.state,
            max_leases = excluded.max_leases, reason = excluded.reason, policy = excluded.policy,
            since = excluded.since";
    DeleteStanding -> () = "DELETE FROM standings WHERE worker = ? AND task_type = ?";
    /// Saturates as `CreditWorker` does. Leaves the points for the type alone, so that the index on
    /// those does not move.
    AddToTally -> () =
        "UPDATE tallies SET
            points = max(-9223372036854775808, min(points + ?, 9223372036854775807)),
            submissions = min(submissions + ?, 9223372036854775807),
            late = min(late + ?, 9223372036854775807),
            agreements = min(agreements + ?, 9223372036854775807),
            disagreements = min(disagreements + ?, 9223372036854775807),
            lost = min(lost + ?, 9223372036854775807),
            timed = min(timed + ?, 9223372036854775807),
            latency = min(latency + ?, 9223372036854775807)
        WHERE worker = ? AND task_type = ? AND model = ?";
    /// With the points for the type, where this row has them.
    AddToTallyAndTypePoints -> () =
        "UPDATE tallies SET type_points =
                max(-9223372036854775808, min(type_points + ?, 9223372036854775807)),
            points = max(-9223372036854775808, min(points + ?, 9223372036854775807)),
            submissions = min(submissions + ?, 9223372036854775807),
            late = min(late + ?, 9223372036854775807),
            agreements = min(agreements + ?, 9223372036854775807),
            disagreements = min(disagreements + ?, 9223372036854775807),
            lost = min(lost + ?, 9223372036854775807),
            timed = min(timed + ?, 9223372036854775807),
            latency = min(latency + ?, 9223372036854775807)
        WHERE worker = ? AND task_type = ? AND model = ? AND type_points IS NOT NULL";
    /// The points for the type alone, whichever row has them.
    AddToTypePoints -> () =
        "UPDATE tallies SET type_points =
                max(-9223372036854775808, min(type_points + ?, 9223372036854775807))
        WHERE worker = ? AND task_type = ? AND type_points IS NOT NULL";
    InsertTally -> () =
        "INSERT INTO tallies (type_points, points, submissions, late, agreements, disagreements,
            lost, timed, latency, worker, task_type, model)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    TalliesOf -> (Text, Text, BigInt, TallySums) =
        "SELECT worker, task_type, model, points, submissions, late, agreements, disagreements, lost,
            timed, latency
        FROM tallies WHERE worker = ?";
    TalliesOfType -> (Text, Text, BigInt, TallySums) =
        "SELECT worker, task_type, model, points, submissions, late, agreements, disagreements, lost,
            timed, latency
        FROM tallies WHERE worker = ? AND task_type = ?";
    /// Workers by their points for a type, as `LeadersTied` and the others have them for all types.
    TypeLeadersTied -> (Text, BigInt) =
        "SELECT worker, type_points FROM tallies
        WHERE type_points IS NOT NULL AND task_type = ? AND type_points = ? AND worker > ?
        ORDER BY worker LIMIT ? + 0";
    TypeLeadersBelow -> (Text, BigInt) =
        "SELECT worker, type_points FROM tallies
        WHERE type_points IS NOT NULL AND task_type = ? AND type_points < ?
        ORDER BY type_points DESC, worker LIMIT ? + 0";
    TypeLeadersFirst -> (Text, BigInt) =
        "SELECT worker, type_points FROM tallies
        WHERE type_points IS NOT NULL AND task_type = ?
        ORDER BY type_points DESC, worker LIMIT ? + 0";
    /// For groupings that no route asks for: visits every tally, and sums them up by what is asked for.
    /// `sum` fails where a sum is too large for an integer, so the upper and lower halves are summed
    /// up apart, and then saturate as in `CreditWorker`.
    TalliesBy -> (Text, Text, BigInt, TallySums) =
        "SELECT iif(?, worker, '') AS w, iif(?, task_type, '') AS t, iif(?, model, 0) AS m,
            max(-9223372036854775808, min(
                sum(points >> 32) * 4294967296 + sum(points & 4294967295), 9223372036854775807)),
            min(sum(submissions >> 32) * 4294967296 + sum(submissions & 4294967295),
                9223372036854775807),
            min(sum(late >> 32) * 4294967296 + sum(late & 4294967295),
                9223372036854775807),
            min(sum(agreements >> 32) * 4294967296 + sum(agreements & 4294967295),
                9223372036854775807),
            min(sum(disagreements >> 32) * 4294967296 + sum(disagreements & 4294967295),
                9223372036854775807),
            min(sum(lost >> 32) * 4294967296 + sum(lost & 4294967295),
                9223372036854775807),
            min(sum(timed >> 32) * 4294967296 + sum(timed & 4294967295),
                9223372036854775807),
            min(sum(latency >> 32) * 4294967296 + sum(latency & 4294967295),
                9223372036854775807)
        FROM tallies WHERE ? = '' OR task_type = ? GROUP BY w, t, m";

    // Tallies summed up over workers.

    SumsTied -> (Text, TallySums) =
        "SELECT name, points, submissions, late, agreements, disagreements, lost, timed, latency
        FROM sums INDEXED BY sums_by_points WHERE kind = ? AND task_type = ? AND points = ? AND name > ?
        ORDER BY name LIMIT ? + 0";
    SumsBelow -> (Text, TallySums) =
        "SELECT name, points, submissions, late, agreements, disagreements, lost, timed, latency
        FROM sums INDEXED BY sums_by_points WHERE kind = ? AND task_type = ? AND points < ?
        ORDER BY points DESC, name LIMIT ? + 0";
    SumsFirst -> (Text, TallySums) =
        "SELECT name, points, submissions, late, agreements, disagreements, lost, timed, latency
        FROM sums INDEXED BY sums_by_points WHERE kind = ? AND task_type = ? ORDER BY points DESC, name LIMIT ? + 0";
    SumsOf -> (Text, TallySums) =
        "SELECT task_type, points, submissions, late, agreements, disagreements, lost, timed, latency
        FROM sums WHERE kind = ? AND name = ? ORDER BY task_type";
    /// Leaves the points alone where there are none to add, so that the index on those does not move.
    AddToSum -> () =
        "UPDATE sums SET
            submissions = min(submissions + ?, 9223372036854775807),
            late = min(late + ?, 9223372036854775807),
            agreements = min(agreements + ?, 9223372036854775807),
            disagreements = min(disagreements + ?, 9223372036854775807),
            lost = min(lost + ?, 9223372036854775807),
            timed = min(timed + ?, 9223372036854775807),
            latency = min(latency + ?, 9223372036854775807)
        WHERE kind = ? AND name = ? AND task_type = ?";
    AddToSumAndPoints -> () =
        "UPDATE sums SET
            points = max(-9223372036854775808, min(points + ?, 9223372036854775807)),
            submissions = min(submissions + ?, 9223372036854775807),
            late = min(late + ?, 9223372036854775807),
            agreements = min(agreements + ?, 9223372036854775807),
            disagreements = min(disagreements + ?, 9223372036854775807),
            lost = min(lost + ?, 9223372036854775807),
            timed = min(timed + ?, 9223372036854775807),
            latency = min(latency + ?, 9223372036854775807)
        WHERE kind = ? AND name = ? AND task_type = ?";
    InsertSum -> () =
        "INSERT INTO sums (points, submissions, late, agreements, disagreements, lost, timed, latency,
            kind, name, task_type)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    // Who serves which types with which models.

    /// The first model that has a tally from a place on.
    TalliedModel -> (Text,) = "SELECT name FROM sums WHERE kind = 1 AND name >= ? ORDER BY name LIMIT 1";
    /// The first model that somebody runs from a place on.
    ServedModel -> (Text,) = "SELECT model FROM served WHERE model >= ? ORDER BY model LIMIT 1";
    ServedTypes -> (Text, BigInt) =
        "SELECT task_type, workers FROM served WHERE model = ? ORDER BY task_type";
    ServedLabels -> (Text,) =
        "SELECT labels FROM served_labels WHERE model = ? AND task_type = ? ORDER BY labels LIMIT 1";
    AddToServed -> () = "UPDATE served SET workers = workers + ? WHERE model = ? AND task_type = ?";
    InsertServed -> () = "INSERT INTO served (workers, model, task_type) VALUES (?, ?, ?)";
    DeleteServed -> () = "DELETE FROM served WHERE model = ? AND task_type = ? AND workers = 0";
    AddToServedLabels -> () =
        "UPDATE served_labels SET workers = workers + ?
        WHERE model = ? AND task_type = ? AND labels = ?";
    InsertServedLabels -> () =
        "INSERT INTO served_labels (workers, model, task_type, labels) VALUES (?, ?, ?, ?)";
    DeleteServedLabels -> () =
        "DELETE FROM served_labels
        WHERE model = ? AND task_type = ? AND labels = ? AND workers = 0";

    // Pages of tasks.

    TasksAfter -> (Binary,) = "SELECT id FROM tasks WHERE id > ? ORDER BY id LIMIT ? + 0";
    TasksByType -> (Binary,) =
        "SELECT id FROM tasks WHERE task_type = ? AND status = ? AND id > ? ORDER BY id LIMIT ? + 0";
    TasksByStatus -> (Binary,) =
        "SELECT id FROM tasks WHERE status = ? AND id > ? ORDER BY id LIMIT ? + 0";

    // The same with the newest first.

    TasksBefore -> (Binary,) = "SELECT id FROM tasks WHERE id < ? ORDER BY id DESC LIMIT ? + 0";
    TasksByTypeBefore -> (Binary,) =
        "SELECT id FROM tasks WHERE task_type = ? AND status = ? AND id < ?
        ORDER BY id DESC LIMIT ? + 0";
    TasksByStatusBefore -> (Binary,) =
        "SELECT id FROM tasks WHERE status = ? AND id < ? ORDER BY id DESC LIMIT ? + 0";

    // Counters and what the store knows of itself.

    /// Those that are not of one type.
    Totals -> (BigInt, BigInt, BigInt) =
        "SELECT kind, \"key\", n FROM counters
        WHERE kind IN (3, 4, 6, 10, 12, 13) AND task_type = ''";
    LargestTypes -> (Text,) =
        "SELECT task_type FROM counters INDEXED BY counters_by_size WHERE kind = 5 AND n > 0
        ORDER BY n DESC, task_type LIMIT ? + 0";
    /// The counters of a kind of a type.
    CountersOf -> (BigInt, BigInt) =
        "SELECT \"key\", n FROM counters WHERE kind = ? AND task_type = ?";
    /// The first types after one that have a counter of a kind. Passes over those that count nothing.
    TypesAfter -> (Text,) =
        "SELECT task_type FROM counters WHERE kind = ? AND \"key\" = 0 AND task_type > ? AND n > 0
        ORDER BY task_type LIMIT ? + 0";
    OpenTasks -> (BigInt,) =
        "SELECT coalesce(sum(n), 0) FROM counters
        WHERE kind = 6 AND task_type = '' AND \"key\" < 2";
    /// By how much two sums of a type are behind its counters: its open tasks that want more votes
    /// than there are workers for it, and whether it has open tasks and nobody serves it.
    TypeSumsBehind -> (BigInt, BigInt) =
        "SELECT
            coalesce((
                SELECT sum(c.n) FROM counters c
                WHERE c.kind = 1 AND c.task_type = ? AND c.\"key\" > coalesce((
                    SELECT n FROM counters WHERE kind = 2 AND task_type = ? AND \"key\" = 0), 0)), 0)
            - coalesce((
                SELECT n FROM counters WHERE kind = 9 AND task_type = ? AND \"key\" = 0), 0),
            (coalesce((
                SELECT sum(n) FROM counters WHERE kind = 0 AND task_type = ? AND \"key\" < 2), 0) > 0
                AND coalesce((
                    SELECT n FROM counters WHERE kind = 7 AND task_type = ? AND \"key\" = 0), 0) = 0)
            - coalesce((
                SELECT n FROM counters WHERE kind = 11 AND task_type = ? AND \"key\" = 0), 0)";
    DeleteEmptyCounter -> () =
        "DELETE FROM counters WHERE kind = ? AND task_type = ? AND \"key\" = ? AND n = 0";
    /// Of a type that has no tasks any more.
    DeleteEmptyCountersOf -> () =
        "DELETE FROM counters WHERE kind IN (0, 1, 2, 9, 11) AND task_type = ? AND n = 0";
    AddToCounter -> () =
        "UPDATE counters SET n = n + ? WHERE kind = ? AND task_type = ? AND \"key\" = ?";
    InsertCounter -> () =
        "INSERT INTO counters (n, kind, task_type, \"key\") VALUES (?, ?, ?, ?)";
    ReapedAt -> (MaybeInt, MaybeInt) = "SELECT reaped_at, serving_since FROM meta WHERE one = 1";
    SetReapedAt -> () = "UPDATE meta SET reaped_at = ?, serving_since = ? WHERE one = 1";

    // The space of bytes.

    GetBytes -> (Binary,) = "SELECT value FROM bytes WHERE \"key\" = ?";
    PutBytes -> () =
        "INSERT INTO bytes (\"key\", value) VALUES (?, ?)
        ON CONFLICT (\"key\") DO UPDATE SET value = excluded.value";
    DeleteBytes -> () = "DELETE FROM bytes WHERE \"key\" = ?";
    ScanBytes -> (Binary, Binary) =
        "SELECT \"key\", value FROM bytes WHERE \"key\" >= ? AND \"key\" < ?
        ORDER BY \"key\" LIMIT ? + 0";

    // Events.

    InsertEvents -> () = "INSERT INTO events (first, n, events) VALUES (?, ?, ?)";
    NewestEvent -> (BigInt,) =
        "SELECT first + n - 1 FROM events WHERE first = (SELECT max(first) FROM events)";
    /// The newest event when everything was last deleted.
    ClearedEvent -> (BigInt,) = "SELECT cleared_event FROM meta WHERE one = 1";
    SetClearedEvent -> () = "UPDATE meta SET cleared_event = ? WHERE one = 1";
    OldestEvent -> (MaybeInt,) = "SELECT min(first) FROM events";
    /// The first event in the row that holds this one.
    RowOfEvent -> (MaybeInt,) = "SELECT max(first) FROM events WHERE first <= ?";
    EventsFrom -> (BigInt, BigInt, Binary) =
        "SELECT first, n, events FROM events WHERE first >= ? ORDER BY first LIMIT ? + 0";
    /// All rows before the one that holds this event.
    DropEvents -> () =
        "DELETE FROM events WHERE first < (SELECT max(first) FROM events WHERE first <= ?)";

    // Keys. Other processes change them, so nothing of them is known by heart.

    KeyById -> KeyRow =
        "SELECT id, role, worker, owner, hash, created_at, expires_at, revoked_at, replaced_by
        FROM api_keys WHERE id = ?";
    KeysAfter -> KeyRow =
        "SELECT id, role, worker, owner, hash, created_at, expires_at, revoked_at, replaced_by
        FROM api_keys WHERE id > ? ORDER BY id LIMIT ? + 0";
    InsertApiKey -> () =
        "INSERT INTO api_keys (id, role, worker, owner, hash, created_at, expires_at, revoked_at,
            replaced_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    ReplaceApiKey -> () = "UPDATE api_keys SET expires_at = ?, replaced_by = ? WHERE id = ?";
    RevokeApiKey -> () = "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
}
