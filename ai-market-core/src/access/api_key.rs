use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD_NOCASE;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{KeyId, Role};

/// A key as its holder has it: `aim_ROLE_ID_SECRETCHECK`.
///
/// - `aim_` and the role make it recognisable, to people and to scanners for leaked secrets;
/// - the id, 16 characters, names it in lists and logs;
/// - the secret, 32 characters, is 160 random bits;
/// - the check, 7 characters, is the CRC-32 of all before it, so that a mistyped or cut key is told
///   from a wrong one without looking anything up.
///
/// Neither `Debug` nor an error shows the secret; [`reveal`](Self::reveal) is the one way to it.
#[derive(Clone)]
pub struct ApiKey {
    role: Role,
    id: KeyId,
    secret: [u8; 20],
}

/// What is kept of a key's secret: its SHA-256.
///
/// The secret has 160 random bits, so that a fast hash is enough: there is nothing to guess.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// A text that is no key.
///
/// It does not say what the text was, since it may be most of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidApiKey {
    /// It does not look like a key.
    #[error("this is no API key; one looks like aim_worker_...")]
    Form,
    /// It looks like a key, but was mistyped or cut.
    #[error("this API key was mistyped or is not complete")]
    Check,
}

const PREFIX: &str = "aim";
const SECRET_LENGTH: usize = 32;
const CHECK_LENGTH: usize = 7;

fn check(text: &str) -> String {
    let crc = crc32fast::hash(text.as_bytes());
    BASE32_NOPAD_NOCASE
        .encode(&crc.to_be_bytes())
        .to_ascii_lowercase()
}

impl ApiKey {
    /// Makes a random key.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn random(role: Role) -> std::io::Result<Self> {
        let mut secret = [0; 20];
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        Ok(Self {
            role,
            id: KeyId::random()?,
            secret,
        })
    }

    /// The role that the key names; what counts is the role in its record.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The key's id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What is kept of the secret.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.secret).into())
    }

    /// The key as text, with its secret, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        let secret = BASE32_NOPAD_NOCASE
            .encode(&self.secret)
            .to_ascii_lowercase();
        let text = format!("{PREFIX}_{}_{}_{secret}", self.role, self.id);
        let check = check(&text);
        text + &check
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let form = InvalidApiKey::Form;
        let mut parts = text.split('_');
        let [prefix, role, id, tail] = [(); 4].map(|()| parts.next().unwrap_or_default());
        if prefix != PREFIX || parts.next().is_some() {
            return Err(form);
        }
        let role: Role = role.parse().map_err(|_| form)?;
        if !text.is_ascii() || tail.len() != SECRET_LENGTH + CHECK_LENGTH {
            return Err(InvalidApiKey::Check);
        }
        let (whole, given) = text.split_at(text.len() - CHECK_LENGTH);
        if check(whole) != given {
            return Err(InvalidApiKey::Check);
        }
        let id = id.parse().map_err(|_| form)?;
        let secret = &tail.as_bytes()[..SECRET_LENGTH];
        let secret = BASE32_NOPAD_NOCASE.decode(secret).map_err(|_| form)?;
        let secret = secret.try_into().map_err(|_| form)?;
        let key = Self { role, id, secret };
        // One key has one text: no upper case, no stray bits.
        if key.reveal() == text {
            Ok(key)
        } else {
            Err(form)
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({PREFIX}_{}_{}_...)", self.role, self.id)
    }
}

impl KeyHash {
    /// The hash with these bytes, as [`as_bytes`](Self::as_bytes) gave them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for KeyHash {
    /// Takes the same time whatever the two have in common.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(...)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_revealed() {
        for role in Role::ALL {
            let key = ApiKey::random(role).unwrap();
            let text = key.reveal();
            assert!(text.starts_with(&format!("aim_{role}_")), "{role}");
            let read: ApiKey = text.parse().unwrap();
            assert_eq!((read.role(), read.id()), (role, key.id()));
            assert_eq!(read.hash(), key.hash());
        }
    }

    #[test]
    fn two_keys_differ() {
        let keys = [(); 2].map(|()| ApiKey::random(Role::Client).unwrap());
        assert_ne!(keys[0].id(), keys[1].id());
        assert_ne!(keys[0].hash(), keys[1].hash());
    }

    #[test]
    fn nothing_shows_the_secret() {
        let key = ApiKey::random(Role::Admin).unwrap();
        let text = key.reveal();
        let secret = text.rsplit('_').next().unwrap();
        let shown = format!("{key:?} {:?} {}", key.hash(), InvalidApiKey::Check);
        assert!(!shown.contains(&secret[..8]), "{shown}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "",
            "aim",
            "aim_",
            "aim_worker",
            "aim_god_x_y",
            "Bearer x",
            "aim_worker___",
        ] {
            assert!(bad.parse::<ApiKey>().is_err(), "{bad}");
        }
        let text = ApiKey::random(Role::Client).unwrap().reveal();
        assert!(text.to_ascii_uppercase().parse::<ApiKey>().is_err());
        assert!(format!("{text} ").parse::<ApiKey>().is_err());
        assert!(text[..text.len() - 1].parse::<ApiKey>().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_wrong_character_is_noticed(at in 0_usize..80, with in "[a-z2-7_]") {
            let text = ApiKey::random(Role::Worker).unwrap().reveal();
            let at = at % text.len();
            let mut wrong = text.clone();
            wrong.replace_range(at..=at, &with);
            prop_assume!(wrong != text);
            prop_assert!(wrong.parse::<ApiKey>().is_err());
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,100}|aim_(admin|worker)_[a-z2-7_]{0,90}") {
            let _ = text.parse::<ApiKey>();
        }
    }
}
