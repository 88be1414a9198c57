use ai_market_core::api::{ApiError, ErrorCode};
use ai_market_core::event::EventId;

/// The longest frame that is read: a page of the longest events, and more than any coordinator
/// sends.
const MAX_FRAME: usize = 1024 * 1024;

/// One server-sent event.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Frame {
    pub(super) id: Option<EventId>,
    /// Its name; empty for one that only tells a place.
    pub(super) event: String,
    pub(super) data: String,
}

/// Cuts a stream of bytes into server-sent events (HTML standard, section 9.2.6), as far as
/// coordinators use that format.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// What of the buffer was given out.
    taken: usize,
}

impl Frames {
    /// Takes what came, once all that was there whole has been taken out.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        if self.buffer.len() > MAX_FRAME {
            let message = "the stream of events is none of a coordinator: an event has no end";
            return Err(ApiError::new(ErrorCode::Internal, message));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next event that is there whole.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let rest = &self.buffer[self.taken..];
        let end = rest.windows(2).position(|pair| pair == b"\n\n")?;
        let text = String::from_utf8_lossy(&rest[..end]);
        let mut frame = Frame::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => frame.id = value.parse().ok(),
                "event" => frame.event = value.to_owned(),
                "data" => {
                    if !frame.data.is_empty() {
                        frame.data.push('\n');
                    }
                    frame.data.push_str(value);
                }
                // Comments, and when to try again.
                _ => {}
            }
        }
        self.taken += end + 2;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_out_wherever_they_break() {
        let text = "retry: 1000\nid: 7\nevent: hello\ndata: {\"é\":\ndata: 1}\n\n: here\nid: 8\n\n";
        let expected = [
            Frame {
                id: Some(EventId::new(7)),
                event: "hello".to_owned(),
                data: "{\"é\":\n1}".to_owned(),
            },
            Frame {
                id: Some(EventId::new(8)),
                ..Frame::default()
            },
        ];
        for size in 1..text.len() {
            let mut frames = Frames::default();
            let mut cut = Vec::new();
            for bytes in text.as_bytes().chunks(size) {
                frames.feed(bytes).unwrap();
                cut.extend(std::iter::from_fn(|| frames.next()));
            }
            assert_eq!(cut, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let mut frames = Frames::default();
        let piece = vec![b'x'; 64 * 1024];
        let refused = (0..100).find_map(|_| frames.feed(&piece).err());
        assert_eq!(refused.map(|error| error.code()), Some(ErrorCode::Internal));
    }
}
