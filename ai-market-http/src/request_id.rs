use std::fmt;

use poem::Request;
use poem::http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that names a request, in both directions.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header that says which trace a request belongs to.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What a request is called in the logs of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The longest that is taken from outside, in bytes.
    const MAX_LEN: usize = 64;

    /// A new one, which differs from all others; later ones sort after earlier ones.
    pub(crate) fn random() -> Self {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::now_v7().simple().encode_lower(&mut buffer);
        // Hexadecimal digits are a header's value.
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-")))
    }

    /// One that somebody else chose: letters, digits, `.`, `_` and `-` of ASCII, up to 64, so that it
    /// looks the same in every log.
    pub(crate) fn parse(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let fits = (1..=Self::MAX_LEN).contains(&bytes.len()) && bytes.iter().all(plain);
        fits.then(|| Self(value.clone()))
    }

    /// That of a request: the one that it was given on its way here, or has brought along, or else a
    /// new one. From then on the request has it.
    pub(crate) fn of(request: &mut Request) -> Self {
        if let Some(id) = request.data::<Self>() {
            return id.clone();
        }
        let mut brought = request.headers().get_all(X_REQUEST_ID).iter();
        let id = match (brought.next(), brought.next()) {
            (Some(value), None) => Self::parse(value),
            _ => None,
        };
        let id = id.unwrap_or_else(Self::random);
        request.set_data(id.clone());
        id
    }

    pub(crate) fn as_str(&self) -> &str {
        // Nothing but ASCII is taken.
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(values: &[&'static str]) -> String {
        let mut request = Request::builder();
        for value in values {
            request = request.header(X_REQUEST_ID, HeaderValue::from_static(value));
        }
        let mut request = request.finish();
        let id = RequestId::of(&mut request);
        assert_eq!(RequestId::of(&mut request), id, "it keeps it");
        id.to_string()
    }

    #[test]
    fn what_is_plain_is_taken() {
        for plain in ["a", "01J-x_y.z", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"] {
            assert_eq!(brought(&[plain]), plain);
        }
        let longest: &str = &"x".repeat(64);
        let value = HeaderValue::from_str(longest).unwrap();
        assert_eq!(RequestId::parse(&value).unwrap().as_str(), longest);
    }

    #[test]
    fn anything_else_is_replaced() {
        let long = HeaderValue::from_str(&"x".repeat(65)).unwrap();
        assert_eq!(RequestId::parse(&long), None);
        let mut made: Vec<_> = [
            &[][..],
            &[""],
            &["a b"],
            &["a\tb"],
            &["{\"a\":1}"],
            &["a", "b"],
            &["a/b"],
        ]
        .map(brought)
        .into();
        for id in &made {
            let hexadecimal = |byte: u8| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase();
            assert!(id.len() == 32 && id.bytes().all(hexadecimal), "{id}");
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 7);
    }
}
