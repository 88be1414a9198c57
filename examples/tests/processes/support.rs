//! Real processes of the example programs.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ai_market_http::HttpClient;

/// Longer than any test waits for anything; what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// An example program, which `cargo test` has built beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let target = test
        .parent()
        .and_then(Path::parent)
        .expect("tests lie in target/PROFILE/deps");
    let program = target
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is missing; run the whole of `cargo test -p ai-market-examples`, which builds it",
        program.display()
    );
    program
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null());
    // What the user's environment says must not change what is tested.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("AI_MARKET_") || name.starts_with("OTEL_") {
            command.env_remove(&*name);
        }
    }
    command
        .env_remove("COORD_URL")
        .env_remove("WORKER_ID")
        .env_remove("RUST_LOG");
    command
}

/// Runs a program to its end with a key in its environment.
pub(crate) fn run_with(name: &str, arguments: &[&str], key: Option<&str>) -> Output {
    let mut command = command(name, arguments);
    if let Some(key) = key {
        command.env("AI_MARKET_KEY", key);
    }
    command.output().expect("the program starts")
}

/// Runs a program to its end.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Output {
    command(name, arguments)
        .output()
        .expect("the program starts")
}

fn worker(id: &str, coordinator: SocketAddr, options: &[&str]) -> Command {
    let url = format!("http://{coordinator}");
    let mut arguments = vec![id, "--coordinator", &url, "--threads", "1", "--batch", "4"];
    arguments.extend(options);
    command("worker", &arguments)
}

/// A process that is killed when the test ends.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    fn start(mut command: Command) -> Self {
        Self(command.spawn().expect("the program starts"))
    }

    /// A program, and what it prints.
    pub(crate) fn reading(name: &str, arguments: &[&str]) -> (Self, ChildStdout) {
        Self::start_reading(command(name, arguments))
    }

    fn start_reading(mut command: Command) -> (Self, ChildStdout) {
        command.stdout(Stdio::piped());
        let mut process = Self::start(command);
        let stdout = process.0.stdout.take().expect("it is piped");
        (process, stdout)
    }

    pub(crate) fn worker(id: &str, coordinator: SocketAddr) -> Self {
        Self::worker_with(id, coordinator, &[])
    }

    /// A worker with further options.
    pub(crate) fn worker_with(id: &str, coordinator: SocketAddr, options: &[&str]) -> Self {
        Self::start(worker(id, coordinator, options))
    }

    /// A worker with further options, and where it says that it serves its metrics.
    pub(crate) fn worker_with_metrics(
        id: &str,
        coordinator: SocketAddr,
        options: &[&str],
    ) -> (Self, SocketAddr) {
        let mut command = worker(id, coordinator, options);
        command.args(["--metrics", "0"]);
        let (process, stdout) = Self::start_reading(command);
        let address = first_line(stdout)
            .recv_timeout(PATIENCE)
            .expect("it says where it serves metrics");
        (process, address)
    }

    /// A worker that exports its spans.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn worker_exporting(id: &str, coordinator: SocketAddr, collector: &str) -> Self {
        let mut command = worker(id, coordinator, &[]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        Self::start(command)
    }

    pub(crate) fn worker_with_key(id: &str, coordinator: SocketAddr, key: &str) -> Self {
        let mut command = worker(id, coordinator, &[]);
        command.env("AI_MARKET_KEY", key);
        Self::start(command)
    }

    /// Ends the process without a chance to clean up.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it is running");
        self.0.wait().expect("it has ended");
    }

    /// Asks the process to end, as Ctrl-C does, and waits until it has.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .expect("kill is there");
        assert!(sent.success());
        self.0.wait().expect("it has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A coordinator process on a database that outlives it.
#[derive(Debug)]
pub(crate) struct Coordinator {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Coordinator {
    /// Starts a coordinator with short leases; port 0 takes a free one.
    pub(crate) fn start(db: &Path, port: u16) -> Self {
        Self::start_with(db, port, &[])
    }

    /// Starts a coordinator with further options.
    pub(crate) fn start_with(db: &Path, port: u16, options: &[&str]) -> Self {
        Self::of(Self::command(db, port, options))
    }

    /// Starts a coordinator that exports its spans.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn exporting(db: &Path, collector: &str, options: &[&str]) -> Self {
        let mut command = Self::command(db, 0, options);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        Self::of(command)
    }

    fn command(db: &Path, port: u16, options: &[&str]) -> Command {
        let (db, bind) = (
            db.to_str().expect("a plain path"),
            format!("127.0.0.1:{port}"),
        );
        let mut arguments = vec!["--db", db, "--bind", &bind];
        arguments.extend(["--lease-seconds", "4", "--heartbeat-seconds", "1"]);
        arguments.extend(options);
        command("coordinator", &arguments)
    }

    fn of(command: Command) -> Self {
        let (process, stdout) = Process::start_reading(command);
        let address = first_line(stdout)
            .recv_timeout(PATIENCE)
            .expect("it says where it listens");
        Self { process, address }
    }

    /// Starts a coordinator again where this one was.
    pub(crate) fn restart(self, db: &Path, end: impl FnOnce(Process)) -> Self {
        self.restart_with(db, end, &[])
    }

    /// Starts a coordinator again where this one was, with further options.
    pub(crate) fn restart_with(
        self,
        db: &Path,
        end: impl FnOnce(Process),
        options: &[&str],
    ) -> Self {
        let port = self.address.port();
        end(self.process);
        Self::start_with(db, port, options)
    }

    pub(crate) fn client(&self) -> HttpClient {
        HttpClient::new(format!("http://{}", self.address)).expect("a plain URL")
    }

    pub(crate) fn interrupt(self) -> ExitStatus {
        self.process.interrupt()
    }
}

/// The address in `listening on http://ADDRESS ...` or `... http://ADDRESS/...`; the rest of the output is read and dropped.
fn first_line(stdout: impl Read + Send + 'static) -> Receiver<SocketAddr> {
    let (found, address) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let url = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix("http://"))
                .and_then(|url| url.split('/').next());
            if let Some(Ok(address)) = url.map(str::parse) {
                // The test may have ended.
                let _ = found.send(address);
            }
        }
    });
    address
}
