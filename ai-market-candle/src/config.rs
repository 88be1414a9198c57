use std::collections::BTreeMap;
use std::error::Error;

use ai_market_core::id::{InvalidName, Label};
use serde::Deserialize;

/// The shape of a DistilBERT classifier and its labels, read from a `config.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelConfig {
    /// Numbers per token between the layers.
    pub dim: usize,
    /// Layers.
    pub n_layers: usize,
    /// Attention heads per layer; they divide `dim`.
    pub n_heads: usize,
    /// Numbers per token inside a feed-forward block.
    pub hidden_dim: usize,
    /// The most tokens that one text may have.
    pub max_positions: usize,
    /// Tokens that the model knows; ids are smaller.
    pub vocab_size: usize,
    /// The function between the two feed-forward matrices.
    pub activation: Activation,
    /// The labels in the order of the logits, as the file spells them; at least two.
    pub labels: Vec<Label>,
}

/// The function between the two matrices of a feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `x · Φ(x)`, exactly, by the error function.
    Gelu,
    /// `max(x, 0)`.
    Relu,
}

/// Why a `config.json` describes no model that can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is no JSON object, or a field has another type.
    #[error("config.json cannot be read")]
    Syntax(#[source] Box<dyn Error + Send + Sync>),
    /// The model is something else than a DistilBERT sequence classifier.
    #[error("the model is a {found}; only DistilBertForSequenceClassification can be run")]
    Architecture {
        /// What the file names.
        found: String,
    },
    /// The activation is neither `gelu` nor `relu`.
    #[error("the activation {found:?} is not supported; gelu and relu are")]
    Activation {
        /// What the file names.
        found: String,
    },
    /// The outputs are no probabilities of which exactly one label is right.
    #[error("the problem type {found:?} is not supported; single_label_classification is")]
    ProblemType {
        /// What the file names.
        found: String,
    },
    /// A number is zero or beyond what any such model has.
    #[error("{field} is {found}; it must be from 1 to {max}")]
    Size {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// The largest value taken.
        max: usize,
    },
    /// The heads do not divide the dimension.
    #[error("dim {dim} is not a multiple of n_heads {heads}")]
    Heads {
        /// The dimension.
        dim: usize,
        /// The heads.
        heads: usize,
    },
    /// The labels are not numbered 0, 1, 2 and so on.
    #[error("the labels are not numbered from 0 to {last} without holes: {detail}")]
    LabelNumbers {
        /// The number of the last label.
        last: usize,
        /// What is wrong.
        detail: String,
    },
    /// `num_labels` and `id2label` tell different numbers of labels.
    #[error("num_labels is {stated}, and there are {found} labels")]
    LabelCount {
        /// `num_labels`.
        stated: u64,
        /// The labels.
        found: usize,
    },
    /// There is one output only: a regression model, which has no labels to choose from.
    #[error("the model has a single label; a classifier needs at least two")]
    SingleLabel,
    /// A text that cannot be a label.
    #[error("label {index} is not valid")]
    Label {
        /// Its number.
        index: usize,
        /// Why.
        #[source]
        source: InvalidName,
    },
    /// Two outputs have the same label.
    #[error("labels {first} and {second} are both {label:?}")]
    DuplicateLabel {
        /// The one number.
        first: usize,
        /// The other number.
        second: usize,
        /// The label.
        label: String,
    },
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(default)]
    model_type: Option<String>,
    dim: u64,
    n_layers: u64,
    n_heads: u64,
    hidden_dim: u64,
    max_position_embeddings: u64,
    vocab_size: u64,
    #[serde(default)]
    activation: Option<String>,
    #[serde(default)]
    problem_type: Option<String>,
    #[serde(default)]
    num_labels: Option<u64>,
    #[serde(default)]
    id2label: Option<BTreeMap<String, String>>,
    #[serde(default)]
    label2id: Option<BTreeMap<String, u64>>,
}

const ARCHITECTURE: &str = "DistilBertForSequenceClassification";

impl ModelConfig {
    /// The most labels that a model may have.
    pub const MAX_LABELS: usize = 4096;

