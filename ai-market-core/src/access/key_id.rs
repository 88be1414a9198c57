use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD_NOCASE;
use serde::{Deserialize, Serialize};

/// Names a key without revealing it: 16 characters `a-z2-7`, random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 10]);

/// A text that is no key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 16 characters from a to z and 2 to 7")]
pub struct InvalidKeyId;

impl KeyId {
    /// How many characters an id has.
    pub const LENGTH: usize = 16;

    /// Makes a random id.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(bytes))
    }

    /// The ten bytes of the id; their order is the order of ids.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }

    /// The id with these ten bytes, as [`as_bytes`](Self::as_bytes) gave them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 10]) -> Self {
        Self(bytes)
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        if text.len() != Self::LENGTH || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidKeyId);
        }
        let bytes = BASE32_NOPAD_NOCASE
            .decode(text.as_bytes())
            .map_err(|_| InvalidKeyId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidKeyId)
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKeyId;

    fn try_from(text: String) -> Result<Self, InvalidKeyId> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD_NOCASE.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}
