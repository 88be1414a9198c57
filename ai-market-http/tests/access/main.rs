//! Where keys are asked for: every route of the OpenAPI document, with no key, with bad ones and with
//! one of every role.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod keys;

use ai_market_core::access::{ApiKey, KeySpec, Keys, MemoryKeys, Role};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::WorkerId;
use ai_market_core::store::MemoryStore;
use ai_market_core::time::SystemClock;
use ai_market_http::{RouteOptions, routes};
use poem::http::{Method, StatusCode};
use poem::{Body, Endpoint, Request, Response};
use serde_json::{Value, json};

struct Market<E> {
    endpoint: E,
    keys: Keys,
}

fn market(options: RouteOptions) -> Market<impl Endpoint<Output = Response>> {
    let keys = Keys::new(MemoryKeys::new(), SystemClock);
    let coordinator = Coordinator::builder(MemoryStore::new()).build().unwrap();
    let endpoint = routes(coordinator, options.with_keys(keys.clone()));
    Market { endpoint, keys }
}

impl<E: Endpoint<Output = Response>> Market<E> {
    async fn key(&self, spec: KeySpec) -> String {
        self.keys.create(spec).await.unwrap().key.reveal()
    }

    async fn key_of(&self, role: Role) -> String {
        match role {
            Role::Worker => {
                self.key(KeySpec::worker(WorkerId::new("alice").unwrap()))
                    .await
            }
            role => self.key(KeySpec::new(role)).await,
        }
    }

    async fn ask(
        &self,
        method: &Method,
        path: &str,
        authorization: Option<&str>,
        body: &Value,
    ) -> (StatusCode, Response, Value) {
        let mut request = Request::builder().method(method.clone()).uri_str(path);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = match *method {
            Method::GET | Method::HEAD | Method::DELETE => request.finish(),
            _ => request
                .content_type("application/json")
                .body(Body::from_json(body).unwrap()),
        };
        let mut response = self.endpoint.call(request).await.unwrap();
        let text = if response.content_type() == Some("text/event-stream") {
            // It has no end.
            String::new()
        } else {
            response.take_body().into_string().await.unwrap()
        };
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (response.status(), response, body)
    }

    async fn with_key(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let bearer = format!("Bearer {key}");
        let (status, _, body) = self.ask(&method, path, Some(&bearer), &body).await;
        (status, body)
    }

    /// Every operation: method, path with an id filled in, and the roles that may use it.
    async fn operations(&self) -> Vec<(Method, String, Option<Vec<Role>>)> {
        let admin = self.key_of(Role::Admin).await;
        let (_, spec) = self
            .with_key(&admin, Method::GET, "/openapi.json", Value::Null)
            .await;
        let mut operations = Vec::new();
        for (path, methods) in spec["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let roles = operation.get("x-roles").map(|roles| {
                    let roles = roles.as_array().unwrap().iter();
                    roles
                        .map(|role| role.as_str().unwrap().parse().unwrap())
                        .collect()
                });
                assert_eq!(
                    roles.is_some(),
                    operation.get("security").is_some(),
                    "{path}"
                );
                let id = if path.starts_with("/workers/") {
                    "alice"
                } else {
                    "unknown"
                };
                operations.push((method, path.replace("{id}", id), roles));
            }
        }
        assert!(operations.len() >= 27, "{}", operations.len());
        let anyone = Role::ALL.to_vec();
        for page in ["/docs", "/openapi.json"] {
            operations.push((Method::GET, page.to_owned(), Some(anyone.clone())));
        }
        operations
    }
}

/// A body that suits every route that takes one, in the name of alice.
fn body() -> Value {
    json!({
        "worker_id": "alice", "text": "a", "role": "client", "label": "x", "confidence": 0.5,
        "task_id": "0199b1c6-7d1e-7c3a-9d53-0f3d3f0f6c55", "task_ids": [], "reason": "x",
        "tasks": [{"text": "a"}],
        "submissions": [
            {"task_id": "0199b1c6-7d1e-7c3a-9d53-0f3d3f0f6c55", "label": "x", "confidence": 0.5},
        ],
    })
}

#[tokio::test]
async fn every_route_takes_the_keys_that_it_is_for_and_no_others() {
    let market = market(RouteOptions::new());
    let mut keys = Vec::new();
    for role in Role::ALL {
        keys.push((role, format!("Bearer {}", market.key_of(role).await)));
    }
    let unknown = ApiKey::random(Role::Admin).unwrap().reveal();
    let mut cut = unknown.clone();
    cut.pop();
    let bad = [
        "Bearer ".to_owned(),
        "Bearer nonsense".to_owned(),
        format!("Bearer {unknown}"),
        format!("Bearer {cut}"),
        format!("Basic {unknown}"),
        unknown,
    ];
    for (method, path, roles) in market.operations().await {
        let (status, response, error) = market.ask(&method, &path, None, &body()).await;
        let Some(roles) = roles else {
            assert_eq!((path.as_str(), status), ("/health", StatusCode::OK));
            continue;
        };
        assert_eq!(
            status,
            StatusCode::UNAUTHORIZED,
            "{method} {path} without a key"
        );
        assert_eq!(error["error"]["code"], "unauthorized");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        for bad in &bad {
            let (status, _, error) = market.ask(&method, &path, Some(bad), &body()).await;
            assert_eq!(
                status,
                StatusCode::UNAUTHORIZED,
                "{method} {path} with {bad:.12}"
            );
            assert!(!error.to_string().contains("aim_admin"), "{error}");
        }
        for (role, key) in &keys {
            // What this does to the market must not matter to the next one.
            if path == "/ops/reset" && *role == Role::Admin {
                continue;
            }
            let (status, _, error) = market.ask(&method, &path, Some(key), &body()).await;
            assert_ne!(
                status,
                StatusCode::UNAUTHORIZED,
                "{method} {path} as {role}: {error}"
            );
            let allowed = status != StatusCode::FORBIDDEN;
            assert_eq!(
                allowed,
                roles.contains(role),
                "{method} {path} as {role}: {error}"
            );
            assert!(status.as_u16() < 500, "{method} {path} as {role}: {error}");
        }
    }
}

