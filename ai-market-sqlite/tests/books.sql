WITH
-- Who serves which types with which models: those that can do it, are not gone and not suspended.
serving AS (
    SELECT task_type,
        coalesce(
            json_extract(model, '$.id')
                || coalesce(char(2) || json_extract(model, '$.revision'), char(1))
                || coalesce(char(2) || json_extract(model, '$.precision'), char(1)),
            '') AS model,
        json_extract(model, '$.labels') AS labels
    FROM (
        SELECT c.value AS task_type, coalesce(
            (SELECT m.value FROM json_each(w.models) m WHERE m."key" = c.value), w.model) AS model
        FROM workers w, json_each(w.capabilities) c
        WHERE w.gone = 0 AND NOT EXISTS (
            SELECT 1 FROM standings s
            WHERE s.worker = w.id AND s.task_type IN ('', c.value) AND s.state = 2))
),
-- Open tasks that want more votes than there are workers for their type.
short AS (
    SELECT t.id, t.task_type FROM tasks t
    WHERE t.state = 0 AND t.wanted > t.submission_count + t.lease_count AND t.wanted > (
        SELECT count(*) FROM workers w, json_each(w.capabilities) c WHERE c.value = t.task_type)
),
unserved AS (
    SELECT DISTINCT task_type FROM tasks
    WHERE state = 0 AND task_type NOT IN (SELECT task_type FROM serving)
),
-- Tallies with their models as text.
named AS (
    SELECT t.*, coalesce(
        json_extract(m.identity, '$.id')
            || coalesce(char(2) || json_extract(m.identity, '$.revision'), char(1))
            || coalesce(char(2) || json_extract(m.identity, '$.precision'), char(1)),
        '') AS name
    FROM tallies t LEFT JOIN models m ON m.seq = t.model
),
summed AS (
    SELECT g.kind, CASE g.kind WHEN 0 THEN '' WHEN 1 THEN name ELSE task_type END AS of,
        iif(g.by_type, task_type, '') AS task_type, sum(points), sum(submissions), sum(late),
        sum(agreements), sum(disagreements), sum(lost), sum(timed), sum(latency)
    FROM named, (SELECT 0 AS kind, 0 AS by_type UNION ALL VALUES (1, 0), (1, 1), (2, 0)) g
    GROUP BY 1, 2, 3
),
-- What the counters should say, as (kind, task_type, key, n).
truth AS (
    SELECT 0 AS kind, task_type,
        CASE WHEN state > 0 THEN state + 1 WHEN lease_count > 0 THEN 1 ELSE 0 END AS k,
        count(*) AS n
    FROM tasks GROUP BY 1, 2, 3
    UNION ALL
    SELECT 1, task_type, wanted, count(*) FROM tasks
    WHERE state = 0 AND wanted > submission_count + lease_count GROUP BY 2, 3
    UNION ALL
    SELECT 2, value, 0, count(*) FROM workers, json_each(capabilities) GROUP BY 2
    UNION ALL
    SELECT 3, '', 0, count(*) FROM votes WHERE late = 0 HAVING count(*) > 0
    UNION ALL
    SELECT 4, '', 0, count(*) FROM workers HAVING count(*) > 0
    UNION ALL
    SELECT 5, task_type, 0, count(*) FROM tasks GROUP BY 2
    UNION ALL
    SELECT 6, '', status, count(*) FROM tasks GROUP BY 3
    UNION ALL
    SELECT 7, task_type, 0, count(*) FROM serving GROUP BY 2
    UNION ALL
    SELECT 8, task_type, 0, count(DISTINCT model) FROM serving WHERE model <> '' GROUP BY 2
    UNION ALL
    SELECT 9, task_type, 0, count(*) FROM short GROUP BY 2
    UNION ALL
    SELECT 10, '', 0, count(*) FROM short HAVING count(*) > 0
    UNION ALL
    SELECT 11, task_type, 0, 1 FROM unserved
    UNION ALL
    SELECT 12, '', 0, count(*) FROM unserved HAVING count(*) > 0
    UNION ALL
    SELECT 13, '', 0, count(*) FROM workers WHERE gone = 1 HAVING count(*) > 0
),
counted AS (SELECT kind, task_type, "key" AS k, n FROM counters WHERE n != 0)
SELECT 'counter that is wrong' AS what, count(*) AS n
FROM (SELECT * FROM truth EXCEPT SELECT * FROM counted) HAVING count(*) > 0
UNION ALL
SELECT 'counter of nothing', count(*)
FROM (SELECT * FROM counted EXCEPT SELECT * FROM truth) HAVING count(*) > 0
UNION ALL
-- A task has a place among the claimable ones exactly while it has a replica to hand out.
SELECT 'wrong place among the claimable tasks', count(*) FROM tasks
WHERE claim_rank IS NOT
    iif(state = 0 AND wanted > submission_count + lease_count, rank, NULL)
