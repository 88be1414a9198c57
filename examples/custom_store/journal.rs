use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// The file cannot be read or written.
    #[error("the journal {} cannot be used", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// Another process has it open.
    #[error("the journal {} is in use", .0.display())]
    InUse(PathBuf),
    /// A whole line is not one of this journal.
    #[error("line {line} of the journal {} cannot be read", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A step does not do again what it did.
    #[error(
        "line {line} of the journal {} does not say what is decided now; it must be opened with the policies that it was written under",
        path.display()
    )]
    Differs {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
}

/// A file of JSON lines that is being read, from the beginning.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    text: Vec<u8>,
    line: u64,
    /// How many bytes the whole lines have that were read.
    whole: u64,
}

impl Lines {
    /// Opens a file for this process alone, or makes one.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let fails = |error| OpenError::File(path.to_owned(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(fails)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(fails(error)),
        }
        sync_folder_of(path).map_err(fails)?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(file),
            text: Vec::new(),
            line: 0,
            whole: 0,
        })
    }

    /// The next line that was written to its end.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, OpenError> {
        self.text.clear();
        let read = self.reader.read_until(b'\n', &mut self.text);
        let bytes = read.map_err(|error| OpenError::File(self.path.clone(), error))?;
        if !self.text.ends_with(b"\n") {
            return Ok(None);
        }
        self.whole += bytes as u64;
        self.line += 1;
        let value = serde_json::from_slice(&self.text);
        value.map(Some).map_err(|source| OpenError::Damaged {
            path: self.path.clone(),
            line: self.line,
            source,
        })
    }

    /// That the line read last does not fit.
    pub(crate) fn differs(&self) -> OpenError {
        OpenError::Differs {
            path: self.path.clone(),
            line: self.line,
        }
    }

    /// Ends reading, and cuts off a last line that is not whole: nobody was told that it is there.
    pub(crate) fn into_journal(self) -> Result<Journal, OpenError> {
        let mut file = self.reader.into_inner();
        let cut = (|| {
            file.set_len(self.whole)?;
            file.seek(SeekFrom::End(0))?;
            file.sync_all()
        })();
        cut.map_err(|error| OpenError::File(self.path, error))?;
        Ok(Journal { file, intact: true })
    }
}

/// A new file is there after a loss of power only when its folder was synced.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// A file of JSON lines that is being written, at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Whether what is in the file is known, and was taken.
    intact: bool,
}

impl Journal {
    /// Writes a line for a step that is about to be taken, and returns once it is safe on the disk.
    ///
    /// Unless the step was [`done`](Self::done), nothing is written any more: after an error nobody
    /// knows how much of the line is there, and opening the file again finds out.
    pub(crate) fn begin(&mut self, line: &impl Serialize) -> io::Result<()> {
        if !self.intact {
            return Err(io::Error::other("an earlier step was not written or taken"));
        }
        self.intact = false;
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_data()
    }

    /// The step of the line was taken.
    pub(crate) fn done(&mut self) {
        self.intact = true;
    }
}
