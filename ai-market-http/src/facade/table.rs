use poem::Request;
use poem::http::Method;
use poem_openapi::OpenApi;

/// The routes that there are, so that a path can be named by its template and a wrong method be
/// answered with the right ones.
#[derive(Debug)]
pub(super) struct RouteTable {
    routes: Vec<KnownRoute>,
}

/// A route with its methods.
#[derive(Debug)]
pub(super) struct KnownRoute {
    /// Its path, such as `/tasks/{id}`.
    pub(super) template: String,
    /// Its methods, as the header Allow lists them.
    pub(super) allow: String,
}

impl RouteTable {
    /// The routes of `A`, and those that answer GET alone beside them.
    pub(super) fn of<A: OpenApi>(beside: &[&str]) -> Self {
        let documented = A::meta().into_iter().flat_map(|api| api.paths);
        let documented = documented.map(|path| {
            let methods: Vec<_> = path.operations.iter().map(|o| o.method.clone()).collect();
            KnownRoute::new(path.path, &methods)
        });
        let beside = beside
            .iter()
            .map(|path| KnownRoute::new((*path).to_owned(), &[Method::GET]));
        let mut routes: Vec<_> = documented.chain(beside).collect();
        // As poem does, `/tasks/next` goes before `/tasks/{id}`.
        routes.sort_by_key(|route| {
            route
                .template
                .split('/')
                .filter(|p| is_parameter(p))
                .count()
        });
        Self { routes }
    }

    /// Lets a request for a worker that is called as a route is, such as `GET /workers/register`,
    /// lead to the worker, since that route answers no GET: its path is written in another way, which
    /// means the same.
    pub(super) fn tell_apart(&self, request: &mut Request) {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let uri = request.uri();
        let name = uri.path().strip_prefix("/workers/");
        // In a path, a slash within a name is written otherwise.
        let Some(name) = name.filter(|name| reads && !name.contains('/')) else {
            return;
        };
        let found = self.find(uri.path());
        if found.is_none_or(|route| route.template != uri.path()) {
            return;
        }
        let (first, rest) = name.split_at(1);
        let first = first.as_bytes()[0];
        let query = uri.query().map(|query| format!("?{query}"));
        let query = query.unwrap_or_default();
        if let Ok(uri) = format!("/workers/%{first:02X}{rest}{query}").parse() {
            *request.uri_mut() = uri;
        }
    }

    /// The route that a path leads to.
    pub(super) fn find(&self, path: &str) -> Option<&KnownRoute> {
        self.routes.iter().find(|route| route.matches(path))
    }
}

impl KnownRoute {
    fn new(template: String, methods: &[Method]) -> Self {
        let mut allow: Vec<_> = methods.iter().map(Method::as_str).collect();
        if allow.contains(&"GET") {
            allow.push("HEAD");
        }
        allow.sort_unstable();
        Self {
            template,
            allow: allow.join(", "),
        }
    }

    fn matches(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let fits = self.template.split('/').all(|expected| {
            parts.next().is_some_and(|part| {
                expected == part || (is_parameter(expected) && !part.is_empty())
            })
        });
        fits && parts.next().is_none()
    }
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{') && part.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::super::workers::WorkerRoutes;
    use super::*;

    #[test]
    fn a_worker_called_as_a_route_is_can_be_asked_for() {
        let table = RouteTable::of::<WorkerRoutes>(&[]);
        for (method, path, expected) in [
            (Method::GET, "/workers/register", "/workers/%72egister"),
            (Method::HEAD, "/workers/submit?a=b", "/workers/%73ubmit?a=b"),
            (Method::POST, "/workers/register", "/workers/register"),
            (Method::GET, "/workers/alice", "/workers/alice"),
            (Method::GET, "/workers/", "/workers/"),
            (Method::GET, "/tasks/next", "/tasks/next"),
        ] {
            let request = Request::builder().method(method).uri_str(path);
            let mut request = request.finish();
            table.tell_apart(&mut request);
            assert_eq!(request.uri().to_string(), expected);
        }
    }

    #[test]
    fn a_template_matches_its_paths_alone() {
        let route = KnownRoute::new("/tasks/{id}".to_owned(), &[Method::GET]);
        assert!(route.matches("/tasks/7"));
        for other in [
            "/tasks",
            "/tasks/",
            "/tasks/7/votes",
            "/workers/7",
            "tasks/7",
        ] {
            assert!(!route.matches(other), "{other}");
        }
        assert_eq!(route.allow, "GET, HEAD");
    }
}
