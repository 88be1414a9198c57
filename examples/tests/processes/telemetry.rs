//! The export of spans, to a collector that is a thread of the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};

use crate::support::{Coordinator, Process};

/// Takes exports over HTTP.
struct Collector {
    endpoint: String,
    exports: Receiver<(String, Vec<u8>)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (taken, exports) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let taken = taken.clone();
                std::thread::spawn(move || take(&stream, &taken));
            }
        });
        Self { endpoint, exports }
    }

    /// The spans that have come.
    fn spans(&self) -> Vec<Span> {
        let exports = self.exports.try_iter();
        exports
            .flat_map(|(path, body)| {
                assert_eq!(path, "/v1/traces");
                spans(&body)
            })
            .collect()
    }
}

/// Takes the exports of one connection, and has each before it is answered.
fn take(stream: &TcpStream, taken: &Sender<(String, Vec<u8>)>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap().to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        // The test may have ended.
        let _ = taken.send((path, body));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let mut stream = stream;
        stream.write_all(answer).unwrap();
    }
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Span {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    kind: u64,
    /// Whether it failed.
    failed: bool,
    attributes: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(u64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What `SpanKind` says of one of a server.
const SERVER: u64 = 2;
/// What `Status.StatusCode` says of a failure.
const ERROR: u64 = 2;

/// A field of a protobuf message.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, by number, without those of a fixed length.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(message: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = message[0];
            *message = &message[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, Field::Number(varint(&mut message))));
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = message.split_at(length);
        message = rest;
        if key & 7 == 2 {
            found.push((key >> 3, Field::Bytes(value)));
        }
    }
    found
}

fn each(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let found = fields(message).into_iter();
    found.filter_map(move |(field, value)| match value {
        Field::Bytes(bytes) if field == number => Some(bytes),
        Field::Bytes(_) | Field::Number(_) => None,
    })
}

fn number(message: &[u8], number: u64) -> Option<u64> {
    let mut found = fields(message).into_iter();
    found.find_map(|(field, value)| match value {
        Field::Number(value) if field == number => Some(value),
        Field::Bytes(_) | Field::Number(_) => None,
    })
}

