//! What honest clients notice of hostile ones: their throughput while others attack the server,
//! relative to their throughput alone just before and just after, and the memory of the server.
//!
//! ```text
//! cargo bench -p ai-market-benches --bench abuse
//! ```
//!
//! The server is a process of its own with everything as usual; honest and hostile clients share
//! another one and, with the server, the cores of this machine. Sixteen clients each keep one
//! connection and send `GET /health` and `POST /tasks` in turn; each repeats one task under its
//! idempotency key, so that the store does not grow and the memory of the server is what requests and
//! connections take. Attackers come from several addresses of the loopback network, so that the
//! bound on connections of one address does not stop them. `ABUSE_SECONDS` (6) is the length of each
//! measurement; with `ABUSE_REFUSALS=at-once` the server holds no refusals back.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ai_market_core::coordinator::Coordinator;
use ai_market_core::store::MemoryStore;
use ai_market_http::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn Error + Send + Sync>;

/// Set in the process that serves.
const SERVES: &str = "ABUSE_SERVES";
/// Whether the server holds refusals back.
const REFUSALS: &str = "ABUSE_REFUSALS";
/// Set once the bound on open files has been raised.
const RAISED: &str = "ABUSE_RAISED";
const HONEST: usize = 16;
/// Fewer than the server takes of one address.
const PER_ADDRESS: usize = 1_000;
const GIGABYTE: usize = 1_000_000_000;
const PIECE: usize = 64 * 1024;
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if std::env::var_os(SERVES).is_some() {
        return serve().await;
    }
    if std::env::var_os(RAISED).is_none() {
        return raise_and_run_again().await;
    }
    let seconds = std::env::var("ABUSE_SECONDS").map_or(Ok(6), |value| value.parse())?;
    let length = Duration::from_secs(seconds);
    let target = Target::start(None).await?;
    for (name, attack) in [
        ("1,000 connections, a byte a second", Attack::Trickle(1_000)),
        ("5,000 idle connections", Attack::Idle(5_000)),
        ("a body of 1 GB, Content-Length", Attack::Announced),
        ("a body of 1 GB, chunked", Attack::Chunked),
        ("4 clients, JSON nested 65,536 deep", Attack::Nested(4)),
        ("the same, each on a new connection", Attack::NestedAnew(4)),
        ("4 clients, bodies of 1 MB too much", Attack::TooLarge(4)),
    ] {
        target.compare(name, length, attack).await?;
    }
    drop(target);
    // Room for the honest clients and some more.
    let target = Target::start(Some(64)).await?;
    let attack = Attack::Descriptors(1_000);
    target
        .compare("no descriptors left", length, attack)
        .await?;
    Ok(())
}

/// Without `unsafe` only a shell raises the bound on open files, and only before a program begins.
async fn raise_and_run_again() -> Result<(), Failure> {
    let raise = "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\"";
    let status = Command::new("sh")
        .args(["-c", raise])
        .arg(std::env::current_exe()?)
        .env(RAISED, "1")
        .status()
        .await?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("the program ended with {status}").into()),
    }
}

async fn serve() -> Result<(), Failure> {
    let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
    let mut server = Server::builder(coordinator).address((Ipv4Addr::LOCALHOST, 0));
    if std::env::var(REFUSALS).is_ok_and(|value| value == "at-once") {
        server = server.refusal_rate(None);
    }
    let server = server.bind().await?;
    println!("{}", server.local_addr());
    server.run(CancellationToken::new()).await?;
    Ok(())
}

/// What is attacked.
struct Target {
    address: SocketAddr,
    process: Child,
}

#[derive(Debug, Clone, Copy)]
enum Attack {
    None,
    Trickle(usize),
    Idle(usize),
    Announced,
    Chunked,
    Nested(usize),
    NestedAnew(usize),
    TooLarge(usize),
    Descriptors(usize),
}

