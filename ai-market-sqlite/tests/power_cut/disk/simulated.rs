use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ai_market_test_vfs::{Disk, Handle, Refused};

use crate::random::Random;

use super::Survival;
use super::content::Content;
use super::folder::Folder;

/// The files that a disk has when its power comes back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image(BTreeMap<OsString, Vec<u8>>);

impl Image {
    /// Writes the files into a folder, as a user finds them.
    pub(crate) fn write_to(&self, folder: &Path) {
        for (name, bytes) in &self.0 {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }

    /// The names of the files and their sizes.
    pub(crate) fn sizes(&self) -> Vec<(&OsStr, usize)> {
        let files = self.0.iter();
        files
            .map(|(name, bytes)| (name.as_os_str(), bytes.len()))
            .collect()
    }
}

/// When the power is cut: at this operation, counted from 1, of all or of those on one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutAt {
    pub(crate) file: Option<&'static str>,
    pub(crate) operation: u64,
}

/// A disk whose power is cut at some operation.
///
/// An operation is one that changes files: a creation, a write, a truncation, a sync, a deletion. The
/// one at which the power is cut is in progress at that moment: it fails, but may survive, in part or
/// whole. Every later one fails, also if it would only read, and changes nothing.
///
/// A sync makes the file durable; names are durable after a sync of the folder, which SQLite does after
/// it deletes a journal and at the first sync of a new journal or log. The store itself syncs the
/// folder of a new database, of which this disk does not learn: it is stricter than a real one there.
#[derive(Debug)]
pub(crate) struct SimulatedDisk {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    files: Vec<Content>,
    folder: Folder,
    open: Vec<Open>,
    operations: u64,
    cut_at: Option<CutAt>,
    is_cut: bool,
    /// The file of the operation at which the power was cut.
    cut_in: Option<OsString>,
    is_lying: bool,
}

#[derive(Debug)]
struct Open {
    name: OsString,
    file: usize,
    /// Whether the next sync is one of the folder, too.
    syncs_folder: bool,
}

impl SimulatedDisk {
    /// A disk with these files, whose power is cut at `cut_at`.
    pub(crate) fn new(image: &Image, cut_at: Option<CutAt>) -> Self {
        let names = image.0.keys().cloned();
        let state = State {
            files: image.0.values().cloned().map(Content::synced).collect(),
            folder: Folder::synced(names.zip(0..)),
            open: Vec::new(),
            operations: 0,
            cut_at,
            is_cut: false,
            cut_in: None,
            is_lying: false,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // OK because a panic under the lock has failed the test.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the power now.
    pub(crate) fn cut(&self) {
        self.state().is_cut = true;
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// The file of the operation at which the power was cut, unless it was between two.
    pub(crate) fn cut_in(&self) -> Option<OsString> {
        self.state().cut_in.clone()
    }

    /// How many operations it was asked for until it was cut.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets every later sync return without having made anything durable.
    pub(crate) fn lie(&self) {
        self.state().is_lying = true;
    }

    /// What is left after the power was cut.
    pub(crate) fn surviving(&self, survival: Survival, random: &mut Random) -> Image {
        let state = self.state();
        let mut files = BTreeMap::new();
        for (name, file) in state.folder.surviving(survival, random) {
            files.insert(name, state.files[file].surviving(survival, random));
        }
        Image(files)
    }
}

impl State {
    /// Counts an operation on the file `name`, and cuts the power if it is the one.
    ///
    /// Fails when the power is off. Returns whether the operation succeeds: one at which the power is
    /// cut does not, but is to be noted.
    fn begin(&mut self, name: &OsStr) -> Result<Result<(), Refused>, Refused> {
        self.look()?;
        self.operations += 1;
        if let Some(at) = &mut self.cut_at
            && at.file.is_none_or(|file| file == name)
        {
            at.operation -= 1;
            if at.operation == 0 {
                self.is_cut = true;
                self.cut_in = Some(name.to_owned());
            }
        }
        Ok(self.look())
    }

    /// The same for an open file.
    fn begin_in(&mut self, handle: Handle) -> Result<Result<(), Refused>, Refused> {
        let open = self.open.get(handle as usize).ok_or(Refused)?;
        self.begin(&open.name.clone())
    }

    fn look(&self) -> Result<(), Refused> {
        if self.is_cut { Err(Refused) } else { Ok(()) }
    }

    fn content(&mut self, handle: Handle) -> Result<&mut Content, Refused> {
        let open = self.open.get(handle as usize).ok_or(Refused)?;
        Ok(&mut self.files[open.file])
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, name: &OsStr, create: bool, sync_folder: bool) -> Result<Handle, Refused> {
        let mut state = self.state();
        let file = match state.folder.get(name) {
            Some(file) => {
                state.look()?;
                file
            }
            None if create => {
                let succeeds = state.begin(name)?;
                let file = state.files.len();
                state.files.push(Content::default());
                state.folder.set(name, Some(file));
                succeeds?;
                file
            }
            // SQLite learns from the real folder that it is not there.
            None => return Ok(Handle::MAX),
        };
        state.open.push(Open {
            name: name.to_owned(),
            file,
            syncs_folder: sync_folder,
        });
        Ok(state.open.len() as Handle - 1)
    }

    fn write(&self, file: Handle, offset: u64, data: &[u8]) -> Result<(), Refused> {
        let mut state = self.state();
        let succeeds = state.begin_in(file)?;
        let number = state.operations;
        state.content(file)?.write(number, offset, data);
        succeeds
    }

    fn truncate(&self, file: Handle, size: u64) -> Result<(), Refused> {
        let mut state = self.state();
        let succeeds = state.begin_in(file)?;
        let number = state.operations;
        state.content(file)?.truncate(number, size);
        succeeds
    }

    fn sync(&self, file: Handle) -> Result<(), Refused> {
        let mut state = self.state();
        state.begin_in(file)??;
        if state.is_lying {
            return Ok(());
        }
        state.content(file)?.sync();
        let open = &mut state.open[file as usize];
        if std::mem::take(&mut open.syncs_folder) {
            state.folder.sync();
        }
        Ok(())
    }

    fn delete(&self, name: &OsStr, sync_folder: bool) -> Result<(), Refused> {
        let mut state = self.state();
        if state.folder.get(name).is_none() {
            return state.look();
        }
        let succeeds = state.begin(name)?;
        state.folder.set(name, None);
        succeeds?;
        if sync_folder && !state.is_lying {
            state.folder.sync();
        }
        Ok(())
    }

    fn look(&self) -> Result<(), Refused> {
        self.state().look()
    }
}
