use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Logs to standard error: what RUST_LOG asks for, or else the levels that `default` names, as in
/// `info,hyper=warn`.
pub fn start_logging(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
