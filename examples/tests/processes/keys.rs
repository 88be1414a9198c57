//! `coordinator keys`, beside a coordinator that runs and without one.

use std::path::Path;
use std::process::Output;

use ai_market_core::access::{ApiKey, Role};
use ai_market_core::api::{ClientApi, TaskSpec};
use serde_json::Value;

use crate::support::{Coordinator, run};

/// A folder with a place for a database.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn db(&self) -> String {
        self.path("market.db")
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn keys(&self, arguments: &[&str]) -> Output {
        let db = self.db();
        let mut all = vec!["keys", arguments[0], "--db", &db];
        all.extend(&arguments[1..]);
        run("coordinator", &all)
    }

    /// Makes a key, which must be all that is printed.
    fn key(&self, arguments: &[&str]) -> ApiKey {
        let output = self.keys(arguments);
        let stderr = String::from_utf8(output.stderr.clone()).unwrap();
        let key: ApiKey = line(&output).parse().unwrap();
        assert!(stderr.contains("once"), "{stderr}");
        assert!(!stderr.contains(&key.reveal()), "{stderr}");
        key
    }

    /// What `list --json` says of every key.
    fn list(&self) -> Vec<Value> {
        let output = self.keys(&["list", "--json"]);
        let stdout = String::from_utf8(output.stdout).unwrap();
        let lines = stdout.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    /// Does what must fail, and returns the one line that it says why.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.keys(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty());
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
        stderr
    }
}

/// The one line of a program that succeeded.
fn line(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let line = stdout.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{stdout}");
    line.to_owned()
}

fn states(list: &[Value]) -> Vec<&str> {
    list.iter()
        .map(|key| key["state"].as_str().unwrap())
        .collect()
}

#[test]
fn keys_are_made_listed_rotated_and_revoked() {
    let place = Place::new();
    let old = place.key(&["create", "--role", "worker", "--worker-id", "alice"]);
    assert_eq!(old.role(), Role::Worker);
    let list = place.list();
    assert_eq!(list[0]["id"], old.id().to_string());
    assert_eq!(list[0]["role"], "worker");
    assert_eq!(list[0]["worker"], "alice");
    assert_eq!(list[0]["owner"], "alice");
    assert_eq!(list[0]["expires"], Value::Null);
    assert_eq!(states(&list), ["live"]);

    let id = old.id().to_string();
    let new = place.key(&["rotate", &id, "--overlap-hours", "1"]);
    let list = place.list();
    assert_eq!(states(&list), ["live", "live"]);
    assert_eq!(list[0]["replaced_by"], new.id().to_string());
    assert!(list[0]["expires"].is_string());
    assert_eq!(list[1]["worker"], "alice");
    assert!(place.refused(&["rotate", &id]).contains("already"));

    assert_eq!(
        line(&place.keys(&["revoke", &id])),
        format!("key {id} is revoked")
    );
    assert_eq!(states(&place.list()), ["revoked", "live"]);
    assert!(place.refused(&["rotate", &id]).contains("not live"));

    let now = place.key(&["rotate", &new.id().to_string(), "--overlap-hours", "0"]);
    assert_eq!(states(&place.list()), ["revoked", "expired", "live"]);

    let table = String::from_utf8(place.keys(&["list"]).stdout).unwrap();
    for part in ["replaced by", &id, "alice", "revoked", "live"] {
        assert!(table.contains(part), "{part:?} is missing in:\n{table}");
    }
    assert_eq!(table.lines().count(), 4, "{table}");
    for key in [old, new, now] {
        let text = key.reveal();
        let secret = text.rsplit('_').next().unwrap();
        assert!(!table.contains(&secret[..8]), "{table}");
    }
}