    /// Reads the bytes of a `config.json`.
    ///
    /// Fields that inference does not need are ignored. Without `id2label` the labels are those of
    /// `label2id`, else `LABEL_0`, `LABEL_1` and so on up to `num_labels` (2 where it is missing),
    /// as in Hugging Face Transformers.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is missing, unsupported or out of range. A model with one label
    /// (a regression) is refused.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let fields: Fields =
            serde_json::from_slice(json).map_err(|error| ConfigError::Syntax(error.into()))?;
        check_kind(&fields)?;
        let activation = match fields.activation.as_deref() {
            None | Some("gelu") => Activation::Gelu,
            Some("relu") => Activation::Relu,
            Some(other) => {
                return Err(ConfigError::Activation {
                    found: other.to_owned(),
                });
            }
        };
        let config = Self {
            dim: size("dim", fields.dim, 1 << 14)?,
            n_layers: size("n_layers", fields.n_layers, 256)?,
            n_heads: size("n_heads", fields.n_heads, 1 << 10)?,
            hidden_dim: size("hidden_dim", fields.hidden_dim, 1 << 16)?,
            max_positions: size(
                "max_position_embeddings",
                fields.max_position_embeddings,
                1 << 16,
            )?,
            vocab_size: size("vocab_size", fields.vocab_size, 1 << 22)?,
            activation,
            labels: labels(&fields)?,
        };
        if !config.dim.is_multiple_of(config.n_heads) {
            return Err(ConfigError::Heads {
                dim: config.dim,
                heads: config.n_heads,
            });
        }
        Ok(config)
    }

    /// Numbers per token and head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.dim / self.n_heads
    }

    /// The labels in lower case.
    ///
    /// # Errors
    ///
    /// [`ConfigError::DuplicateLabel`] when two labels differ in case only.
    pub fn lowercase_labels(&self) -> Result<Vec<Label>, ConfigError> {
        checked_labels(
            self.labels
                .iter()
                .map(|label| label.as_str().to_lowercase()),
        )
    }
}

fn check_kind(fields: &Fields) -> Result<(), ConfigError> {
    let named = fields.architectures.as_deref().unwrap_or_default();
    let fits = match (named, fields.model_type.as_deref()) {
        ([], model_type) => model_type == Some("distilbert"),
        (named, model_type) => {
            named.iter().any(|name| name == ARCHITECTURE)
                && model_type.is_none_or(|kind| kind == "distilbert")
        }
    };
    if !fits {
        let found = match (named.first(), &fields.model_type) {
            (Some(name), Some(kind)) if name == ARCHITECTURE => format!("{name} of type {kind}"),
            (Some(name), _) => name.clone(),
            (None, Some(kind)) => kind.clone(),
            (None, None) => "model of unnamed architecture".to_owned(),
        };
        return Err(ConfigError::Architecture { found });
    }
    match fields.problem_type.as_deref() {
        None | Some("single_label_classification") => Ok(()),
        Some(other) => Err(ConfigError::ProblemType {
            found: other.to_owned(),
        }),
    }
}

fn size(field: &'static str, found: u64, max: usize) -> Result<usize, ConfigError> {
    usize::try_from(found)
        .ok()
        .filter(|size| (1..=max).contains(size))
        .ok_or(ConfigError::Size { field, found, max })
}

fn labels(fields: &Fields) -> Result<Vec<Label>, ConfigError> {
    let numbered: Vec<(String, &str)> = match (&fields.id2label, &fields.label2id) {
        (Some(by_id), _) => by_id
            .iter()
            .map(|(id, label)| (id.clone(), label.as_str()))
            .collect(),
        (None, Some(by_label)) => by_label
            .iter()
            .map(|(label, id)| (id.to_string(), label.as_str()))
            .collect(),
        (None, None) => {
            let count = match size(
                "num_labels",
                fields.num_labels.unwrap_or(2),
                ModelConfig::MAX_LABELS,
            )? {
                1 => return Err(ConfigError::SingleLabel),
                count => count,
            };
            return checked_labels((0..count).map(|index| format!("LABEL_{index}")));
        }
    };
    let count = size(
        "the number of labels",
        numbered.len() as u64,
        ModelConfig::MAX_LABELS,
    )?;
    if let Some(stated) = fields.num_labels.filter(|stated| *stated != count as u64) {
        return Err(ConfigError::LabelCount {
            stated,
            found: count,
        });
    }
    if count == 1 {
        return Err(ConfigError::SingleLabel);
    }
    let mut slots = vec![None; count];
    for (id, label) in &numbered {
        let wrong = |detail: String| ConfigError::LabelNumbers {
            last: count - 1,
            detail,
        };
        let slot = id
            .parse::<usize>()
            .ok()
            .and_then(|id| slots.get_mut(id))
            .ok_or_else(|| wrong(format!("{label:?} has the number {id:?}")))?;
        if slot.replace(*label).is_some() {
            return Err(wrong(format!("the number {id:?} occurs twice")));
        }
    }
    // No slot is empty: there are as many numbers as slots, none twice.
    checked_labels(slots.into_iter().flatten().map(str::to_owned))
}

