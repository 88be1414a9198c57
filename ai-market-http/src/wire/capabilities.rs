use ai_market_core::id::TaskType;
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, pattern};

/// A worker's task types as JSON inside a string, as workers of the original system send them.
///
/// It holds a list of task types, or an object with that list as `task_types` or `capabilities`;
/// an object without either names none, for the original system never looked inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CapabilitiesJson(pub(crate) Option<Vec<TaskType>>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Inside {
    List(Vec<TaskType>),
    Object {
        #[serde(alias = "capabilities")]
        task_types: Option<Vec<TaskType>>,
    },
    Nothing,
}

/// A string that holds something else.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a list of task types in JSON is expected in the string")]
pub(crate) struct InvalidCapabilities;

impl TryFrom<String> for CapabilitiesJson {
    type Error = InvalidCapabilities;

    fn try_from(text: String) -> Result<Self, InvalidCapabilities> {
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        match serde_json::from_str(&text) {
            Ok(Inside::List(types)) => Ok(Self(Some(types))),
            Ok(Inside::Object { task_types }) => Ok(Self(task_types)),
            Ok(Inside::Nothing) => Ok(Self(None)),
            Err(_) => Err(InvalidCapabilities),
        }
    }
}

impl From<CapabilitiesJson> for String {
    fn from(capabilities: CapabilitiesJson) -> Self {
        let types = capabilities.0.unwrap_or_default();
        let types: Vec<_> = types.iter().map(TaskType::as_str).collect();
        // A list of strings always has a JSON form.
        serde_json::to_string(&types).unwrap_or_default()
    }
}

impl Kind for CapabilitiesJson {
    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some(pattern::capabilities_json()),
            ..MetaSchema::new("string")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects_are_read() {
        let read = |text: &str| CapabilitiesJson::try_from(text.to_owned()).map(|c| c.0);
        let ner = || Some(vec![TaskType::new("ner").unwrap()]);
        assert_eq!(read(r#"["ner"]"#).unwrap(), ner());
        assert_eq!(read(r#"{"task_types": ["ner"]}"#).unwrap(), ner());
        assert_eq!(read(r#"{"capabilities": ["ner"]}"#).unwrap(), ner());
        for nothing in ["", "{}", r#"{"gpu": true}"#, "null"] {
            assert_eq!(read(nothing).unwrap(), None, "{nothing}");
        }
        for bad in ["[", "[1]", "7", r#"["no spaces"]"#, r#"{"task_types": 1}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
