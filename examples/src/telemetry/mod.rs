mod client;
mod conventions;

use std::collections::HashMap;
use std::env;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::Failure;

use client::Client;
use conventions::Conventional;

/// How long the last export may take.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// How long it is waited for that it gives up by itself.
const SLACK: Duration = Duration::from_secs(1);

/// Exports the spans of a program by OTLP, as protobuf over HTTP.
#[derive(Debug)]
pub(crate) struct Telemetry(SdkTracerProvider);

impl Telemetry {
    /// Starts exporting where the environment names a collector, under the name `service` unless
    /// OTEL_SERVICE_NAME has another one.
    ///
    /// # Errors
    ///
    /// When what the environment says cannot be used.
    pub(crate) fn start(service: &'static str) -> Result<Self, Failure> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .build()?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty()) {
            resource = resource.with_service_name(service);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Conventional(exporter))
            .with_resource(resource.build())
            .build();
        Ok(Self(provider))
    }

    /// What makes spans of those of this project; what a library does is left out, such as what the
    /// export itself does.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("ai-market"))
            .with_filter(Targets::new().with_target("ai_market", Level::DEBUG))
    }

    /// Exports what has not been yet, for three seconds at most.
    pub(crate) async fn end(self) {
        let (done, ended) = oneshot::channel();
        // It blocks, and the runtime would wait for a blocking task of its own however long it takes.
        let ending = std::thread::Builder::new().spawn(move || {
            // The receiver may have given up.
            let _ = done.send(self.0.shutdown_with_timeout(LAST_EXPORT));
        });
        if let Err(error) = ending {
            tracing::warn!(%error, "the last spans are not exported");
            return;
        }
        match timeout(LAST_EXPORT + SLACK, ended).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans are not exported"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the last spans are not exported in time"),
        }
    }
}

/// The current span as the header `traceparent` names it.
pub(crate) fn traceparent() -> Option<String> {
    let mut headers: HashMap<String, String> = HashMap::new();
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut headers);
    headers.remove("traceparent")
}

/// Makes a span the child of the one that a header `traceparent` names.
pub(crate) fn adopt_traceparent(span: &Span, traceparent: &str) {
    let headers = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&headers);
    // Where nothing is exported there is nothing to be a part of.
    let _ = span.set_parent(context);
}
