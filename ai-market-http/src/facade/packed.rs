use std::io::Write;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use poem::Request;
use poem::http::header;

/// A text as gzip, made when it is first asked for.
#[derive(Debug)]
pub(super) struct Packed(OnceLock<Option<Vec<u8>>>);

impl Packed {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// `content`, which is the same each time, as gzip; `None` where it would not be smaller.
    pub(super) fn of(&self, content: &str) -> Option<&[u8]> {
        let packed = self.0.get_or_init(|| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(content.as_bytes()).ok()?;
            let packed = gzip.finish().ok()?;
            (packed.len() < content.len()).then_some(packed)
        });
        packed.as_deref()
    }
}

/// Whether who asks takes gzip as well.
pub(super) fn takes_gzip(request: &Request) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING);
    let mut codings = accepted
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let mut weights = parts.filter_map(|part| part.strip_prefix("q="));
        named && !weights.any(|weight| weight.parse() == Ok(0.0))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_text_is_the_same_when_it_is_unpacked() {
        let text = "What a day! ".repeat(100);
        let packed = Packed::new();
        let gzip = packed.of(&text).unwrap();
        assert!(gzip.len() < text.len() / 4);
        let mut unpacked = String::new();
        GzDecoder::new(gzip).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        assert_eq!(Packed::new().of("!"), None);
    }

    #[test]
    fn gzip_is_taken_by_those_who_say_so() {
        for (accepted, expected) in [
            (None, false),
            (Some(""), false),
            (Some("identity"), false),
            (Some("gzip"), true),
            (Some("br, GZIP;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.000, br"), false),
            (Some("x-gzip"), false),
        ] {
            let mut request = Request::builder();
            if let Some(accepted) = accepted {
                request = request.header(header::ACCEPT_ENCODING, accepted);
            }
            assert_eq!(takes_gzip(&request.finish()), expected, "{accepted:?}");
        }
    }
}
