//! What the load programs share.

mod lives;

pub use lives::{Failure, Lives, Load, Party, setting};
