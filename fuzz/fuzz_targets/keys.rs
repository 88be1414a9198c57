//! API keys: their text, the header that carries it, and what is asked of them.
//!
//! The first bytes make a key and damage to it. The rest is a text, which is read as a key, as the
//! header `Authorization` (with `{key}` for a key that is accepted) and, line by line, as what a new
//! key is to be: worker, owner, expiry, overlap in seconds.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use ai_market_core::access::{
    AccessError, ApiKey, KeyRecord, KeySpec, KeyState, KeyStore, Keys, MemoryKeys, Refusal, Role,
};
use ai_market_core::coordinator::Coordinator;
use ai_market_core::id::{OwnerId, WorkerId};
use ai_market_core::store::MemoryStore;
use ai_market_core::time::{Clock, Timestamp};
use ai_market_http::{RouteOptions, routes};
use data_encoding::BASE32_NOPAD;
use libfuzzer_sys::fuzz_target;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, StatusCode};
use poem::{Endpoint, EndpointExt, Request, Response};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A clock that stands, so that an input does the same at any time.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }
}

struct Market {
    runtime: Runtime,
    app: BoxEndpoint<'static, Response>,
    key: String,
}

thread_local! {
    static MARKET: Market = open();
}

fn open() -> Market {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let keys = Keys::new(MemoryKeys::new(), Still);
    let key = runtime
        .block_on(keys.create(KeySpec::new(Role::Client)))
        .unwrap()
        .key
        .reveal();
    let coordinator = Coordinator::builder(MemoryStore::new()).build().unwrap();
    let options = RouteOptions::new().with_keys(keys).with_rate_limit(None);
    let app = routes(coordinator, options).boxed();
    Market { runtime, app, key }
}

/// A key of these parts, made without the crate's own code.
fn write(role: Role, id: &[u8], secret: &[u8]) -> String {
    let base32 = |bytes: &[u8]| BASE32_NOPAD.encode(bytes).to_ascii_lowercase();
    let text = format!("aim_{role}_{}_{}", base32(id), base32(secret));
    let check = crc32fast::hash(text.as_bytes()).to_be_bytes();
    text + &base32(&check)
}

/// The text with one character changed, left out, put in, or two next to each other exchanged.
fn damage(text: &str, how: u8, at: u8, with: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = usize::from(at) % chars.len();
    match how % 4 {
        0 => chars[at] = with,
        1 => drop(chars.remove(at)),
        2 => chars.insert(at, with),
        _ => chars.swap(at, (at + 1) % text.len()),
    }
    chars.into_iter().collect()
}

/// Nothing of what is told gives the secret away, whole or in part; the rest of a key is public.
fn hides(told: &str, key: &str) {
    let (public, secret) = key.split_at(key.rfind('_').unwrap() + 1);
    let id = public.trim_end_matches('_').rsplit('_').next().unwrap();
    let told = told.replace(id, "");
    assert!(!told.contains(&secret[..8]), "{told}");
    assert!(!told.contains(&secret[24..32]), "{told}");
}

fn told(error: &AccessError) -> String {
    format!("{error} {error:?}")
}

async fn made(head: &Head, text: &str) {
    let Head {
        role, id, secret, ..
    } = *head;
    let written = write(role, &id, &secret);
    let key: ApiKey = written.parse().unwrap();
    assert_eq!(key.reveal(), written);
    assert_eq!((key.role(), key.id().as_bytes()), (role, &id));
    hides(&format!("{key:?} {:?}", key.hash()), &written);

    let worker = (role == Role::Worker).then(|| WorkerId::new("alice").unwrap());
    let owner = OwnerId::new("bob").unwrap();
    let created = Timestamp::from_micros(0);
    let mut record = KeyRecord::new(key.id(), role, worker, owner, key.hash(), created);
    record.expires_at = text.parse().ok();
    let principal = record.principal();
    let state = record.state(Still.now());
    let store = Arc::new(MemoryKeys::new());
    store.insert(record).await.unwrap();
    let keys = Keys::new(store, Still);
    match (keys.authenticate(&written).await, state) {
        (Ok(holder), KeyState::Live) => assert_eq!(holder, principal),
        (Err(AccessError::Refused(Refusal::Expired)), KeyState::Expired) => {}
        (answer, _) => panic!("{answer:?} for a key that is {state:?}"),
    }

    let damaged = damage(
        &written,
        head.how,
        head.at,
        text.chars().next().unwrap_or('a'),
    );
    if damaged != written {
        assert!(damaged.parse::<ApiKey>().is_err(), "{damaged}");
        let error = keys.authenticate(&damaged).await.unwrap_err();
        assert!(
            matches!(error, AccessError::Refused(Refusal::Invalid(_))),
            "{error}"
        );
        hides(&told(&error), &written);
    }
    // Well made, and yet another: of the secret, or of the role.
    let mut other = secret;
    other[usize::from(head.at) % other.len()] ^= head.how | 1;
    let elevated = Role::ALL.into_iter().filter(|other| *other != role);
    let elevated = elevated.map(|role| write(role, &id, &secret));
    for wrong in elevated.chain([write(role, &id, &other)]) {
        let error = keys.authenticate(&wrong).await.unwrap_err();
        assert!(
            matches!(error, AccessError::Refused(Refusal::Unknown)),
            "{error}"
        );
        hides(&told(&error), &wrong);
    }
}

