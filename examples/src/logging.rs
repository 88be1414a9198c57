use std::env;
use std::io::{IsTerminal, stderr};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::Screen;

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

impl LogOptions {
    /// Logs to standard error: what RUST_LOG asks for, or else the levels that `default` names, as
    /// in `info,hyper=warn`. What is drawn on the screen that it returns stays below the lines.
    #[must_use]
    pub fn start(self, default: &str) -> Screen {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
        // Programs read JSON, and lines that are drawn over are none for them.
        let screen = Screen::new(self.log_format == LogFormat::Human);
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(stderr().is_terminal() && !no_color())
            .with_writer(screen.clone());
        match self.log_format {
            LogFormat::Human => logs.with_target(false).init(),
            LogFormat::Json => logs.json().flatten_event(true).init(),
        }
        screen
    }
}

/// Whether the user wants no colours; see <https://no-color.org>.
fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
