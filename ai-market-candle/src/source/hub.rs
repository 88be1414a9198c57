use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::api::{Progress, RepoInfo};
use hf_hub::{Cache, Repo, RepoType};

use super::files::{CONFIG, TOKENIZER, TOKENIZER_CONFIG, VOCABULARY, WEIGHTS};
use super::hub_cache::{self, Snapshot};
use super::{HubError, HubOptions, LoadEvent, ModelFiles};
use crate::error::LoadError;

/// How long the hub may take to say what a model consists of.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a model from the cache, which is filled first where it must be.
pub(super) fn fetch(
    repository: &str,
    revision: Option<&str>,
    options: &HubOptions,
    progress: &mut dyn FnMut(LoadEvent<'_>),
) -> Result<ModelFiles, LoadError> {
    let cache = options.cache.as_deref().ok_or(HubError::NoCache)?;
    let branch = revision.unwrap_or("main");
    let snapshot = match hub_cache::find(cache, repository, branch) {
        Some(snapshot) => snapshot,
        None => {
            let model = match revision {
                None => repository.to_owned(),
                Some(revision) => format!("{repository}@{revision}"),
            };
            let repo =
                Repo::with_revision(repository.to_owned(), RepoType::Model, branch.to_owned());
            download(
                Download {
                    model,
                    repo,
                    options,
                    cache,
                },
                progress,
            )?
        }
    };
    let mut files = ModelFiles::from_folder(&snapshot.folder)?;
    repository.clone_into(&mut files.id);
    files.revision = Some(snapshot.commit);
    Ok(files)
}

struct Download<'a> {
    model: String,
    repo: Repo,
    options: &'a HubOptions,
    cache: &'a std::path::Path,
}

fn download(
    wanted: Download<'_>,
    progress: &mut dyn FnMut(LoadEvent<'_>),
) -> Result<Snapshot, HubError> {
    let Download {
        model,
        repo,
        options,
        cache,
    } = wanted;
    let unavailable = |reason, source| HubError::Unavailable {
        model: model.clone(),
        cache: cache.display().to_string(),
        reason,
        source,
    };
    if options.offline {
        return Err(unavailable("HF_HUB_OFFLINE is set", None));
    }
    let unreachable =
        |error: ApiError| unavailable("the hub cannot be reached", Some(error.into()));
    let api = ApiBuilder::from_cache(Cache::new(cache.to_owned()))
        .with_endpoint(options.endpoint.clone())
        .with_token(options.token.clone())
        .with_progress(false)
        .with_retries(3)
        .build()
        .map_err(unreachable)?;
    let info = match describe(&api, repo.clone()) {
        Some(Ok(info)) => info,
        Some(Err(error)) if is_refusal(&error) => {
            return Err(HubError::NotFound {
                model,
                source: error.into(),
            });
        }
        Some(Err(error)) => return Err(unreachable(error)),
        None => return Err(unavailable("the hub does not answer", None)),
    };
    let has = |file: &str| {
        info.siblings
            .iter()
            .any(|sibling| sibling.rfilename == file)
    };
    let missing = |file| HubError::FileMissing {
        model: model.clone(),
        file,
    };
    let tokenizer = [TOKENIZER, VOCABULARY].into_iter().find(|file| has(file));
    let mut files = vec![
        CONFIG,
        tokenizer.ok_or_else(|| missing("tokenizer.json or vocab.txt"))?,
    ];
    files.extend(has(TOKENIZER_CONFIG).then_some(TOKENIZER_CONFIG));
    // Last, so that what counts as complete in the cache is complete.
    files.push(WEIGHTS);
    if let Some(file) = [CONFIG, WEIGHTS].into_iter().find(|file| !has(file)) {
        return Err(missing(file));
    }
    let remote = api.repo(repo);
    let mut snapshot = None;
    for file in files {
        let path = fetch_file(&remote, file, progress).map_err(|error| HubError::Download {
            model: model.clone(),
            file,
            source: error.into(),
        })?;
        let folder = path.parent().filter(|folder| folder.ends_with(&info.sha));
        snapshot = Some(
            folder
                .ok_or(HubError::Changed {
                    model: model.clone(),
                })?
                .to_owned(),
        );
    }
    let folder = snapshot.ok_or_else(|| missing(WEIGHTS))?;
    if !hub_cache::is_commit(&info.sha) {
        return Err(HubError::Changed { model });
    }
    Ok(Snapshot {
        folder,
        commit: info.sha,
    })
}

/// Asks what the model consists of; none when the hub does not answer in time.
fn describe(api: &Api, repo: Repo) -> Option<Result<RepoInfo, ApiError>> {
    let (answer, answered) = mpsc::sync_channel(1);
    let api = api.clone();
    // A thread because the client has no time limit of its own. It ends with the connection.
    thread::Builder::new()
        .name("hub-describe".to_owned())
        .spawn(move || drop(answer.send(api.repo(repo).info())))
        .ok()?;
    answered.recv_timeout(PATIENCE).ok()
}

fn is_refusal(error: &ApiError) -> bool {
    // The hub answers 401 for a model that does not exist or is private.
    let text = error.to_string();
    matches!(error, ApiError::RequestError(_))
        && ["401", "403", "404"]
            .iter()
            .any(|status| text.contains(status))
}

fn fetch_file(
    remote: &ApiRepo,
    file: &'static str,
    progress: &mut dyn FnMut(LoadEvent<'_>),
) -> Result<std::path::PathBuf, ApiError> {
    remote.download_with_progress(file, Forward { file, progress })
}

/// Passes the client's reports on.
struct Forward<'a> {
    file: &'static str,
    progress: &'a mut dyn FnMut(LoadEvent<'_>),
}

impl Progress for Forward<'_> {
    fn init(&mut self, size: usize, _: &str) {
        (self.progress)(LoadEvent::Started {
            file: self.file,
            bytes: size as u64,
        });
    }

    fn update(&mut self, size: usize) {
        (self.progress)(LoadEvent::Received { bytes: size as u64 });
    }

    fn finish(&mut self) {
        (self.progress)(LoadEvent::Finished { file: self.file });
    }
}
