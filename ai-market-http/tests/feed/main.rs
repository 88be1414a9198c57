//! The client's feed of events against streams that break, end, say nothing or say what it does not
//! understand.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod scripted;

use std::time::Duration;

use ai_market_core::api::{ApiError, ErrorCode, EventBatch, EventFeed};
use ai_market_core::event::EventId;
use common::soon;
use scripted::Answer::{Cut, Ended, Open, Plain};
use scripted::{Scripted, caught_up, event, follow, frame, hello, missed};

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Missed(u128, u128),
    Event(u128),
}

use Told::{Event, Missed};

fn told(batch: &EventBatch) -> Vec<Told> {
    let gap = batch.missed.iter();
    let gap = gap.map(|missed| Missed(missed.after.get(), missed.until.get()));
    let events = batch.events.iter().map(|event| Event(event.id.get()));
    gap.chain(events).collect()
}

/// What a feed tells next, after which it is where that ends.
async fn next(feed: &mut dyn EventFeed) -> Vec<Told> {
    let told = told(&soon(feed.next()).await.unwrap().expect("it goes on"));
    let (Some(Missed(_, end)) | Some(Event(end))) = told.last() else {
        panic!("a batch without anything");
    };
    assert_eq!(feed.position(), EventId::new(*end), "{told:?}");
    told
}

async fn error(feed: &mut dyn EventFeed) -> ApiError {
    soon(feed.next()).await.unwrap_err()
}

#[tokio::test]
async fn a_feed_goes_back_with_a_log_that_begins_anew() {
    let mut market = Scripted::with([
        Cut(hello(9000) + &event(9001)),
        // It breaks before it could say that nothing is as it was.
        Cut(hello(0)),
        Cut(hello(0) + &missed(0, 50)),
        Cut(hello(50) + &event(51)),
        Open(hello(51) + &event(52)),
    ])
    .await;
    let mut feed = market.follow(9000).await.unwrap();
    assert_eq!(next(&mut feed).await, [Event(9001)]);
    assert_eq!(error(&mut feed).await.code(), ErrorCode::Unreachable);
    assert_eq!(error(&mut feed).await.code(), ErrorCode::Unreachable);
    assert_eq!(next(&mut feed).await, [Missed(0, 50)]);
    assert_eq!(error(&mut feed).await.code(), ErrorCode::Unreachable);
    assert_eq!(next(&mut feed).await, [Event(51)]);
    assert_eq!(error(&mut feed).await.code(), ErrorCode::Unreachable);
    assert_eq!(next(&mut feed).await, [Event(52)]);
    assert_eq!(market.asked(), [9000, 9001, 9001, 50, 51]);
}

