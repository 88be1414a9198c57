use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{LoadEvent, ModelFiles};
use crate::error::LoadError;
use crate::options::ClassifierOptions;

/// Where a model comes from, as written on a command line.
///
/// | text | source |
/// |---|---|
/// | `bundled` | the sentiment model in the program (feature `bundled`) |
/// | begins with `.`, `/` or `~`, contains `\` or `:`, or names a folder that exists | that folder |
/// | `org/name` or `org/name@revision` | the Hugging Face hub or its cache (feature `hub`) |
///
/// ```
/// use ai_market_candle::ModelSource;
///
/// let source: ModelSource = "distilbert/distilbert-base-uncased-finetuned-sst-2-english".parse()?;
/// assert!(matches!(source, ModelSource::Hub { .. }));
/// assert!(matches!("./my-model".parse()?, ModelSource::Folder(_)));
/// # Ok::<(), ai_market_candle::InvalidSource>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelSource {
    /// The model in the program.
    Bundled,
    /// A folder.
    Folder(PathBuf),
    /// A model of the Hugging Face hub.
    Hub {
        /// The repository, `org/name`.
        repository: String,
        /// A branch, a tag or a commit; `main` where it is not said.
        revision: Option<String>,
    },
}

/// A text that names no model source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is neither `bundled`, nor a model folder that exists, nor a hub model like org/name or org/name@revision"
)]
pub struct InvalidSource {
    text: String,
}

impl ModelSource {
    /// Reads the model's files into memory.
    pub(crate) fn fetch(
        &self,
        options: &ClassifierOptions,
        progress: &mut dyn FnMut(LoadEvent<'_>),
    ) -> Result<ModelFiles, LoadError> {
        #[cfg(not(feature = "hub"))]
        let _ = (options, progress);
        match self {
            Self::Folder(folder) => ModelFiles::from_folder(folder),
            #[cfg(feature = "bundled")]
            Self::Bundled => Ok(super::bundled::files()),
            #[cfg(feature = "hub")]
            Self::Hub {
                repository,
                revision,
            } => super::hub::fetch(repository, revision.as_deref(), &options.hub, progress),
            #[cfg(not(feature = "bundled"))]
            Self::Bundled => Err(LoadError::FeatureMissing {
                name: self.to_string(),
                feature: "bundled",
            }),
            #[cfg(not(feature = "hub"))]
            Self::Hub { .. } => Err(LoadError::FeatureMissing {
                name: self.to_string(),
                feature: "hub",
            }),
        }
    }
}

impl FromStr for ModelSource {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if text == "bundled" {
            return Ok(Self::Bundled);
        }
        if text.starts_with(['.', '/', '~']) || text.contains(['\\', ':']) || is_folder(text) {
            return Ok(Self::Folder(expand_home(text)));
        }
        let (repository, revision) = match text.split_once('@') {
            Some((repository, revision)) => (repository, Some(revision)),
            None => (text, None),
        };
        let named = repository
            .split_once('/')
            .is_some_and(|(org, name)| part(org) && part(name));
        if named && revision.is_none_or(is_revision) {
            let revision = revision.map(str::to_owned);
            return Ok(Self::Hub {
                repository: repository.to_owned(),
                revision,
            });
        }
        Err(InvalidSource {
            text: text.to_owned(),
        })
    }
}

fn is_folder(text: &str) -> bool {
    !text.is_empty() && Path::new(text).is_dir()
}

fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        (None, Some(home)) if text == "~" => home,
        _ => PathBuf::from(text),
    }
}

// Strict, since both become parts of a path in the cache and of an address.
fn part(text: &str) -> bool {
    (1..=96).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !text.starts_with(['.', '-'])
        && !text.ends_with(['.', '-'])
        && !text.contains("..")
        && !text.contains("--")
}

fn is_revision(text: &str) -> bool {
    text.len() <= 256
        && text.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
        })
}

impl fmt::Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("bundled"),
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Hub {
                repository,
                revision: None,
            } => f.write_str(repository),
            Self::Hub {
                repository,
                revision: Some(revision),
            } => {
                write!(f, "{repository}@{revision}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(repository: &str, revision: Option<&str>) -> ModelSource {
        let revision = revision.map(str::to_owned);
        ModelSource::Hub {
            repository: repository.to_owned(),
            revision,
        }
    }

    #[test]
    fn each_form_is_told_from_the_others() {
        assert_eq!("bundled".parse(), Ok(ModelSource::Bundled));
        assert_eq!("org/name".parse(), Ok(hub("org/name", None)));
        assert_eq!("o.r_g/n-1@v1.0".parse(), Ok(hub("o.r_g/n-1", Some("v1.0"))));
        assert_eq!(
            "org/name@refs/pr/1".parse(),
            Ok(hub("org/name", Some("refs/pr/1")))
        );
        for path in ["./bundled", "../x", "/models/x", ".", "a\\b", "C:/x"] {
            assert_eq!(path.parse(), Ok(ModelSource::Folder(path.into())), "{path}");
        }
        let home: ModelSource = "~/model".parse().unwrap();
        assert!(!home.to_string().starts_with('~'));
        // Both exist in this crate's folder, where its tests run.
        assert_eq!(
            "src/source".parse(),
            Ok(ModelSource::Folder("src/source".into()))
        );
        assert_eq!("src".parse(), Ok(ModelSource::Folder("src".into())));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "name",
            "a/b/c",
            "a/",
            "a b/c",
            "org/name@",
            "org/..x",
            "a/b@../c",
            "a/b@c//d",
            "a/b@/c",
            "a--b/c",
            "-a/b",
            "a/b@c d",
            "Bundled",
        ] {
            assert!(text.parse::<ModelSource>().is_err(), "{text:?}");
        }
        let error = "nowhere".parse::<ModelSource>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("\"nowhere\" is neither `bundled`, nor")
        );
    }

    #[test]
    fn what_is_printed_is_parsed_again() {
        for text in ["bundled", "./x", "org/name", "org/name@main"] {
            let source: ModelSource = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
        }
    }
}
