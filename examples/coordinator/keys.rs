//! `coordinator keys`: API keys in the database, whether or not a coordinator runs on it.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ai_market_core::access::{KeyId, KeyRecord, KeySpec, Keys, Role};
use ai_market_core::id::{OwnerId, WorkerId};
use ai_market_core::time::{Clock, SystemClock, Timestamp};
use ai_market_examples::Failure;
use ai_market_sqlite::SqliteKeys;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

/// Makes, lists, replaces and revokes API keys
///
/// A coordinator may be running on the database: it accepts a new key at once, and refuses a
/// revoked one within a second. A key is printed once, when it is made; the database holds only a
/// hash of it.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a key and prints it, once
    ///
    /// The database is made when it is not there, so that the first key can be made before the
    /// first start.
    Create(Create),
    /// Lists all keys, oldest first; what is shown of them is no secret
    List(List),
    /// Makes a new key in the place of another and prints it, once
    ///
    /// Both are accepted for a while, so that whoever holds the old one has time to change over.
    Rotate(Rotate),
    /// Revokes a key for good
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Database {
    /// The database file of the coordinator
    #[arg(
        long,
        env = "AI_MARKET_DB",
        default_value = "coordinator.db",
        value_name = "FILE"
    )]
    db: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    database: Database,

    /// What the key lets its holder do: everything but act as a worker; create tasks and read
    /// results; or act as one worker
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str))
            .try_map(|text| text.parse::<Role>())
    )]
    role: Role,

    /// The worker that a worker key is for
    #[arg(
        long,
        value_name = "ID",
        required_if_eq("role", "worker"),
        value_parser = |text: &str| text.parse::<WorkerId>()
    )]
    worker_id: Option<WorkerId>,

    /// Whose key it is; workers of one owner never answer the same task twice. The worker's own
    /// name, or `operator`, where it is not said
    #[arg(long, value_name = "NAME")]
    owner: Option<OwnerId>,

    /// In how many days the key expires
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "expires_at",
        value_parser = clap::value_parser!(u32).range(1..=36_500)
    )]
    expires_in_days: Option<u32>,

    /// When the key expires, as in 2027-01-31T12:00:00Z. Never where neither is said
    #[arg(long, value_name = "RFC3339")]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    database: Database,

    /// Prints a line of JSON for each key
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    database: Database,

    /// The id of the key: the part between the role and the secret, as `list` shows it
    id: KeyId,

    /// For how many hours the old key lives on beside the new one, if it does not expire before
    #[arg(
        long,
        value_name = "N",
        default_value = "24",
        value_parser = clap::value_parser!(u32).range(..=8_760)
    )]
    overlap_hours: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    database: Database,

    /// The id of the key: the part between the role and the secret, as `list` shows it
    id: KeyId,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

impl KeysCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Database {
    fn open(&self) -> Result<Keys, Failure> {
        Ok(Keys::new(SqliteKeys::open(&self.db)?, SystemClock))
    }

    /// Refuses to make a database, in which there would be no key to find.
    fn open_existing(&self) -> Result<Keys, Failure> {
        exists(&self.db)?;
        self.open()
    }
}

fn exists(path: &Path) -> Result<(), Failure> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("there is no database {}", path.display()).into()),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display()).into()),
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let in_days = |days: u32| SystemClock.now().plus(HOUR * 24 * days);
        let mut spec = KeySpec::new(self.role);
        spec.worker = self.worker_id;
        spec.owner = self.owner;
        spec.expires_at = self.expires_at.or(self.expires_in_days.map(in_days));
        let issued = self.database.open()?.create(spec).await?;
        print(issued.key.reveal())?;
        eprintln!(
            "key {} was made; it is shown this once, so keep it",
            issued.key.id()
        );
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let keys = self.database.open_existing()?;
        let now = SystemClock.now();
        let mut records = all(&keys).await?;
        records.sort_by_key(|key| (key.created_at, key.id));
        if self.json {
            for key in &records {
                print(json!({
                    "id": key.id,
                    "role": key.role,
                    "worker": key.worker,
                    "owner": key.owner,
                    "state": key.state(now).as_str(),
                    "created": key.created_at,
                    "expires": key.expires_at,
                    "revoked": key.revoked_at,
                    "replaced_by": key.replaced_by,
                }))?;
            }
            return Ok(());
        }
        let mut table = Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header([
                "id",
                "role",
                "worker",
                "owner",
                "state",
                "created",
                "expires",
                "replaced by",
            ]);
        for key in &records {
            table.add_row([
                key.id.to_string(),
                key.role.to_string(),
                or_dash(key.worker.as_ref()),
                key.owner.to_string(),
                key.state(now).as_str().to_owned(),
                minute(key.created_at),
                or_dash(key.expires_at.map(minute)),
                or_dash(key.replaced_by),
            ]);
        }
        print(table.trim_fmt())
    }
}

async fn all(keys: &Keys) -> Result<Vec<KeyRecord>, Failure> {
    const PAGE: usize = 1_000;
    let mut all: Vec<KeyRecord> = Vec::new();
    loop {
        let page = keys.list(all.last().map(|key| key.id), PAGE).await?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

impl Rotate {
    async fn run(self) -> Result<(), Failure> {
        let keys = self.database.open_existing()?;
        let issued = keys.rotate(self.id, HOUR * self.overlap_hours).await?;
        print(issued.key.reveal())?;
        eprintln!(
            "key {} takes the place of {}; it is shown this once, so keep it",
            issued.key.id(),
            self.id
        );
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Result<(), Failure> {
        let keys = self.database.open_existing()?;
        keys.revoke(self.id).await?;
        print(format_args!("key {} is revoked", self.id))
    }
}

/// Prints a line, or says that nobody reads it.
fn print(line: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())?;
    Ok(())
}

fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time to the minute, which is what people look for in a table.
fn minute(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate("2026-01-31T12:00".len());
    text.push('Z');
    text
}
