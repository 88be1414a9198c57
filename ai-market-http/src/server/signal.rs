use std::io;

/// Completes when the process is asked to end: by SIGINT (Ctrl-C) or SIGTERM on Unix, by Ctrl-C,
/// Ctrl-Break or the closing of its console on Windows.
///
/// From the first poll on, these no longer end the process by themselves. Where the operating
/// system lets nobody listen for them, that is logged and the future never completes.
///
/// # Examples
///
/// ```no_run
/// # async fn example() {
/// use tokio_util::sync::CancellationToken;
///
/// let stop = CancellationToken::new();
/// tokio::spawn({
///     let stop = stop.clone();
///     async move {
///         ai_market_http::shutdown_signal().await;
///         stop.cancel();
///     }
/// });
/// # }
/// ```
pub async fn shutdown_signal() {
    if let Err(error) = asked_to_end().await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "cannot listen for signals; end the process by force"
        );
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn asked_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(windows)]
async fn asked_to_end() -> io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

    let (mut c, mut stop, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    tokio::select! {
        _ = c.recv() => {}
        _ = stop.recv() => {}
        _ = close.recv() => {}
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
async fn asked_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
