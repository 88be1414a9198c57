//! Whole requests against a coordinator in memory: method, path, headers and body are the fuzzer's.
//!
//! The first byte says which market it is: with keys, or (`o`) open. The rest is a text of up to
//! eight requests, with a line `%%%` between two. Each has a byte that says who asks (`a` an admin,
//! `c` a client, `w` the worker alice, anything else nobody), and then stands as HTTP writes it:
//! request line, headers, an empty line, body. `{task}` stands for the id of the task that was made
//! or named last and `{key}` for that of a key, so that a request can be about one that is there.

#![no_main]

mod fresh_keys;
mod rights;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::access::{IssuedKey, KeySpec, Keys, Role};
use ai_market_core::api::ErrorCode;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::id::WorkerId;
use ai_market_core::store::MemoryStore;
use ai_market_core::time::SystemClock;
use ai_market_http::{RouteOptions, routes};
use libfuzzer_sys::fuzz_target;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderName, HeaderValue, Method, Uri, header};
use poem::{Endpoint, EndpointExt, Request, Response};
use serde_json::Value;
use tokio::runtime::Runtime;

use fresh_keys::FreshKeys;
use rights::{Answer, Asker, check_access};

/// The same market twice: open, and with keys.
struct Markets {
    runtime: Runtime,
    open: BoxEndpoint<'static, Response>,
    with_keys: BoxEndpoint<'static, Response>,
    store: Arc<FreshKeys>,
    /// Of an admin, a client and the worker alice.
    issued: Vec<IssuedKey>,
}

/// What an input has seen, to be filled into its later requests.
struct Seen {
    task: String,
    key: String,
}

thread_local! {
    static MARKETS: Markets = open();
}

fn open() -> Markets {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let store = Arc::new(FreshKeys::default());
    let keys = Keys::new(Arc::clone(&store), SystemClock);
    let alice = KeySpec::worker(WorkerId::new("alice").unwrap());
    let specs = [KeySpec::new(Role::Admin), KeySpec::new(Role::Client), alice];
    let issued = specs.map(|spec| runtime.block_on(keys.create(spec)).unwrap());
    let app = |options: RouteOptions| {
        let mut limits = Limits::default();
        // Nobody comes while a request waits.
        limits.max_wait = Duration::ZERO;
        let coordinator = Coordinator::builder(MemoryStore::new())
            .limits(limits)
            .build()
            .unwrap();
        routes(coordinator, options.with_max_body_bytes(16 * 1024)).boxed()
    };
    Markets {
        open: app(RouteOptions::new().with_allow_ops(true)),
        with_keys: app(RouteOptions::new().with_keys(keys).with_rate_limit(None)),
        runtime,
        store,
        issued: issued.into(),
    }
}

/// A request, or nothing where the text is none that a server would hand on.
fn request(text: &[u8]) -> Option<Request> {
    let (head, body) = match text.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&text[..end], &text[end + 2..]),
        None => (text, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let method = Method::from_bytes(&first[..space]).ok()?;
    let uri = Uri::try_from(&first[space + 1..]).ok()?;
    let mut request = Request::builder().method(method).uri(uri).finish();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    request.set_body(body.to_vec());
    Some(request)
}