fn checked_labels(texts: impl Iterator<Item = String>) -> Result<Vec<Label>, ConfigError> {
    let mut seen = BTreeMap::new();
    let mut labels = Vec::new();
    for (index, text) in texts.enumerate() {
        let label = Label::new(text).map_err(|source| ConfigError::Label { index, source })?;
        if let Some(first) = seen.insert(label.clone(), index) {
            let label = label.as_str().to_owned();
            return Err(ConfigError::DuplicateLabel {
                first,
                second: index,
                label,
            });
        }
        labels.push(label);
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn base() -> Value {
        json!({
            "model_type": "distilbert", "architectures": [ARCHITECTURE], "dim": 12, "n_layers": 1,
            "n_heads": 3, "hidden_dim": 7, "max_position_embeddings": 8, "vocab_size": 9,
            "activation": "gelu", "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
        })
    }

    fn read(changes: Value) -> Result<ModelConfig, ConfigError> {
        let mut config = base();
        for (field, value) in changes.as_object().unwrap() {
            config[field] = value.clone();
        }
        ModelConfig::from_json(config.to_string().as_bytes())
    }

    fn names(config: &ModelConfig) -> Vec<&str> {
        config.labels.iter().map(Label::as_str).collect()
    }

    #[test]
    fn labels_come_in_the_order_of_their_numbers() {
        let many: BTreeMap<String, String> = (0..12)
            .map(|id| (id.to_string(), format!("l{id}")))
            .collect();
        let config = read(json!({"id2label": many})).unwrap();
        assert_eq!(
            names(&config),
            (0..12).map(|id| format!("l{id}")).collect::<Vec<_>>()
        );
        let config = read(json!({"id2label": null, "label2id": {"b": 0, "a": 1}})).unwrap();
        assert_eq!(names(&config), ["b", "a"]);
        let config = read(json!({"id2label": null, "num_labels": 3})).unwrap();
        assert_eq!(names(&config), ["LABEL_0", "LABEL_1", "LABEL_2"]);
        assert_eq!(
            names(&read(json!({"id2label": null})).unwrap()),
            ["LABEL_0", "LABEL_1"]
        );
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        let cases = [
            (json!({"dim": 13}), "dim 13 is not a multiple of n_heads 3"),
            (
                json!({"n_heads": 0}),
                "n_heads is 0; it must be from 1 to 1024",
            ),
            (
                json!({"n_layers": 0}),
                "n_layers is 0; it must be from 1 to 256",
            ),
            (
                json!({"dim": 1_u64 << 40}),
                "dim is 1099511627776; it must be from 1 to 16384",
            ),
            (
                json!({"activation": "swish"}),
                "the activation \"swish\" is not supported; gelu and relu are",
            ),
            (
                json!({"id2label": {"0": "a"}}),
                "the model has a single label; a classifier needs at least two",
            ),
            (
                json!({"id2label": {}}),
                "the number of labels is 0; it must be from 1 to 4096",
            ),
            (
                json!({"id2label": {"0": "a", "2": "b"}}),
                "the labels are not numbered from 0 to 1 without holes: \"b\" has the number \"2\"",
            ),
            (
                json!({"id2label": {"0": "a", "00": "b"}}),
                "the labels are not numbered from 0 to 1 without holes: the number \"00\" occurs twice",
            ),
            (
                json!({"id2label": {"0": "a", "1": " "}}),
                "label 1 is not valid",
            ),
            (
                json!({"id2label": {"0": "a", "1": "a"}}),
                "labels 0 and 1 are both \"a\"",
            ),
            (
                json!({"num_labels": 3}),
                "num_labels is 3, and there are 2 labels",
            ),
            (
                json!({"problem_type": "regression"}),
                "the problem type \"regression\" is not supported; single_label_classification is",
            ),
            (
                json!({"model_type": "bert"}),
                "the model is a DistilBertForSequenceClassification of type bert; only DistilBertForSequenceClassification can be run",
            ),
            (
                json!({"architectures": ["DistilBertForMaskedLM"]}),
                "the model is a DistilBertForMaskedLM; only DistilBertForSequenceClassification can be run",
            ),
            (json!({"dim": -1}), "config.json cannot be read"),
        ];
        for (changes, message) in cases {
            assert_eq!(read(changes).unwrap_err().to_string(), message);
        }
        assert!(matches!(
            ModelConfig::from_json(b"{"),
            Err(ConfigError::Syntax(_))
        ));
    }

    #[test]
    fn lower_case_must_keep_the_labels_apart() {
        let config = read(json!({})).unwrap();
        let lower = config.lowercase_labels().unwrap();
        assert_eq!(
            lower.iter().map(Label::as_str).collect::<Vec<_>>(),
            ["negative", "positive"]
        );
        let config = read(json!({"id2label": {"0": "A", "1": "a"}})).unwrap();
        assert!(matches!(
            config.lowercase_labels(),
            Err(ConfigError::DuplicateLabel { .. })
        ));
    }
}
