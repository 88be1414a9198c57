//! How keys are managed over HTTP, and what they say of their holders.

use std::num::NonZeroU32;

use ai_market_core::access::{Keys, MemoryKeys, Role};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::store::MemoryStore;
use ai_market_core::time::SystemClock;
use ai_market_http::{RateLimit, RouteOptions, routes};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Market, common, market};

#[tokio::test]
async fn keys_are_issued_listed_rotated_and_revoked() {
    let market = market(RouteOptions::new());
    let admin = market.key_of(Role::Admin).await;
    let new = json!({"role": "worker", "worker_id": "bob", "owner": "ben"});
    let (status, issued) = market.with_key(&admin, Method::POST, "/keys", new).await;
    assert_eq!(status, StatusCode::OK, "{issued}");
    let (key, id) = (
        issued["key"].as_str().unwrap(),
        issued["id"].as_str().unwrap(),
    );
    assert!(key.starts_with("aim_worker_") && key.contains(id));
    let register = || json!({"worker_id": "bob"});
    let (status, _) = market
        .with_key(key, Method::POST, "/workers/register", register())
        .await;
    assert_eq!(status, StatusCode::OK);

    let rotate = format!("/keys/{id}/rotate");
    let (status, second) = market
        .with_key(&admin, Method::POST, &rotate, json!({}))
        .await;
    assert_eq!(status, StatusCode::OK, "{second}");
    let new_key = second["key"].as_str().unwrap();
    for key in [key, new_key] {
        let (status, _) = market
            .with_key(key, Method::POST, "/workers/register", register())
            .await;
        assert_eq!(status, StatusCode::OK, "both are live");
    }
    let (status, error) = market
        .with_key(&admin, Method::POST, &rotate, json!({}))
        .await;
    assert_eq!(
        (status, error["error"]["code"].as_str()),
        (StatusCode::CONFLICT, Some("key_not_live"))
    );

    let (_, list) = market
        .with_key(&admin, Method::GET, "/keys", Value::Null)
        .await;
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 3);
    for entry in list {
        assert!(
            entry.get("key").is_none() && entry.get("hash").is_none(),
            "{entry}"
        );
        assert_eq!(entry["state"], "live");
    }
    let gone = format!("/keys/{}", second["id"].as_str().unwrap());
    let (status, revoked) = market
        .with_key(&admin, Method::DELETE, &gone, Value::Null)
        .await;
    assert_eq!(
        (status, revoked["state"].as_str()),
        (StatusCode::OK, Some("revoked"))
    );
    let (status, _) = market
        .with_key(new_key, Method::POST, "/workers/register", register())
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    for missing in ["/keys/nonsense", "/keys/aaaaaaaaaaaaaaaa"] {
        let (status, error) = market
            .with_key(&admin, Method::DELETE, missing, Value::Null)
            .await;
        assert_eq!(
            (status, error["error"]["code"].as_str()),
            (StatusCode::NOT_FOUND, Some("unknown_key"))
        );
    }
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_not_issued() {
    let market = market(RouteOptions::new());
    let admin = market.key_of(Role::Admin).await;
    for (new, field) in [
        (json!({"role": "worker"}), "worker_id"),
        (json!({"role": "client", "worker_id": "bob"}), "worker_id"),
        (json!({"role": "god"}), "role"),
        (json!({}), "role"),
        (json!({"role": "client", "owner": ""}), "owner"),
        (
            json!({"role": "client", "expires_at": "2001-01-01T00:00:00Z"}),
            "expires_at",
        ),
    ] {
        let (status, error) = market.with_key(&admin, Method::POST, "/keys", new).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{error}");
        assert_eq!(error["error"]["field"], field);
    }
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let rate = RateLimit {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(3).unwrap(),
    };
    let market = market(RouteOptions::new().with_rate_limit(Some(rate)));
    let (one, two) = (
        market.key_of(Role::Client).await,
        market.key_of(Role::Client).await,
    );
    let bearer = format!("Bearer {one}");
    let mut answers = Vec::new();
    for _ in 0..4 {
        let (status, response, _) = market
            .ask(&Method::GET, "/tasks", Some(&bearer), &Value::Null)
            .await;
        answers.push((
            status.as_u16(),
            response.header("retry-after").map(str::to_owned),
        ));
    }
    assert!(
        answers[..3].iter().all(|(status, _)| *status == 200),
        "{answers:?}"
    );
    assert_eq!(answers[3], (429, Some("1".to_owned())));
    let (status, _) = market
        .with_key(&two, Method::GET, "/tasks", Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK, "each key has a limit of its own");
}

