//! How the programs log.

use serde_json::Value;

use crate::support::{Coordinator, run};

#[test]
fn logs_can_be_json_and_errors_name_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::start_with(&db, 0, &["--auth", "keys"]);
    let url = format!("http://{}", coordinator.address);
    // It is refused, since it shows no key.
    let arguments = ["alice", "--coordinator", &url, "--log-format", "json"];
    let output = run("worker", &arguments);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (logged, error) = stderr.trim_end().rsplit_once('\n').unwrap();
    assert!(
        error.starts_with("error: the coordinator refuses worker alice: "),
        "{error}"
    );
    let (_, id) = error.rsplit_once("(request ").unwrap();
    assert_eq!(id.len(), 33, "{error}");
    let lines: Vec<Value> = logged
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let loaded = lines.iter().find(|line| line["labels"].is_string());
    let loaded = loaded.expect("it tells of the model");
    assert_eq!(loaded["level"], "INFO");
    assert!(
        loaded["message"]
            .as_str()
            .unwrap()
            .starts_with("loaded in "),
        "{loaded}"
    );
    assert!(coordinator.interrupt().success());
}
