use std::cell::RefCell;

use crate::id::TaskId;

use super::InputDigest;

/// The salt of an input digest.
type Salt = [u8; InputDigest::SALT_BYTES];

/// How many salts are drawn at a time: one call of the operating system costs as much as a good part
/// of putting a task in.
const DRAWN: usize = 64;

thread_local! {
    /// Salts that this thread has drawn and not given away yet.
    static SALTS: RefCell<Vec<Salt>> = const { RefCell::new(Vec::new()) };
}

/// A random salt. Where the operating system gives no random bytes, it consists of the random bits of
/// the task's id.
pub(super) fn random_salt(id: TaskId) -> Salt {
    SALTS.with_borrow_mut(|salts| {
        if salts.is_empty() {
            *salts = draw().unwrap_or_default();
        }
        salts.pop().unwrap_or_else(|| {
            let mut salt = Salt::default();
            // Without the time, which the first six bytes of an id are.
            salt[6..].copy_from_slice(&id.as_bytes()[6..]);
            salt
        })
    })
}

fn draw() -> Result<Vec<Salt>, getrandom::Error> {
    let mut salts = vec![Salt::default(); DRAWN];
    getrandom::fill(salts.as_flattened_mut())?;
    Ok(salts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_salt_comes_twice() {
        let id = TaskId::from_bytes([1; 16]);
        let draw = move || (0..3 * DRAWN).map(|_| random_salt(id)).collect::<Vec<_>>();
        let elsewhere = std::thread::spawn(draw).join().unwrap();
        let salts = draw().into_iter().chain(elsewhere);
        let different: BTreeSet<_> = salts.collect();
        assert_eq!(different.len(), 6 * DRAWN);
    }
}
