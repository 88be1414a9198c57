//! The benches share nothing but this package.