#[tokio::test]
async fn whoever_has_no_key_does_not_learn_which_routes_there_are() {
    let market = market(RouteOptions::new());
    for (method, path) in [
        (Method::GET, "/nothing"),
        (Method::DELETE, "/tasks"),
        (Method::POST, "/health"),
    ] {
        let (status, _, _) = market.ask(&method, path, None, &body()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let admin = market.key_of(Role::Admin).await;
    let (status, _) = market
        .with_key(&admin, Method::GET, "/nothing", Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = market
        .with_key(&admin, Method::DELETE, "/tasks", Value::Null)
        .await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_worker_key_acts_as_its_worker_in_no_other_name() {
    let market = market(RouteOptions::new());
    let alice = market.key_of(Role::Worker).await;
    for path in [
        "/workers/register",
        "/workers/heartbeat",
        "/tasks/next",
        "/workers/submit",
        "/workers/submit/batch",
        "/workers/release",
    ] {
        let mut body = body();
        body["worker_id"] = json!("bob");
        let (status, error) = market.with_key(&alice, Method::POST, path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {error}");
        assert_eq!(error["error"]["field"], "worker_id", "{path}");
    }
}

#[tokio::test]
async fn a_worker_key_neither_reads_nor_acts_as_another_in_any_route() {
    const SECRET: &str = "label-that-bob-gave";
    let market = market(RouteOptions::new());
    let admin = market.key_of(Role::Admin).await;
    let client = market.key_of(Role::Client).await;
    let alice = market.key_of(Role::Worker).await;
    let bob = KeySpec::worker(WorkerId::new("bob").unwrap());
    let bob = market.key(bob).await;
    let ok = async |key: &str, method, path: &str, body| {
        let (status, answer) = market.with_key(key, method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    };
    // Bob has answered one task, which waits for others, and holds another one.
    let mut tasks = Vec::new();
    for text in ["a", "b"] {
        let task = json!({"text": text, "required_submissions": 2});
        let created = ok(&client, Method::POST, "/tasks", task).await;
        tasks.push(created["task_id"].as_str().unwrap().to_owned());
    }
    let register = |id| json!({"worker_id": id});
    for (key, id) in [(&alice, "alice"), (&bob, "bob")] {
        ok(key, Method::POST, "/workers/register", register(id)).await;
    }
    let both = json!({"worker_id": "bob", "limit": 2});
    ok(&bob, Method::POST, "/tasks/next", both).await;
    let vote = json!({
        "worker_id": "bob", "task_id": tasks[0], "label": SECRET, "confidence": 0.5,
    });
    ok(&bob, Method::POST, "/workers/submit", vote).await;

    let bobs = async || ok(&admin, Method::GET, "/workers/bob", Value::Null).await;
    let before = bobs().await;
    assert_eq!(
        (&before["submissions"], &before["leases"]),
        (&json!(1), &json!(1))
    );
    let in_the_name_of_bob = json!({
        "worker_id": "bob", "task_id": tasks[1], "task_ids": tasks, "label": "x",
        "confidence": 1, "reason": "x", "text": "t", "role": "worker", "failed": "x",
        "submissions": [{"task_id": tasks[1], "label": "x", "confidence": 1}],
    });
    let operations = market.operations().await;
    let mut asked = 0;
    for (method, path, _) in operations {
        let others = [
            path.replace("alice", "bob"),
            path.replace("alice", "b%6Fb"),
            path.replace("alice", "alice%2F..%2Fbob"),
            path.replace("unknown", &tasks[0]),
        ];
        for path in others {
            let body = in_the_name_of_bob.clone();
            let (status, answer) = market.with_key(&alice, method.clone(), &path, body).await;
            assert!(!answer.to_string().contains(SECRET), "{method} {path}");
            let of_all = ["/leaderboard", "/models", "/task-types"].contains(&path.as_str());
            let open = ["/health", "/docs", "/openapi.json", "/me"].contains(&path.as_str());
            let own = path == "/workers/alice";
            let allowed = method == Method::GET && (of_all || open || own);
            let expected = if allowed {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(status, expected, "{method} {path}: {answer}");
            asked += 1;
        }
    }
    assert!(asked >= 4 * 26);
    assert_eq!(bobs().await, before, "nothing was done to bob");
    let own = ok(&alice, Method::GET, "/workers/%61lice", Value::Null).await;
    assert_eq!(
        (&own["worker_id"], &own["owner"]),
        (&json!("alice"), &json!("alice"))
    );
    let register = ok(&bob, Method::GET, "/workers/bob", Value::Null).await;
    assert_eq!(register, before);
}

#[tokio::test]
async fn a_worker_called_as_a_route_is_reads_its_own() {
    let market = market(RouteOptions::new());
    let key = KeySpec::worker(WorkerId::new("register").unwrap());
    let key = market.key(key).await;
    let body = json!({"worker_id": "register"});
    for path in ["/workers/register", "/workers/heartbeat"] {
        let (status, answer) = market
            .with_key(&key, Method::POST, path, body.clone())
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let (status, own) = market
        .with_key(&key, Method::GET, "/workers/register", Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK, "{own}");
    assert_eq!(own["worker_id"], "register");
    let (status, _) = market
        .with_key(&key, Method::GET, "/workers/heartbeat", Value::Null)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "that is another worker");
}