fn check(method: &Method, uri: &Uri, response: &Response, body: &[u8]) {
    let status = response.status();
    let told = || {
        let body = String::from_utf8_lossy(body);
        format!("{method} {uri}: {status} {:?} {body}", response.headers())
    };
    assert!(!status.is_server_error(), "{}", told());
    // An answer to HEAD has no body to check.
    if *method == Method::HEAD {
        return;
    }
    let json = response.content_type() == Some("application/json");
    let value = json
        .then(|| serde_json::from_slice::<Value>(body).unwrap_or_else(|_| panic!("{}", told())));
    if status.is_success() {
        return;
    }
    assert!(status.is_client_error(), "{}", told());
    let value = value.unwrap_or_else(|| panic!("{}", told()));
    assert_eq!(
        value.as_object().map(|outer| outer.len()),
        Some(1),
        "{}",
        told()
    );
    let error = value["error"]
        .as_object()
        .unwrap_or_else(|| panic!("{}", told()));
    for (name, part) in error {
        assert!(
            ["code", "message", "field", "request_id"].contains(&name.as_str()),
            "{}",
            told()
        );
        assert!(part.is_string(), "{}", told());
    }
    let code = value["error"]["code"].as_str().unwrap_or_default();
    assert!(ErrorCode::parse(code).is_some(), "{}", told());
    let message = value["error"]["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty() && message.len() < 1_000, "{}", told());
    assert_eq!(
        status == 401,
        response.headers().contains_key("www-authenticate"),
        "{}",
        told()
    );
    assert_eq!(
        status == 405,
        response.headers().contains_key("allow"),
        "{}",
        told()
    );
}

impl Markets {
    /// The key that is shown; none where nobody asks for it, or has one.
    fn authorization(&self, asker: Asker) -> Option<HeaderValue> {
        let Asker::Holder(role) = asker else {
            return None;
        };
        let issued = self.issued.iter().find(|key| key.record.role == role)?;
        HeaderValue::from_str(&format!("Bearer {}", issued.key.reveal())).ok()
    }

    async fn ask(&self, asker: Asker, mut request: Request, seen: &RefCell<Seen>) {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        if let Some(value) = self.authorization(asker) {
            // In the place of whatever the fuzzer made up.
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let sent = request.take_body().into_vec().await.unwrap();
        request.set_body(sent.clone());
        let app = match asker {
            Asker::Anyone => &self.open,
            _ => &self.with_keys,
        };
        let mut response = app.call(request).await.expect("errors are responses");
        let body = if response.content_type() == Some("text/event-stream") {
            // It has no end.
            Vec::new()
        } else {
            response.take_body().into_vec().await.unwrap()
        };
        check(&method, &uri, &response, &body);
        let status = response.status();
        let answer = Answer { status, body };
        check_access(asker, &method, &uri, &sent, &answer);
        // The page that shows the document is the same for all, and large.
        if uri.path() != "/docs" {
            let text = String::from_utf8_lossy(&answer.body);
            let shown = |key: &IssuedKey| text.contains(&key.key.reveal());
            assert!(!self.issued.iter().any(shown), "{text}");
        }
        let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else {
            return;
        };
        let mut seen = seen.borrow_mut();
        // Not the ids of listed keys: an admin who revokes its own would ask for nothing more.
        let listed = value[0]["text"].as_str().and(value[0]["id"].as_str());
        if let Some(id) = value["task_id"].as_str().or(listed) {
            id.clone_into(&mut seen.task);
        }
        if let (true, Some(id)) = (value["key"].is_string(), value["id"].as_str()) {
            id.clone_into(&mut seen.key);
        }
    }

    async fn reset(&self, asker: Asker) {
        self.store.reset(&self.issued).await;
        let seen = RefCell::new(Seen::nothing());
        self.ask(asker, request(b"POST /ops/reset").unwrap(), &seen)
            .await;
    }
}

impl Seen {
    fn nothing() -> Self {
        Self {
            task: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            key: "aaaaaaaaaaaaaaaa".to_owned(),
        }
    }

    fn fill_into(&self, text: &[u8]) -> Vec<u8> {
        let text = replace(text, b"{task}", &self.task);
        replace(&text, b"{key}", &self.key)
    }
}

fn replace(text: &[u8], place: &[u8], with: &str) -> Vec<u8> {
    let mut whole = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(place.len()).position(|part| part == place) {
        whole.extend_from_slice(&rest[..at]);
        whole.extend_from_slice(with.as_bytes());
        rest = &rest[at + place.len()..];
    }
    whole.extend_from_slice(rest);
    whole
}

fn split(mut text: &[u8]) -> Vec<&[u8]> {
    const BETWEEN: &[u8] = b"\n%%%\n";
    let mut parts = Vec::new();
    while let Some(at) = text.windows(BETWEEN.len()).position(|part| part == BETWEEN) {
        parts.push(&text[..at]);
        text = &text[at + BETWEEN.len()..];
    }
    parts.push(text);
    parts
}

fn asker(market: u8, who: u8) -> Asker {
    match (market, who) {
        (b'o', _) => Asker::Anyone,
        (_, b'a') => Asker::Holder(Role::Admin),
        (_, b'c') => Asker::Holder(Role::Client),
        (_, b'w') => Asker::Holder(Role::Worker),
        _ => Asker::Nobody,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((market, data)) = data.split_first() else {
        return;
    };
    let parts = split(data);
    if parts.len() > 8 {
        return;
    }
    MARKETS.with(|markets| {
        markets.runtime.block_on(async {
            markets.reset(asker(*market, b'a')).await;
            let seen = RefCell::new(Seen::nothing());
            for part in parts {
                let Some((who, part)) = part.split_first() else {
                    continue;
                };
                let text = seen.borrow().fill_into(part);
                if let Some(request) = request(&text) {
                    markets.ask(asker(*market, *who), request, &seen).await;
                }
            }
        });
    });
});
