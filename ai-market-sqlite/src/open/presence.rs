use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::OpenError;
use super::file::{Found, inspect};

/// The databases that this process has open, or is about to open.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Place>>>> = LazyLock::new(Mutex::default);

/// That this process has a database open, or is about to; held for as long as any connection.
///
/// SQLite locks a database with locks that belong to the process: whoever opens and closes the file
/// beside SQLite takes them from every connection of the process. Another process that closes the
/// database may then think that it is the last one, and delete the log that this one writes. So the
/// file is [inspected](inspect) only before the first connection, and all that open one database
/// take turns.
#[derive(Debug)]
pub(crate) struct Presence(Arc<Place>);

#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// Whether anybody has come to open it.
    open: Mutex<bool>,
}

/// The turn of one that opens the database.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    found: Found,
    open: MutexGuard<'a, bool>,
}

impl Presence {
    /// At the database at `path`, in which links are resolved.
    pub(super) fn of(path: &Path) -> Self {
        // OK because nothing panics under the lock.
        let mut places = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(path).and_then(Weak::upgrade) {
            return Self(place);
        }
        places.retain(|_, place| place.strong_count() > 0);
        let place = Arc::new(Place {
            path: path.to_owned(),
            open: Mutex::new(false),
        });
        places.insert(path.to_owned(), Arc::downgrade(&place));
        Self(place)
    }

    /// Waits for its turn to open the database, and looks at what there is.
    pub(super) fn enter(&self) -> Result<Opening<'_>, OpenError> {
        // OK because whoever panicked has not come to say that it opened the database.
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = if *open {
            Found::Ours
        } else {
            inspect(&self.0.path)?
        };
        Ok(Opening { found, open })
    }
}

impl Opening<'_> {
    /// What there is at the path.
    pub(super) fn found(&self) -> Found {
        self.found
    }

    /// Says that the database is open.
    pub(super) fn done(mut self) {
        *self.open = true;
    }
}
