use ai_market_core::submission::ModelIdentity;

use crate::error::Error;

/// Before a part of a model that is known; no part holds control characters.
const SOME: char = '\u{2}';
/// In the place of a part that is not known, which sorts first.
const NONE: char = '\u{1}';

/// A model as text that sorts as models do; empty for that of answers and workers that do not say
/// theirs.
pub(crate) fn model_key(model: Option<&ModelIdentity>) -> String {
    let Some(model) = model else {
        return String::new();
    };
    let mut key = model.id().to_owned();
    for part in [model.revision(), model.precision()] {
        match part {
            Some(part) => {
                key.push(SOME);
                key.push_str(part);
            }
            None => key.push(NONE),
        }
    }
    key
}

/// The least text that sorts after the key of a model and before that of the next one.
pub(crate) fn after_model(model: Option<&ModelIdentity>) -> String {
    let mut key = model_key(model);
    key.push(NONE);
    key
}

/// The model of a key.
pub(crate) fn model_of_key(key: &str) -> Result<Option<ModelIdentity>, Error> {
    if key.is_empty() {
        return Ok(None);
    }
    let corrupt = |source| Error::corrupt("a model", source);
    let is_mark = |c: char| c == SOME || c == NONE;
    let end = key.find(is_mark).unwrap_or(key.len());
    let (id, rest) = key.split_at(end);
    let (revision, precision) = match rest.strip_prefix(SOME) {
        Some(rest) => {
            let end = rest.find(is_mark).unwrap_or(rest.len());
            let (revision, rest) = rest.split_at(end);
            (Some(revision), rest)
        }
        None => (None, rest.strip_prefix(NONE).unwrap_or(rest)),
    };
    let mut model = ModelIdentity::new(id).map_err(corrupt)?;
    if let Some(revision) = revision {
        model = model.with_revision(revision).map_err(corrupt)?;
    }
    if let Some(precision) = precision.strip_prefix(SOME) {
        model = model.with_precision(precision).map_err(corrupt)?;
    }
    Ok(Some(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_models_do_and_come_back() {
        let mut models = vec![None];
        for id in ["a", "a ", "aa", "b", "é"] {
            for revision in [None, Some("1"), Some("10"), Some("2")] {
                for precision in [None, Some("f16"), Some("f32")] {
                    let mut model = ModelIdentity::new(id).unwrap();
                    if let Some(revision) = revision {
                        model = model.with_revision(revision).unwrap();
                    }
                    if let Some(precision) = precision {
                        model = model.with_precision(precision).unwrap();
                    }
                    models.push(Some(model));
                }
            }
        }
        models.sort();
        let keys = models.iter().map(|model| model_key(model.as_ref()));
        let keys: Vec<_> = keys.collect();
        assert!(keys.is_sorted());
        for (n, (model, key)) in models.iter().zip(&keys).enumerate() {
            assert_eq!(model_of_key(key).unwrap(), *model);
            let after = after_model(model.as_ref());
            assert!(*key < after && keys.get(n + 1).is_none_or(|next| after < *next));
        }
    }
}
