//! A server whose process has no file descriptors left.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Elsewhere there is no `ulimit`, or another one.
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ai_market_http::Server;
use common::soon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Set in the process that serves.
const SERVES: &str = "AI_MARKET_TEST_SERVES";
/// More than it may open.
const CONNECTIONS: usize = 100;
const LISTENING: &str = "listening on ";

/// Not a test of its own: the other one runs this program again with this alone.
#[tokio::test]
async fn serve_in_a_child() {
    if std::env::var_os(SERVES).is_none() {
        return;
    }
    let server = Server::builder(common::coordinator().build().unwrap())
        .address(([127, 0, 0, 1], 0))
        .bind()
        .await
        .unwrap();
    println!("\n{LISTENING}{}", server.local_addr());
    server.run(CancellationToken::new()).await.unwrap();
}

struct Server64(Child);

impl Drop for Server64 {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start() -> (Server64, SocketAddr) {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(program)
        .args(["--exact", "serve_in_a_child", "--nocapture"])
        .env(SERVES, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let child = Server64(child);
    let mut lines = output.lines().map(Result::unwrap);
    let address = lines.find_map(|line| line.strip_prefix(LISTENING)?.parse().ok());
    (child, address.unwrap())
}

async fn ask(stream: &mut TcpStream) {
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
}

async fn answered(stream: &mut TcpStream) {
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_server_without_descriptors_serves_on_and_recovers() {
    let (_child, address) = start();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream).await;
        streams.push(stream);
    }
    // Whoever was let in is served, also once nobody else is.
    soon(answered(&mut streams[0])).await;
    // It can never be, while the others stay.
    let last = answered(&mut streams[CONNECTIONS - 1]);
    let early = tokio::time::timeout(Duration::from_millis(200), last).await;
    assert!(early.is_err(), "the server has descriptors for all");
    ask(&mut streams[0]).await;
    let mut more = [0; 1024];
    assert!(soon(streams[0].read(&mut more)).await.unwrap() > 0);
    let mut waiting = streams.pop().unwrap();
    drop(streams);
    soon(answered(&mut waiting)).await;
    let mut fresh = TcpStream::connect(address).await.unwrap();
    ask(&mut fresh).await;
    soon(answered(&mut fresh)).await;
}
