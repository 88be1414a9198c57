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
    use super::*;

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
