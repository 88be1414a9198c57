use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which model gave an answer: its id, revision and precision.
///
/// Workers that run the same one are one witness to whether a *label* is right, since they all make
/// its mistakes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct ModelIdentity {
    id: Arc<str>,
    revision: Option<Arc<str>>,
    precision: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    precision: Option<String>,
}

/// A model identity that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model's {part} must be 1 to {} bytes without control characters",
    ModelIdentity::MAX_BYTES
)]
pub struct InvalidModel {
    part: &'static str,
}

fn check(part: &'static str, text: &str) -> Result<(), InvalidModel> {
    let fits = !text.trim().is_empty()
        && text.len() <= ModelIdentity::MAX_BYTES
        && !text.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(InvalidModel { part })
    }
}

impl ModelIdentity {
    /// The most bytes of UTF-8 that each part may have.
    pub const MAX_BYTES: usize = 256;

    /// A model of this id, such as `distilbert/distilbert-base-uncased-finetuned-sst-2-english`.
    ///
    /// # Errors
    ///
    /// [`InvalidModel`] when the id is empty, too long or holds control characters.
    pub fn new(id: impl Into<Arc<str>>) -> Result<Self, InvalidModel> {
        let id = id.into();
        check("id", &id)?;
        Ok(Self {
            id,
            revision: None,
            precision: None,
        })
    }

    /// Adds the revision: a commit, a tag or a hash of the weights.
    ///
    /// # Errors
    ///
    /// [`InvalidModel`] when it is empty, too long or holds control characters.
    pub fn with_revision(mut self, revision: impl Into<Arc<str>>) -> Result<Self, InvalidModel> {
        let revision = revision.into();
        check("revision", &revision)?;
        self.revision = Some(revision);
        Ok(self)
    }

    /// Adds the precision of the weights: `f32`, `f16` or `int8`, say.
    ///
    /// # Errors
    ///
    /// [`InvalidModel`] when it is empty, too long or holds control characters.
    pub fn with_precision(mut self, precision: impl Into<Arc<str>>) -> Result<Self, InvalidModel> {
        let precision = precision.into();
        check("precision", &precision)?;
        self.precision = Some(precision);
        Ok(self)
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision, where it is known.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The precision, where it is known.
    #[must_use]
    pub fn precision(&self) -> Option<&str> {
        self.precision.as_deref()
    }
}

impl TryFrom<Unchecked> for ModelIdentity {
    type Error = InvalidModel;

    fn try_from(parts: Unchecked) -> Result<Self, InvalidModel> {
        let mut model = Self::new(parts.id)?;
        if let Some(revision) = parts.revision {
            model = model.with_revision(revision)?;
        }
        if let Some(precision) = parts.precision {
            model = model.with_precision(precision)?;
        }
        Ok(model)
    }
}

impl From<ModelIdentity> for Unchecked {
    fn from(model: ModelIdentity) -> Self {
        Self {
            id: model.id.as_ref().to_owned(),
            revision: model.revision.as_deref().map(str::to_owned),
            precision: model.precision.as_deref().map(str::to_owned),
        }
    }
}

impl fmt::Display for ModelIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        if let Some(precision) = &self.precision {
            write!(f, " ({precision})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trips_and_is_checked() {
        let model = ModelIdentity::new("m")
            .unwrap()
            .with_precision("f32")
            .unwrap();
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(json, r#"{"id":"m","precision":"f32"}"#);
        assert_eq!(serde_json::from_str::<ModelIdentity>(&json).unwrap(), model);
        assert!(serde_json::from_str::<ModelIdentity>(r#"{"id":""}"#).is_err());
        assert!(serde_json::from_str::<ModelIdentity>(r#"{"id":"a\nb"}"#).is_err());
    }

    #[test]
    fn it_reads_well() {
        let model = ModelIdentity::new("m")
            .unwrap()
            .with_revision("1f")
            .unwrap();
        assert_eq!(
            model.with_precision("int8").unwrap().to_string(),
            "m@1f (int8)"
        );
    }
}
