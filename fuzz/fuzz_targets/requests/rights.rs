use ai_market_core::access::Role;
use poem::http::{Method, StatusCode, Uri};
use serde_json::Value;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Anybody, in a market that asks for no keys.
    Anyone,
    /// Somebody without a key, where one is asked for.
    Nobody,
    /// Who holds a key of this role.
    Holder(Role),
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// Whether everybody may ask, without a key.
fn is_public(path: &str) -> bool {
    matches!(path, "/" | "/health") || path.starts_with("/dashboard/")
}

/// Whether a role may ever be answered well; as docs/security.md says it, not as the code does.
fn may(asker: Asker, method: &Method, path: &str) -> bool {
    let read = *method == Method::GET || *method == Method::HEAD;
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (parts.as_slice(), asker) {
        (_, Asker::Anyone) => true,
        _ if is_public(path) => true,
        (_, Asker::Nobody) => false,
        (["openapi.json" | "docs" | "me" | "leaderboard" | "models" | "task-types"], _) => true,
        (["workers", _, "suspend" | "reinstate"], Asker::Holder(role)) => role == Role::Admin,
        (["workers"], Asker::Holder(role)) => read && role != Role::Worker,
        (["workers", _], _) if read => true,
        (["workers", ..] | ["tasks", "next"], Asker::Holder(role)) => role == Role::Worker,
        (["tasks", "batch"], Asker::Holder(role)) => role != Role::Worker,
        (["events", ..], Asker::Holder(role)) => role != Role::Worker,
        (["keys" | "ops", ..], Asker::Holder(role)) => role == Role::Admin,
        (["tasks" | "activity" | "metrics"] | ["db", "stats"], Asker::Holder(role)) => {
            role != Role::Worker
        }
        (["tasks", _], Asker::Holder(role)) => read && role != Role::Worker,
        _ => false,
    }
}

/// Where keys are asked for, nobody does what is another's.
pub(crate) fn check_access(asker: Asker, method: &Method, uri: &Uri, sent: &[u8], answer: &Answer) {
    let Answer { status, body } = answer;
    let told = || {
        let (sent, body) = (String::from_utf8_lossy(sent), String::from_utf8_lossy(body));
        format!("{asker:?}: {method} {uri} {sent}: {status} {body}")
    };
    let path = uri.path();
    if asker == Asker::Nobody && !is_public(path) {
        assert_eq!(status.as_u16(), 401, "{}", told());
    }
    if !status.is_success() {
        return;
    }
    assert!(may(asker, method, path), "{}", told());
    if asker == Asker::Holder(Role::Worker) && *method == Method::POST {
        match serde_json::from_slice::<Value>(sent) {
            Ok(sent) => assert_eq!(sent["worker_id"], "alice", "{}", told()),
            // An item of a batch may be bad without failing the others.
            Err(_) => assert!(path.ends_with("/batch"), "{}", told()),
        }
    }
    // Votes are blind, but to an admin.
    if asker != Asker::Holder(Role::Admin)
        && path.starts_with("/tasks/")
        && let Ok(task) = serde_json::from_slice::<Value>(body)
        && let Some(votes) = task["submissions"].as_array()
        && ["queued", "assigned"].contains(&task["status"].as_str().unwrap_or_default())
    {
        assert!(votes.is_empty(), "{}", told());
    }
}
