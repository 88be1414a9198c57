use std::collections::BTreeMap;

use ai_market_core::id::Label;

use super::ConfigError;
use super::model_config::{ModelConfig, size};

/// The labels in the order of the logits, of `id2label` and `num_labels`.
pub(super) fn labels(
    by_id: Option<&BTreeMap<String, String>>,
    stated: Option<u64>,
) -> Result<Vec<Label>, ConfigError> {
    let Some(by_id) = by_id else {
        let count = size("num_labels", stated.unwrap_or(2), ModelConfig::MAX_LABELS)?;
        if count == 1 {
            return Err(ConfigError::SingleLabel);
        }
        return checked((0..count).map(|index| format!("LABEL_{index}")));
    };
    let count = size(
        "the number of labels",
        by_id.len() as u64,
        ModelConfig::MAX_LABELS,
    )?;
    if let Some(stated) = stated.filter(|stated| *stated != count as u64) {
        return Err(ConfigError::LabelCount {
            stated,
            found: count,
        });
    }
    if count == 1 {
        return Err(ConfigError::SingleLabel);
    }
    let mut slots = vec![None; count];
    for (id, label) in by_id {
        let wrong = |detail: String| ConfigError::LabelNumbers {
            last: count - 1,
            detail,
        };
        let slot = id
            .parse::<usize>()
            .ok()
            .and_then(|id| slots.get_mut(id))
            .ok_or_else(|| wrong(format!("{label:?} has the number {id:?}")))?;
        if slot.replace(label).is_some() {
            return Err(wrong(format!("the number {id:?} occurs twice")));
        }
    }
    // No slot is empty: there are as many numbers as slots, none twice.
    checked(slots.into_iter().flatten().cloned())
}

/// Labels of these texts, which must differ.
pub(super) fn checked(texts: impl Iterator<Item = String>) -> Result<Vec<Label>, ConfigError> {
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
