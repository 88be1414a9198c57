//! What a worker draws on a terminal, which util-linux' `script` stands in for where it is installed.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Read, Write};
use std::num::NonZeroU32;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use ai_market_core::api::{ClientApi, TaskSpec};

use crate::support::{Coordinator, PATIENCE, program};

/// Reads on until what was written holds `part`.
fn until(written: &mut String, output: &Receiver<Vec<u8>>, part: &str) {
    while !written.contains(part) {
        let bytes = output.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("{part:?} is missing in {written:?}");
        });
        written.push_str(&String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_draws_one_line_and_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(&folder.path().join("market.db"), 0);
    // In place of the shell, which would end by Ctrl-C itself.
    let worker = format!(
        "exec '{}' alice --coordinator http://{}",
        program("worker").display(),
        coordinator.address
    );
    let mut script = Command::new("script");
    // What the user's environment says must not change what is tested.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AI_MARKET_") {
            script.env_remove(name);
        }
    }
    let script = script
        .args(["--quiet", "--return", "--command", &worker, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("RUST_LOG", "info,ai_market_core::worker=debug")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut script = match script {
        Ok(script) => script,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => panic!("{error}"),
    };
    let mut stdout = script.stdout.take().unwrap();
    let (read, output) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A terminal whose program has ended fails.
        while let Ok(bytes @ 1..) = stdout.read(&mut buffer) {
            if read.send(buffer[..bytes].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut written = String::new();
    until(&mut written, &output, "loading bundled: weights, ");
    until(&mut written, &output, "alice: waiting for tasks; 0 done");
    let task = TaskSpec::new("This is quite good.").with_required_submissions(NonZeroU32::MIN);
    let ids = coordinator.client().enqueue(vec![task]).await;
    assert!(ids[0].is_ok());
    until(&mut written, &output, "handed in");
    until(&mut written, &output, "alice: waiting for tasks; 1 done");

    // Ctrl-C, as a terminal sends it.
    let mut stdin = script.stdin.take().unwrap();
    stdin.write_all(b"\x03").unwrap();
    stdin.flush().unwrap();
    loop {
        match output.recv_timeout(Duration::from_secs(10)) {
            Ok(bytes) => written.push_str(&String::from_utf8_lossy(&bytes)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("{written:?}"),
        }
    }
    let end = script.wait().unwrap();
    assert!(end.success(), "{end}: {written:?}");
    let colours = written.split("\x1b[").skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| rest[end..].starts_with('m'))
    });
    assert!(!colours, "{written:?}");
    // What stays on each line is what follows the last time that it was cleared.
    let lines: Vec<_> = written
        .split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .map(|line| line.rsplit("\x1b[2K").next().unwrap_or_default())
        .collect();
    let (last, logged) = lines.split_last().unwrap();
    assert_eq!(*last, "", "{written:?}");
    for line in logged {
        let line = line.trim_start_matches("^C");
        assert!(
            line.starts_with("20") && (line.contains(" INFO ") || line.contains(" DEBUG ")),
            "{line:?}"
        );
    }
    let end = logged.last().unwrap();
    assert!(end.contains("stopped accepted=1"), "{written:?}");
}
