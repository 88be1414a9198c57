use std::collections::BTreeMap;

use ai_market_core::id::Label;
use serde::Deserialize;

use super::labels::{checked, labels};
use super::{ConfigError, Head};

/// The shape of a DistilBERT classifier, what it classifies, and its labels, read from a
/// `config.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelConfig {
    /// What it classifies.
    pub head: Head,
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
}

impl ModelConfig {
    /// The most labels that a model may have.
    pub const MAX_LABELS: usize = 4096;

    /// Reads the bytes of a `config.json`; `architectures` in it says what the model classifies, and
    /// whole texts where it names nothing.
    ///
    /// Fields that inference does not need are ignored. Without `id2label` the labels are `LABEL_0`,
    /// `LABEL_1` and so on up to `num_labels` (2 where it is missing), as in Hugging Face
    /// Transformers, which does not look at `label2id` then either.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is missing, unsupported or out of range. A model with one label
    /// (a regression) is refused, and so is a sequence classifier whose `problem_type` is another
    /// than `single_label_classification`: its labels do not exclude each other.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        Self::read(json, &Head::ALL)
    }

    /// Reads the bytes of a `config.json` of a model that classifies what `head` says, which is also
    /// what counts where `architectures` names nothing.
    ///
    /// # Errors
    ///
    /// As for [`from_json`](Self::from_json); [`ConfigError::Architecture`] when it is a model of
    /// another kind.
    pub fn for_head(json: &[u8], head: Head) -> Result<Self, ConfigError> {
        Self::read(json, &[head])
    }

    fn read(json: &[u8], wanted: &[Head]) -> Result<Self, ConfigError> {
        let fields: Fields =
            serde_json::from_slice(json).map_err(|error| ConfigError::Syntax(error.into()))?;
        let head = head(&fields, wanted)?;
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
            head,
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
            labels: labels(fields.id2label.as_ref(), fields.num_labels)?,
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
        let lower = |label: &Label| label.as_str().to_lowercase();
        checked(self.labels.iter().map(lower))
    }
}

/// Which of the wanted heads the file describes.
fn head(fields: &Fields, wanted: &[Head]) -> Result<Head, ConfigError> {
    let named = fields.architectures.as_deref().unwrap_or_default();
    let kind = fields.model_type.as_deref();
    let head = match named {
        [] => wanted.first().filter(|_| kind == Some("distilbert")),
        named => wanted
            .iter()
            .find(|head| named.iter().any(|name| name == head.architecture()))
            .filter(|_| kind.is_none_or(|kind| kind == "distilbert")),
    };
    let Some(head) = head.copied() else {
        let found = match (named.first(), kind) {
            (Some(name), Some("distilbert") | None) => name.clone(),
            (Some(name), Some(kind)) => format!("{name} of type {kind}"),
            (None, Some(kind)) => kind.to_owned(),
            (None, None) => "model of unnamed architecture".to_owned(),
        };
        let wanted: Vec<&str> = wanted.iter().map(|head| head.architecture()).collect();
        let wanted = wanted.join(" or ");
        return Err(ConfigError::Architecture { found, wanted });
    };
    match fields.problem_type.as_deref() {
        // Transformers does not look at it in a token classifier.
        Some(other) if head == Head::Sequence && other != "single_label_classification" => {
            Err(ConfigError::ProblemType {
                found: other.to_owned(),
            })
        }
        _ => Ok(head),
    }
}

pub(super) fn size(field: &'static str, found: u64, max: usize) -> Result<usize, ConfigError> {
    usize::try_from(found)
        .ok()
        .filter(|size| (1..=max).contains(size))
        .ok_or(ConfigError::Size { field, found, max })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SEQUENCE: &str = "DistilBertForSequenceClassification";
    const TOKEN: &str = "DistilBertForTokenClassification";

    fn base() -> Value {
        json!({
            "model_type": "distilbert", "architectures": [SEQUENCE], "dim": 12, "n_layers": 1,
            "n_heads": 3, "hidden_dim": 7, "max_position_embeddings": 8, "vocab_size": 9,
            "activation": "gelu", "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
        })
    }

    fn json_of(changes: Value) -> Vec<u8> {
        let mut config = base();
        for (field, value) in changes.as_object().unwrap() {
            config[field] = value.clone();
        }
        config.to_string().into_bytes()
    }

    fn read(changes: Value) -> Result<ModelConfig, ConfigError> {
        ModelConfig::from_json(&json_of(changes))
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
        assert_eq!(names(&config), ["LABEL_0", "LABEL_1"]);
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
                json!({"problem_type": "multi_label_classification"}),
                "the problem type \"multi_label_classification\" is not supported; single_label_classification is",
            ),
            (
                json!({"model_type": "bert"}),
                "the model is a DistilBertForSequenceClassification of type bert, not a DistilBertForSequenceClassification or DistilBertForTokenClassification",
            ),
            (
                json!({"architectures": ["DistilBertForMaskedLM"]}),
                "the model is a DistilBertForMaskedLM, not a DistilBertForSequenceClassification or DistilBertForTokenClassification",
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
    fn the_architecture_says_what_is_classified() {
        let heads = |named: Value| {
            let json = json_of(json!({"architectures": named}));
            let head = |read: Result<ModelConfig, ConfigError>| read.ok().map(|config| config.head);
            [
                head(ModelConfig::from_json(&json)),
                head(ModelConfig::for_head(&json, Head::Sequence)),
                head(ModelConfig::for_head(&json, Head::Token)),
            ]
        };
        let (sequence, token) = (Some(Head::Sequence), Some(Head::Token));
        assert_eq!(heads(json!([SEQUENCE])), [sequence, sequence, None]);
        assert_eq!(heads(json!([TOKEN])), [token, None, token]);
        assert_eq!(heads(json!(["X", TOKEN])), [token, None, token]);
        for unnamed in [json!([]), json!(null)] {
            assert_eq!(heads(unnamed), [sequence, sequence, token]);
        }
        assert_eq!(heads(json!(["DistilBertForMaskedLM"])), [None; 3]);
        let other = ModelConfig::for_head(&json_of(json!({})), Head::Token).unwrap_err();
        assert_eq!(
            other.to_string(),
            format!("the model is a {SEQUENCE}, not a {TOKEN}")
        );
        // It says nothing of a token classifier.
        let multi = json!({"architectures": [TOKEN], "problem_type": "multi_label_classification"});
        assert_eq!(read(multi).unwrap().head, Head::Token);
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
