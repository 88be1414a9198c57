use ai_market_core::access::Action;
use poem::http::Method;

/// Who may use a route where keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without a key.
    Public,
    /// Whoever may do this.
    For(Action),
}

/// Every route with who may use it: the one place where that is said of routes.
pub(crate) const ROUTES: &[(&str, &str, Access)] = &[
    ("GET", "/health", Access::Public),
    // They hold no data.
    ("GET", "/", Access::Public),
    ("GET", "/dashboard/{file}", Access::Public),
    ("GET", "/openapi.json", Access::For(Action::ReadDescription)),
    ("GET", "/docs", Access::For(Action::ReadDescription)),
    ("GET", "/me", Access::For(Action::ReadDescription)),
    ("POST", "/tasks", Access::For(Action::CreateTasks)),
    (
        "POST",
        "/tasks/{id}/cancel",
        Access::For(Action::CancelTasks),
    ),
    ("POST", "/tasks/batch", Access::For(Action::CreateTasks)),
    ("GET", "/tasks", Access::For(Action::ReadTasks)),
    ("GET", "/tasks/{id}", Access::For(Action::ReadTasks)),
    ("GET", "/leaderboard", Access::For(Action::ReadLeaderboard)),
    ("GET", "/task-types", Access::For(Action::ReadLeaderboard)),
    ("GET", "/models", Access::For(Action::ReadLeaderboard)),
    ("GET", "/workers", Access::For(Action::ReadWorkers)),
    ("GET", "/workers/{id}", Access::For(Action::ReadWorker)),
    (
        "POST",
        "/workers/{id}/suspend",
        Access::For(Action::Operate),
    ),
    (
        "POST",
        "/workers/{id}/reinstate",
        Access::For(Action::Operate),
    ),
    ("POST", "/workers/register", Access::For(Action::Work)),
    ("POST", "/workers/heartbeat", Access::For(Action::Work)),
    ("POST", "/tasks/next", Access::For(Action::Work)),
    ("POST", "/workers/submit", Access::For(Action::Work)),
    ("POST", "/workers/submit/batch", Access::For(Action::Work)),
    ("POST", "/workers/release", Access::For(Action::Work)),
    ("GET", "/events", Access::For(Action::FollowEvents)),
    ("POST", "/events/ticket", Access::For(Action::FollowEvents)),
    ("GET", "/db/stats", Access::For(Action::ReadStats)),
    ("GET", "/activity", Access::For(Action::ReadStats)),
    ("GET", "/metrics", Access::For(Action::ReadStats)),
    ("POST", "/ops/requeue-stale", Access::For(Action::Operate)),
    ("POST", "/ops/reset", Access::For(Action::Operate)),
    ("POST", "/keys", Access::For(Action::ManageKeys)),
    ("GET", "/keys", Access::For(Action::ManageKeys)),
    ("POST", "/keys/{id}/rotate", Access::For(Action::ManageKeys)),
    ("DELETE", "/keys/{id}", Access::For(Action::ManageKeys)),
];

/// Who may use a route; `None` where there is no such route.
pub(crate) fn access(method: &Method, template: &str) -> Option<Access> {
    // What GET shows, HEAD tells of.
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let route = ROUTES
        .iter()
        .find(|(m, t, _)| *m == method && *t == template);
    route.map(|(_, _, access)| *access)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ai_market_core::access::Role;
    use poem_openapi::OpenApi;

    use super::super::routes::Routes;
    use super::*;

    #[test]
    fn no_route_is_outside_the_table() {
        let served = Routes::meta().into_iter().flat_map(|api| api.paths);
        let served = served.flat_map(|path| {
            let methods = path.operations.into_iter().map(|o| o.method.to_string());
            methods
                .map(|method| (method, path.path.clone()))
                .collect::<Vec<_>>()
        });
        let mut served: BTreeSet<_> = served.collect();
        for page in ["/", "/dashboard/{file}", "/openapi.json", "/docs"] {
            served.insert(("GET".to_owned(), page.to_owned()));
        }
        let listed: BTreeSet<_> = ROUTES
            .iter()
            .map(|(m, t, _)| ((*m).to_owned(), (*t).to_owned()))
            .collect();
        assert_eq!(served, listed);
        assert_eq!(listed.len(), ROUTES.len(), "each is listed once");
    }

    #[test]
    fn the_readme_says_who_may_use_which_route() {
        let readme = include_str!("../../README.md");
        for (method, template, access) in ROUTES {
            let may = |role| match access {
                Access::Public => true,
                Access::For(action) => action.is_for(role),
            };
            let mut row = format!("| `{method} {template}` |");
            row.push_str(if *access == Access::Public {
                " yes |"
            } else {
                " |"
            });
            for role in [Role::Worker, Role::Client, Role::Admin] {
                row.push_str(if may(role) { " yes |" } else { " |" });
            }
            assert!(readme.contains(&row), "README.md lacks this row:\n{row}");
        }
        let rows = readme.lines().filter(|line| {
            let mut cells = line.split('|').skip(2).map(str::trim);
            line.starts_with("| `")
                && line.matches('|').count() == 6
                && cells.all(|cell| cell.is_empty() || cell == "yes")
        });
        assert_eq!(
            rows.count(),
            ROUTES.len(),
            "README.md lists routes that are not there"
        );
    }
}
