use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

/// Standard error, shared by log lines and by what is drawn below them while there is a terminal.
///
/// Lines are written above what is drawn. Where there is no terminal nothing is drawn, and lines are
/// written as they come.
#[derive(Debug, Clone)]
pub struct Screen {
    bars: MultiProgress,
    terminal: bool,
}

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(200);

impl Screen {
    /// Standard error as it is; nothing is drawn where `draw` is false.
    #[must_use]
    pub fn new(draw: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = draw && !dumb && io::stderr().is_terminal();
        let bars = MultiProgress::new();
        if !terminal {
            bars.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        Self { bars, terminal }
    }

    /// Whether something can be drawn.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Runs `print` with nothing drawn, for what it prints to stay.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }

    /// Takes away what is drawn, as the last thing before the process ends.
    pub fn clear(&self) {
        // Nothing can be done about a terminal that is gone.
        let _ = self.bars.clear();
    }

    /// A line that can be changed, until what this returns is dropped.
    #[must_use]
    pub fn line(&self) -> StatusLine {
        let bar = self.bars.add(ProgressBar::new_spinner());
        // The template is right, and the usual one would do, too.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        if self.terminal {
            bar.enable_steady_tick(TURN);
        }
        StatusLine(bar)
    }

    /// A bar for a download of so many bytes.
    #[must_use]
    pub fn download(&self, file: &str, bytes: u64) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(bytes));
        let style = "{msg} {bar:30} {bytes}/{total_bytes} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.with_message(file.to_owned())
    }
}

/// A line at the bottom of the terminal, which goes when this is dropped.
#[derive(Debug)]
pub struct StatusLine(ProgressBar);

impl StatusLine {
    /// Changes it.
    pub fn show(&self, text: String) {
        self.0.set_message(text);
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Writes one log line above what is drawn.
#[derive(Debug)]
pub struct Above(Screen);

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.above(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Above;

    fn make_writer(&'a self) -> Above {
        Above(self.clone())
    }
}
