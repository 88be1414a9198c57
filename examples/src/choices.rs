use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use ai_market_candle::{Model, ModelBackend, ModelSource};
use ai_market_core::id::TaskType;
use ai_market_core::inference::{InferenceBackendExt, Route, Router};

use crate::{ComputeOptions, Failure, Screen, load_model};

/// What one `--model` of a worker says: `[TYPE=]MODEL`, or several with commas between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoices(Vec<(Option<TaskType>, ModelSource)>);

impl FromStr for ModelChoices {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        if Path::new(text).exists() {
            return Ok(Self(vec![(None, text.parse()?)]));
        }
        // A comma separates models only where the next one has a type; others belong to a path.
        let mut choices: Vec<String> = Vec::new();
        for part in text.split(',') {
            match choices.last_mut() {
                Some(path) if typed(part).is_none() => {
                    path.push(',');
                    path.push_str(part);
                }
                _ => choices.push(part.to_owned()),
            }
        }
        let choices: Result<_, Failure> = choices.iter().map(|text| choice(text)).collect();
        choices.map(Self)
    }
}

/// `TYPE=MODEL`, unless it is a path.
fn typed(text: &str) -> Option<(&str, &str)> {
    let (task_type, model) = text.split_once('=')?;
    let path = text.starts_with(['.', '/', '~']) || task_type.contains('\\');
    (!path).then_some((task_type, model))
}

fn choice(text: &str) -> Result<(Option<TaskType>, ModelSource), Failure> {
    match typed(text) {
        None => Ok((None, text.parse()?)),
        Some((task_type, model)) => {
            let task_type =
                TaskType::new(task_type).map_err(|error| format!("{task_type:?}: {error}"))?;
            Ok((Some(task_type), model.parse()?))
        }
    }
}

/// The models of a worker, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPlan {
    models: Vec<Planned>,
    task_types: Vec<TaskType>,
}

/// A model with the task types that it is to serve; none are those that it was made for.
type Planned = (ModelSource, Vec<TaskType>);

impl ModelPlan {
    /// Finds out what was chosen for a worker that is to do `task_types`, or all where there are
    /// none.
    ///
    /// # Errors
    ///
    /// When a task type has two models.
    pub fn new(choices: Vec<ModelChoices>, task_types: Vec<TaskType>) -> Result<Self, Failure> {
        let choices: Vec<_> = choices.into_iter().flat_map(|ModelChoices(c)| c).collect();
        // Without any type, what is to be done is what the model is for.
        if let [(None, source)] = &choices[..] {
            let models = vec![(source.clone(), task_types.clone())];
            return Ok(Self { models, task_types });
        }
        let mut models: Vec<Planned> = Vec::new();
        let mut by_type: BTreeMap<TaskType, ModelSource> = BTreeMap::new();
        for (task_type, source) in choices {
            let Some(task_type) = task_type else {
                models.push((source, Vec::new()));
                continue;
            };
            if let Some(first) = by_type.insert(task_type.clone(), source.clone()) {
                return Err(format!(
                    "tasks of type {task_type} have two models: {first} and {source}"
                )
                .into());
            }
            let known = models
                .iter_mut()
                .find(|(model, types)| *model == source && !types.is_empty());
            match known {
                Some((_, types)) => types.push(task_type),
                None => models.push((source, vec![task_type])),
            }
        }
        Ok(Self { models, task_types })
    }

