use std::fmt;

use ai_market_core::id::Label;
use ai_market_core::store::WorkerModel;
use ai_market_core::submission::{InvalidModel, ModelIdentity};
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

/// A model as a worker registers it, with the labels that it can give; a request may give the id
/// alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct RegisteredModel(pub(crate) WorkerModel);

#[derive(Deserialize)]
struct Parts {
    id: String,
    revision: Option<String>,
    precision: Option<String>,
    labels: Option<Vec<Label>>,
}

impl TryFrom<Parts> for WorkerModel {
    type Error = InvalidModel;

    fn try_from(parts: Parts) -> Result<Self, InvalidModel> {
        let mut identity = ModelIdentity::new(parts.id)?;
        if let Some(revision) = parts.revision {
            identity = identity.with_revision(revision)?;
        }
        if let Some(precision) = parts.precision {
            identity = identity.with_precision(precision)?;
        }
        Ok(Self::new(identity).with_labels(parts.labels.unwrap_or_default()))
    }
}

struct RegisteredVisitor;

impl<'de> Visitor<'de> for RegisteredVisitor {
    type Value = RegisteredModel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model id, or an object with id, revision, precision and labels")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<RegisteredModel, E> {
        let identity = ModelIdentity::new(id).map_err(E::custom)?;
        Ok(RegisteredModel(identity.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RegisteredModel, A::Error> {
        let parts = Parts::deserialize(MapAccessDeserializer::new(map))?;
        let model = WorkerModel::try_from(parts).map_err(A::Error::custom)?;
        Ok(RegisteredModel(model))
    }
}

impl<'de> Deserialize<'de> for RegisteredModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RegisteredVisitor)
    }
}

impl Kind for RegisteredModel {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("A model, or its id alone"),
            any_of: vec![inline(ShownRegistered::schema()), inline(part())],
            ..MetaSchema::ANY
        }
    }
}

/// A registered model as a response has it: always an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ShownRegistered(pub(crate) RegisteredModel);

impl From<WorkerModel> for ShownRegistered {
    fn from(model: WorkerModel) -> Self {
        Self(RegisteredModel(model))
    }
}

impl Kind for ShownRegistered {
    fn schema() -> MetaSchema {
        let labels = MetaSchema {
            nullable: true,
            ..Vec::<Label>::schema()
        };
        let mut schema = ShownModel::schema();
        schema.properties.push(("labels", inline(labels)));
        schema
    }
}

fn part() -> MetaSchema {
    MetaSchema {
        min_length: Some(1),
        max_length: Some(ModelIdentity::MAX_BYTES),
        pattern: Some(pattern::note()),
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
            assert!(
                serde_json::from_str::<RegisteredModel>(bad).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_registered_model_round_trips_and_names_its_labels_where_it_does() {
        for (sent, kept) in [
            (r#""m""#, r#"{"id":"m"}"#),
            (r#"{"id":"m","labels":null}"#, r#"{"id":"m"}"#),
            (
                r#"{"labels":["b","a"],"precision":"f32","id":"m"}"#,
                r#"{"id":"m","precision":"f32","labels":["b","a"]}"#,
            ),
        ] {
            let model: RegisteredModel = serde_json::from_str(sent).unwrap();
            assert_eq!(serde_json::to_string(&model).unwrap(), kept);
        }
    }
}
