//! Who may do what: API keys, the roles that they give, and where they are kept.

mod action;
mod api_key;
mod caller;
mod error;
mod key_id;
mod key_store;
mod keys;
mod memory;
mod record;
mod role;

pub use action::Action;
pub use api_key::{ApiKey, InvalidApiKey, KeyHash};
pub use caller::Caller;
pub use error::{AccessError, Refusal};
pub use key_id::{InvalidKeyId, KeyId};
pub use key_store::{KeyStore, Replaced};
pub use keys::{IssuedKey, KeySpec, Keys};
pub use memory::MemoryKeys;
pub use record::{KeyRecord, KeyState, Principal};
pub use role::{InvalidRole, Role};
