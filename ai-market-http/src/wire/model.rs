use std::fmt;

use ai_market_core::submission::ModelIdentity;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Kind, pattern};

/// A model identity; a request may give the id alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Model(pub(crate) ModelIdentity);

struct ModelVisitor;

impl<'de> Visitor<'de> for ModelVisitor {
    type Value = Model;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model id, or an object with id, revision and precision")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Model, E> {
        ModelIdentity::new(id).map(Model).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Model, A::Error> {
        ModelIdentity::deserialize(MapAccessDeserializer::new(map)).map(Model)
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ModelVisitor)
    }
}

impl Kind for Model {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("A model, or its id alone"),
            any_of: vec![inline(ShownModel::schema()), inline(part())],
            ..MetaSchema::ANY
        }
    }
}

/// A model identity as a response has it: always an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ShownModel(pub(crate) Model);

fn part() -> MetaSchema {
    MetaSchema {
        min_length: Some(1),
        max_length: Some(ModelIdentity::MAX_BYTES),
        pattern: Some(pattern::model_part()),
        ..MetaSchema::new("string")
    }
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}

impl Kind for ShownModel {
    fn schema() -> MetaSchema {
        let optional = || MetaSchema {
            nullable: true,
            ..part()
        };
        MetaSchema {
            required: vec!["id"],
            properties: vec![
                ("id", inline(part())),
                ("revision", inline(optional())),
                ("precision", inline(optional())),
            ],
            ..MetaSchema::new("object")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_alone_is_a_model_and_a_list_is_none() {
        let read = |text| serde_json::from_str::<Model>(text);
        assert_eq!(read("\"m\"").unwrap(), read(r#"{"id":"m"}"#).unwrap());
        assert_eq!(
            read(r#"{"id":"m","revision":null,"more":1}"#).unwrap(),
            read("\"m\"").unwrap()
        );
        for bad in ["[\"m\"]", "7", "{}", "\"\""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
