//! The OpenAPI schemas of core's types and of plain ones.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use ai_market_core::access::{KeyId, Role};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{
    IdempotencyKey, InstanceId, Label, OwnerId, PolicyName, Reference, RequestId, Tag, TaskId,
    TaskType, WorkerId,
};
use ai_market_core::store::TaskOrder;
use ai_market_core::submission::Scores;
use ai_market_core::task::{NewTask, Params, TaskStatus};
use ai_market_core::time::Timestamp;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Kind;

use super::pattern;

macro_rules! names {
    ($($name:ty: $pattern:expr;)*) => {$(
        impl Kind for $name {
            fn schema() -> MetaSchema {
                MetaSchema {
                    min_length: Some(1),
                    // The document counts characters and the rule bytes, so that this is exact
                    // for ASCII alone; OpenAPI has no word for bytes of a text.
                    max_length: Some(Self::MAX_BYTES),
                    pattern: Some($pattern),
                    ..MetaSchema::new("string")
                }
            }
        }
    )*};
}

names! {
    WorkerId: pattern::line();
    InstanceId: pattern::line();
    RequestId: pattern::line();
    TaskType: pattern::TOKEN.to_owned();
    Label: pattern::label();
    IdempotencyKey: pattern::line();
    OwnerId: pattern::line();
    PolicyName: pattern::line();
    Reference: pattern::note();
    Tag: pattern::line();
}

/// The text of a task.
impl Kind for Arc<str> {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            pattern: Some(pattern::not_blank()),
            ..MetaSchema::new("string")
        }
    }
}

macro_rules! plain {
    ($($name:ty: $ty:literal $($format:literal)?;)*) => {$(
        impl Kind for $name {
            fn schema() -> MetaSchema {
                MetaSchema {
                    $(format: Some($format),)?
                    ..MetaSchema::new($ty)
                }
            }
        }
    )*};
}

plain! {
    String: "string";
    bool: "boolean";
    i32: "integer" "int32";
    i64: "integer" "int64";
    TaskId: "string" "uuid";
    Timestamp: "string" "date-time";
}

impl Kind for Role {
    fn schema() -> MetaSchema {
        MetaSchema {
            enum_items: Self::ALL.map(|role| Value::from(role.as_str())).to_vec(),
            ..MetaSchema::new("string")
        }
    }
}

impl Kind for KeyId {
    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[a-z2-7]{16}$".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}

macro_rules! counts {
    ($($name:ty: $format:literal from $least:literal;)*) => {$(
        impl Kind for $name {
            fn schema() -> MetaSchema {
                MetaSchema {
                    minimum: Some($least),
                    ..MetaSchema::new_with_format("integer", $format)
                }
            }
        }
    )*};
}

counts! {
    u32: "int32" from 0.0;
    u64: "int64" from 0.0;
    NonZeroU32: "int32" from 1.0;
}

/// A number from 0 to 1.
fn probability() -> MetaSchema {
    MetaSchema {
        minimum: Some(0.0),
        maximum: Some(1.0),
        ..MetaSchema::new_with_format("number", "double")
    }
}

impl Kind for Confidence {
    fn schema() -> MetaSchema {
        probability()
    }
}

/// An object with a value of one kind under each name.
fn object_of(values: MetaSchema) -> MetaSchema {
    MetaSchema {
        additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(values)))),
        ..MetaSchema::new("object")
    }
}

impl Kind for Scores {
    fn schema() -> MetaSchema {
        MetaSchema {
            max_properties: Some(Self::MAX_LABELS),
            ..object_of(probability())
        }
    }
}

impl<T: Kind> Kind for BTreeMap<TaskType, T> {
    fn schema() -> MetaSchema {
        object_of(T::schema())
    }
}

impl<T: Kind> Kind for BTreeMap<String, T> {
    fn schema() -> MetaSchema {
        object_of(T::schema())
    }
}

impl Kind for Params {
    fn schema() -> MetaSchema {
        object_of(MetaSchema::ANY)
    }
}

impl Kind for BTreeSet<Tag> {
    fn schema() -> MetaSchema {
        MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(Tag::schema())))),
            max_items: Some(NewTask::MAX_TAGS),
            ..MetaSchema::new("array")
        }
    }
}

/// A status as the wire writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) TaskStatus);

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// In which order tasks are told, as the wire names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order(pub(crate) TaskOrder);

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut all = TaskOrder::ALL.into_iter();
        let known = all.find(|order| order.as_str() == text);
        let error = || serde::de::Error::custom("oldest or newest is expected");
        known.map(Self).ok_or_else(error)
    }
}

impl Kind for Order {
    fn schema() -> MetaSchema {
        MetaSchema {
            enum_items: TaskOrder::ALL.map(|order| order.as_str().into()).to_vec(),
            ..MetaSchema::new("string")
        }
    }
}

impl Kind for Status {
    fn schema() -> MetaSchema {
        MetaSchema {
            enum_items: TaskStatus::ALL
                .into_iter()
                .map(|status| Value::from(status.as_str()))
                .collect(),
            ..MetaSchema::new("string")
        }
    }
}