#[test]
fn a_key_expires_when_it_is_told() {
    let place = Place::new();
    let admin = ["create", "--role", "admin", "--owner", "acme"];
    place.key(&[&admin[..], &["--expires-in-days", "2"]].concat());
    let at = "2999-01-31T12:00:00Z";
    place.key(&["create", "--role", "client", "--expires-at", at]);
    let list = place.list();
    assert_eq!(
        (&list[0]["role"], &list[0]["owner"]),
        (&"admin".into(), &"acme".into())
    );
    assert!(list[0]["expires"].as_str() > list[0]["created"].as_str());
    assert_eq!(list[1]["expires"], "2999-01-31T12:00:00.000000Z");
    assert_eq!(list[1]["owner"], "operator");
    let past = ["--expires-at", "2001-01-31T12:00:00Z"];
    let error = place.refused(&[&admin[..], &past].concat());
    assert!(error.contains("expired"), "{error}");
    assert_eq!(place.list().len(), 2);
}

#[test]
fn what_is_wrong_with_keys_is_said_in_one_line() {
    let place = Place::new();
    let id = "aaaaaaaaaaaaaaaa";
    // Nothing is made where there is nothing to be found.
    for arguments in [&["list"][..], &["rotate", id], &["revoke", id]] {
        let error = place.refused(arguments);
        assert!(error.contains("market.db"), "{error}");
    }
    assert!(!Path::new(&place.db()).exists());
    let notes = "these are the notes of somebody else, and no database at all";
    std::fs::write(place.db(), notes).unwrap();
    for arguments in [&["list"][..], &["create", "--role", "admin"]] {
        let error = place.refused(arguments);
        assert!(error.contains("not a SQLite database"), "{error}");
    }
    assert_eq!(std::fs::read_to_string(place.db()).unwrap(), notes);
    std::fs::remove_file(place.db()).unwrap();

    let both = ["create", "--role", "client", "--worker-id", "alice"];
    let error = place.refused(&both);
    assert!(error.contains("worker"), "{error}");
    place.key(&["create", "--role", "client"]);
    for deed in ["rotate", "revoke"] {
        let error = place.refused(&[deed, id]);
        assert!(error.contains(&format!("no key {id}")), "{error}");
    }
    // Misuse is told by the parser of the command line.
    for arguments in [
        &["create"][..],
        &["create", "--role", "god"],
        &["create", "--role", "worker"],
        &["revoke", "nonsense"],
    ] {
        assert_eq!(place.keys(arguments).status.code(), Some(2));
    }
}

#[tokio::test]
async fn keys_change_while_a_coordinator_runs() {
    let place = Place::new();
    let first = place.key(&["create", "--role", "admin"]);
    let db = place.db();
    let coordinator = Coordinator::start(Path::new(&db), 0);
    let client = coordinator.client();
    for n in 0..3 {
        let created = client
            .enqueue(vec![TaskSpec::new(format!("text {n}"))])
            .await;
        assert!(created.iter().all(Result::is_ok), "{created:?}");
        place.key(&["create", "--role", "client"]);
    }
    place.keys(&["revoke", &first.id().to_string()]);
    assert_eq!(states(&place.list()), ["revoked", "live", "live", "live"]);
    let created = client.enqueue(vec![TaskSpec::new("the last one")]).await;
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    let coordinator = coordinator.restart(Path::new(&db), crate::support::Process::kill);
    assert_eq!(states(&place.list()), ["revoked", "live", "live", "live"]);
    let stats = coordinator.client().stats().await.unwrap();
    assert_eq!(stats.tasks_total(), 4);
}

#[test]
fn keys_explain_themselves() {
    for (arguments, words) in [
        (&["--help"][..], &["keys", "--bind", "--lease-seconds"][..]),
        (&["keys", "--help"], &["create", "list", "rotate", "revoke"]),
        (
            &["keys", "create", "--help"],
            &[
                "--role",
                "--worker-id",
                "--owner",
                "--expires-in-days",
                "--expires-at",
                "--db",
            ],
        ),
        (
            &["keys", "rotate", "--help"],
            &["--overlap-hours", "[default: 24]"],
        ),
    ] {
        let help = line_or_more(&run("coordinator", arguments));
        for word in words {
            assert!(help.contains(word), "{word} is missing in:\n{help}");
        }
    }
}

fn line_or_more(output: &Output) -> String {
    assert!(output.status.success());
    String::from_utf8(output.stdout.clone()).unwrap()
}
