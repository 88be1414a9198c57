use std::ops::Range;

use ai_market_core::id::EntityType;

use crate::config::{ConfigError, ModelConfig};

/// What a label of a token classifier says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Whether it begins an entity: `B-`.
    begins: bool,
    /// What must be the same in all tokens of an entity: the label without `B-` or `I-`.
    name: String,
    /// What an entity is whose first token has the label: what stands behind the first `-`, or the
    /// whole label.
    kind: EntityType,
    /// Whether such an entity is none: its kind is `O`.
    outside: bool,
}

/// Tokens with equal labels in a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// Which of the tokens given.
    pub(crate) tokens: Range<usize>,
    /// What they are; none when they are no entity.
    pub(crate) kind: Option<EntityType>,
}

/// The tags of a model's labels, in their order, with kinds in lower case if asked for.
pub(crate) fn tags(config: &ModelConfig, lowercase: bool) -> Result<Vec<Tag>, ConfigError> {
    if lowercase {
        // Else two kinds could become one.
        config.lowercase_labels()?;
    }
    let tag = |(index, label): (usize, &str)| {
        let begins = label.starts_with("B-");
        let name = label
            .strip_prefix("B-")
            .or_else(|| label.strip_prefix("I-"))
            .unwrap_or(label);
        let kind = label.split_once('-').map_or(label, |(_, kind)| kind);
        let written = if lowercase {
            kind.to_lowercase()
        } else {
            kind.to_owned()
        };
        let written =
            EntityType::new(written).map_err(|source| ConfigError::EntityType { index, source })?;
        Ok(Tag {
            begins,
            name: name.to_owned(),
            kind: written,
            outside: kind == "O",
        })
    };
    let labels = config.labels.iter().map(|label| label.as_str());
    labels.enumerate().map(tag).collect()
}

/// Groups tokens, given by their tags, as Hugging Face Transformers does with
/// `aggregation_strategy="simple"`.
///
/// A token goes with the one before it if both have the same name and it does not begin an entity;
/// `I-` is not needed for that, nor does an entity need a `B-`.
pub(crate) fn groups(tags: &[&Tag]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=tags.len() {
        let goes_on = tags
            .get(end)
            .is_some_and(|tag| !tag.begins && tag.name == tags[start].name);
        if !goes_on {
            let first = tags[start];
            groups.push(Group {
                tokens: start..end,
                kind: (!first.outside).then(|| first.kind.clone()),
            });
            start = end;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(labels: &[&str]) -> ModelConfig {
        let by_id: serde_json::Map<String, serde_json::Value> = labels
            .iter()
            .enumerate()
            .map(|(id, label)| (id.to_string(), json!(label)))
            .collect();
        let config = json!({
            "model_type": "distilbert", "architectures": ["DistilBertForTokenClassification"],
            "dim": 4, "n_layers": 1, "n_heads": 1, "hidden_dim": 4, "max_position_embeddings": 4,
            "vocab_size": 4, "id2label": by_id,
        });
        ModelConfig::from_json(config.to_string().as_bytes()).unwrap()
    }

    /// The groups of tokens with these labels: kind or `-`, first token, end.
    fn grouped(labels: &[&str]) -> Vec<(String, usize, usize)> {
        let mut all: Vec<&str> = labels.to_vec();
        all.extend(["O", "B-x"]);
        all.sort_unstable();
        all.dedup();
        let tags = tags(&config(&all), false).unwrap();
        let of = |label: &&str| all.iter().position(|known| known == label).unwrap();
        let tokens: Vec<&Tag> = labels.iter().map(|label| &tags[of(label)]).collect();
        let told = |group: Group| {
            let kind = group.kind.map_or("-".to_owned(), |kind| kind.to_string());
            (kind, group.tokens.start, group.tokens.end)
        };
        groups(&tokens).into_iter().map(told).collect()
    }

    fn expected(groups: &[(&str, usize, usize)]) -> Vec<(String, usize, usize)> {
        let owned = |(kind, start, end): &(&str, usize, usize)| (kind.to_string(), *start, *end);
        groups.iter().map(owned).collect()
    }

    #[test]
    fn tokens_are_grouped_as_transformers_does() {
        for (labels, groups) in [
            (&[][..], &[][..]),
            (&["O", "O"], &[("-", 0, 2)]),
            (&["B-P", "I-P", "I-P", "O"], &[("P", 0, 3), ("-", 3, 4)]),
            (&["B-P", "B-P", "I-P"], &[("P", 0, 1), ("P", 1, 3)]),
            // I- begins an entity where none of its kind is.
            (
                &["O", "I-P", "I-L"],
                &[("-", 0, 1), ("P", 1, 2), ("L", 2, 3)],
            ),
            (
                &["I-P", "O", "I-P"],
                &[("P", 0, 1), ("-", 1, 2), ("P", 2, 3)],
            ),
            // Labels without a prefix go on like I-, also after B-.
            (&["NOUN", "NOUN", "VERB"], &[("NOUN", 0, 2), ("VERB", 2, 3)]),
            (&["B-P", "P", "I-P", "B-P"], &[("P", 0, 3), ("P", 3, 4)]),
            // Other prefixes are part of the name, and no part of the kind.
            (
                &["S-P", "E-P", "I-P", "S-P"],
                &[("P", 0, 1), ("P", 1, 2), ("P", 2, 3), ("P", 3, 4)],
            ),
            (&["B-a-b", "I-a-b", "a-b"], &[("a-b", 0, 3)]),
            (&["a-b", "I-a-b"], &[("b", 0, 2)]),
            // What is O by any name is outside.
            (&["B-O", "I-O", "O", "X-O"], &[("-", 0, 3), ("-", 3, 4)]),
        ] {
            assert_eq!(grouped(labels), expected(groups), "{labels:?}");
        }
    }

    #[test]
    fn kinds_need_a_name_and_may_be_in_lower_case() {
        for label in ["B-", "I-", "-", "X- P"] {
            let error = tags(&config(&["O", label]), false).unwrap_err();
            assert!(
                matches!(error, ConfigError::EntityType { index: 1, .. }),
                "{label}"
            );
        }
        let lower = tags(&config(&["O", "B-PER", "I-PER"]), true).unwrap();
        assert!(lower[0].outside);
        assert_eq!((lower[1].kind.as_str(), lower[1].begins), ("per", true));
        let both = config(&["B-PER", "B-per"]);
        assert!(tags(&both, false).is_ok());
        assert!(matches!(
            tags(&both, true),
            Err(ConfigError::DuplicateLabel { .. })
        ));
    }
}