fn any(text: &str) {
    let Ok(key) = text.parse::<ApiKey>() else {
        return;
    };
    assert_eq!(key.reveal(), text);
    assert!(text.starts_with(&format!("aim_{}_{}_", key.role(), key.id())));
    hides(&format!("{key:?}"), text);
}

async fn header(market: &Market, sent: &[u8]) {
    let text = String::from_utf8_lossy(sent);
    let filled = text.replace("{key}", &market.key);
    let bytes = if text.contains("{key}") {
        filled.as_bytes()
    } else {
        sent
    };
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let request = Request::builder().uri_str("/db/stats");
    let request = request.header("authorization", value.clone()).finish();
    let mut response = market
        .app
        .call(request)
        .await
        .expect("errors are responses");
    let body = response.take_body().into_string().await.unwrap();
    hides(&body, &market.key);
    let scheme = bytes
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let accepted = scheme && bytes[7..].trim_ascii() == market.key.as_bytes();
    if accepted {
        assert_eq!(response.status(), StatusCode::OK, "{body}");
    } else {
        assert_eq!(
            response.status(),
            StatusCode::UNAUTHORIZED,
            "{value:?}: {body}"
        );
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["error"]["code"], "unauthorized");
    }
}

async fn issue(role: Role, text: &str) {
    let mut lines = text.split('\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let mut spec = KeySpec::new(role);
    spec.worker = line().and_then(|text| text.parse().ok());
    spec.owner = line().and_then(|text| text.parse().ok());
    spec.expires_at = line().and_then(|text| text.parse().ok());
    let overlap = Duration::from_secs(line().and_then(|text| text.parse().ok()).unwrap_or(0));

    let keys = Keys::new(MemoryKeys::new(), Still);
    let fits = spec.worker.is_some() == (role == Role::Worker);
    let ahead = spec.expires_at.is_none_or(|at| at > Still.now());
    let issued = match keys.create(spec.clone()).await {
        Ok(issued) => issued,
        Err(AccessError::WorkerMismatch) if !fits => return,
        Err(AccessError::ExpiresInThePast) if !ahead => return,
        Err(error) => panic!("{error} for {spec:?}"),
    };
    assert!(fits && ahead, "{spec:?}");
    let own = spec
        .worker
        .as_ref()
        .map_or("operator", |worker| worker.as_str());
    let owner = spec.owner.as_ref().map_or(own, |owner| owner.as_str());
    assert_eq!(issued.record.owner.as_str(), owner);
    assert_eq!(
        (issued.record.role, &issued.record.worker),
        (role, &spec.worker)
    );
    let first = issued.key.reveal();
    hides(&format!("{issued:?}"), &first);

    let rotated = keys.rotate(issued.key.id(), overlap).await.unwrap();
    let second = rotated.key.reveal();
    let (old, new) = (
        keys.authenticate(&first).await,
        keys.authenticate(&second).await.unwrap(),
    );
    assert_eq!(old.is_ok(), !overlap.is_zero(), "{old:?}");
    assert_eq!((new.role, new.owner.as_str()), (role, owner));
    assert_eq!(new.worker, spec.worker);
    keys.revoke(rotated.key.id()).await.unwrap();
    let error = keys.authenticate(&second).await.unwrap_err();
    assert!(
        matches!(error, AccessError::Refused(Refusal::Revoked)),
        "{error}"
    );
    hides(&told(&error), &second);
}

struct Head {
    role: Role,
    how: u8,
    at: u8,
    id: [u8; 10],
    secret: [u8; 20],
}

impl Head {
    fn split(data: &[u8]) -> Option<(Self, &[u8])> {
        let ([role, how, at], data) = data.split_first_chunk()?;
        let (id, data) = data.split_first_chunk()?;
        let (secret, text) = data.split_first_chunk()?;
        let head = Self {
            role: Role::ALL[usize::from(*role) % Role::ALL.len()],
            how: *how,
            at: *at,
            id: *id,
            secret: *secret,
        };
        Some((head, text))
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = Head::split(data) else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    any(&text);
    MARKET.with(|market| {
        market.runtime.block_on(async {
            made(&head, &text).await;
            header(market, rest).await;
            issue(head.role, &text).await;
        });
    });
});