HAVING count(*) > 0
UNION ALL
SELECT 'wrong number of votes on a task', count(*) FROM tasks t
WHERE submission_count != (SELECT count(*) FROM votes v WHERE v.task = t.id AND v.late = 0)
HAVING count(*) > 0
UNION ALL
SELECT 'wrong number of leases on a task', count(*) FROM tasks t
WHERE lease_count != (SELECT count(*) FROM leases l WHERE l.task = t.id AND l.standing = 0)
HAVING count(*) > 0
UNION ALL
SELECT 'standing lease on a task that is not finalized', count(*) FROM leases l
JOIN tasks t ON t.id = l.task WHERE l.standing = 1 AND t.state != 1 HAVING count(*) > 0
UNION ALL
SELECT 'worker that holds and has answered a task', count(*) FROM leases l
JOIN votes v ON v.task = l.task AND v.worker = l.worker HAVING count(*) > 0
UNION ALL
SELECT 'more votes and leases than are wanted', count(*) FROM tasks
WHERE state = 0 AND submission_count + lease_count > wanted HAVING count(*) > 0
UNION ALL
-- By majority: a point for each vote in time that is the final label, paid once.
SELECT 'points that are not agreements', abs(paid - agreed) FROM
    (SELECT coalesce(sum(points), 0) AS paid FROM workers),
    (SELECT count(*) AS agreed FROM votes v JOIN tasks t ON t.id = v.task
        JOIN outcomes o ON o.seq = t.outcome
        WHERE v.late = 0 AND t.state = 1 AND v.label = o.label)
WHERE paid != agreed
UNION ALL
SELECT 'submissions that are not votes', abs(said - came) FROM
    (SELECT coalesce(sum(submissions), 0) AS said FROM workers),
    (SELECT count(*) AS came FROM votes WHERE late = 0)
WHERE said != came
UNION ALL
SELECT 'agreements that are not in the track records', abs(noted - agreed) FROM
    (SELECT coalesce(sum(agreements), 0) AS noted FROM track_records),
    (SELECT count(*) AS agreed FROM votes v JOIN tasks t ON t.id = v.task
        JOIN outcomes o ON o.seq = t.outcome WHERE t.state = 1 AND v.label = o.label)
WHERE noted != agreed
UNION ALL
-- Every tally is what the votes say.
SELECT 'tally that is not what the votes say', count(*) FROM (
    SELECT worker, task_type, model, submissions, late, agreements, disagreements FROM tallies
    WHERE submissions + late > 0
    EXCEPT
    SELECT v.worker, t.task_type, coalesce(v.model, 0), sum(v.late = 0), sum(v.late = 1),
        sum(t.state = 1 AND v.label = o.label), sum(t.state = 1 AND v.label <> o.label)
    FROM votes v JOIN tasks t ON t.id = v.task LEFT JOIN outcomes o ON o.seq = t.outcome
    GROUP BY 1, 2, 3
) HAVING count(*) > 0
UNION ALL
SELECT 'votes that no tally counts', abs(counted - came) FROM
    (SELECT coalesce(sum(submissions + late), 0) AS counted FROM tallies),
    (SELECT count(*) AS came FROM votes)
