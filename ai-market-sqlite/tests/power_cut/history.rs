use std::fmt;
use std::sync::Arc;

use ai_market_sqlite::{OpenError, SqliteOptions};
use ai_market_test_vfs::mount;
use tokio::runtime::Runtime;

use crate::check::{Fault, check};
use crate::disk::{CutAt, Image, SimulatedDisk, Survival};
use crate::ledger::Ledger;
use crate::load::Load;
use crate::random::Random;

const DATABASE: &str = "market.db";

/// How many operations opening a new database takes.
pub(crate) fn opening() -> u64 {
    let disk = Arc::new(SimulatedDisk::new(&Image::default(), None));
    let folder = tempfile::tempdir().unwrap();
    let _mount = mount(folder.path(), Arc::clone(&disk) as _).unwrap();
    let store = SqliteOptions::new().open(folder.path().join(DATABASE));
    let _store = store.unwrap();
    disk.operations()
}

/// Whether the disk keeps its promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    Honest,
    /// Once the database is made, syncs do nothing.
    LiesOnceOpen,
}

/// When the power was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Working,
    Closing,
    Closed,
}

/// How often the power was cut, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) cuts: u64,
    pub(crate) acknowledged: u64,
    opening: u64,
    closing: u64,
    closed: u64,
    checkpoints: u64,
    operations: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.acknowledged += other.acknowledged;
        self.opening += other.opening;
        self.closing += other.closing;
        self.closed += other.closed;
        self.checkpoints += other.checkpoints;
        self.operations += other.operations;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cuts ({} while opening, {} while closing, {} once closed; {} in checkpoints) of \
             {} operations, {} acknowledgements",
            self.cuts,
            self.opening,
            self.closing,
            self.closed,
            self.checkpoints,
            self.operations,
            self.acknowledged
        )
    }
}

/// One disk, the coordinators that worked on it, and what they acknowledged.
#[derive(Debug)]
pub(crate) struct History {
    random: Random,
    opening: u64,
    image: Image,
    ledger: Arc<Ledger>,
    runtime: Runtime,
    tally: Tally,
    /// What happened, for whoever reads of a failure.
    log: Vec<String>,
}

impl History {
    pub(crate) fn new(random: Random, opening: u64) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_time();
        Self {
            random,
            opening,
            image: Image::default(),
            ledger: Arc::default(),
            runtime: runtime.build().unwrap(),
            tally: Tally::default(),
            log: Vec::new(),
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            acknowledged: self.ledger.entries().len() as u64,
            ..self.tally
        }
    }

    /// When to cut the power next.
    fn next_cut(&mut self, sync: Sync) -> CutAt {
        let first = self.tally.cuts == 0;
        let random = &mut self.random;
        let (file, operation) = if sync == Sync::LiesOnceOpen {
            (None, self.opening + random.below(1_000))
        } else if first && random.chance(60) {
            (None, random.below(self.opening))
        } else if random.chance(30) {
            // Once the database is made, only checkpoints write it.
            (Some(DATABASE), random.below(200))
        } else {
            // Most of these are commits.
            let most = [20, 200, 2_000][random.index(3)];
            (None, random.below(most))
        };
        CutAt {
            file,
            operation: operation + 1,
        }
    }

    /// Works until the power is cut, and checks what is left.
    pub(crate) fn cut_and_check(&mut self, sync: Sync) -> Result<(), Fault> {
        let cut_at = self.next_cut(sync);
        let disk = Arc::new(SimulatedDisk::new(&self.image, Some(cut_at)));
        let phase = self.work(&disk, sync)?;
        disk.cut();
        let survival = Survival::any(&mut self.random, disk.operations());
        self.image = disk.surviving(survival, &mut self.random);
        self.count(phase, &disk);
        let sizes = self.image.sizes();
        self.log.push(format!(
            "{cut_at:?} in {:?} ({phase:?}), {survival:?}: {sizes:?}",
            disk.cut_in()
        ));
        // Elsewhere than the disk, so that SQLite and its locks are the usual ones.
        let folder = tempfile::tempdir().unwrap();
        self.image.write_to(folder.path());
        let path = folder.path().join(DATABASE);
        let entries = self.ledger.entries();
        self.runtime.block_on(check(&path, &entries))
    }

    fn count(&mut self, phase: Phase, disk: &SimulatedDisk) {
        let tally = &mut self.tally;
        tally.cuts += 1;
        tally.operations += disk.operations();
        tally.opening += u64::from(phase == Phase::Opening);
        tally.closing += u64::from(phase == Phase::Closing);
        tally.closed += u64::from(phase == Phase::Closed);
        // The database itself is written only there once it is open.
        let in_database = disk.cut_in().is_some_and(|name| name == DATABASE);
        tally.checkpoints += u64::from(in_database && phase != Phase::Opening);
    }

    /// Opens the store and puts load on it until the power is cut or the load ends.
    fn work(&mut self, disk: &Arc<SimulatedDisk>, sync: Sync) -> Result<Phase, Fault> {
        let folder = tempfile::tempdir().unwrap();
        self.image.write_to(folder.path());
        let _mount = mount(folder.path(), Arc::clone(disk) as _).unwrap();
        let path = folder.path().join(DATABASE);
        // A small cache lets SQLite write pages to the log before the commit.
        let cache = [16 << 10, 64 << 20][self.random.index(2)];
        let store = match SqliteOptions::new().with_cache(cache).open(&path) {
            Ok(store) => store,
            Err(OpenError::Setup { .. }) if disk.is_cut() => return Ok(Phase::Opening),
            Err(error) => return Err(error.into()),
        };
        if disk.is_cut() {
            return Ok(Phase::Opening);
        }
        if sync == Sync::LiesOnceOpen {
            disk.lie();
        }
        let load = Load {
            path: store.path().to_owned(),
            ledger: Arc::clone(&self.ledger),
            name: self.tally.cuts.to_string(),
            rounds: match sync {
                Sync::Honest => [3, 20, 60][self.random.index(3)],
                Sync::LiesOnceOpen => 60,
            },
        };
        // The last handle of the store is dropped by the load, which closes the database.
        let kept = store.clone();
        let failures = self.runtime.block_on(load.run(store, &self.random));
        if let (false, Some(failure)) = (disk.is_cut(), failures.first()) {
            return Err(Fault::Stuck(format!("while the power is on: {failure:?}")));
        }
        let working = disk.is_cut();
        drop(kept);
        Ok(match (working, disk.is_cut()) {
            (true, _) => Phase::Working,
            (false, true) => Phase::Closing,
            (false, false) => Phase::Closed,
        })
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log.join("\n"))
    }
}
