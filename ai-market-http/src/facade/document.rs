use ai_market_core::access::Role;
use poem::http::Method;
use serde_json::{Map, Value, json};

use super::access::{Access, access};

/// The OpenAPI document of a market that asks for keys: each route says that it takes one, of which
/// role, and how it refuses others.
///
/// Where the document is not of the form that is known it is left as it is.
pub(super) fn with_keys(document: &str) -> String {
    let Ok(mut spec) = serde_json::from_str::<Value>(document) else {
        return document.to_owned();
    };
    let paths = spec.get_mut("paths").and_then(Value::as_object_mut);
    for (path, operations) in paths.into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let Ok(method) = Method::from_bytes(method.to_ascii_uppercase().as_bytes()) else {
                continue;
            };
            if let (Some(Access::For(action)), Some(operation)) =
                (access(&method, path), operation.as_object_mut())
            {
                let roles = Role::ALL.into_iter().filter(|role| action.is_for(*role));
                let roles: Vec<_> = roles.map(Role::as_str).collect();
                secure(operation, &roles);
            }
        }
    }
    if let Some(spec) = spec.as_object_mut() {
        let components = spec.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut() {
            components.insert(
                "securitySchemes".to_owned(),
                json!({"key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "aim_ROLE_ID_SECRET",
                    "description": "An API key, which an operator issues.",
                }}),
            );
        }
    }
    spec.to_string()
}

/// The code at the beginning of a description.
fn code_of(description: &str) -> &str {
    description.split(':').next().unwrap_or_default()
}

fn secure(operation: &mut Map<String, Value>, roles: &[&str]) {
    operation.insert("security".to_owned(), json!([{"key": []}]));
    operation.insert("x-roles".to_owned(), json!(roles));
    let takes = format!("Takes a key of role {}.", roles.join(" or "));
    let description = match operation.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description}\n\n{takes}"),
        None => takes,
    };
    operation.insert("description".to_owned(), Value::String(description));
    let content = json!({"application/json; charset=utf-8": {
        "schema": {"$ref": "#/components/schemas/Error"},
    }});
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    if let Some(responses) = responses.as_object_mut() {
        // The same schema and type as the errors that every route has.
        let content = responses
            .get("500")
            .and_then(|response| response.get("content"))
            .cloned()
            .unwrap_or(content);
        for (status, description) in [
            ("401", "`unauthorized`: no key, or one that is not accepted"),
            ("403", "`forbidden`: the key does not allow this"),
        ] {
            let response = json!({"description": description, "content": content.clone()});
            let known = responses.entry(status).or_insert(response);
            // A route may refuse with this status for another reason as well.
            let said = known.get("description").and_then(Value::as_str);
            if let Some(said) = said.filter(|said| !said.contains(code_of(description))) {
                known["description"] = Value::String(format!("{said}; or {description}"));
            }
        }
    }
}
