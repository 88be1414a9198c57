use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use libsqlite3_sys as ffi;

use crate::Disk;
use crate::file;
use crate::mount::disk_of;

const NAME: &CStr = c"ai-market-test";

/// The VFS that was the default; null until [`install`] has found it.
static PARENT: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// The files whose first sync must sync their folder, as in SQLite's own VFS for unix.
const JOURNALS: c_int =
    ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// Makes this VFS the default of the process, once. Fails with SQLite's code.
pub(crate) fn install() -> Result<(), c_int> {
    static INSTALLED: OnceLock<Result<(), c_int>> = OnceLock::new();
    *INSTALLED.get_or_init(register)
}

fn register() -> Result<(), c_int> {
    // SAFETY: null asks for the default VFS.
    let parent = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if parent.is_null() {
        return Err(ffi::SQLITE_NOTFOUND);
    }
    // Functions that know no file (time, randomness, full paths, shared libraries) are the
    // parent's. It shares them between several VFSs itself, so they do not mind whose they are.
    //
    // SAFETY: SQLite keeps a registered VFS for ever, and the parent is never unregistered.
    let mut vfs = unsafe { *parent };
    vfs.szOsFile += file::HEADER;
    vfs.zName = NAME.as_ptr();
    vfs.pNext = ptr::null_mut();
    vfs.xOpen = Some(open);
    vfs.xDelete = Some(delete);
    vfs.xAccess = Some(access);
    PARENT.store(parent, Ordering::Release);
    // It is leaked because SQLite keeps it.
    let vfs = Box::into_raw(Box::new(vfs));
    // SAFETY: The VFS lives for ever, and its functions do what SQLite asks of them.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 1) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(code),
    }
}

/// The VFS that this one wraps.
fn parent() -> &'static ffi::sqlite3_vfs {
    let parent = PARENT.load(Ordering::Acquire);
    // SAFETY: It was set before SQLite knew any function of this module, to a VFS that SQLite keeps
    // for ever and changes only (in `pNext`) while another one is registered, which no test does.
    unsafe { &*parent }
}

/// The disk under a file that SQLite names, and the file's name on it.
///
/// # Safety
///
/// `path` is null or a C string.
unsafe fn find(path: *const c_char) -> Option<(Arc<dyn Disk>, OsString)> {
    if path.is_null() {
        // A temporary file without a name.
        return None;
    }
    // SAFETY: The caller promises a C string.
    let path = unsafe { CStr::from_ptr(path) };
    disk_of(OsStr::from_bytes(path.to_bytes()))
}

/// `xOpen`.
unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let Some(parent_open) = parent().xOpen else {
        return ffi::SQLITE_CANTOPEN;
    };
    let vfs = ptr::from_ref(parent()).cast_mut();
    // SAFETY: SQLite passes null or a C string.
    let Some((disk, name)) = (unsafe { find(path) }) else {
        // SAFETY: These are SQLite's arguments, and `file` has room for more than the parent's file.
        return unsafe { parent_open(vfs, path, file, flags, flags_out) };
    };
    let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
    let sync_folder = create && flags & JOURNALS != 0;
    let Ok(handle) = disk.open(&name, create, sync_folder) else {
        // SAFETY: `file` has room for a file; SQLite does not close one without methods.
        unsafe { (*file).pMethods = ptr::null() };
        return ffi::SQLITE_IOERR;
    };
    // SAFETY: `file` has room for our header and the parent's file.
    let inner = unsafe { file::begin(file, disk, handle) };
    // SAFETY: These are SQLite's arguments, but for `inner`, which has room for the parent's file.
    let code = unsafe { parent_open(vfs, path, inner, flags, flags_out) };
    if code != ffi::SQLITE_OK {
        // SAFETY: It was begun just now, and the parent has not opened its part.
        unsafe { file::abandon(file) };
    }
    code
}

/// `xDelete`.
unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    sync_folder: c_int,
) -> c_int {
    let Some(parent_delete) = parent().xDelete else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    let vfs = ptr::from_ref(parent()).cast_mut();
    // SAFETY: SQLite passes a C string.
    let found = unsafe { find(path) };
    let mut sync = sync_folder;
    if let Some((disk, name)) = found {
        if disk.delete(&name, sync_folder & 1 != 0).is_err() {
            return ffi::SQLITE_IOERR_DELETE;
        }
        sync = 0;
    }
    // SAFETY: These are SQLite's arguments.
    unsafe { parent_delete(vfs, path, sync) }
}

/// `xAccess`.
unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    found: *mut c_int,
) -> c_int {
    let Some(parent_access) = parent().xAccess else {
        return ffi::SQLITE_IOERR_ACCESS;
    };
    // SAFETY: SQLite passes a C string.
    if let Some((disk, _)) = unsafe { find(path) }
        && disk.look().is_err()
    {
        return ffi::SQLITE_IOERR_ACCESS;
    }
    // SAFETY: These are SQLite's arguments.
    unsafe { parent_access(ptr::from_ref(parent()).cast_mut(), path, flags, found) }
}
