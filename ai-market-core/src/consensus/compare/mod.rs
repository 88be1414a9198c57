//! When two answers say the same.

mod comparator;
mod exact;
mod normalized;
mod numeric;

pub use comparator::{Comparator, agrees};
pub use exact::Exact;
pub use normalized::Normalized;
pub use numeric::{InvalidTolerance, NumericTolerance};
