use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::random::Random;

use super::Survival;

/// The names of a folder: what was synced, and the changes since.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// For each name the files that it named since the last sync, the first of them durably.
    names: BTreeMap<OsString, Vec<Option<usize>>>,
}

impl Folder {
    /// A folder that lies on the disk.
    pub(crate) fn synced(names: impl IntoIterator<Item = (OsString, usize)>) -> Self {
        let names = names.into_iter();
        Self {
            names: names.map(|(name, file)| (name, vec![Some(file)])).collect(),
        }
    }

    /// The file of this name.
    pub(crate) fn get(&self, name: &OsStr) -> Option<usize> {
        *self.names.get(name)?.last()?
    }

    /// Gives the name to a file, or to none.
    pub(crate) fn set(&mut self, name: &OsStr, file: Option<usize>) {
        let states = self.names.entry(name.to_owned());
        states.or_insert_with(|| vec![None]).push(file);
    }

    /// Makes all changes durable.
    pub(crate) fn sync(&mut self) {
        for states in self.names.values_mut() {
            states.drain(..states.len().saturating_sub(1));
        }
    }

    /// The names that are left, with their files. Each name by itself is as it was at some moment
    /// since the last sync.
    pub(crate) fn surviving(
        &self,
        survival: Survival,
        random: &mut Random,
    ) -> BTreeMap<OsString, usize> {
        let mut left = BTreeMap::new();
        for (name, states) in &self.names {
            let state = match survival {
                Survival::Nothing => 0,
                Survival::Everything => states.len() - 1,
                Survival::Before { .. } | Survival::Sectors { .. } => random.index(states.len()),
            };
            if let Some(file) = states[state] {
                left.insert(name.clone(), file);
            }
        }
        left
    }
}

#[test]
fn names_are_sure_only_after_a_sync_of_the_folder() {
    let random = &mut Random::new(1);
    let name = OsStr::new("a");
    let mut folder = Folder::default();
    folder.set(name, Some(7));
    assert_eq!(folder.get(name), Some(7));
    assert!(folder.surviving(Survival::Nothing, random).is_empty());
    folder.sync();
    folder.set(name, None);
    assert_eq!(folder.get(name), None);
    assert_eq!(folder.surviving(Survival::Nothing, random)[name], 7);
    assert!(folder.surviving(Survival::Everything, random).is_empty());
}
