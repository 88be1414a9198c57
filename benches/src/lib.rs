//! What the load programs share.

mod lives;
mod paced;

pub use lives::{Failure, Lives, Load, Party, setting};
pub use paced::Paced;
