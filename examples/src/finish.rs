use std::error::Error;
use std::process::ExitCode;
use std::task::{Context, Waker};

use ai_market_http::shutdown_signal;
use tokio_util::sync::CancellationToken;

use crate::Screen;

/// Whatever an example fails with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The exit code of a program: 0, or 1 after printing the error with its causes on one line.
#[must_use]
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let mut line = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some libraries say in each error what its cause says, too.
        let text = error.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    eprintln!("{line}");
    ExitCode::FAILURE
}

/// Cancels `stop` when the process is asked to end; asked again, it ends at once, with nothing drawn
/// on the `screen`.
///
/// Signals are listened for when this returns.
pub fn stop_on_signal(stop: CancellationToken, screen: Screen) {
    let mut signal = Box::pin(shutdown_signal());
    // Listening begins with the first poll, and that of a task comes some time later.
    let asked = signal
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready();
    tokio::spawn(async move {
        if !asked {
            signal.await;
        }
        tracing::info!("stopping; press Ctrl-C again to stop at once");
        stop.cancel();
        shutdown_signal().await;
        screen.clear();
        std::process::exit(130);
    });
}
