use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::TaskType;

use super::Params;

/// A salted digest of what a task asks.
///
/// It lets whoever knows a task's type, text and params check that a record is about exactly those,
/// also after the text itself was deleted. Without the salt, a short text could be guessed from its
/// digest.
///
/// # Format
///
/// The digest is the SHA-256 of these bytes, one after the other:
///
/// 1. `ai-market/input/1` and a zero byte, which tell this format from others;
/// 2. the salt, 16 bytes;
/// 3. the task type, the text and the params, each in UTF-8 and preceded by its length in bytes as a
///    64-bit little-endian number. Params are in [canonical form](Params); a task without params has
///    an empty one.
///
/// The format is ai-market's own. The lengths keep two different inputs from having the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InputDigest {
    salt: [u8; Self::SALT_BYTES],
    digest: [u8; Self::DIGEST_BYTES],
}

impl InputDigest {
    /// The number of bytes of a salt.
    pub const SALT_BYTES: usize = 16;
    /// The number of bytes of a digest.
    pub const DIGEST_BYTES: usize = 32;

    const DOMAIN: &'static [u8] = b"ai-market/input/1\0";

    /// Computes the digest of an input with `salt`.
    #[must_use]
    pub fn compute(
        salt: [u8; Self::SALT_BYTES],
        task_type: &TaskType,
        text: &str,
        params: Option<&Params>,
    ) -> Self {
        let params = params.map_or("", Params::as_str);
        let mut hash = Sha256::new();
        hash.update(Self::DOMAIN);
        hash.update(salt);
        for part in [task_type.as_str(), text, params] {
            // OK because no text has 2^64 bytes.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self {
            salt,
            digest: hash.finalize().into(),
        }
    }

    /// A digest that was computed before, from its parts.
    #[must_use]
    pub const fn from_parts(
        salt: [u8; Self::SALT_BYTES],
        digest: [u8; Self::DIGEST_BYTES],
    ) -> Self {
        Self { salt, digest }
    }

    /// The salt.
    #[must_use]
    pub const fn salt(&self) -> &[u8; Self::SALT_BYTES] {
        &self.salt
    }

    /// The SHA-256.
    #[must_use]
    pub const fn digest(&self) -> &[u8; Self::DIGEST_BYTES] {
        &self.digest
    }

    /// Returns whether this is the digest of the given input.
    #[must_use]
    pub fn verify(&self, task_type: &TaskType, text: &str, params: Option<&Params>) -> bool {
        *self == Self::compute(self.salt, task_type, text, params)
    }
}

impl fmt::Debug for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputDigest")
            .field("salt", &HEXLOWER.encode(&self.salt))
            .field("digest", &HEXLOWER.encode(&self.digest))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = *b"0123456789abcdef";

    fn ner() -> TaskType {
        TaskType::ner()
    }

    #[test]
    fn the_format_does_not_change() {
        let params = "{\"a\":1}".parse().unwrap();
        let mut bytes = b"ai-market/input/1\0".to_vec();
        bytes.extend(SALT);
        bytes.extend(b"\x03\0\0\0\0\0\0\0ner");
        bytes.extend(b"\x06\0\0\0\0\0\0\0h\xc3\xa9llo");
        bytes.extend(b"\x07\0\0\0\0\0\0\0{\"a\":1}");
        let digest = InputDigest::compute(SALT, &ner(), "héllo", Some(&params));
        assert_eq!(digest.digest()[..], Sha256::digest(&bytes)[..]);
        assert_eq!(digest.salt(), &SALT);
        // Computed with another implementation of SHA-256.
        let expected = "f8bd7c6edbbf3f3f7a4ec20c45f422109d98123ae6ee4fcde0908ef06dc60c35";
        assert_eq!(HEXLOWER.encode(digest.digest()), expected);
    }

    #[test]
    fn every_part_counts() {
        let params: Params = "{}".parse().unwrap();
        let digest = InputDigest::compute(SALT, &ner(), "a text", Some(&params));
        assert!(digest.verify(&ner(), "a text", Some(&params)));
        assert!(!digest.verify(&ner(), "a text", None));
        assert!(!digest.verify(&ner(), "a text.", Some(&params)));
        assert!(!digest.verify(&TaskType::sentiment(), "a text", Some(&params)));
        let other = InputDigest::compute([0; 16], &ner(), "a text", Some(&params));
        assert_ne!(other.digest(), digest.digest());
        let restored = InputDigest::from_parts(*digest.salt(), *digest.digest());
        assert_eq!(restored, digest);
    }

    #[test]
    fn a_part_cannot_reach_into_the_next() {
        let params: Params = "{}".parse().unwrap();
        let apart = InputDigest::compute(SALT, &ner(), "a", Some(&params));
        let joined = InputDigest::compute(SALT, &ner(), "a{}", None);
        assert_ne!(apart, joined);
    }
}
