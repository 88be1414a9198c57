use std::borrow::Cow;
use std::fmt::Display;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{
    ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type,
};
use serde::de::value::{Error as PlainError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value in a body or a query: serde reads, checks and writes it, and the OpenAPI document shows
/// the schema of its kind.
///
/// It stands between poem-openapi's traits and types of other crates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Field<T>(pub(crate) T);

impl<T> Field<Option<T>> {
    /// Whether there is no value, for fields that are left out then.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

/// What the OpenAPI document says of a value.
pub(crate) trait Kind: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Whether a body must have it.
    const REQUIRED: bool = true;

    /// How it looks in JSON.
    fn schema() -> MetaSchema;

    /// Reads it from a query.
    fn from_text(text: &str) -> Result<Self, impl Display> {
        let deserializer: StrDeserializer<'_, PlainError> = text.into_deserializer();
        Self::deserialize(deserializer)
    }
}

impl<T: Kind> Kind for Option<T> {
    const REQUIRED: bool = false;

    fn schema() -> MetaSchema {
        MetaSchema {
            nullable: true,
            ..T::schema()
        }
    }
}

impl<T: Kind> Kind for Vec<T> {
    fn schema() -> MetaSchema {
        MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(T::schema())))),
            ..MetaSchema::new("array")
        }
    }
}

impl<T: Kind> Type for Field<T> {
    const IS_REQUIRED: bool = T::REQUIRED;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        Cow::Borrowed(std::any::type_name::<T>())
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(T::schema()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<T: Kind> ParseFromJSON for Field<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl<T: Kind> ToJSON for Field<T> {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(&self.0).ok()
    }
}

impl<T: Kind> ParseFromParameter for Field<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        T::from_text(text).map(Self).map_err(ParseError::custom)
    }
}
