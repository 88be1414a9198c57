use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;

use libsqlite3_sys as ffi;

use crate::{Disk, Handle};

/// The front of a file in a mounted folder, as SQLite sees it. The parent's file follows it.
#[repr(C)]
struct Header {
    base: ffi::sqlite3_file,
    /// From [`Box::into_raw`], until the file is closed.
    watched: *mut Watched,
}

/// The size of the [`Header`]. It is a multiple of eight, as the alignment of what follows must be.
pub(crate) const HEADER: c_int = size_of::<Header>() as c_int;

const _: () = assert!(HEADER % 8 == 0);

struct Watched {
    disk: Arc<dyn Disk>,
    handle: Handle,
}

/// Version 2: with shared memory, but without memory-mapped pages, which the disk would not see.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes the front of a file, and returns where the parent is to open its own.
///
/// # Safety
///
/// `file` has room for the header and for a file of the parent behind it.
pub(crate) unsafe fn begin(
    file: *mut ffi::sqlite3_file,
    disk: Arc<dyn Disk>,
    handle: Handle,
) -> *mut ffi::sqlite3_file {
    let header = Header {
        base: ffi::sqlite3_file { pMethods: &METHODS },
        watched: Box::into_raw(Box::new(Watched { disk, handle })),
    };
    // SAFETY: The caller promises the room; SQLite aligns files by eight.
    unsafe { file.cast::<Header>().write(header) };
    // SAFETY: As above.
    unsafe { behind(file) }
}

/// Takes back what [`begin`] did, after the parent has not opened its file or has closed it.
///
/// # Safety
///
/// `file` was begun, is not used by anybody, and was not abandoned before.
pub(crate) unsafe fn abandon(file: *mut ffi::sqlite3_file) {
    let header = file.cast::<Header>();
    // SAFETY: The caller promises a file that was begun.
    let watched = unsafe { (*header).watched };
    // SAFETY: It came from a box, and this is the only place that takes it back.
    drop(unsafe { Box::from_raw(watched) });
    // SAFETY: As above. SQLite does not close a file without methods.
    unsafe { (*file).pMethods = ptr::null() };
}

/// Where the parent's file is.
///
/// # Safety
///
/// `file` has room for the header and for a file of the parent behind it.
unsafe fn behind(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: The caller promises that this is within the same allocation.
    unsafe { file.cast::<Header>().add(1) }.cast()
}

/// The two parts of a file that is open.
///
/// # Safety
///
/// `file` was begun, the parent has opened its own, and it is not closed for as long as the result
/// is used.
unsafe fn parts<'a>(
    file: *mut ffi::sqlite3_file,
) -> (
    &'a Watched,
    *mut ffi::sqlite3_file,
    &'a ffi::sqlite3_io_methods,
) {
    // SAFETY: The caller promises a file that was begun.
    let watched = unsafe { (*file.cast::<Header>()).watched };
    // SAFETY: It is there until the file is closed.
    let watched = unsafe { &*watched };
    // SAFETY: As promised.
    let inner = unsafe { behind(file) };
    // SAFETY: The parent has opened its file.
    let methods = unsafe { (*inner).pMethods };
    // SAFETY: Methods of a VFS live at least as long as its open files.
    (watched, inner, unsafe { &*methods })
}

/// Defines a method that asks the disk, where it is to be asked, and then calls the parent's.
macro_rules! method {
    (
        $name:ident, $parent:ident, ($($arg:ident: $type:ty),*),
        $(ask $ask:expr,)? or $code:expr
    ) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $arg: $type)*) -> c_int {
            // SAFETY: SQLite calls this with a file that is open, and does not close it meanwhile.
            let (_watched, inner, methods) = unsafe { parts(file) };
            $(
                let ask: fn(&Watched) -> bool = $ask;
                if !ask(_watched) {
                    return $code;
                }
            )?
            match methods.$parent {
                // SAFETY: These are SQLite's arguments, but for `inner`, which the parent opened.
                Some(method) => unsafe { method(inner $(, $arg)*) },
                None => $code,
            }
        }
    };
}

/// Whether the disk lets an operation pass that changes nothing.
fn may_look(watched: &Watched) -> bool {
    watched.disk.look().is_ok()
}