#[tokio::test]
async fn a_batch_counts_as_often_as_it_has_items() {
    let rate = RateLimit {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(100).unwrap(),
    };
    let market = market(RouteOptions::new().with_rate_limit(Some(rate)));
    let client = market.key_of(Role::Client).await;
    let worker = market.key_of(Role::Worker).await;
    let vote = json!({
        "task_id": "0199b1c6-7d1e-7c3a-9d53-0f3d3f0f6c55", "label": "x", "confidence": 0.5,
    });
    for (key, path, list, item) in [
        (&client, "/tasks/batch", "tasks", json!({"text": "t"})),
        (&worker, "/workers/submit/batch", "submissions", vote),
    ] {
        let ask = async |items: usize| {
            let body = json!({"worker_id": "alice", list: vec![item.clone(); items]});
            market.with_key(key, Method::POST, path, body).await
        };
        let (status, error) = ask(101).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{error}");
        assert_eq!(error["error"]["field"], list);
        // Two requests have counted so far, this one among them.
        let (status, _) = ask(60).await;
        assert_eq!(status, StatusCode::OK);
        let (status, error) = ask(60).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{error}");
        // What was refused has counted once alone.
        let (status, _) = ask(30).await;
        assert_eq!(status, StatusCode::OK);
        let (status, _) = ask(0).await;
        assert_eq!(status, StatusCode::OK, "an empty one counts as one");
        let (status, _) = ask(30).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    }
    let admin = market.key_of(Role::Admin).await;
    let (_, stats) = market
        .with_key(&admin, Method::GET, "/db/stats", Value::Null)
        .await;
    assert_eq!(stats["tasks"], 90, "the refused ones changed nothing");
}

#[tokio::test]
async fn without_keys_there_are_none_to_manage() {
    let coordinator = Coordinator::builder(MemoryStore::new()).build().unwrap();
    let keys = Keys::new(MemoryKeys::new(), SystemClock);
    let market = Market {
        endpoint: routes(coordinator, RouteOptions::new()),
        keys,
    };
    let (status, _, error) = market.ask(&Method::GET, "/keys", None, &Value::Null).await;
    assert_eq!(
        (status, error["error"]["code"].as_str()),
        (StatusCode::FORBIDDEN, Some("forbidden"))
    );
}

#[tokio::test]
async fn a_caller_learns_who_it_is() {
    for allowed in [false, true] {
        let anybody = common::Market::with(
            common::coordinator(),
            RouteOptions::new().with_allow_ops(allowed),
        );
        let me = anybody.await.get("/me").await.ok();
        let expected = json!({
            "keys": false, "role": null, "worker_id": null, "owner": null, "operations": allowed,
        });
        assert_eq!(me, expected);
    }
    let market = market(RouteOptions::new());
    for (role, worker, owner, operations) in [
        (Role::Admin, Value::Null, "operator", true),
        (Role::Client, Value::Null, "operator", false),
        (Role::Worker, json!("alice"), "alice", false),
    ] {
        let key = market.key_of(role).await;
        let (status, me) = market.with_key(&key, Method::GET, "/me", Value::Null).await;
        let expected = json!({
            "keys": true, "role": role.as_str(), "worker_id": worker, "owner": owner,
            "operations": operations,
        });
        assert_eq!((status, me), (StatusCode::OK, expected));
    }
}
