use std::fmt;

use ai_market_core::submission::ModelIdentity;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Kind;

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
        let part = || MetaSchema {
            min_length: Some(1),
            max_length: Some(ModelIdentity::MAX_BYTES),
            ..MetaSchema::new("string")
        };
        let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
        let optional = || MetaSchema {
            nullable: true,
            ..part()
        };
        MetaSchema {
            description: Some("A model; in a request also its id alone, as a string"),
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
