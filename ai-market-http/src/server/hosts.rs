use std::net::IpAddr;

use poem::http::uri::Authority;
use poem::http::{HeaderMap, HeaderValue, Method, Uri, header};

/// Which names a server answers to, and which pages may change something through a browser.
///
/// A browser lets every page send requests to this machine. Two things tell those of strangers
/// apart: a page whose own name was pointed at this machine (DNS rebinding) sends that name as
/// `Host`, and any other page sends its `Origin`.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    /// Without a port, in lower case.
    allowed: Vec<String>,
    /// Whether other names than those of this machine and the allowed ones are refused.
    strict: bool,
}

impl Hosts {
    /// Names are checked where only this machine is to reach the server, or where some were named.
    pub(super) fn new(allowed: &[String], loopback: bool) -> Self {
        Self {
            allowed: allowed.iter().map(|name| normal(name)).collect(),
            strict: loopback || !allowed.is_empty(),
        }
    }

    /// Says why a request is refused, if it is.
    pub(super) fn objection(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<&'static str> {
        if self.strict && !self.answers_to(uri, headers) {
            return Some("this server does not answer to that host name");
        }
        if !method.is_safe() && self.is_foreign(headers) {
            return Some("pages of other origins may not change anything here");
        }
        None
    }

    /// A request without a name comes from no browser.
    fn answers_to(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let target = uri.authority();
        target.is_none_or(|authority| self.knows(authority.host()))
            && named.all(|value| value.is_empty() || self.knows_value(value))
    }

    fn knows_value(&self, value: &HeaderValue) -> bool {
        // An authority may begin with a user's name, which a host does not have.
        Authority::try_from(value.as_bytes())
            .is_ok_and(|host| !host.as_str().contains('@') && self.knows(host.host()))
    }

    fn knows(&self, host: &str) -> bool {
        let host = normal(host);
        is_this_machine(&host) || self.allowed.contains(&host)
    }

    fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let text = |value: &HeaderValue| value.as_bytes().to_ascii_lowercase();
        let host = headers.get(header::HOST).map(text).unwrap_or_default();
        let site = headers.get("sec-fetch-site").map(text);
        let mut origins = headers.get_all(header::ORIGIN).iter();
        site.is_some_and(|site| site == b"cross-site" && !self.names_allowed(headers))
            || origins.any(|origin| {
                let origin = text(origin);
                let own = [&b"http://"[..], b"https://"]
                    .into_iter()
                    .any(|scheme| origin.strip_prefix(scheme) == Some(&host[..]));
                !own && !self.names_allowed(headers)
            })
    }

    /// Whether every origin that the request names was allowed in so many words.
    fn names_allowed(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
        origins.peek().is_some()
            && origins.all(|origin| {
                let uri = Uri::try_from(origin.as_bytes());
                let host = uri.ok().and_then(|uri| uri.host().map(normal));
                host.is_some_and(|host| self.allowed.contains(&host))
            })
    }
}

/// The same name in one form.
fn normal(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.to_ascii_lowercase()
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.unwrap_or(host)
        .parse::<IpAddr>()
        .map_or(host == "localhost", |ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(hosts: &Hosts, method: Method, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let here = Uri::from_static("/tasks");
        hosts.objection(&method, &here, &map).is_none()
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_answered() {
        let hosts = Hosts::new(&["Market.Example.org".to_owned()], true);
        let host = |name| allows(&hosts, Method::GET, &[("host", name)]);
        for own in [
            "",
            "localhost",
            "LOCALHOST:8000",
            "localhost.:80",
            "127.0.0.1:8000",
            "127.8.9.10",
            "[::1]:8000",
            "[::1]",
            "[::ffff:127.0.0.1]:1",
            "market.example.org:8443",
        ] {
            assert!(host(own), "{own}");
        }
        for other in [
            "evil",
            "evil.example",
            "localhost.evil.example:8000",
            "127.0.0.1.evil.example",
            "192.0.2.1:8000",
            "[2001:db8::1]:8000",
            "0.0.0.0:8000",
            "localhost@evil.example",
            "evil.example@localhost",
            "evil example",
            "localhost/",
            "x.market.example.org",
        ] {
            assert!(!host(other), "{other}");
        }
        assert!(allows(&hosts, Method::GET, &[]));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert!(!allows(&hosts, Method::GET, &two));
        let absolute = Uri::from_static("http://evil.example/tasks");
        let refused = hosts.objection(&Method::GET, &absolute, &HeaderMap::new());
        assert!(refused.is_some());
    }

    #[test]
    fn elsewhere_names_are_checked_once_some_are_named() {
        let named = |allowed: &[String], host| {
            let hosts = Hosts::new(allowed, false);
            allows(&hosts, Method::GET, &[("host", host)])
        };
        assert!(named(&[], "any.example"));
        let mine = ["mine.example".to_owned()];
        assert!(named(&mine, "mine.example"));
        assert!(named(&mine, "localhost"));
        assert!(!named(&mine, "any.example"));
    }

    #[test]
    fn pages_of_other_origins_change_nothing() {
        let hosts = Hosts::new(&["app.example".to_owned()], true);
        let post = |headers: &[(&'static str, &str)]| {
            let host = [("host", "localhost:8000")];
            let all: Vec<_> = host.iter().chain(headers).copied().collect();
            allows(&hosts, Method::POST, &all)
        };
        for own in [
            &[][..],
            &[("origin", "http://localhost:8000")],
            &[("origin", "https://LOCALHOST:8000")],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[
                ("origin", "https://app.example"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(post(own), "{own:?}");
        }
        for foreign in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "http://localhost:9000")],
            &[("origin", "http://localhost")],
            &[("origin", "ftp://localhost:8000")],
            &[("origin", "http://localhost:8000.evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[
                ("origin", "https://app.example"),
                ("origin", "https://evil.example"),
            ],
        ] {
            assert!(!post(foreign), "{foreign:?}");
        }
        let evil = [("host", "localhost"), ("origin", "http://evil.example")];
        assert!(allows(&hosts, Method::GET, &evil));
        assert!(!allows(&hosts, Method::DELETE, &evil));
    }
}
