use std::env;
use std::io::{IsTerminal, stderr};

use clap::{Args, ValueEnum};
use tracing::Span;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::Screen;
#[cfg(feature = "opentelemetry")]
use crate::telemetry::{self, Telemetry};

/// How a program logs; options of more than one.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct LogOptions {
    /// How log lines look, on standard error. What is logged is chosen by RUST_LOG, as in
    /// RUST_LOG=debug; without it, what people want to know
    #[arg(
        long,
        env = "AI_MARKET_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people; with colours on a terminal, unless NO_COLOR is set
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// What logs until the program ends.
#[derive(Debug)]
pub struct Logs {
    /// What is drawn on it stays below the lines.
    pub screen: Screen,
    #[cfg(feature = "opentelemetry")]
    telemetry: Option<Telemetry>,
}

impl LogOptions {
    /// Logs to standard error: what RUST_LOG asks for, or else the levels that `default` names, as
    /// in `info,hyper=warn`. Spans are exported under the name `service` where the environment names
    /// a collector and the program was built for that.
    #[must_use]
    pub fn start(self, service: &'static str, default: &str) -> Logs {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
        // Programs read JSON, and lines that are drawn over are none for them.
        let screen = Screen::new(self.log_format == LogFormat::Human);
        let lines = fmt::layer()
            .with_ansi(stderr().is_terminal() && !no_color())
            .with_writer(screen.clone());
        let lines = match self.log_format {
            LogFormat::Human => lines.with_target(false).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let subscriber = registry().with(lines.with_filter(filter));
        #[cfg(feature = "opentelemetry")]
        {
            let started = collector().then(|| Telemetry::start(service)).transpose();
            let layer = started.as_ref().ok().and_then(Option::as_ref);
            subscriber.with(layer.map(Telemetry::layer)).init();
            let telemetry = started.unwrap_or_else(|error| {
                tracing::warn!(error, "spans cannot be exported");
                None
            });
            Logs { screen, telemetry }
        }
        #[cfg(not(feature = "opentelemetry"))]
        {
            subscriber.init();
            if collector() {
                tracing::warn!(
                    "{service} exports no spans: it was built without the feature opentelemetry"
                );
            }
            Logs { screen }
        }
    }
}

impl Logs {
    /// Exports what has not been yet, where spans are exported; that takes three seconds at most.
    pub async fn end(self) {
        #[cfg(feature = "opentelemetry")]
        if let Some(telemetry) = self.telemetry {
            telemetry.end().await;
        }
    }
}

/// Whether the environment names where spans are to be exported to.
fn collector() -> bool {
    let said = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let off = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let named = said("OTEL_EXPORTER_OTLP_ENDPOINT") || said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    named && !off
}

/// The trace that the current span belongs to, as requests tell it; none where no spans are exported.
#[must_use]
pub fn traceparent() -> Option<String> {
    #[cfg(feature = "opentelemetry")]
    return telemetry::traceparent();
    #[cfg(not(feature = "opentelemetry"))]
    None
}

/// Makes the span of a request a part of the trace that the request names, where spans are exported.
pub fn adopt_traceparent(span: &Span, traceparent: &str) {
    #[cfg(feature = "opentelemetry")]
    telemetry::adopt_traceparent(span, traceparent);
    #[cfg(not(feature = "opentelemetry"))]
    let _ = (span, traceparent);
}

/// Whether the user wants no colours; see <https://no-color.org>.
fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
