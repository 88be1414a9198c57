//! What the load programs share.

use mimalloc::MiMalloc;

mod batches;
mod filling;
mod lives;
mod paced;

/// As in the coordinator program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

pub use batches::Batches;
pub use filling::fill;
pub use lives::{Failure, Lives, Load, Party, setting};
pub use paced::Paced;