#[tokio::test]
async fn a_gap_is_told_where_it_is() {
    let events = |ids: std::ops::RangeInclusive<u64>| ids.map(event).collect::<String>();
    let mut frames = hello(0) + &events(1..=5) + &missed(5, 100) + &events(101..=103);
    frames += &(missed(103, 110) + &missed(110, 120) + &event(121));
    let market = Scripted::with([Open(frames)]).await;
    let mut feed = market.follow(0).await.unwrap();
    let mut all = Vec::new();
    while all.last() != Some(&Event(121)) {
        all.extend(next(&mut feed).await);
    }
    let mut expected: Vec<_> = (1..=5).map(Event).collect();
    expected.push(Missed(5, 100));
    expected.extend((101..=103).map(Event));
    expected.extend([Missed(103, 110), Missed(110, 120), Event(121)]);
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_stream_that_makes_no_sense_is_given_up() {
    let endless = "x".repeat(2 * 1024 * 1024);
    let nonsense = "id: 7\nevent: missed\ndata: {}\n\n";
    let mut market = Scripted::with([
        Open(hello(1) + &event(2) + &endless),
        Open(hello(2) + &event(3) + nonsense + &event(8)),
        Open(hello(7) + &event(8)),
    ])
    .await;
    let mut feed = market.follow(1).await.unwrap();
    let mut told = Vec::new();
    let mut errors = Vec::new();
    while told.last() != Some(&Event(8)) {
        match soon(feed.next()).await {
            Ok(batch) => told.extend(self::told(&batch.unwrap())),
            Err(error) => errors.push((error.code(), error.request_id().map(str::to_owned))),
        }
    }
    assert_eq!(told, [Event(2), Event(3), Event(8)]);
    let of = |stream: &str| (ErrorCode::Internal, Some(stream.to_owned()));
    assert_eq!(errors, [of("stream-0"), of("stream-1")]);
    assert_eq!(market.asked(), [1, 2, 7], "not again what made no sense");
}

#[tokio::test]
async fn what_a_later_version_tells_of_is_passed_over() {
    let task = r#","task_id":"01890a5d-ac96-774b-bcce-b302099a8057","task_type":"sentiment""#;
    let requeued = |id, cause| {
        let fields = format!(r#"{task},"worker_id":"alice","cause":"{cause}""#);
        frame(id, "task_requeued", &fields)
    };
    let mut market = Scripted::with([
        Cut(hello(0)
            + &frame(1, "task_sold", task)
            + &requeued(2, "bored")
            + &requeued(3, "gone")
            + "id: 4\nevent: market_reset\ndata: nonsense\n\n"
            + &event(5)
            + &requeued(6, "bored")),
        Open(hello(6) + &event(7)),
    ])
    .await;
    let mut feed = market.follow(0).await.unwrap();
    let mut told = Vec::new();
    let error = loop {
        match soon(feed.next()).await {
            Ok(batch) => told.extend(self::told(&batch.unwrap())),
            Err(error) => break error,
        }
    };
    assert_eq!(told, [Event(3), Event(5)]);
    assert_eq!(error.code(), ErrorCode::Unreachable, "{error}");
    assert_eq!(error.request_id(), Some("stream-0"));
    assert_eq!(feed.position(), EventId::new(6));
    assert_eq!(next(&mut feed).await, [Event(7)]);
    assert_eq!(market.asked(), [0, 6]);
}

#[tokio::test]
async fn a_stream_that_does_not_begin_is_not_waited_for() {
    let headless = || Plain("");
    let bodiless = || Plain("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\n");
    let wordless = || Open(": nothing\n\n".to_owned());
    let begun = || Cut(hello(0));
    let answers = [headless(), bodiless(), wordless()];
    let later = [headless(), bodiless(), wordless()];
    let later = later.into_iter().flat_map(|answer| [begun(), answer]);
    let mut market = Scripted::with(answers.into_iter().chain(later)).await;
    let late = |error: ApiError| {
        assert_eq!(error.code(), ErrorCode::Unreachable, "{error}");
        assert!(error.message().ends_with("in time"), "{error}");
        assert!(error.request_id().is_some());
    };
    let url = market.url.clone();
    for _ in 0..3 {
        let follow = follow(&url, 0);
        late(market.in_the_end(follow).await.unwrap_err());
    }
    for _ in 0..3 {
        // When it is opened again, as well.
        let mut feed = market.follow(0).await.unwrap();
        assert_eq!(market.asked(), [0]);
        let error = error(&mut feed).await;
        assert!(!error.message().ends_with("in time"), "{error}");
        late(market.in_the_end(feed.next()).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_given_up() {
    let mut market = Scripted::with([Open(hello(3)), Open(hello(3) + &event(4))]).await;
    let mut feed = market.follow(3).await.unwrap();
    tokio::time::pause();
    // However often whoever waits for it looks elsewhere.
    let error = loop {
        if let Ok(next) = tokio::time::timeout(Duration::from_secs(10), feed.next()).await {
            break next.unwrap_err();
        }
    };
    tokio::time::resume();
    assert_eq!(error.code(), ErrorCode::Unreachable);
    assert!(error.message().ends_with("has fallen silent"), "{error}");
    assert_eq!(error.request_id(), Some("stream-0"));
    assert_eq!(next(&mut feed).await, [Event(4)]);
    assert_eq!(market.asked(), [3, 3]);
}

#[tokio::test]
async fn a_stream_that_ends_is_opened_again() {
    let refusal = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 61\r\n\r\n\
                   {\"error\": {\"code\": \"unauthorized\", \"message\": \"it is over\"}}\n";
    let mut market = Scripted::with([
        Ended(hello(0) + &event(1)),
        // As a proxy does that lets no answer last.
        Ended(hello(1) + ": still here\nid: 2\n\n"),
        Ended(hello(2) + ": still here\nid: 3\n\n"),
        Ended(hello(3)),
        Ended(hello(3) + &event(4)),
        Plain(refusal),
    ])
    .await;
    let mut feed = market.follow(0).await.unwrap();
    assert_eq!(next(&mut feed).await, [Event(1)]);
    assert_eq!(next(&mut feed).await, [Event(4)]);
    let error = error(&mut feed).await;
    assert_eq!(error.code(), ErrorCode::Unauthorized, "{error}");
    assert_eq!(error.message(), "it is over");
    assert_eq!(market.asked(), [0, 1, 2, 3, 3, 4]);
}

/// A coordinator that is about to stop, say.
#[tokio::test]
async fn streams_that_end_at_once_are_not_opened_again_and_again() {
    let nothing = || Ended(hello(0) + &caught_up(0));
    let mut market = Scripted::with([nothing(), nothing(), Open(hello(0) + &event(1))]).await;
    let mut feed = market.follow(0).await.unwrap();
    assert!(soon(feed.next()).await.unwrap().unwrap().caught_up);
    let error = error(&mut feed).await;
    assert_eq!(error.code(), ErrorCode::Unreachable, "{error}");
    assert_eq!(error.request_id(), Some("stream-1"));
    assert_eq!(market.asked(), [0, 0]);
    assert_eq!(next(&mut feed).await, [Event(1)]);
}

/// As coordinators wrote them before.
#[tokio::test]
async fn places_that_are_numbers_are_understood() {
    let now = "2026-11-25T06:00:00.000000Z";
    let frames = [
        format!("id: 4\nevent: hello\ndata: {{\"id\":4,\"newest\":7,\"now\":\"{now}\"}}\n\n"),
        "id: 6\nevent: missed\ndata: {\"after\":4,\"until\":6}\n\n".to_owned(),
        format!(
            "id: 7\nevent: market_reset\n\
             data: {{\"id\":7,\"at\":\"{now}\",\"event\":\"market_reset\"}}\n\n"
        ),
    ];
    let market = Scripted::with([Open(frames.concat())]).await;
    let mut feed = market.follow(4).await.unwrap();
    let mut told = Vec::new();
    while told.last() != Some(&Event(7)) {
        told.extend(next(&mut feed).await);
    }
    assert_eq!(told, [Missed(4, 6), Event(7)]);
}

/// What a feed has not given out yet lies after its place, however far apart events are.
#[tokio::test]
async fn a_batch_begins_where_the_one_before_ended() {
    let frames = hello(40) + &event(1_007) + &missed(1_007, 3_007) + &event(9_000_007);
    let market = Scripted::with([Open(frames)]).await;
    let mut feed = market.follow(40).await.unwrap();
    let mut end = EventId::new(40);
    while end < EventId::new(9_000_007) {
        let batch = soon(feed.next()).await.unwrap().unwrap();
        assert_eq!(batch.after, end);
        let last = batch.events.last().map(|event| event.id);
        end = last.or(batch.missed.map(|missed| missed.until)).unwrap();
        assert_eq!(feed.position(), end);
    }
}

/// Each stream says it, the feed once; and the place is that of what was given out.
#[tokio::test]
async fn a_feed_has_caught_up_once() {
    let gap = missed(7, 9);
    let market = Scripted::with([
        Cut(hello(0) + &event(1)),
        Ended(hello(1) + &event(2) + &caught_up(3) + &event(4)),
        Ended(hello(4) + &caught_up(5) + &event(6) + &caught_up(7) + &gap),
    ])
    .await;
    let mut feed = market.follow(0).await.unwrap();
    let (mut told, mut flags) = (Vec::new(), Vec::new());
    let listen = async {
        while told.last() != Some(&Missed(7, 9)) {
            // The first stream is cut.
            if let Ok(batch) = feed.next().await {
                let batch = batch.expect("it goes on");
                told.extend(self::told(&batch));
                flags.push(batch.caught_up);
            }
        }
    };
    soon(listen).await;
    assert_eq!(told, [Event(1), Event(2), Event(4), Event(6), Missed(7, 9)]);
    assert_eq!(flags.iter().filter(|is| **is).count(), 1, "{flags:?}");
}

#[tokio::test]
async fn what_is_no_stream_of_a_coordinator_is_none() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 3\r\n\r\nhi!";
    let market = Scripted::with([Plain(page), Ended(event(1)), Ended(String::new())]).await;
    let error = market.follow(0).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal, "{error}");
    assert!(error.message().contains("200 OK with text/html"), "{error}");
    for stream in ["stream-1", "stream-2"] {
        let error = market.follow(0).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unreachable, "{error}");
        assert_eq!(error.request_id(), Some(stream));
    }
}
