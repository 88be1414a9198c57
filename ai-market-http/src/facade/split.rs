//! Takes JSON apart without reading the parts, so that each can be read, and fail, by itself.
//!
//! The JSON must be valid: the caller checks that first, once for the whole.

/// The items of a list, each as it was written; `None` for what is no list.
pub(super) fn items(json: &str) -> Option<Vec<&str>> {
    let inside = json.strip_prefix('[')?.strip_suffix(']')?;
    Some(parts(inside).collect())
}

/// The value of a field of an object, as it was written; of a repeated field the last one, as where
/// the whole object is read.
pub(super) fn field<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let inside = object.strip_prefix('{')?.strip_suffix('}')?;
    let mut found = None;
    for part in parts(inside) {
        let end = string_end(part);
        let (key, value) = part.split_at(end);
        // A key that is no text is not the one that is looked for.
        if serde_json::from_str::<String>(key).is_ok_and(|key| key == name) {
            found = value.trim_start().strip_prefix(':').map(str::trim_start);
        }
    }
    found
}

/// What stands between commas that are in no list, object or string.
fn parts(inside: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(inside).filter(|inside| !inside.trim().is_empty());
    std::iter::from_fn(move || {
        let text = rest?;
        let part = match comma(text) {
            Some(at) => {
                rest = text.get(at + 1..);
                text.get(..at)
            }
            None => rest.take(),
        };
        part.map(str::trim)
    })
}

/// Where the first comma is that is in no list, object or string.
fn comma(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b',' if depth == 0 => return Some(at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                at += string_end(text.get(at..)?);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the string ends with which a text begins.
fn string_end(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_items_are_those_that_the_parser_finds() {
        for json in [
            "[]",
            " [ \n ] ",
            "[7]",
            "[1,-2.5e3 ,true, null,\"\"]",
            r#"[ {"a": [1, {"b": ","}]}, "],[", [[], [","]] , {} ]"#,
            r#"["\"", "\\", "\\\"", ",\u002c", "ä,ö", "\ud83d\ude00"]"#,
            "[[[[]]],[]]",
        ] {
            let whole: Vec<Value> = serde_json::from_str(json).unwrap();
            let items = items(json.trim()).unwrap();
            let read = |item: &&str| serde_json::from_str::<Value>(item).unwrap();
            assert_eq!(items.iter().map(read).collect::<Vec<_>>(), whole, "{json}");
            assert!(items.iter().all(|item| item.trim() == *item), "{json}");
        }
        for json in ["{}", "7", "\"[]\"", "null"] {
            assert_eq!(items(json), None, "{json}");
        }
    }

    #[test]
    fn a_field_is_the_one_that_the_parser_finds() {
        for json in [
            "{}",
            r#"{"a":1}"#,
            r#"{ "a" : [1, {"a": 2}] , "b":"a" }"#,
            r#"{"b": {"a": 3}, "c": "\"a\": 4"}"#,
            r#"{"a": 1, "a": {"a": 2}, "a": [3]}"#,
            r#"{"\u0061": "x,}", "\\": "]"}"#,
            r#"{":": ":", "a:": 0, "a": ":"}"#,
        ] {
            let whole: Value = serde_json::from_str(json).unwrap();
            for name in ["a", "b", ":", "\\"] {
                let found = field(json, name);
                let read = found.map(|value| serde_json::from_str::<Value>(value).unwrap());
                assert_eq!(read.as_ref(), whole.get(name), "{name} of {json}");
            }
        }
        // Half of a pair of surrogates: it is no text, and no name that is known.
        assert_eq!(field(r#"{"\ud800": 1, "a": 2}"#, "a"), Some("2"));
        assert_eq!(field("[]", "a"), None);
    }
}
