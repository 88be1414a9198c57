//! A market that asks for keys, as its operator and its workers meet it.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use ai_market_core::api::{ClientApi, ErrorCode, TaskSpec};
use ai_market_core::task::TaskStatus;
use ai_market_http::HttpClient;

use crate::support::{Coordinator, PATIENCE, Process, run, run_with};

fn client(coordinator: &Coordinator, key: &str) -> HttpClient {
    let url = format!("http://{}", coordinator.address);
    HttpClient::builder(url)
        .key(key.parse().unwrap())
        .build()
        .unwrap()
}

fn issue(db: &Path, arguments: &[&str]) -> String {
    let db = db.to_str().unwrap();
    let mut all = vec!["keys", "create", "--db", db];
    all.extend(arguments);
    let output = run("coordinator", &all);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keys_on_only_whoever_shows_the_right_key_takes_part() {
    let folder = tempfile::tempdir().unwrap();
    let (db, file) = (
        folder.path().join("market.db"),
        folder.path().join("admin.key"),
    );
    let file_option = file.to_str().unwrap();
    let options = ["--auth", "keys", "--admin-key-file", file_option];
    let coordinator = Coordinator::start_with(&db, 0, &options);
    let admin = std::fs::read_to_string(&file).unwrap();
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    }
    let admin = client(&coordinator, admin.trim());
    let nobody = coordinator.client();
    let refused = nobody
        .enqueue(vec![TaskSpec::new("a")])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unauthorized);
    assert!(
        nobody.health().await.is_ok(),
        "whether it is up is no secret"
    );

    // While it runs, keys are made beside it.
    let (for_alice, for_client) = (
        issue(&db, &["--role", "worker", "--worker-id", "alice"]),
        issue(&db, &["--role", "client"]),
    );
    let _alice = Process::worker_with_key("alice", coordinator.address, &for_alice);
    let spec = TaskSpec::new("I love it").with_required_submissions(NonZeroU32::MIN);
    let id = client(&coordinator, &for_client)
        .enqueue(vec![spec])
        .await
        .remove(0)
        .unwrap();
    let closed = tokio::time::timeout(PATIENCE, async {
        loop {
            let details = admin.task(id, Duration::from_secs(10)).await.unwrap();
            if !details.task.status().is_open() {
                return details;
            }
        }
    });
    assert_eq!(
        closed.await.expect("it hangs").task.status(),
        TaskStatus::Finalized
    );

    // A worker without a key, and one with the key of another, are told so and end.
    let url = format!("http://{}", coordinator.address);
    for (key, reason) in [(None, "key"), (Some(for_alice.as_str()), "another worker")] {
        let output = run_with("worker", &["bob", "--coordinator", &url], key);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
        assert!(!stderr.contains(&for_alice), "no key is shown: {stderr}");
    }
    let output = run_with(
        "worker",
        &["bob", "--coordinator", &url],
        Some("aim_worker_nonsense"),
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        !stderr.contains("nonsense") && stderr.contains("API key"),
        "{stderr}"
    );

    // The second start makes no further admin key.
    std::fs::remove_file(&file).unwrap();
    let coordinator = coordinator.restart_with(&db, Process::kill, &options);
    assert!(!file.exists());
    assert!(coordinator.interrupt().success());
}
