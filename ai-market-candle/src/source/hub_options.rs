use std::fmt;
use std::path::PathBuf;

/// Where the Hugging Face hub and its cache are.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubOptions {
    /// The cache, which Hugging Face's own tools share; none where no home folder is known.
    pub cache: Option<PathBuf>,
    /// The address of the hub.
    pub endpoint: String,
    /// The access token for private models.
    pub token: Option<String>,
    /// Whether to use the cache only.
    pub offline: bool,
}

const ENDPOINT: &str = "https://huggingface.co";

impl HubOptions {
    /// Reads the variables that Hugging Face's tools read.
    ///
    /// The cache is `HF_HUB_CACHE`, else `$HF_HOME/hub`, else `$XDG_CACHE_HOME/huggingface/hub`,
    /// else `~/.cache/huggingface/hub`; the token `HF_TOKEN`, else the file `$HF_HOME/token`; the
    /// address `HF_ENDPOINT`. `HF_HUB_OFFLINE=1` (or `true`, `yes`, `on`) keeps from the network.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let user_cache = || match lookup("XDG_CACHE_HOME") {
            Some(cache) => Some(PathBuf::from(cache)),
            None => std::env::home_dir().map(|home| home.join(".cache")),
        };
        let home = match lookup("HF_HOME") {
            Some(home) => Some(PathBuf::from(home)),
            None => user_cache().map(|cache| cache.join("huggingface")),
        };
        let cache = match lookup("HF_HUB_CACHE") {
            Some(cache) => Some(PathBuf::from(cache)),
            None => home.as_ref().map(|home| home.join("hub")),
        };
        let token =
            lookup("HF_TOKEN").or_else(|| std::fs::read_to_string(home?.join("token")).ok());
        let endpoint = lookup("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let offline = lookup("HF_HUB_OFFLINE").is_some_and(|value| {
            ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str())
        });
        Self {
            cache,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            offline,
        }
    }

    /// Uses this folder as the cache, laid out as Hugging Face's tools do.
    #[must_use]
    pub fn with_cache(mut self, cache: impl Into<PathBuf>) -> Self {
        self.cache = Some(cache.into());
        self
    }

    /// Asks this address instead of `https://huggingface.co`.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into().trim_end_matches('/').to_owned();
        self
    }

    /// Sends this access token, or none.
    #[must_use]
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// Uses the cache only.
    #[must_use]
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }
}

impl Default for HubOptions {
    fn default() -> Self {
        Self::from_env()
    }
}

/// Hides the token.
impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("offline", &self.offline)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> HubOptions {
        HubOptions::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_variables_of_hugging_face_are_honoured() {
        let set = [
            ("HF_HOME", "home"),
            ("HF_TOKEN", " secret\n"),
            ("HF_ENDPOINT", "http://x/"),
        ];
        let options = read(&set);
        assert_eq!(options.cache, Some(PathBuf::from("home/hub")));
        assert_eq!(options.endpoint, "http://x");
        assert_eq!(options.token.as_deref(), Some("secret"));
        assert!(!options.offline);
        assert!(!format!("{options:?}").contains("secret"));
        assert_eq!(
            read(&[("HF_HUB_CACHE", "c"), ("HF_HOME", "h")]).cache,
            Some("c".into())
        );
        assert_eq!(
            read(&[("XDG_CACHE_HOME", "x")]).cache,
            Some(PathBuf::from("x").join("huggingface/hub"))
        );
        for (value, offline) in [("1", true), ("TRUE", true), ("0", false), ("no", false)] {
            assert_eq!(
                read(&[("HF_HUB_OFFLINE", value)]).offline,
                offline,
                "{value}"
            );
        }
    }

    #[test]
    fn the_token_is_read_from_its_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "from-file\n").unwrap();
        let options = read(&[("HF_HOME", home.path().to_str().unwrap())]);
        assert_eq!(options.token.as_deref(), Some("from-file"));
    }
}
