use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of one task for whoever answers it: a JSON object in canonical form.
///
/// The canonical form has sorted keys (by their bytes) and no white space, and writes numbers and
/// strings as `serde_json` does. Two equal objects therefore have the same text, in whatever order
/// and layout a client wrote them. `1` and `1.0` are different.
///
/// The canonical form has at most [`MAX_BYTES`](Self::MAX_BYTES); a coordinator's
/// [`Limits::max_params_bytes`](crate::coordinator::Limits::max_params_bytes) sets a lower limit.
/// Lists and objects are nested at most [`MAX_DEPTH`](Self::MAX_DEPTH) deep, the outermost object
/// included.
///
/// ```
/// use ai_market_core::task::Params;
///
/// let params: Params = r#"{ "max_length": 128, "languages": ["de", "en"] }"#.parse()?;
/// assert_eq!(params.as_str(), r#"{"languages":["de","en"],"max_length":128}"#);
/// assert_eq!(params.to_value()["max_length"], 128);
/// # Ok::<(), ai_market_core::task::InvalidParams>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Value")]
pub struct Params(Arc<str>);

/// Params that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InvalidParams(#[from] Problem);

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the params are not a JSON object")]
    NotAnObject(#[source] serde_json::Error),
    #[error(
        "the params are nested too deeply; at most {} levels are taken",
        Params::MAX_DEPTH
    )]
    TooDeep,
    #[error(
        "the params have {given} bytes; at most {} are taken",
        Params::MAX_BYTES
    )]
    TooLong { given: usize },
}

impl Params {
    /// The most bytes that the canonical form may have.
    pub const MAX_BYTES: usize = 65_536;
    /// How deep lists and objects may be nested.
    pub const MAX_DEPTH: usize = 8;

    /// Checks an object and brings it into canonical form.
    ///
    /// # Errors
    ///
    /// [`InvalidParams`] when the object is nested more than [`MAX_DEPTH`](Self::MAX_DEPTH) levels
    /// deep, or has more than [`MAX_BYTES`](Self::MAX_BYTES) in canonical form.
    pub fn new(params: Map<String, Value>) -> Result<Self, InvalidParams> {
        let mut text = String::new();
        write_object(&params, 1, &mut text)?;
        if text.len() > Self::MAX_BYTES {
            let given = text.len();
            return Err(Problem::TooLong { given }.into());
        }
        Ok(Self(text.into()))
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The params as a JSON value, which is an object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // OK because the text was written from a value; there is always one to read.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

fn write_object(
    object: &Map<String, Value>,
    depth: usize,
    out: &mut String,
) -> Result<(), Problem> {
    check_depth(depth)?;
    // Sorted here as well, since a map keeps the order of insertion in a program that turns on
    // serde_json's `preserve_order`.
    let mut fields: Vec<_> = object.iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    out.push('{');
    for (n, (name, value)) in fields.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write_value(value, depth, out)?;
    }
    out.push('}');
    Ok(())
}

/// Writes what is inside a list or object that is `depth` levels deep.
fn write_value(value: &Value, depth: usize, out: &mut String) -> Result<(), Problem> {
    match value {
        Value::Object(object) => write_object(object, depth + 1, out)?,
        Value::Array(items) => {
            check_depth(depth + 1)?;
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_value(item, depth + 1, out)?;
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
    Ok(())
}

fn check_depth(depth: usize) -> Result<(), Problem> {
    if depth > Params::MAX_DEPTH {
        return Err(Problem::TooDeep);
    }
    Ok(())
}

impl FromStr for Params {
    type Err = InvalidParams;

    /// Reads a JSON object in any layout; of a repeated key the last value counts.
    fn from_str(text: &str) -> Result<Self, InvalidParams> {
        let object = serde_json::from_str(text).map_err(Problem::NotAnObject)?;
        Self::new(object)
    }
}

impl TryFrom<Map<String, Value>> for Params {
    type Error = InvalidParams;

    fn try_from(params: Map<String, Value>) -> Result<Self, InvalidParams> {
        Self::new(params)
    }
}

impl From<Params> for Value {
    fn from(params: Params) -> Self {
        params.to_value()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Params>().unwrap().as_str().to_owned()
    }

    /// Lists within an object, `depth` levels together.
    fn nested(depth: usize) -> String {
        let lists = depth - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(lists), "]".repeat(lists))
    }

    #[test]
    fn equal_objects_have_one_text() {
        let text = r#"{"Z":1,"a":{"b":[true,null,"x y"],"é":-2.5},"aa":{}}"#;
        for same in [
            text,
            "{ \"aa\": {},\n\"a\": {\"\\u00e9\": -2.50, \"b\": [ true, null, \"x y\" ]}, \"Z\": 1 }",
            r#"{"Z":7,"aa":{},"Z":1,"a":{"é":-25e-1,"b":[true,null,"x\u0020y"]}}"#,
        ] {
            assert_eq!(canonical(same), text);
        }
        assert_ne!(canonical(r#"{"a":1}"#), canonical(r#"{"a":1.0}"#));
        assert_eq!(canonical(r#"{"a":"\u0000\n"}"#), r#"{"a":"\u0000\n"}"#);
    }

    /// With serde_json's `arbitrary_precision` a number would keep the text that it came in.
    #[test]
    fn numbers_have_one_form() {
        for (given, form) in [
            ("1.10", "1.1"),
            ("1e2", "100.0"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("0.30000000000000004", "0.30000000000000004"),
        ] {
            let given = format!("{{\"a\":{given}}}");
            assert_eq!(canonical(&given), format!("{{\"a\":{form}}}"));
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert_eq!(canonical("{}"), "{}");
        let long = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n - 8));
        assert!(long(Params::MAX_BYTES).parse::<Params>().is_ok());
        let error = long(Params::MAX_BYTES + 1).parse::<Params>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the params have 65537 bytes; at most 65536 are taken"
        );
        assert!(nested(Params::MAX_DEPTH).parse::<Params>().is_ok());
        let deep = nested(Params::MAX_DEPTH + 1);
        let objects = format!("{}1{}", "{\"a\":".repeat(9), "}".repeat(9));
        for deep in [deep, objects] {
            let error = deep.parse::<Params>().unwrap_err();
            assert_eq!(
                error.to_string(),
                "the params are nested too deeply; at most 8 levels are taken"
            );
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bad in ["", "[]", "1", "null", "\"a\"", "{", "{\"a\":NaN}", "{} {}"] {
            assert!(bad.parse::<Params>().is_err(), "{bad:?}");
            assert!(serde_json::from_str::<Params>(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn serde_writes_the_object_itself() {
        let params: Params = serde_json::from_str(r#"{"b": 1, "a": []}"#).unwrap();
        let written = serde_json::to_string(&params).unwrap();
        assert_eq!(written, params.as_str());
        assert_eq!(serde_json::from_str::<Params>(&written).unwrap(), params);
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_read_as_itself(
            fields in prop::collection::btree_map(".{0,5}", any::<f64>(), 0..6),
            n in any::<i64>(),
        ) {
            let object: Map<_, _> = fields
                .into_iter()
                .map(|(name, x)| (name, Value::from(vec![Value::from(x), Value::from(n)])))
                .collect();
            let params = Params::new(object).unwrap();
            prop_assert_eq!(&params.as_str().parse::<Params>().unwrap(), &params);
        }
    }
}
