use ai_market_core::coordinator::Coordinator;
use poem::http::Uri;
use poem_openapi::ApiResponse;
use poem_openapi::types::Type;
use serde::Serialize;

use crate::wire::{Field, Limit, percent_encode};

use super::body::JsonBody;

/// A page of a list.
#[derive(ApiResponse)]
pub(super) enum Page<T: Type + Serialize> {
    /// A page of the list
    #[oai(status = 200)]
    Ok(
        JsonBody<T>,
        /// Where the list goes on, as `<...>; rel="next"`; absent on the last page.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// How many items a page holds where `asked` many are asked for, or else the usual number.
pub(super) fn page_size(
    coordinator: &Coordinator,
    asked: Option<Field<Limit>>,
    usual: Limit,
) -> usize {
    let most = coordinator.settings().limits.max_page;
    asked.map_or(usual, |limit| limit.0).get().min(most)
}

/// The link to the page that begins after `cursor`: the same address with another cursor.
pub(super) fn next_link(here: &Uri, cursor: &str) -> String {
    let mut link = format!("<{}?", here.path());
    let query = here.query().unwrap_or_default();
    for pair in query.split('&') {
        if !pair.is_empty() && pair.split('=').next() != Some("cursor") {
            link.push_str(pair);
            link.push('&');
        }
    }
    link.push_str("cursor=");
    link.push_str(&percent_encode(cursor));
    link.push_str(">; rel=\"next\"");
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_rest_of_the_query() {
        let here = Uri::from_static("/m/tasks?status=queued&cursor=old&limit=2");
        assert_eq!(
            next_link(&here, "3~Zoë"),
            "</m/tasks?status=queued&limit=2&cursor=3~Zo%C3%AB>; rel=\"next\""
        );
        assert_eq!(
            next_link(&Uri::from_static("/tasks"), "x"),
            "</tasks?cursor=x>; rel=\"next\""
        );
    }
}
