//! Whole requests against a coordinator in memory: method, path, headers and body are the fuzzer's.
//!
//! The input is a text of up to eight requests, each as HTTP writes it (request line, headers, an
//! empty line, body), with a line `%%%` between two. `{task}` stands for the id of the task that
//! was made or named last, so that a request can be about one that is there.

#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use ai_market_core::api::ErrorCode;
use ai_market_core::coordinator::{Coordinator, Limits};
use ai_market_core::store::MemoryStore;
use ai_market_http::{RouteOptions, routes};
use libfuzzer_sys::fuzz_target;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderName, HeaderValue, Method, Uri};
use poem::{Endpoint, EndpointExt, Request, Response};
use serde_json::Value;
use tokio::runtime::Runtime;

struct Market {
    runtime: Runtime,
    app: BoxEndpoint<'static, Response>,
}

thread_local! {
    static MARKET: Market = open();
}

fn open() -> Market {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut limits = Limits::default();
    // Nobody comes while a request waits.
    limits.max_wait = Duration::ZERO;
    let coordinator = Coordinator::builder(MemoryStore::new())
        .limits(limits)
        .build()
        .unwrap();
    let options = RouteOptions::new()
        .with_allow_ops(true)
        .with_max_body_bytes(16 * 1024);
    let app = routes(coordinator, options).boxed();
    Market { runtime, app }
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
            ["code", "message", "field"].contains(&name.as_str()),
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
        status == 405,
        response.headers().contains_key("allow"),
        "{}",
        told()
    );
}

async fn ask(app: &BoxEndpoint<'static, Response>, request: Request, task: &RefCell<String>) {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = app.call(request).await.expect("errors are responses");
    let body = response.take_body().into_vec().await.unwrap();
    check(&method, &uri, &response, &body);
    if let Ok(value) = serde_json::from_slice::<Value>(&body)
        && let Some(id) = value["task_id"].as_str().or(value[0]["id"].as_str())
    {
        task.replace(id.to_owned());
    }
}

fn replace(text: &[u8], task: &str) -> Vec<u8> {
    const PLACE: &[u8] = b"{task}";
    let mut whole = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(PLACE.len()).position(|part| part == PLACE) {
        whole.extend_from_slice(&rest[..at]);
        whole.extend_from_slice(task.as_bytes());
        rest = &rest[at + PLACE.len()..];
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

fuzz_target!(|data: &[u8]| {
    let parts = split(data);
    if parts.len() > 8 {
        return;
    }
    MARKET.with(|market| {
        market.runtime.block_on(async {
            let task = RefCell::new("01890a5d-ac96-774b-bcce-b302099a8057".to_owned());
            let reset = request(b"POST /ops/reset").unwrap();
            ask(&market.app, reset, &task).await;
            for part in parts {
                let text = replace(part, &task.borrow());
                if let Some(request) = request(&text) {
                    ask(&market.app, request, &task).await;
                }
            }
        });
    });
});