WHERE counted != came
UNION ALL
SELECT 'points that are not in the tallies', abs(counted - paid) FROM
    (SELECT coalesce(sum(points), 0) AS counted FROM tallies),
    (SELECT coalesce(sum(points), 0) AS paid FROM workers)
WHERE counted != paid
UNION ALL
SELECT 'losses that are not in the tallies', abs(counted - noted) FROM
    (SELECT coalesce(sum(lost), 0) AS counted FROM tallies),
    (SELECT coalesce(sum(n), 0) AS noted FROM losses)
WHERE counted != noted
UNION ALL
SELECT 'wrong status of a task', count(*) FROM tasks
WHERE status != iif(state = 0, lease_count > 0, state + 1) HAVING count(*) > 0
UNION ALL
SELECT 'sum that is not what the tallies say', count(*)
FROM (SELECT * FROM summed EXCEPT SELECT * FROM sums) HAVING count(*) > 0
UNION ALL
SELECT 'sum of nothing', count(*)
FROM (SELECT * FROM sums EXCEPT SELECT * FROM summed) HAVING count(*) > 0
UNION ALL
SELECT 'points for a type that are not in the tallies', count(*) FROM (
    SELECT worker, task_type, sum(points), 1 FROM tallies GROUP BY 1, 2
    EXCEPT
    SELECT worker, task_type, sum(type_points), count(type_points) FROM tallies GROUP BY 1, 2
) HAVING count(*) > 0
UNION ALL
SELECT 'worker whose tallies are not looked for, or has none', count(*) FROM workers
WHERE tallied != (id IN (SELECT worker FROM tallies)) HAVING count(*) > 0
UNION ALL
SELECT 'served model that nobody serves, or not so many', count(*) FROM (
    SELECT * FROM served EXCEPT SELECT model, task_type, count(*) FROM serving GROUP BY 1, 2
) HAVING count(*) > 0
UNION ALL
SELECT 'model that is not said to be served', count(*) FROM (
    SELECT model, task_type FROM serving EXCEPT SELECT model, task_type FROM served
) HAVING count(*) > 0
UNION ALL
SELECT 'labels that no worker says, or not so many', count(*) FROM (
    SELECT * FROM served_labels
    EXCEPT
    SELECT model, task_type, labels, count(*) FROM serving WHERE labels IS NOT NULL GROUP BY 1, 2, 3
) HAVING count(*) > 0
UNION ALL
SELECT 'labels that are not kept', count(*) FROM (
    SELECT model, task_type, labels FROM serving WHERE labels IS NOT NULL
    EXCEPT SELECT model, task_type, labels FROM served_labels
) HAVING count(*) > 0
UNION ALL
SELECT 'model that answers a task twice where models matter', count(*) FROM votes a
JOIN votes b ON b.task = a.task AND b.model = a.model AND b.worker > a.worker
JOIN tasks t ON t.id = a.task WHERE t.distinct_models = 1 HAVING count(*) > 0
UNION ALL
SELECT 'task that was closed twice, or outcome without a task',
    abs((SELECT count(*) FROM outcomes) - (SELECT count(*) FROM tasks WHERE state > 0))
WHERE (SELECT count(*) FROM outcomes) != (SELECT count(DISTINCT outcome) FROM tasks WHERE state > 0)
UNION ALL
SELECT 'text without a task', count(*) FROM inputs
WHERE seq NOT IN (SELECT input FROM tasks) HAVING count(*) > 0
UNION ALL
SELECT 'reference to nothing', count(*) FROM pragma_foreign_key_check HAVING count(*) > 0
UNION ALL
SELECT 'damage: ' || integrity_check, 1 FROM pragma_integrity_check WHERE integrity_check != 'ok';
