/// Whether JSON has more than `max` lists and objects within each other.
///
/// It looks at the bytes alone, so that what is too deep is refused before anything is made of it.
/// What is no JSON may have any depth; the parser refuses it.
pub(super) fn is_deeper(json: &[u8], max: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    #[test]
    fn the_depth_is_that_of_the_value() {
        for json in [
            "7",
            "[]",
            r#"{"a": {"b": [1, {"c": []}]}, "d": {}}"#,
            "[[], [[]], [[], {}]]",
            r#"["[[[[", "\"[[[", "\\", [], "]]]"]"#,
            r#"{"[{": "\\\"{[", "\u005b": "\\"}"#,
            r#"["\\", ["\\\\", ["\"]"]]]"#,
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            let depth = depth(&value);
            assert!(!is_deeper(json.as_bytes(), depth), "{json}");
            assert!(
                depth == 0 || is_deeper(json.as_bytes(), depth - 1),
                "{json}"
            );
        }
    }

    #[test]
    fn the_deepest_that_may_be_allowed_is_what_the_parser_takes() {
        let deepest = super::super::RouteOptions::DEEPEST_JSON;
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(serde_json::from_str::<Value>(&nested(deepest)).is_ok());
        assert!(serde_json::from_str::<Value>(&nested(deepest + 1)).is_err());
    }

    #[test]
    fn what_is_no_json_has_some_depth() {
        for (bytes, depth) in [
            (&b"]]]["[..], 1),
            (b"\"[[[", 0),
            (b"\"\\", 0),
            (b"[\xff[", 2),
            (b"", 0),
        ] {
            assert!(!is_deeper(bytes, depth));
            assert!(depth == 0 || is_deeper(bytes, depth - 1));
        }
    }
}
