use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name that breaks the rule of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {problem}")]
pub struct InvalidName {
    kind: &'static str,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("is empty")]
    Empty,
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    #[error("begins or ends with white space")]
    Padded,
    #[error("contains the control character {0:?}")]
    Control(char),
    #[error("contains {0:?}; letters, digits and . _ - : / are allowed")]
    Character(char),
}

/// Which characters a kind of name may hold.
#[derive(Clone, Copy)]
enum Alphabet {
    /// Any text without control characters and without white space around it.
    Line,
    /// Any text that is more than white space, without control characters.
    Note,
    /// Any text that is more than white space; the NUL character is not allowed.
    Text,
    /// ASCII letters, digits and `. _ - : /`.
    Token,
}

fn check(
    kind: &'static str,
    text: &str,
    max_bytes: usize,
    alphabet: Alphabet,
) -> Result<(), InvalidName> {
    let problem = if text.trim().is_empty() {
        Some(Problem::Empty)
    } else if text.len() > max_bytes {
        Some(Problem::TooLong(max_bytes))
    } else {
        match alphabet {
            Alphabet::Line if text.trim().len() != text.len() => Some(Problem::Padded),
            Alphabet::Line | Alphabet::Note => {
                text.chars().find(|c| c.is_control()).map(Problem::Control)
            }
            Alphabet::Text => text.chars().find(|c| *c == '\0').map(Problem::Control),
            Alphabet::Token => text
                .chars()
                .find(|c| !(c.is_ascii_alphanumeric() || "._-:/".contains(*c)))
                .map(Problem::Character),
        }
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(InvalidName { kind, problem }),
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $kind:literal, $max:literal, $alphabet:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most bytes of UTF-8 that such a name may have.
            pub const MAX_BYTES: usize = $max;

            /// Checks `text` and makes it a name.
            ///
            /// # Errors
            ///
            /// [`InvalidName`] when the text breaks the rule that the type's documentation states.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidName> {
                let text = text.into();
                check($kind, &text, Self::MAX_BYTES, Alphabet::$alphabet)?;
                Ok(Self(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

names! {
    /// Names a worker: 1 to 128 bytes without control characters or white space around them.
    WorkerId: "the worker id", 128, Line;
    /// Names whoever runs a worker; workers of one owner never answer the same task twice.
    ///
    /// 1 to 128 bytes without control characters or white space around them.
    OwnerId: "the owner", 128, Line;
    /// Names one run of a worker process, so that a restart is told from a repeated registration.
    ///
    /// 1 to 128 bytes without control characters or white space around them.
    InstanceId: "the instance", 128, Line;
    /// A worker's own name for a claim, which makes claiming again safe.
    ///
    /// 1 to 64 bytes without control characters or white space around them.
    RequestId: "the request id", 64, Line;
    /// The kind of inference that a task asks for, such as `sentiment`.
    ///
    /// 1 to 64 ASCII letters, digits and `. _ - : /`; upper and lower case differ.
    TaskType: "the task type", 64, Token;
    /// What a worker answers: the thing that is voted on.
    ///
    /// 1 to 65,536 bytes, more than white space, without the NUL character. A coordinator's limits
    /// set a lower bound. Two labels are the same answer when they are equal byte for byte.
    Label: "the label", 65_536, Text;
    /// What a part of a text is, such as `PER` for a person.
    ///
    /// 1 to 256 bytes without control characters or white space around them.
    EntityType: "the entity type", 256, Line;
    /// A client's own name for a task, which makes creating it again safe.
    ///
    /// 1 to 256 bytes without control characters or white space around them.
    IdempotencyKey: "the idempotency key", 256, Line;
    /// Names a consensus policy, its version and its parameters, as in `majority/1`.
    ///
    /// 1 to 128 bytes without control characters or white space around them.
    PolicyName: "the policy name", 128, Line;
    /// A client's own text about a task, such as where it comes from. It is kept and shown.
    ///
    /// 1 to 256 bytes, more than white space, without control characters.
    Reference: "the reference", 256, Note;
    /// A word by which a client groups its tasks.
    ///
    /// 1 to 64 bytes without control characters or white space around them.
    Tag: "the tag", 64, Line;
}

impl TaskType {
    /// The type of a task that names none: `sentiment`.
    #[must_use]
    pub fn sentiment() -> Self {
        Self(Arc::from("sentiment"))
    }

    /// The type of a task that asks which names a text holds, and where: `ner`.
    ///
    /// It is answered by [`Spans`](crate::submission::Spans).
    #[must_use]
    pub fn ner() -> Self {
        Self(Arc::from("ner"))
    }
}

impl Default for TaskType {
    fn default() -> Self {
        Self::sentiment()
    }
}

impl InstanceId {
    /// Makes a random id of 128 bits for this run of a process.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(Arc::from(hex)))
    }
}

impl RequestId {
    /// The `n`-th claim of a run of a worker.
    #[must_use]
    pub fn numbered(n: u64) -> Self {
        Self(Arc::from(n.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_rule() {
        for good in ["a", "alice", "Zoë's laptop", &"x".repeat(128)] {
            assert!(WorkerId::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", " alice", "alice\n", "a\u{7}b", &"x".repeat(129)] {
            assert!(WorkerId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "senti ment", "ner\n", "é", &"x".repeat(65)] {
            assert!(TaskType::new(bad).is_err(), "{bad:?}");
        }
        assert!(Label::new("two\nlines").is_ok());
        assert!(Label::new("a\0b").is_err());
        assert!(Label::new(" \n").is_err());
        assert!(Reference::new(" row 7 of reviews.csv ").is_ok());
        for bad in ["", "  ", "two\nlines", &"x".repeat(257)] {
            assert!(Reference::new(bad).is_err(), "{bad:?}");
        }
        assert!(RequestId::new(RequestId::numbered(u64::MAX).as_str()).is_ok());
        assert!(Tag::new("x".repeat(64)).is_ok());
        for bad in ["", " a", "a\tb", &"x".repeat(65)] {
            assert!(Tag::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn errors_name_the_kind_and_the_limit() {
        let error = TaskType::new("x".repeat(65)).unwrap_err();
        assert_eq!(error.to_string(), "the task type is longer than 64 bytes");
        let error = WorkerId::new("a\tb").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the worker id contains the control character '\\t'"
        );
    }

    #[test]
    fn deserializing_checks_the_rule() {
        assert!(serde_json::from_str::<WorkerId>("\"alice\"").is_ok());
        assert!(serde_json::from_str::<WorkerId>("\"\"").is_err());
    }
}