/// What honest clients got.
#[derive(Debug, Default)]
struct Got {
    done: AtomicU64,
    /// 429 and 503.
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Target {
    /// Starts a server that may open so many files, or as many as this program.
    async fn start(files: Option<u32>) -> Result<Self, Failure> {
        let limit = files.map_or_else(String::new, |files| format!("ulimit -n {files}; "));
        let mut process = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\"")])
            .arg(std::env::current_exe()?)
            .env(SERVES, "1")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let address = line.trim().parse()?;
        Ok(Self { address, process })
    }

    /// Measures an attack, and the honest clients alone before and after.
    async fn compare(&self, name: &str, length: Duration, attack: Attack) -> Result<(), Failure> {
        // Once before, since a process that has just begun is slower.
        self.measure("warming up", length / 3, Attack::None).await?;
        let before = self.measure("alone", length, Attack::None).await?;
        let during = self.measure(name, length, attack).await?;
        let after = self.measure("alone", length, Attack::None).await?;
        let share = 100.0 * 2.0 * during / (before + after);
        println!("{name:36} {share:8.0} % of the requests alone\n");
        Ok(())
    }

    /// Measures for a while, prints, and tells how many requests were answered in a second.
    async fn measure(&self, name: &str, length: Duration, attack: Attack) -> Result<f64, Failure> {
        let stop = CancellationToken::new();
        let got = Arc::new(Got::default());
        let mut clients = JoinSet::new();
        let mut attackers = JoinSet::new();
        let sent = Arc::new(AtomicU64::new(0));
        // Without descriptors nobody comes in any more; whoever is in is to be served.
        if matches!(attack, Attack::Descriptors(_)) {
            self.ask(&mut clients, &got, &stop);
            tokio::time::sleep(PAUSE).await;
        }
        for number in 0..attack.attackers() {
            let (address, sent) = (self.address, Arc::clone(&sent));
            attackers.spawn(async move {
                loop {
                    // To be cut off or refused is what an attacker is to get; it comes again.
                    if attack.once(address, number, &sent).await.is_err() {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            });
        }
        // So that the connections are there when the measurement begins.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if clients.is_empty() {
            self.ask(&mut clients, &got, &stop);
        }
        let (begun, before) = (Instant::now(), got.done.load(Ordering::Relaxed));
        tokio::time::sleep(length).await;
        let done = got.done.load(Ordering::Relaxed) - before;
        let rate = done as f64 / begun.elapsed().as_secs_f64();
        let memory = self.memory("VmRSS:")?;
        stop.cancel();
        while clients.join_next().await.is_some() {}
        attackers.shutdown().await;
        println!(
            "{name:36} {rate:8.0} requests/s, {} refused, {} failed; attack: {}; server: {memory} MiB, \
             at most {} MiB so far",
            got.refused.load(Ordering::Relaxed),
            got.failed.load(Ordering::Relaxed),
            sent.load(Ordering::Relaxed),
            self.memory("VmHWM:")?,
        );
        Ok(rate)
    }

    /// Lets the honest clients ask.
    fn ask(&self, clients: &mut JoinSet<()>, got: &Arc<Got>, stop: &CancellationToken) {
        for number in 0..HONEST {
            let (address, got, stop) = (self.address, Arc::clone(got), stop.clone());
            clients.spawn(async move {
                while !stop.is_cancelled() {
                    // A new connection after each that failed.
                    if ask_in_turn(address, number, &got, &stop).await.is_err() {
                        got.failed.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            });
        }
    }

    /// A line of what Linux tells of the server's memory, in MiB.
    fn memory(&self, name: &str) -> Result<u64, Failure> {
        let id = self.process.id().ok_or("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("no such line")?.parse::<u64>()? / 1024)
    }
}

impl Attack {
    fn attackers(self) -> usize {
        match self {
            Self::None => 0,
            Self::Announced | Self::Chunked => 1,
            Self::Trickle(count)
            | Self::Idle(count)
            | Self::Nested(count)
            | Self::NestedAnew(count)
            | Self::TooLarge(count)
            | Self::Descriptors(count) => count,
        }
    }

    /// What one attacker does on one connection, until that is ended. `sent` counts connections,
    /// or requests where one connection takes several.
    async fn once(
        self,
        address: SocketAddr,
        number: usize,
        sent: &AtomicU64,
    ) -> Result<(), Failure> {
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(1 + number / PER_ADDRESS)?;
        socket.bind((Ipv4Addr::new(127, 0, 1, last), 0).into())?;
        let mut stream = socket.connect(address).await?;
        sent.fetch_add(1, Ordering::Relaxed);
        let post = "POST /tasks HTTP/1.1\r\nhost: localhost\r\n";
        match self {
            Self::None => {}
            Self::Idle(_) | Self::Descriptors(_) => {
                stream.read_u8().await?;
            }
            Self::Trickle(_) => {
                let head = b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ";
                stream.write_all(head).await?;
                loop {
                    stream.write_all(b"x").await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Self::Announced => {
                let head = format!("{post}content-length: {GIGABYTE}\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                for _ in 0..GIGABYTE / PIECE {
                    stream.write_all(&[b' '; PIECE]).await?;
                }
            }
            Self::Chunked => {
                let head = format!("{post}transfer-encoding: chunked\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                let chunk = format!("{PIECE:x}\r\n{}\r\n", " ".repeat(PIECE));
                for _ in 0..GIGABYTE / PIECE {
                    stream.write_all(chunk.as_bytes()).await?;
                }
            }
            Self::Nested(_) | Self::NestedAnew(_) | Self::TooLarge(_) => {
                let body = match self {
                    Self::TooLarge(_) => " ".repeat(2_100_000),
                    _ => format!("{{\"text\": {}", "[".repeat(PIECE)),
                };
                let length = body.len();
                let request = format!("{post}content-length: {length}\r\n\r\n{body}");
                loop {
                    answer_to(&mut stream, request.as_bytes()).await?;
                    if matches!(self, Self::NestedAnew(_)) {
                        break;
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

/// Asks for the health and creates a task in turn on one connection, until told to stop.
async fn ask_in_turn(
    address: SocketAddr,
    number: usize,
    got: &Got,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let body = format!(
        r#"{{"text": "A text of ordinary length.", "idempotency_key": "client {number}"}}"#
    );
    let length = body.len();
    let requests = [
        "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        format!(
            "POST /tasks HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    ];
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    for request in requests.iter().cycle() {
        if stop.is_cancelled() {
            break;
        }
        match answer_to(&mut stream, request.as_bytes()).await? {
            200 => got.done.fetch_add(1, Ordering::Relaxed),
            429 | 503 => got.refused.fetch_add(1, Ordering::Relaxed),
            status => return Err(format!("status {status}").into()),
        };
    }
    Ok(())
}

/// Sends a request and reads the whole response, whose status it tells.
async fn answer_to(stream: &mut TcpStream, request: &[u8]) -> Result<u16, Failure> {
    stream.write_all(request).await?;
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err("the connection ended".into());
        }
        let text = std::str::from_utf8(&bytes)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.ok_or("a response without a length")?.parse()? {
            let status = head.split(' ').nth(1).ok_or("no status")?;
            return Ok(status.parse()?);
        }
    }
}
