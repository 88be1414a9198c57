use std::mem;

use crate::random::Random;

use super::Survival;

/// The unit in which a disk writes. A smaller one can be torn in more ways.
const SECTOR: u64 = 512;

/// What a file contains: what was synced, and the changes since.
#[derive(Debug, Default)]
pub(crate) struct Content {
    synced: Vec<u8>,
    changes: Vec<(u64, Change)>,
}

#[derive(Debug)]
enum Change {
    Write { offset: u64, data: Box<[u8]> },
    Truncate { size: u64 },
}

impl Content {
    /// A file that lies on the disk.
    pub(crate) fn synced(bytes: Vec<u8>) -> Self {
        Self {
            synced: bytes,
            changes: Vec::new(),
        }
    }

    /// Notes a write as the change `number` of the disk.
    pub(crate) fn write(&mut self, number: u64, offset: u64, data: &[u8]) {
        let data = data.into();
        self.changes.push((number, Change::Write { offset, data }));
    }

    /// Notes a truncation as the change `number` of the disk.
    pub(crate) fn truncate(&mut self, number: u64, size: u64) {
        self.changes.push((number, Change::Truncate { size }));
    }

    /// Makes all changes durable.
    pub(crate) fn sync(&mut self) {
        for (_, change) in mem::take(&mut self.changes) {
            match change {
                Change::Write { offset, data } => put(&mut self.synced, offset, &data),
                Change::Truncate { size } => resize(&mut self.synced, size),
            }
        }
    }

    /// What is left of the file.
    ///
    /// A sector keeps the order of its writes: an earlier one never overwrites a later one. Bytes that
    /// were not written do not change (SQLite's "powersafe overwrite", which it supposes on unix).
    pub(crate) fn surviving(&self, survival: Survival, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (number, change) in &self.changes {
            match survival {
                Survival::Nothing => {}
                Survival::Everything => change.apply(&mut bytes, usize::MAX),
                Survival::Before { change: last, .. } if *number < last => {
                    change.apply(&mut bytes, usize::MAX);
                }
                Survival::Before { change: last, torn } if *number == last => {
                    change.apply(&mut bytes, torn);
                }
                Survival::Before { .. } => {}
                Survival::Sectors { percent } => change.scatter(&mut bytes, percent, random),
            }
        }
        bytes
    }
}

impl Change {
    /// Does the change, or the first `most` bytes of it.
    fn apply(&self, bytes: &mut Vec<u8>, most: usize) {
        match self {
            Self::Write { offset, data } => put(bytes, *offset, &data[..data.len().min(most)]),
            Self::Truncate { size } => resize(bytes, *size),
        }
    }

    /// Does the change by sectors, each of which survives with `percent`.
    fn scatter(&self, bytes: &mut Vec<u8>, percent: u64, random: &mut Random) {
        let (offset, data) = match self {
            Self::Truncate { size } => {
                if random.chance(percent) {
                    resize(bytes, *size);
                }
                return;
            }
            Self::Write { offset, data } => (*offset, data),
        };
        let mut at = offset;
        let mut rest = &data[..];
        while !rest.is_empty() {
            let room = SECTOR - at % SECTOR;
            let (sector, later) = rest.split_at(rest.len().min(room as usize));
            if random.chance(percent) {
                put(bytes, at, sector);
            } else if random.chance(20) {
                put(bytes, at, &sector[..random.index(sector.len())]);
            } else if random.chance(10) {
                let garbage: Vec<u8> = sector.iter().map(|_| random.next() as u8).collect();
                put(bytes, at, &garbage);
            }
            at += room;
            rest = later;
        }
    }
}

/// Writes `data` at `offset`; what lies between the end and that is zero.
fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let start = offset as usize;
    let end = start + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(data);
}

fn resize(bytes: &mut Vec<u8>, size: u64) {
    bytes.resize(size as usize, 0);
}

#[test]
fn only_what_was_synced_is_sure_to_survive() {
    let random = &mut Random::new(1);
    let mut file = Content::default();
    file.write(0, 0, &[1; 1_024]);
    assert!(file.surviving(Survival::Nothing, random).is_empty());
    file.sync();
    file.write(1, 512, &[2; 1_024]);
    file.write(2, 0, &[3; 512]);
    file.truncate(3, 600);
    assert_eq!(file.surviving(Survival::Nothing, random), [1; 1_024]);
    let all = file.surviving(Survival::Everything, random);
    assert_eq!(all, [[3; 512].as_slice(), &[2; 88]].concat());
    let torn = Survival::Before { change: 2, torn: 3 };
    let torn = file.surviving(torn, random);
    assert_eq!(torn, [&[3; 3], [1; 509].as_slice(), &[2; 1_024]].concat());
}

#[test]
fn sectors_survive_in_any_combination() {
    let mut file = Content::synced(vec![1; 1_024]);
    file.write(0, 0, &[2; 1_024]);
    let mut seen = [false; 4];
    for seed in 0..1_000 {
        let some = Survival::Sectors { percent: 50 };
        let bytes = file.surviving(some, &mut Random::new(seed));
        for (n, (first, second)) in [(1, 1), (1, 2), (2, 1), (2, 2)].into_iter().enumerate() {
            let whole = bytes[..512] == [first; 512] && bytes[512..] == [second; 512];
            seen[n] |= whole;
        }
    }
    assert_eq!(seen, [true; 4]);
}