fn one(message: &[u8], number: u64) -> &[u8] {
    each(message, number).next().unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The spans of an `ExportTraceServiceRequest`.
fn spans(export: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for of_resource in each(export, 1) {
        let mut attributes = each(one(of_resource, 1), 1);
        let service = attributes.find(|pair| one(pair, 1) == b"service.name");
        let service = service.map_or_else(String::new, |pair| text(one(one(pair, 2), 1)));
        for span in each(of_resource, 2).flat_map(|of_scope| each(of_scope, 2)) {
            found.push(Span {
                service: service.clone(),
                name: text(one(span, 5)),
                trace: one(span, 1).to_vec(),
                id: one(span, 2).to_vec(),
                parent: one(span, 4).to_vec(),
                kind: number(span, 6).unwrap_or_default(),
                failed: number(one(span, 15), 3) == Some(ERROR),
                attributes: each(span, 9).map(attribute).collect(),
            });
        }
    }
    found
}

fn attribute(pair: &[u8]) -> (String, Value) {
    let value = one(pair, 2);
    let value = match number(value, 3) {
        Some(number) => Value::Number(number),
        None => Value::Text(text(one(value, 1))),
    };
    (text(one(pair, 1)), value)
}

/// Has the worker that there is answer a task.
async fn answer_one(coordinator: &Coordinator) {
    let client = coordinator.client();
    let task = TaskSpec::new("This is quite good.").with_required_submissions(NonZeroU32::MIN);
    let id = client.enqueue(vec![task]).await.remove(0).unwrap();
    let details = client.task(id, Duration::from_secs(60)).await.unwrap();
    assert!(!details.task.status().is_open());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_trace_on_both_sides() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::exporting(&db, &collector.endpoint, &[]);
    let worker = Process::worker_exporting("alice", coordinator.address, &collector.endpoint);
    answer_one(&coordinator).await;
    // What is not exported yet is exported at the end.
    assert!(worker.interrupt().success());
    assert!(coordinator.interrupt().success());

    let spans = collector.spans();
    let of = |service: &str, name: &str| {
        let service = format!("ai-market-{service}");
        let spans = spans.iter().cloned();
        let found = spans.filter(|span| span.service == service && span.name == name);
        found.collect::<Vec<_>>()
    };
    let handed_in = of("worker", "hand_in");
    assert_eq!(handed_in.len(), 1, "{spans:#?}");
    let trace = &handed_in[0].trace;
    let in_trace = |spans: Vec<Span>| {
        let mut spans = spans.into_iter().filter(|span| span.trace == *trace);
        let found = spans.next().expect("it is in the trace");
        assert_eq!(spans.next(), None);
        found
    };
    let batch = in_trace(of("worker", "batch"));
    assert!(batch.parent.is_empty());
    let claim = in_trace(of("worker", "claim"));
    let compute = in_trace(of("worker", "compute"));
    for part in [&claim, &compute, &handed_in[0]] {
        assert_eq!(part.parent, batch.id, "{}", part.name);
    }
    // The coordinator's part of it: the claim, and the answer.
    for (parent, name, route) in [
        (&claim, "POST /tasks/next", "/tasks/next"),
        (&handed_in[0], "POST /workers/submit", "/workers/submit"),
    ] {
        let request = in_trace(of("coordinator", name));
        assert_eq!(request.parent, parent.id);
        assert_eq!(request.kind, SERVER);
        assert!(!request.failed);
        let attributes = request.attributes;
        assert_eq!(attributes["http.request.method"], "POST".into());
        assert_eq!(attributes["http.route"], route.into());
        assert_eq!(attributes["http.response.status_code"], Value::Number(200));
        assert!(attributes.contains_key("request_id"));
    }
}

/// A name of a span is one of few, whatever a client asks for.
#[tokio::test(flavor = "multi_thread")]
async fn requests_for_what_there_is_not_share_a_name() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let coordinator = Coordinator::exporting(&db, &collector.endpoint, &[]);
    for (method, path) in [("BREW", "/coffee"), ("GET", "/coffee"), ("GET", "/tasks/7")] {
        let mut stream = TcpStream::connect(coordinator.address).unwrap();
        let host = coordinator.address;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert!(coordinator.interrupt().success());
    let spans = collector.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    for name in ["HTTP", "GET", "GET /tasks/{id}"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let brewed = spans.iter().find(|span| span.name == "HTTP").unwrap();
    assert_eq!(brewed.attributes["http.request.method"], "_OTHER".into());
    assert_eq!(
        brewed.attributes["http.request.method_original"],
        "BREW".into()
    );
    assert!(!brewed.attributes.contains_key("http.route"));
    assert!(spans.iter().all(|span| !span.failed));
}

/// What a client did wrong is no failure of the coordinator; that it is full is.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_coordinator_cannot_do_has_failed() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("market.db");
    let full = ["--max-open-tasks", "1"];
    let coordinator = Coordinator::exporting(&db, &collector.endpoint, &full);
    let client = coordinator.client();
    for text in ["a", "", "b"] {
        // The first one fills the market, and the second one is none.
        client.enqueue(vec![TaskSpec::new(text)]).await;
    }
    assert!(coordinator.interrupt().success());
    let spans = collector.spans();
    let created = spans.iter().filter(|span| span.name == "POST /tasks");
    let outcomes = created.map(|span| {
        let error = span.attributes.get("error.type").cloned();
        let status = span.attributes["http.response.status_code"].clone();
        (status, span.failed, error)
    });
    let outcomes: Vec<_> = outcomes.collect();
    for (status, error) in [(422, None), (503, Some("503".into()))] {
        let outcome = (Value::Number(status), error.is_some(), error);
        assert!(outcomes.contains(&outcome), "{outcome:?}: {outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_does_not_answer_holds_nothing_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::exporting(&folder.path().join("market.db"), &endpoint, &[]);
    let worker = Process::worker_exporting("alice", coordinator.address, &endpoint);
    answer_one(&coordinator).await;
    assert!(worker.interrupt().success());
    assert!(coordinator.interrupt().success());
}
