use std::future::Future;
use std::mem;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The methods that are told; whatever else a client may call one is `_OTHER`.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Exports the spans of requests as tools expect those of an HTTP server, while the log has shorter
/// names for the same: OpenTelemetry, Semantic Conventions for HTTP spans, HTTP server.
#[derive(Debug)]
pub(super) struct Conventional<E>(pub(super) E);

impl<E: SpanExporter> SpanExporter for Conventional<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        for span in batch.iter_mut().filter(|span| span.name == "request") {
            name(span);
        }
        self.0.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Names a request and what is known of it.
fn name(span: &mut SpanData) {
    let (mut method, mut route, mut more) = (None, None, Vec::new());
    span.attributes.retain_mut(|KeyValue { key, value, .. }| {
        match key.as_str() {
            "method" => {
                *key = Key::from_static_str("http.request.method");
                if METHODS.contains(&value.as_str().as_ref()) {
                    method = Some(value.to_string());
                } else {
                    let original = mem::replace(value, "_OTHER".into());
                    more.push(KeyValue::new("http.request.method_original", original));
                }
            }
            // What is asked for in vain is no route.
            "route" if value.as_str() == "other" => return false,
            "route" => {
                *key = Key::from_static_str("http.route");
                route = Some(value.to_string());
            }
            "status" => {
                *key = Key::from_static_str("http.response.status_code");
                if let Ok(status) = value.as_str().parse::<i64>() {
                    *value = Value::I64(status);
                    if status >= 500 {
                        span.status = Status::error("");
                        more.push(KeyValue::new("error.type", status.to_string()));
                    }
                }
            }
            _ => {}
        }
        true
    });
    span.attributes.append(&mut more);
    let method = method.unwrap_or_else(|| "HTTP".to_owned());
    span.span_kind = SpanKind::Server;
    span.name = match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    };
}