    /// Loads the models, one after the other, and draws how far that is.
    ///
    /// # Errors
    ///
    /// When one cannot be loaded, two were made for the same task type, or none is for one that is to
    /// be done.
    pub async fn load(self, compute: &ComputeOptions, screen: &Screen) -> Result<Router, Failure> {
        let mut routes = Vec::with_capacity(self.models.len());
        for (source, task_types) in self.models {
            let mut options = compute.classifier();
            if !task_types.is_empty() {
                options = options.with_task_types(task_types);
            }
            let model: Model = load_model(source, options, screen.clone()).await?;
            let served: Vec<_> = model
                .info()
                .task_types
                .iter()
                .map(TaskType::as_str)
                .collect();
            tracing::info!(
                model = %model.info().identity,
                "tasks of type {} are answered",
                served.join(", ")
            );
            routes.push(Route::new(ModelBackend::start(model)?));
        }
        let router = Router::new(routes)?;
        let mut asked = self.task_types.iter();
        match asked.find(|of| router.model_for(of).is_none()) {
            Some(task_type) => Err(format!("no model does tasks of type {task_type}").into()),
            None => Ok(router),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(text: &str) -> Vec<(Option<String>, String)> {
        let ModelChoices(choices) = text.parse().unwrap();
        let texts = |(task_type, source): (Option<TaskType>, ModelSource)| {
            (task_type.map(|t| t.to_string()), source.to_string())
        };
        choices.into_iter().map(texts).collect()
    }

    fn some(task_type: &str, source: &str) -> (Option<String>, String) {
        (Some(task_type.to_owned()), source.to_owned())
    }

    fn none(source: &str) -> (Option<String>, String) {
        (None, source.to_owned())
    }

    #[test]
    fn a_model_may_have_a_type() {
        assert_eq!(choices("bundled"), [none("bundled")]);
        assert_eq!(choices("ner=./ner"), [some("ner", "./ner")]);
        assert_eq!(choices("a:b=org/name@v1"), [some("a:b", "org/name@v1")]);
        let both = [some("sentiment", "bundled"), some("ner", "/models/ner")];
        assert_eq!(choices("sentiment=bundled,ner=/models/ner"), both);
    }

    #[test]
    fn every_path_can_be_named() {
        assert_eq!(choices("./a=b"), [none("./a=b")]);
        assert_eq!(choices("/models/a=b,c"), [none("/models/a=b,c")]);
        assert_eq!(choices("ner=./a=b,c"), [some("ner", "./a=b,c")]);
        assert_eq!(choices(r"C:\models\a=b"), [none(r"C:\models\a=b")]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x,y=z");
        std::fs::create_dir(&path).unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(choices(path), [none(path)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| text.parse::<ModelChoices>().unwrap_err().to_string();
        assert!(
            error("a b=bundled").contains("contains ' '"),
            "{}",
            error("a b=bundled")
        );
        assert!(error("=bundled").contains("is empty"));
        assert!(error("ner=").contains("org/name"));
        assert!(error("nonsense").contains("\"nonsense\""));
    }

    fn planned(texts: &[&str], task_types: &[&str]) -> Result<Vec<(String, String)>, String> {
        let choices = texts.iter().map(|text| text.parse().unwrap()).collect();
        let task_types = task_types.iter().map(|text| text.parse().unwrap());
        let task_types = task_types.collect();
        let text = |(source, types): Planned| {
            let types: Vec<_> = types.iter().map(TaskType::as_str).collect();
            (source.to_string(), types.join(" "))
        };
        let plan = ModelPlan::new(choices, task_types).map_err(|error| error.to_string())?;
        Ok(plan.models.into_iter().map(text).collect())
    }

    fn pair(source: &str, types: &str) -> (String, String) {
        (source.to_owned(), types.to_owned())
    }

    #[test]
    fn one_source_is_loaded_once() {
        let plan = planned(&["a=bundled,b=./m", "c=bundled"], &["a"]).unwrap();
        assert_eq!(plan, [pair("bundled", "a c"), pair("./m", "b")]);
        let plan = planned(&["bundled", "b=./m"], &["a"]).unwrap();
        assert_eq!(plan, [pair("bundled", ""), pair("./m", "b")]);
    }

    #[test]
    fn a_single_model_without_a_type_does_what_it_is_asked() {
        assert_eq!(planned(&["bundled"], &[]).unwrap(), [pair("bundled", "")]);
        let plan = planned(&["./m"], &["a", "b"]).unwrap();
        assert_eq!(plan, [pair("./m", "a b")]);
    }

    #[test]
    fn a_type_has_one_model() {
        let error = planned(&["a=bundled", "b=./m", "a=./n"], &[]).unwrap_err();
        assert_eq!(error, "tasks of type a have two models: bundled and ./n");
    }
}
