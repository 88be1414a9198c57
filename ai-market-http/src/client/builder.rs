use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ai_market_core::access::ApiKey;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::batch_route::BatchRoute;
use super::http_client::Inner;
use super::{HttpClient, InvalidClient};

/// Builds an [`HttpClient`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpClientBuilder {
    url: String,
    key: Option<ApiKey>,
    timeout: Duration,
    connect_timeout: Duration,
    in_flight: NonZeroUsize,
    user_agent: String,
    traceparent: fn() -> Option<String>,
}

/// Shorter than a server's, so that the client never sends on a connection that is being closed.
const POOL_IDLE: Duration = Duration::from_secs(45);

const IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

impl HttpClientBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            key: None,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            in_flight: IN_FLIGHT,
            user_agent: concat!("ai-market/", env!("CARGO_PKG_VERSION")).to_owned(),
            traceparent: || None,
        }
    }

    /// Sets the key to show; a coordinator that asks for keys refuses whoever shows none.
    pub fn key(mut self, key: ApiKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets how long an answer may take, beyond the time that the request asks to wait; 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long connecting may take; 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how many requests for the items of one call are on their way at the same time; 16.
    pub fn max_in_flight(mut self, requests: NonZeroUsize) -> Self {
        self.in_flight = requests;
        self
    }

    /// Sets how the client calls itself: `ai-market/` and the version where nothing is said.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Sends along what `current` says of the trace that a request belongs to, as the header
    /// `traceparent` of the W3C's Trace Context; it is called in the span that asks.
    pub fn traceparent(mut self, current: fn() -> Option<String>) -> Self {
        self.traceparent = current;
        self
    }

    /// Builds the client. It connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`InvalidClient`] when the URL is none of http or https, or the options cannot be used.
    pub fn build(self) -> Result<HttpClient, InvalidClient> {
        let base = self.base()?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal()))
                .map_err(|error| InvalidClient::Options(error.into()))?;
            // So that no log shows it.
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut client = reqwest::Client::builder()
            .timeout(self.timeout)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true)
            // To follow one would turn a POST into a GET.
            .redirect(Policy::none())
            .user_agent(self.user_agent)
            .default_headers(headers)
            .tls_backend_preconfigured(tls(base.scheme() == "https")?);
        if is_loopback(&base) {
            // A proxy would look for the coordinator on its own machine.
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| InvalidClient::Options(error.into()))?;
        Ok(HttpClient {
            inner: Arc::new(Inner {
                client,
                base,
                timeout: self.timeout,
                in_flight: self.in_flight.get(),
                traceparent: self.traceparent,
                task_batches: BatchRoute::default(),
                vote_batches: BatchRoute::default(),
            }),
        })
    }

    /// The URL with a path that ends in a slash, to which routes are joined.
    fn base(&self) -> Result<Url, InvalidClient> {
        let wrong = |problem: String| InvalidClient::Url {
            url: self.url.clone(),
            problem,
        };
        let mut url = Url::parse(self.url.trim()).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with http:// or https://".to_owned()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must end with its path".to_owned()));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(url)
    }
}

/// A TLS configuration; certificates can be checked only where they will be.
fn tls(needed: bool) -> Result<ClientConfig, InvalidClient> {
    let failed = |error: rustls::Error| InvalidClient::Tls(error.into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = if needed {
        config.with_platform_verifier().map_err(failed)?
    } else {
        // A small container without certificates must do for a plain URL.
        config.with_root_certificates(RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().map_or_else(
        |_| host == "localhost" || host.ends_with(".localhost"),
        |ip| ip.to_canonical().is_loopback(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Option<String> {
        let base = HttpClientBuilder::new(url.to_owned()).base();
        base.ok().map(Into::into)
    }

    #[test]
    fn a_url_keeps_its_path() {
        for (given, kept) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
            ("http://h/market", "http://h/market/"),
            ("https://h:1/a/b/", "https://h:1/a/b/"),
        ] {
            assert_eq!(base(given).as_deref(), Some(kept));
        }
        for bad in ["", "h:8000", "127.0.0.1:8000", "ftp://h/", "http://h/?a=1"] {
            assert_eq!(base(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_this_machine_is_reached_without_a_proxy() {
        let local = |url| is_loopback(&Url::parse(url).unwrap());
        for url in [
            "http://localhost:1",
            "http://127.9.9.9",
            "http://[::1]:8000",
        ] {
            assert!(local(url), "{url}");
        }
        for url in ["http://10.0.0.1", "https://example.org", "http://[::2]"] {
            assert!(!local(url), "{url}");
        }
    }

    #[test]
    fn an_https_client_can_be_built() {
        let built = HttpClientBuilder::new("https://example.org".to_owned()).build();
        assert!(built.is_ok() || matches!(built, Err(InvalidClient::Tls(_))));
    }
}