method!(read, xRead, (buffer: *mut c_void, amount: c_int, offset: i64),
    ask may_look, or ffi::SQLITE_IOERR_READ);
method!(file_size, xFileSize, (size: *mut i64), ask may_look, or ffi::SQLITE_IOERR_FSTAT);
method!(lock, xLock, (level: c_int), ask may_look, or ffi::SQLITE_IOERR_LOCK);
// Locks are given back and memory is let go also when the disk is gone.
method!(unlock, xUnlock, (level: c_int), or ffi::SQLITE_IOERR_UNLOCK);
method!(check_reserved_lock, xCheckReservedLock, (held: *mut c_int),
    ask may_look, or ffi::SQLITE_IOERR_CHECKRESERVEDLOCK);
method!(file_control, xFileControl, (operation: c_int, argument: *mut c_void),
    or ffi::SQLITE_NOTFOUND);
method!(sector_size, xSectorSize, (), or 4_096);
method!(device_characteristics, xDeviceCharacteristics, (), or 0);
method!(shm_map, xShmMap, (page: c_int, size: c_int, extend: c_int, memory: *mut *mut c_void),
    ask may_look, or ffi::SQLITE_IOERR_SHMMAP);
method!(shm_unmap, xShmUnmap, (delete: c_int), or ffi::SQLITE_OK);

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that is open.
    let (_, inner, methods) = unsafe { parts(file) };
    let code = match methods.xClose {
        // SAFETY: The parent opened it.
        Some(method) => unsafe { method(inner) },
        None => ffi::SQLITE_OK,
    };
    // SAFETY: The parent has closed its file, and SQLite uses it no more.
    unsafe { abandon(file) };
    code
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite calls this with a file that is open, and does not close it meanwhile.
    let (watched, inner, methods) = unsafe { parts(file) };
    let (Ok(length), Ok(at)) = (usize::try_from(amount), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite passes a buffer of `amount` bytes.
    let data = unsafe { slice::from_raw_parts(buffer.cast::<u8>(), length) };
    if watched.disk.write(watched.handle, at, data).is_err() {
        return ffi::SQLITE_IOERR_WRITE;
    }
    match methods.xWrite {
        // SAFETY: These are SQLite's arguments, but for `inner`, which the parent opened.
        Some(method) => unsafe { method(inner, buffer, amount, offset) },
        None => ffi::SQLITE_IOERR_WRITE,
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: SQLite calls this with a file that is open, and does not close it meanwhile.
    let (watched, inner, methods) = unsafe { parts(file) };
    let taken = u64::try_from(size).is_ok_and(|to| {
        let truncated = watched.disk.truncate(watched.handle, to);
        truncated.is_ok()
    });
    match methods.xTruncate {
        // SAFETY: These are SQLite's arguments, but for `inner`, which the parent opened.
        Some(method) if taken => unsafe { method(inner, size) },
        _ => ffi::SQLITE_IOERR_TRUNCATE,
    }
}

/// Syncs only the disk: nothing in a test outlives the machine, and real syncs take long.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite calls this with a file that is open, and does not close it meanwhile.
    let (watched, _, _) = unsafe { parts(file) };
    match watched.disk.sync(watched.handle) {
        Ok(()) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_IOERR_FSYNC,
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    n: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite calls this with a file that is open, and does not close it meanwhile.
    let (watched, inner, methods) = unsafe { parts(file) };
    if flags & ffi::SQLITE_SHM_LOCK != 0 && !may_look(watched) {
        return ffi::SQLITE_IOERR_SHMLOCK;
    }
    match methods.xShmLock {
        // SAFETY: These are SQLite's arguments, but for `inner`, which the parent opened.
        Some(method) => unsafe { method(inner, offset, n, flags) },
        None => ffi::SQLITE_IOERR_SHMLOCK,
    }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: SQLite calls this with a file that is open, and does not close it meanwhile.
    let (_, inner, methods) = unsafe { parts(file) };
    if let Some(method) = methods.xShmBarrier {
        // SAFETY: The parent opened it.
        unsafe { method(inner) };
    }
}
