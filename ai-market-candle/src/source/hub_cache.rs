use std::path::{Path, PathBuf};

use super::files::{CONFIG, TOKENIZER, VOCABULARY, WEIGHTS};

/// A model's files of one commit in the cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) folder: PathBuf,
    pub(super) commit: String,
}

/// Looks up a model that is there completely.
///
/// Laid out by Hugging Face's tools as `models--ORG--NAME/snapshots/COMMIT/FILE`, with the commit of
/// each branch and tag in `refs/REVISION`.
pub(super) fn find(cache: &Path, repository: &str, revision: &str) -> Option<Snapshot> {
    let model = cache.join(format!("models--{}", repository.replace('/', "--")));
    let named = std::fs::read_to_string(model.join("refs").join(revision)).ok();
    let commit = named.as_deref().map_or(revision, str::trim);
    // A damaged reference must not lead out of the cache.
    if !is_commit(commit) {
        return None;
    }
    let folder = model.join("snapshots").join(commit);
    let has = |file: &str| folder.join(file).is_file();
    let complete = has(CONFIG) && has(WEIGHTS) && (has(TOKENIZER) || has(VOCABULARY));
    complete.then(|| Snapshot {
        folder: folder.clone(),
        commit: commit.to_owned(),
    })
}

pub(super) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn only_complete_snapshots_are_found() {
        let cache = tempfile::tempdir().unwrap();
        let model = cache.path().join("models--org--name");
        let folder = model.join("snapshots").join(COMMIT);
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(model.join("refs/refs/pr")).unwrap();
        fs::write(model.join("refs/main"), format!("{COMMIT}\n")).unwrap();
        fs::write(model.join("refs/refs/pr/1"), COMMIT).unwrap();
        fs::write(model.join("refs/evil"), "../../../elsewhere").unwrap();
        for file in [CONFIG, WEIGHTS] {
            fs::write(folder.join(file), "").unwrap();
            assert_eq!(find(cache.path(), "org/name", "main"), None);
        }
        fs::write(folder.join(VOCABULARY), "").unwrap();
        for revision in ["main", "refs/pr/1", COMMIT] {
            let found = find(cache.path(), "org/name", revision).unwrap();
            assert_eq!(
                (found.folder.as_path(), found.commit.as_str()),
                (&*folder, COMMIT)
            );
        }
        for revision in ["evil", "v1", "abc"] {
            assert_eq!(find(cache.path(), "org/name", revision), None);
        }
        assert_eq!(find(cache.path(), "org/other", "main"), None);
    }
}
