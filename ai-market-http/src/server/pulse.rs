use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ServerLimits;
use super::unread::Room;

/// How much of a response must go out within each [write timeout](Patience::write): less would
/// let a client that reads a byte now and then hold a connection for ever.
const STRIDE: usize = 64 * 1024;

/// How long a client may keep a connection waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a whole head: from the beginning of the connection, then from a request's first byte.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// For each [`STRIDE`] of a response, and for its rest.
    pub(super) write: Duration,
}

impl From<&ServerLimits> for Patience {
    fn from(limits: &ServerLimits) -> Self {
        Self {
            head: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
        }
    }
}

/// What a connection is doing, and since when.
///
/// The stream, the service and the body of the response tell it what happens; the task of the
/// connection asks it until when that may go on. All of them run in that one task, so the lock is
/// never waited for.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Of the responses that are not out yet: the last one, and one before where the client sent its
    /// next request before it read the answer.
    rooms: Vec<Option<Room>>,
}

#[derive(Debug, PartialEq)]
enum Phase {
    /// A head arrives.
    Head,
    /// A request is answered, which the endpoint bounds by itself.
    Answering,
    /// A response goes out.
    Writing { unpaid: usize, complete: bool },
    /// What there is of a response is out, and the endpoint has not given more: a stream of events
    /// to which nothing happens, say.
    Waiting,
    /// Nothing happens until the next request.
    Idle,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            phase: Phase::Head,
            since: Instant::now(),
            rooms: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    /// A head is complete.
    pub(super) fn requested(&self) {
        self.state().enter(Phase::Answering);
    }

    /// A response begins, which takes up room until it is out.
    pub(super) fn answered(&self, room: Option<Room>) {
        let mut state = self.state();
        state.enter(Phase::Writing {
            unpaid: 0,
            complete: false,
        });
        state.rooms.push(room);
    }

    /// Some bytes of the response are handed to the connection.
    pub(super) fn handed(&self) {
        let mut state = self.state();
        if state.phase == Phase::Waiting {
            state.enter(Phase::Writing {
                unpaid: 0,
                complete: false,
            });
        }
    }

    /// The last byte of the response has been handed to the connection.
    pub(super) fn completed(&self) {
        let mut state = self.state();
        match &mut state.phase {
            Phase::Writing { complete, .. } => *complete = true,
            // Whatever ends the response is still to go out.
            Phase::Waiting => state.enter(Phase::Writing {
                unpaid: 0,
                complete: true,
            }),
            Phase::Head | Phase::Answering | Phase::Idle => {}
        }
    }

    /// Bytes went out.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.state();
        let State { phase, since, .. } = &mut *state;
        if let Phase::Writing { unpaid, .. } = phase {
            *unpaid += bytes;
            if *unpaid >= STRIDE {
                *unpaid = 0;
                *since = Instant::now();
            }
        }
    }

    /// All bytes handed to the connection so far are out.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        match state.phase {
            Phase::Writing { complete: true, .. } => state.enter(Phase::Idle),
            Phase::Writing { .. } => {
                // Of the last one something is still to come.
                let done = state.rooms.len().saturating_sub(1);
                state.rooms.drain(..done);
                state.enter(Phase::Waiting);
                return;
            }
            Phase::Waiting => return,
            Phase::Head | Phase::Answering | Phase::Idle => {}
        }
        state.rooms.clear();
    }

    /// Until when what the client does now may go on.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<Instant> {
        let state = self.state();
        let allowed = match state.phase {
            Phase::Head => patience.head,
            Phase::Writing { .. } => patience.write,
            Phase::Idle => patience.idle,
            Phase::Answering | Phase::Waiting => return None,
        };
        // What lies beyond the end of time never comes.
        state.since.checked_add(allowed)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Body;

    use super::super::unread::Unread;
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        write: Duration::from_secs(30),
    };

    /// A body of so many bytes.
    fn http_body(bytes: usize) -> impl Body {
        let response = poem::Response::builder().body(vec![0; bytes]);
        hyper::Response::<_>::from(response).into_body()
    }

    fn left(pulse: &Pulse) -> Option<u64> {
        let deadline = pulse.deadline(&PATIENCE)?;
        Some((deadline - Instant::now()).as_secs())
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_do_not_extend_the_time_for_a_head() {
        let pulse = Pulse::new();
        pass(4).await;
        pulse.read();
        assert_eq!(left(&pulse), Some(6));
        pulse.requested();
        pulse.read();
        assert_eq!(left(&pulse), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_once_its_response_is_out() {
        let pulse = Pulse::new();
        pulse.requested();
        pulse.answered(None);
        pulse.flushed();
        pulse.completed();
        assert_eq!(left(&pulse), Some(30));
        pulse.flushed();
        assert_eq!(left(&pulse), Some(75));
        pass(60).await;
        pulse.read();
        assert_eq!(left(&pulse), Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_pause_but_what_is_sent_must_be_read() {
        let pulse = Pulse::new();
        pulse.requested();
        pulse.answered(None);
        pulse.flushed();
        pass(1_000).await;
        assert_eq!(left(&pulse), None, "nothing has happened yet");
        pulse.handed();
        assert_eq!(left(&pulse), Some(30));
        pass(20).await;
        pulse.handed();
        assert_eq!(left(&pulse), Some(10), "the first part is not out");
        pulse.flushed();
        assert_eq!(left(&pulse), None);
    }

    #[tokio::test]
    async fn a_response_takes_up_room_until_it_is_out() {
        let unread = Unread::new(3_100_000);
        let answer = http_body(1_000_000);
        let pulse = Pulse::new();
        for _ in 0..2 {
            // The second one is asked for while the first is not out.
            pulse.requested();
            pulse.answered(unread.admit(&answer));
            pulse.completed();
        }
        let (third, fourth) = (unread.admit(&answer), unread.admit(&answer));
        assert!(third.is_some() && fourth.is_none());
        drop(third);
        pulse.requested();
        pulse.answered(unread.admit(&answer));
        pulse.flushed();
        assert!(
            unread.admit(&http_body(2_200_000)).is_none(),
            "not complete"
        );
        pulse.completed();
        pulse.flushed();
        assert!(unread.admit(&http_body(3_000_000)).is_some());
        assert!(unread.admit(&http_body(3_100_001)).is_none());
        assert!(unread.admit(&http_body(64 * 1024)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_must_make_headway() {
        let pulse = Pulse::new();
        pulse.requested();
        pulse.answered(None);
        pass(20).await;
        pulse.wrote(STRIDE - 1);
        assert_eq!(left(&pulse), Some(10));
        pulse.wrote(1);
        assert_eq!(left(&pulse), Some(30));
    }
}
